"""Secrets by reference: `env:X`, `file:PATH`, `ssm:/path`. The values travel as `Secret` from here on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.aws.door import door
from elbroll.errors import UsageError
from elbroll.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.aws import Clients


def resolve(references: Mapping[str, str], base: Path, clients: Clients) -> dict[str, Secret]:
    """The value behind each reference. Raises UsageError for one that is missing, empty or not a reference."""
    return {name: Secret(_value(name, reference, base, clients)) for name, reference in references.items()}


def _value(name: str, reference: str, base: Path, clients: Clients) -> str:
    kind, _, where = reference.partition(":")
    match kind:
        case "env":
            value = os.environ.get(where, "")
        case "file":
            value = _file(name, base / Path(where).expanduser())
        case "ssm":
            value = _parameter(where, clients)
        case _:
            raise UsageError(
                f'secret {name}: "{kind}" is no source of secrets', fix=('"env:X", "file:PATH" or "ssm:/path"',)
            )
    if not value:
        raise UsageError(f"secret {name}: {reference} is empty or not set", now="nothing was changed")
    return value


def _file(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"secret {name}: {path} cannot be read", why=(str(error),)) from error


def _parameter(name: str, clients: Clients) -> str:
    with door("ssm:GetParameter", name):
        answer = clients.ssm.get_parameter(Name=name, WithDecryption=True)
    return answer["Parameter"].get("Value", "")
