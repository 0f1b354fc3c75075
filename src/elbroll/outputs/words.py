"""Durations, counts, zones and glyphs as people read them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

ZONE = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-(?P<short>\d.*)")


def duration(seconds: float) -> str:
    """`0:12`, `1:26`, `1:02:03`; rounded to whole seconds."""
    whole = round(max(0.0, seconds))
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def stamp(elapsed: float) -> str:
    """Time since the run began, for the first column of plain lines: `00:12`, `1:02:03`; never rounded up."""
    shown = duration(int(elapsed))
    return shown.rjust(5, "0")


def roughly(seconds: float) -> str:
    """An estimate in a sentence: `about 40 s`, `about 5 min`, `about 2 h`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def age(seconds: float) -> str:
    """How long ago, in one unit: `12s`, `4m`, `3h`, `9d`."""
    whole = int(max(0.0, seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 host`, `2 hosts`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def zone(name: str | None) -> str:
    """An Availability Zone without its region: `1a`; empty if unknown."""
    found = ZONE.fullmatch(name or "")
    return found["short"] if found else name or ""


def columns(text: str) -> int:
    """Columns that a terminal gives to the text; wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The beginning of the text that fits into so many columns."""
    if columns(text) <= width:
        return text
    kept, room = "", width
    for char in text:
        room -= _width(char)
        if room < 0:
            break
        kept += char
    return kept


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Marks before a line; every glyph of one set has the width `width`."""

    good: str
    bad: str
    busy: tuple[str, ...]
    idle: str
    back: str
    mark: str
    rule: str
    at_least: str
    width: int

    def spin(self, elapsed: float) -> str:
        """The busy glyph at this moment, four a second."""
        return self.busy[int(elapsed * 4) % len(self.busy)]


UNICODE = Glyphs("✔", "✘", tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"), "·", "↺", "!", "─", "≥", 1)
ASCII = Glyphs("ok", "XX", (">>",), "..", "<-", "! ", "-", ">=", 2)


def glyphs_for(stream: TextIO) -> Glyphs:
    """The set that this stream can show, found by trying to encode it."""
    shown = [*UNICODE.busy, UNICODE.good, UNICODE.bad, UNICODE.idle, UNICODE.back, UNICODE.rule, UNICODE.at_least]
    try:
        "".join(shown).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
