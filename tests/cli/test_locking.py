"""Waiting for the locks of a fleet, by a clock that is set by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.cli.locking import LockWait
from elbroll.engine.stop import Stop
from elbroll.errors import Locked
from fakes import FakeClock
from ledger.things import WEB, a_holder

if TYPE_CHECKING:
    from collections.abc import Iterator


class Busy:
    """A ledger whose pools are held for so many tries, then free for one, and so on."""

    def __init__(self, *tries: int) -> None:
        self._answers = self._all(tries)
        self.taken = 0

    def acquire(self, *_: object) -> object:
        if next(self._answers):
            self.taken += 1
            return object()
        raise Locked("web is locked by run 81cc02")

    def _all(self, tries: tuple[int, ...]) -> Iterator[bool]:
        for count in tries:
            yield from [False] * count
            yield True
        while True:
            yield False


def a_session(ledger: Busy) -> Any:
    return SimpleNamespace(clock=FakeClock(), ledger=ledger, stop=Stop(), flags=SimpleNamespace(quiet=True))


@pytest.mark.rule("F-7", "I-13")
def test_the_wait_for_a_lock_is_spent_once_however_often_a_run_has_to_wait() -> None:
    session, wait = a_session(Busy(3)), LockWait(20.0)
    began = session.clock.monotonic()
    wait.acquire(session, [WEB], a_holder())
    with pytest.raises(Locked):
        wait.acquire(session, [WEB], a_holder())

    assert (session.ledger.taken, session.clock.monotonic() - began) == (1, 20.0)


@pytest.mark.rule("F-7")
def test_without_patience_one_try_is_all() -> None:
    session = a_session(Busy())
    began = session.clock.monotonic()
    with pytest.raises(Locked):
        LockWait(0.0).acquire(session, [WEB], a_holder())

    assert session.clock.monotonic() == began
