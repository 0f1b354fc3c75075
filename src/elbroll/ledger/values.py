"""Ledger values as text: compact JSON in ASCII, the same in every store (safety.md 2.1)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from elbroll.model import RunId

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
LARGEST = 1 << 53
"""No number of ours comes near it, and every program reads numbers below it alike."""
RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Unreadable(Exception):
    """A value that is not ours to understand: garbage, a newer schema, a field of a wrong type."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who wrote a value: a run and the epoch of its locks, never a user's name."""

    run: RunId
    epoch: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One logical write before a store adds what it is written over. `nonce` is fresh for each."""

    fields: Mapping[str, object]
    nonce: str

    def over(self, base: int | str) -> str:
        """The text to store; the same for every repetition over the same base."""
        return dumps({"schema": SCHEMA, "base": base, "nonce": self.nonce, **self.fields})


def dumps(value: Mapping[str, object]) -> str:
    """ASCII, with the braces inside strings escaped, so that no store reads `{{name}}` as a reference (L3)."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return STRING.sub(lambda found: found[0].replace("{", "\\u007b").replace("}", "\\u007d"), text)


def loads(text: str) -> dict[str, object] | None:
    """The JSON object in a text; None where there is none, or one that may be read in two ways. Never raises."""
    try:
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Which of two equal keys counts is everybody's own choice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given a second time")
    return found


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def base_of(text: str) -> int | None:
    """The version number that a value says it was written over; None where it says none."""
    base = (loads(text) or {}).get("base")
    return base if type(base) is int else None


def nonce_of(text: str | None) -> str | None:
    """The mark of one logical write."""
    nonce = (loads(text) or {}).get("nonce") if text is not None else None
    return nonce if isinstance(nonce, str) else None


def cut(text: str, size: int) -> str:
    """The beginning of a text that takes at most `size` bytes once it is written."""
    while len(dumps({"": text})) - len('{"":""}') > size:
        text = text[: max(0, min(len(text) - 1, size))]
    return text


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Fields:
    """Typed reading of a value. Every method raises Unreadable where a field is missing or of a wrong type."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise Unreadable("not an object")
        self._value: dict[str, object] = value

    @classmethod
    def of(cls, text: str | None) -> Fields:
        """The fields of a stored text with a schema that we know."""
        fields = cls(loads(text) if text is not None else None)
        if fields.number("schema") != SCHEMA:
            raise Unreadable(f"schema {fields.number('schema')}")
        return fields

    def word(self, name: str) -> str:
        """A text that must be there."""
        found = self.text(name)
        if found is None:
            raise Unreadable(f"{name} is missing")
        return found

    def text(self, name: str) -> str | None:
        """A text that may be left out."""
        found = self._value.get(name)
        if found is not None and not isinstance(found, str):
            raise Unreadable(f"{name} is no text")
        return found

    def shaped(self, name: str, shape: re.Pattern[str]) -> str | None:
        """A text that may be left out, and else is of that shape throughout."""
        found = self.text(name)
        if found is not None and not shape.fullmatch(found):
            raise Unreadable(f"{name} is none")
        return found

    def run(self, name: str) -> RunId:
        """A run that must be there, as a word that may stand in a command line (I-26)."""
        found = self.shaped(name, RUN)
        if found is None:
            raise Unreadable(f"{name} is missing")
        return RunId(found)

    def number(self, name: str) -> int:
        """A whole number, not negative, that must be there."""
        found = self.maybe_number(name)
        if found is None:
            raise Unreadable(f"{name} is missing")
        return found

    def maybe_number(self, name: str) -> int | None:
        """A whole number, not negative, that may be left out."""
        found = self._value.get(name)
        if found is None:
            return None
        if type(found) is not int or not 0 <= found < LARGEST:
            raise Unreadable(f"{name} is no number")
        return found

    def flag(self, name: str) -> bool:
        """True where it is written, false where it is left out."""
        found = self._value.get(name, False)
        if not isinstance(found, bool):
            raise Unreadable(f"{name} is neither true nor false")
        return found

    def time(self, name: str) -> datetime:
        """A moment that must be there, in UTC."""
        return _moment(self.word(name))

    def maybe_time(self, name: str) -> datetime | None:
        """A moment that may be left out, in UTC."""
        found = self.text(name)
        return _moment(found) if found is not None else None

    def items(self, name: str) -> tuple[Fields, ...]:
        """A list of objects; empty where it is left out."""
        found = self._value.get(name, [])
        if not isinstance(found, list):
            raise Unreadable(f"{name} is no list")
        return tuple(Fields(item) for item in found)

    def owner(self) -> Owner:
        """Who wrote it."""
        return Owner(self.run("run"), self.number("epoch"))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise Unreadable("a moment without a zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("no moment") from error
