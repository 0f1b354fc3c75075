"""Errors in words: what, why, now, fix. Wrapped by word on a terminal, never in a pipe."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from elbroll.errors import ConfigError, Locked, NotFound
from elbroll.outputs.clean import clean, clean_line
from elbroll.outputs.ink import Line, Piece, Tone, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.errors import ElbrollError

HEAD = "error: "
INDENT = 8
NARROWEST = 40
"""Columns under which wrapping does more harm than good."""


def error_lines(error: ElbrollError, width: int | None = None) -> tuple[Line, ...]:
    """The error for people; `width` None: nothing is wrapped. All text in it is cleaned."""
    return tuple(_lines(error, width if width is None or width >= NARROWEST else None))


def _lines(error: ElbrollError, width: int | None) -> Iterator[Line]:
    if isinstance(error, ConfigError):
        yield from _config(error)
    else:
        for number, text in enumerate(_wrapped(clean_line(error.message), width, len(HEAD))):
            yield line(Piece(HEAD, Tone.BAD) if number == 0 else " " * len(HEAD), Piece(text, Tone.STRONG))
    for label, texts in _parts(error):
        rows = [row for text in texts for row in _wrapped(clean_line(text), width, INDENT)]
        for number, row in enumerate(rows):
            yield line(f"  {label}".ljust(INDENT) if number == 0 else " " * INDENT, row)


def _config(error: ConfigError) -> Iterator[Line]:
    """Its message is finished text, place, source line and marker included, and says at its end what was done."""
    for row in clean(error.message).split("\n"):
        told = row.startswith(HEAD)
        yield line(Piece(HEAD, Tone.BAD), row.removeprefix(HEAD)) if told else line(row)


def _parts(error: ElbrollError) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield ("who" if isinstance(error, Locked) else "why", error.why)
    yield ("near", (", ".join(error.near),) if isinstance(error, NotFound) and error.near else ())
    yield ("now", (error.now,) if error.now and not isinstance(error, ConfigError) else ())
    yield ("fix", error.fix)


def _wrapped(text: str, width: int | None, indent: int) -> list[str]:
    """Commands are kept whole wherever they fit: words alone are broken apart, never inside."""
    if width is None:
        return [text]
    room = max(width - indent, 1)
    rows = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False, replace_whitespace=False)
    return rows or [text]
