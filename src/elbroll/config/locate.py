"""Where each key of a TOML text stands: tomllib reads values, this finds their places.

It trusts nothing that tomllib has not accepted: on a broken text it gives what it found before the break.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.config.keys import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'")
_LONG = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|' + r"'''.*?'''(?:'{0,2})", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\n#]+")
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """Offsets into the text. An entry of a list has no key of its own: its key is its value."""

    key: int
    key_end: int
    value: int
    value_end: int


@dataclass(frozen=True, slots=True)
class Located:
    """Every key found, and the places of keys and tables that were given a second time."""

    text: str
    spots: Mapping[Path, Spot]
    again: tuple[tuple[Path, Spot], ...] = ()


class _LostError(Exception):
    """The text is no TOML from here on."""


def locate(text: str) -> Located:
    """The spots of all keys of a text with `\\n` line ends; never raises."""
    scanner = _Scanner(text)
    with contextlib.suppress(_LostError):
        scanner.document()
    return Located(text, scanner.spots, tuple(scanner.again))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spots: dict[Path, Spot] = {}
        self.again: list[tuple[Path, Spot]] = []
        self._entries: dict[Path, int] = {}
        self._given: set[Path] = set()

    def document(self) -> None:
        base: Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                base = self._header()
            else:
                self._pair(base)
            self._skip(_SPACE)

    # --- tables -----------------------------------------------------------------------------------------

    def _header(self) -> Path:
        listed = self.text.startswith("[[", self.at)
        self.at += 2 if listed else 1
        parts = self._key()
        self._expect("]]" if listed else "]")
        path: Path = ()
        for number, (part, start, end) in enumerate(parts, 1):
            path = (*path, part)
            self.spots.setdefault(path, Spot(start, end, start, end))
            if number < len(parts) and path in self._entries:
                path = (*path, self._entries[path])
        return self._entry(path) if listed else self._once(path, parts[0][1], parts[-1][2])

    def _entry(self, path: Path) -> Path:
        number = self._entries[path] = self._entries.get(path, -1) + 1
        self.spots.setdefault((*path, number), self.spots[path])
        return (*path, number)

    def _once(self, path: Path, start: int, end: int) -> Path:
        self._note(path, Spot(start, end, start, end))
        return path

    def _note(self, path: Path, spot: Spot) -> None:
        if path in self._given:
            self.again.append((path, spot))
        self._given.add(path)

    # --- keys -------------------------------------------------------------------------------------------

    def _pair(self, base: Path) -> None:
        parts = self._key()
        self._expect("=")
        self._skip(_BLANK)
        value, path = self.at, (*base, *(part for part, _, _ in parts))
        self._value(path)
        for length, (_, start, end) in enumerate(parts, len(base) + 1):
            self.spots.setdefault(path[:length], Spot(start, end, value, self.at))
        _, start, end = parts[-1]
        self._note(path, Spot(start, end, value, self.at))

    def _key(self) -> list[tuple[str, int, int]]:
        parts = [self._part()]
        while self.text.startswith(".", self.at):
            self.at += 1
            parts.append(self._part())
        return parts

    def _part(self) -> tuple[str, int, int]:
        self._skip(_BLANK)
        start = self.at
        match = _BARE.match(self.text, start) or _QUOTED.match(self.text, start)
        if not match:
            raise _LostError
        end = self.at = match.end()
        self._skip(_BLANK)
        return _unquoted(match[0]), start, end

    # --- values -----------------------------------------------------------------------------------------

    def _value(self, path: Path) -> None:
        if len(path) > _DEEPEST:
            raise _LostError
        if self.text.startswith("[", self.at):
            self._list(path)
        elif self.text.startswith("{", self.at):
            self._inline(path)
        else:
            self._scalar()

    def _list(self, path: Path) -> None:
        self.at += 1
        number = 0
        self._skip(_SPACE)
        while not self._took("]"):
            start = self.at
            self._value((*path, number))
            self.spots[*path, number] = Spot(start, self.at, start, self.at)
            number += 1
            self._skip(_SPACE)
            self._took(",")
            self._skip(_SPACE)

    def _inline(self, path: Path) -> None:
        self.at += 1
        self._skip(_SPACE)
        while not self._took("}"):
            self._pair(path)
            self._skip(_SPACE)
            self._took(",")
            self._skip(_SPACE)

    def _scalar(self) -> None:
        match = _LONG.match(self.text, self.at) or _QUOTED.match(self.text, self.at)
        match = match or _SCALAR.match(self.text, self.at)
        if not match:
            raise _LostError
        self.at += len(match[0].rstrip())

    # --- characters -------------------------------------------------------------------------------------

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _took(self, what: str) -> bool:
        found = self.text.startswith(what, self.at)
        self.at += len(what) if found else 0
        return found

    def _expect(self, what: str) -> None:
        if not self._took(what):
            raise _LostError


def _unquoted(raw: str) -> str:
    if not raw.startswith(('"', "'")):
        return raw
    try:
        return str(tomllib.loads(f"key = {raw}")["key"])
    except tomllib.TOMLDecodeError as error:
        raise _LostError from error
