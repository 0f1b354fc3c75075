"""The keys of elbroll.toml: how they are written, and what the schema knows of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from elbroll.config.schema import Table
from elbroll.config.types import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
"""A key from the top of the file; numbers count the entries of lists."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
NOT_YET: tuple[tuple[str, str | None], ...] = (
    ("transport", "ssm"),
    ("guard.alarms", None),
    ("pace.canary.bake", None),
    ("pace.canary.command", None),
)
"""Keys of `[lb.NAME]` or of the file, with the value or (None) all values that nothing obeys yet. They are refused:
a setting that is accepted and ignored would be believed."""


_GLOBAL = ("aws", "ssh", "ledger", "hooks")


def is_global(key: str) -> bool:
    """Whether a dotted key is the whole file's, not one load balancer's."""
    return key.partition(".")[0] in _GLOBAL


def dotted(path: Path) -> str:
    """A path as TOML writes it; entries of lists as `upload[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else quote(part))
    return text


def names(table: type[Table]) -> dict[str, object]:
    """The keys of a table as users write them, with their types."""
    return {field.alias or name: field.annotation for name, field in table.model_fields.items()}


def table_in(annotation: object) -> type[Table] | None:
    """The table that a key of this type holds, whole or among other things."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next((found for part in get_args(annotation) if (found := table_in(part))), None)


def table_at(top: type[Table], path: Path) -> type[Table] | None:
    """The table at a path; None where there is none, or one with names of the user's own (`lb`, `env`)."""
    table: type[Table] | None = top
    named = False
    for part in path:
        if isinstance(part, int):
            continue
        if named or table is None:
            named = False
            continue
        annotation = names(table).get(part)
        named = _names_its_own(annotation)
        table = table_in(annotation)
    return None if named else table


def _names_its_own(annotation: object) -> bool:
    return getattr(annotation, "__origin__", None) is dict


def annotation_of(top: type[Table], key: str) -> object:
    """The type of a dotted key of fixed names, such as `pace.floor`; None where there is no such key."""
    *way, last = key.split(".")
    table = table_at(top, tuple(way))
    return names(table).get(last) if table else None


def supported(key: str, value: object = None) -> bool:
    """Whether something obeys this key of `[lb.NAME]` or of the file (given a value: obeys that value)."""
    return not any(name == key and choice in (None, value) for name, choice in NOT_YET)


def leaves(table: type[Table], above: Path = ()) -> Iterator[Path]:
    """All keys that hold values, not tables; a key that may hold either comes first, then those of its table."""
    for name, annotation in names(table).items():
        inner = table_in(annotation)
        if inner is None or inner is not annotation:
            yield (*above, name)
        if inner is not None:
            yield from leaves(inner, (*above, name))
