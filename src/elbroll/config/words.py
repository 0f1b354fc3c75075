"""What the schema finds wrong, in plain words."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from elbroll.config.keys import Path, names, table_at
from elbroll.config.schema import OTHER, TABLE, LbSettings
from elbroll.config.types import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from elbroll.config.schema import Table

_KEY = "[key]"
_NAMED = ("other_pools", "transport", "deploy", "drain", "verify", "pace", "guard", "asg")


class Points(Enum):
    """Which part of a key's line is wrong."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault by its key. `says` is a predicate where `whole` is None; else `whole` is all there is to say."""

    path: Path
    says: str
    points: Points = Points.VALUE
    hint: str | None = None
    whole: str | None = None

    @property
    def sentence(self) -> str:
        """With its key as the subject."""
        return self.whole or f"{shown(_last_name(self.path))} {self.says}"


def wrongs(error: ValidationError, schema: type[Table]) -> Iterator[Wrong]:
    """Each fault that pydantic found in values checked against `schema`."""
    for fault in error.errors(include_url=False):
        yield _wrong(fault, schema)


def _wrong(fault: ErrorDetails, schema: type[Table]) -> Wrong:
    path = tuple(part for part in fault["loc"] if part not in (TABLE, OTHER, _KEY))
    if fault["type"] == "extra_forbidden":
        return _unknown(path, fault["input"], schema)
    if fault["type"] == "missing":
        return Wrong(path, "is missing", Points.KEY)
    points = Points.KEY if fault["loc"][-1] == _KEY else Points.VALUE
    return Wrong(path, _predicate(fault), points, _near_choice(fault))


def _unknown(path: Path, value: object, schema: type[Table]) -> Wrong:
    where = _table_name(path[:-1])
    table = table_at(schema, path[:-1])
    name = str(path[-1])
    if path[0] == "defaults" and len(path) == 2 and name in names(LbSettings):
        return Wrong(path, "", Points.KEY, whole=f'"{name}" belongs in a table [lb.NAME], not in [defaults]')
    kind = "table" if isinstance(value, dict) else "key"
    place = f" in {where}" if where else ""
    return Wrong(path, "", Points.KEY, _near(name, table, path[:-1]), f"unknown {kind} {shown(name)}{place}")


def _near(name: str, table: type[Table] | None, above: Path) -> str | None:
    known = list(names(table)) if table else []
    if near := difflib.get_close_matches(name, known, 1):
        return f'did you mean "{near[0]}"?'
    if not above and name in _NAMED:
        return f"it belongs in [defaults.{name}] or [lb.NAME.{name}]"
    return None


def _table_name(path: Path) -> str:
    return f"[{'.'.join(str(part) for part in path if not isinstance(part, int))}]" if path else ""


def _predicate(fault: ErrorDetails) -> str:
    told, context = shown(fault["input"]), fault.get("ctx", {})
    match fault["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"wants {_choices(fault)}, not {told}"
        case "greater_than_equal":
            return f"wants at least {context['ge']}, not {told}"
        case "less_than_equal":
            return f"wants at most {context['le']}, not {told}"
        case "string_type":
            return f"wants a text, not {told}"
        case "int_type" | "int_parsing_size":
            return f"wants a whole number, not {told}"
        case _:
            return f"wants a table, not {told}"


def _choices(fault: ErrorDetails) -> str:
    return str(fault["ctx"]["expected"]).replace("'", '"')


def _near_choice(fault: ErrorDetails) -> str | None:
    if fault["type"] != "literal_error" or not isinstance(fault["input"], str):
        return None
    choices = _choices(fault).split('"')[1::2]
    near = difflib.get_close_matches(fault["input"], choices, 1)
    return f'did you mean "{near[0]}"?' if near else None


def _last_name(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def dig(table: Any, keys: Iterable[str]) -> Any:
    """The value at a dotted way into tables; None where the way ends early."""
    for key in keys:
        if not isinstance(table, dict):
            return None
        table = table.get(key)
    return table
