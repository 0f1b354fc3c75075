"""Faults of a config, all at once, each with its place, the line, a marker and a suggestion (interface.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WIDEST = 120


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A piece of one line: line and column count from 1."""

    line: int
    column: int
    length: int
    row: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. No `mark`: it does not stand in the file."""

    says: str
    mark: Mark | None = None
    hint: str | None = None


def mark(text: str, start: int, end: int) -> Mark:
    """The place of text[start:end], or as much of it as stands on its first line."""
    start = min(start, len(text))
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    row = text[first : last if last >= 0 else len(text)]
    column = start - first
    return Mark(text.count("\n", 0, start) + 1, column + 1, max(1, min(end - start, len(row) - column)), row)


def refusal(faults: Iterable[Fault], shown: str | None) -> ConfigError:
    """The error that tells all faults in the order of the file `shown`, then those of options and environment."""
    told = sorted(dict.fromkeys(faults), key=_place)
    lines = [line for fault in told for line in _lines(fault, shown or "")]
    count = "1 error" if len(told) == 1 else f"{len(told)} errors"
    return ConfigError("\n".join((*lines, f"{count} in {_where(told, shown)}. Nothing was done.")), faults=len(told))


def _place(fault: Fault) -> tuple[bool, int, int, str]:
    mark = fault.mark
    return (mark is None, mark.line if mark else 0, mark.column if mark else 0, fault.says)


def _where(faults: list[Fault], shown: str | None) -> str:
    if shown is None:
        return "options and environment"
    return shown if any(fault.mark for fault in faults) else f"options and environment ({shown} is well so far)"


def _lines(fault: Fault, shown: str) -> Iterator[str]:
    if fault.mark is None:
        yield f"error: {fault.says}" + (f" ({fault.hint})" if fault.hint else "")
        return
    place = fault.mark
    yield f"error: {shown}:{place.line}:{place.column}: {fault.says}"
    row, before = _window(place)
    length = min(place.length, max(1, len(row) - before))
    yield f"{place.line:>5} | {row}"
    yield f"{'':5} | {' ' * before}{'^' * length}" + (f" {fault.hint}" if fault.hint else "")


def _window(place: Mark) -> tuple[str, int]:
    """The part of a line that is worth showing, and how much of it stands before the mark."""
    before = place.column - 1
    first = 0 if before + place.length <= _WIDEST else max(0, before - 20)
    row = "".join(character if character.isprintable() else " " for character in place.row[first : first + _WIDEST])
    return row.rstrip(), before - first
