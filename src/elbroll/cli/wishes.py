"""Options as values: what the config is overridden with, and what the plan is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.config.types import duration
from elbroll.core.plan import Request
from elbroll.errors import UsageError
from elbroll.model.ids import LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.config.load import Override
    from elbroll.model import Why

PACE = ("max_unavailable", "floor", "bake", "max_failures", "order")


def overrides(wishes: Mapping[str, object]) -> dict[str, Override]:
    """The pace options that were given, as they override `[lb.NAME.pace]`."""
    given = {key: wishes[key] for key in PACE if wishes.get(key) is not None}
    return {f"pace.{key}": (_said_by(key), value) for key, value in given.items()}


def _said_by(key: str) -> str:
    """The option or the variable that a value came from, so that the right one is blamed."""
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.get_parameter_source(key) is click.core.ParameterSource.ENVIRONMENT:
        return f"ELBROLL_{key.upper()}"
    return f"--{key.replace('_', '-')}"


def request(why: Why, wishes: Mapping[str, object]) -> Request:
    """Release and selection. Raises UsageError for a label that is none (S-4)."""
    limit = wishes.get("limit")
    return Request(
        why=why,
        release=label(wishes.get("release")),
        only=words(wishes.get("only")),
        exclude=words(wishes.get("exclude")),
        limit=limit if isinstance(limit, int) else None,
        include_current=bool(wishes.get("include_current")),
    )


def label(text: object) -> str | None:
    """A release label, checked: it reaches hosts as a variable, and people in tables."""
    if text is None:
        return None
    if isinstance(text, str) and LABEL.fullmatch(text):
        return text
    shown = ascii(text)
    raise UsageError(
        f"--release: {shown} is no label",
        why=("letters, digits, . _ + and -, not first -, up to 128",),
        now="nothing was changed",
        fix=("--release v143",),
    )


def seconds(option: str, text: object) -> float:
    """A duration given as an option. Raises UsageError."""
    if text is None:
        return 0.0
    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from error


def words(given: object) -> tuple[str, ...]:
    """What was said for a repeatable option."""
    return tuple(str(word) for word in given) if isinstance(given, (list, tuple)) else ()
