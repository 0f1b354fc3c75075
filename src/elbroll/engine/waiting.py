"""The one waiting function, and patience with calls that get no answer. Nothing else in elbroll waits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from elbroll.errors import HostUnreachable, StoreDown, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock

T = TypeVar("T")

NO_ANSWER = (Unanswered, HostUnreachable, StoreDown)
"""What a look may raise without meaning anything but "not this time"."""

INSTANT = 1e-6
"""Seconds that sums of floats may be short of a limit."""


@dataclass(frozen=True, slots=True)
class Wait(Generic[T]):
    """How a wait ended. `last` is the last thing seen; None if no look ever got an answer."""

    reached: bool
    last: T | None
    looks: int
    seconds: float
    silence: Exception | None = None
    """The last look's error, where the last look got no answer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look: every `every` seconds, but `again` seconds after a good look that wants another.

    A long wait is looked at less often: up to every `slowest` seconds, with jitter, and then an end is noticed late by
    a tenth of the time that was waited for it (S-14).
    """

    every: float
    again: float = 1.0
    good_looks: int = 1
    slowest: float = 0.0

    def pause(self, row: int, spent: float) -> float:
        """Seconds until the next look, after so many good ones in a row."""
        if row:
            return self.again
        return max(self.every, min(self.slowest, spent / 10) * random.uniform(0.8, 1.0))  # noqa: S311 - jitter, no secret


def wait_until(  # noqa: PLR0913 - one waiting function, each argument named at the call
    look: Callable[[], T],
    good: Callable[[T], bool],
    *,
    clock: Clock,
    limit: float,
    pace: Pace,
    give_up: Callable[[T], bool] = lambda _: False,
    stopped: Callable[[], bool] = lambda: False,
) -> Wait[T]:
    """Look at least once, and again until `good` holds `good_looks` times in a row or `limit` seconds are over.

    A look without an answer breaks no row and ends no wait. Never sleeps past the limit; the look at the limit is
    the last one. `give_up` ends the wait at a state that cannot heal, `stopped` at a signal.
    """
    began = clock.monotonic()
    last: T | None = None
    row = looks = 0
    while True:
        silence: Exception | None = None
        try:
            last = look()
        except NO_ANSWER as error:
            silence = error
        else:
            looks += 1
            row = row + 1 if good(last) else 0
        spent = clock.monotonic() - began
        if row >= pace.good_looks:
            return Wait(True, last, looks, spent)
        hopeless = silence is None and last is not None and give_up(last)
        if spent >= limit - INSTANT or hopeless or stopped():
            return Wait(False, last, looks, spent, silence)
        clock.sleep(min(pace.pause(row, spent), limit - spent))


def patiently(call: Callable[[], T], *, clock: Clock, budget: float, give_up: Callable[[], bool] = lambda: False) -> T:
    """Call until it answers, pausing 1, 2, 4 … 15 s with jitter, for at most `budget` seconds.

    Only for calls that are harmless when repeated. Raises the last `Unanswered` or `StoreDown`.
    """
    began = clock.monotonic()
    pause = 1.0
    while True:
        try:
            return call()
        except (Unanswered, StoreDown):
            left = budget - (clock.monotonic() - began)
            if left <= 0 or give_up():
                raise
            clock.sleep(min(pause * random.uniform(0.75, 1.25), left))  # noqa: S311 - jitter, no secret
            pause = min(pause * 2, 15.0)
