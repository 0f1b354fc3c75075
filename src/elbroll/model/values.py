"""Amounts, secrets, failures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Amount:
    """A count or a share of the hosts: exactly one of the two is set."""

    count: int | None = None
    percent: float | None = None

    def rounded_down(self, total: int) -> int:
        """Of `total` hosts; a share moves at least one host."""
        if self.count is not None:
            return self.count
        return max(1, math.floor(total * (self.percent or 0.0) / 100))

    def rounded_up(self, total: int) -> int:
        """Of `total` hosts, a share rounded up, at least one."""
        if self.count is not None:
            return self.count
        return max(1, math.ceil(total * (self.percent or 0.0) / 100))

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{self.percent:g}%"


class Secret:
    """A text that prints as stars; `reveal()` is the only way to it (I-20)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be stored")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a host or step failed, with its evidence."""

    code: str
    """A stable word: `verify-http`, `deploy-exit`, `drain-limit` …"""
    message: str
    why: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    """Last lines of remote output; untrusted."""
    lines: int = 0
    """Lines of remote output in all."""
    access: bool = False
    """The host refused us (login, host key): exit 3 if nothing was changed."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How long credentials last (B4). `known` False: nobody says; else `until` None: for good, or renewed unasked."""

    until: datetime | None = None
    known: bool = True

    def covers(self, seconds: float, now: datetime) -> bool:
        """Whether they last so long from now on; what nobody says is no reason to stop."""
        return self.until is None or (self.until - now).total_seconds() >= seconds
