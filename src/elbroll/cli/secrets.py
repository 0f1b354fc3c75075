"""Secrets by reference: `env:X`, `file:PATH`, `ssm:/path`. The values travel as `Secret` from here on."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.aws.answers import part
from elbroll.aws.door import door
from elbroll.errors import UsageError
from elbroll.model import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from elbroll.aws import Clients
    from elbroll.config.load import Loaded
    from elbroll.config.schema import LbSettings

READS = "ssm:GetParameter"
LARGEST = 256 * 1024
"""Bytes of a secret file."""
OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
TELLING = re.compile(r"PASS(WORD|WD|PHRASE)?$|SECRET|TOKEN|CREDENTIAL|(API|PRIVATE|ACCESS|SIGNING)_?KEY", re.IGNORECASE)
"""Names of variables whose values are nobody else's business."""


def resolve(references: Mapping[str, str], base: Path, read: Callable[[str], str]) -> dict[str, Secret]:
    """The value behind each reference; `read` asks for a parameter's. Raises UsageError for one that is missing, empty
    or not a reference, and for a file that others may write (S-10)."""
    return {name: Secret(_value(name, reference, base, read)) for name, reference in references.items()}


def cautions(loaded: Loaded, settings: LbSettings) -> tuple[str, ...]:
    """Sentences about files that others may read and should not (S-10).

    A config is made to be shared and holds no secrets, so it is only spoken of where one seems to stand in it.
    """
    return (*_exposed_files(settings.deploy.secrets, loaded.base), *_exposed_config(loaded.path, settings.deploy.env))


def _exposed_files(references: Mapping[str, str], base: Path) -> Iterator[str]:
    for name, reference in references.items():
        kind, _, where = reference.partition(":")
        path = base / Path(where).expanduser()
        if kind == "file" and _mode(path) & OTHERS_READ:
            yield f"the secret {name} can be read by others on this computer; chmod 600 {path}"


def _exposed_config(path: Path | None, env: Mapping[str, object]) -> Iterator[str]:
    telling = sorted(name for name in env if TELLING.search(name))
    if path is not None and telling and _mode(path) & OTHERS_READ:
        names = ", ".join(telling)
        yield f"{path.name} can be read by others, and deploy.env holds {names}: deploy.secrets keeps such values apart"


def _mode(path: Path) -> int:
    """Of a plain file; 0 for pipes, and for what cannot be looked at."""
    try:
        found = path.stat().st_mode
    except OSError:
        return 0
    return found if stat.S_ISREG(found) else 0


def _value(name: str, reference: str, base: Path, read: Callable[[str], str]) -> str:
    kind, _, where = reference.partition(":")
    match kind:
        case "env":
            value = os.environ.get(where, "")
        case "file":
            value = _file(name, base / Path(where).expanduser())
        case "ssm":
            value = read(where)
        case _:
            raise UsageError(
                f'secret {name}: "{kind}" is no source of secrets', fix=('"env:X", "file:PATH" or "ssm:/path"',)
            )
    if not value:
        raise UsageError(f"secret {name}: {reference} is empty or not set", now="nothing was changed")
    return value


def _file(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno()).st_mode
            raw = file.read(LARGEST + 1)
            text = raw.decode("utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise UsageError(f"secret {name}: {path} is not UTF-8 text") from None  # the error would carry the bytes
    except OSError as error:
        raise UsageError(f"secret {name}: {path} cannot be read", why=(str(error.strerror),)) from error
    if len(raw) > LARGEST:
        raise UsageError(f"secret {name}: {path} is larger than 256 KiB")
    if stat.S_ISREG(found) and found & OTHERS_WRITE:
        raise UsageError(f"secret {name}: others may write {path}", fix=(f"chmod 600 {path}",))
    return text


def parameter(name: str, clients: Clients) -> str:
    """One call. Raises UsageError where there is no such parameter, and what `door` raises."""
    with door(READS, name):
        try:
            answer = clients.ssm.get_parameter(Name=name, WithDecryption=True)
        except clients.ssm.exceptions.ParameterNotFound as error:
            raise UsageError(f"there is no parameter {name}", now="nothing was changed") from error
        value: str = part(part(answer, "Parameter", READS), "Value", READS)
    return value
