"""One change to one key: look, decide, write, until there is a verdict. The only place where keys are written."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from elbroll.engine.waiting import patiently
from elbroll.errors import StoreDown
from elbroll.ledger.ports import Verdict
from elbroll.ledger.values import Draft, nonce_of
from elbroll.ledger.words import deleted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from typing import Final, TypeAlias, TypeVar

    from elbroll.engine.ports import Clock
    from elbroll.ledger.ports import Store, Stored

    T = TypeVar("T")
    Decide: TypeAlias = Callable[[Stored | None], Mapping[str, object] | None]
    """What to write over what was read; None: nothing needs to be written. May raise to refuse."""

LOSSES: Final = 20
"""Writes that others may beat in a row before the store counts as down."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Repeats by time what got no answer: `budget` seconds, or once if `give_up` says so."""

    clock: Clock
    budget: float
    give_up: Callable[[], bool]

    def __call__(self, call: Callable[[], T]) -> T:
        """Raises the last StoreDown."""
        return patiently(call, clock=self.clock, budget=self.budget, give_up=self.give_up)

    def breathe(self) -> None:
        """A short pause of random length, so that two writers do not keep step."""
        self.clock.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - jitter, no secret


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on two clocks, and its place in the order of a run's acts."""

    order: int
    boottime: float
    wall: datetime

    def within(self, seconds: float, now: Moment) -> bool:
        """Whether it is at most so long ago by both clocks, which also count the time of a sleep (3.5)."""
        by_wall = abs((now.wall - self.wall).total_seconds())
        return now.boottime - self.boottime <= seconds and by_wall <= seconds


@dataclass(frozen=True, slots=True)
class Desk:
    """What every change of a run needs: the store, time, fresh marks, and numbers in the order of acts."""

    store: Store
    clock: Clock
    nonce: Callable[[], str]
    numbers: Iterator[int]

    def moment(self) -> Moment:
        """Now."""
        return Moment(next(self.numbers), self.clock.boottime(), self.clock.now())


class Change:
    """A write that is repeated byte for byte until it has landed or was beaten; beaten, it is decided anew.

    Several threads may settle one change at the same time: each then gets a write of its own.
    """

    def __init__(self, desk: Desk, key: str, decide: Decide) -> None:
        self._desk = desk
        self._key = key
        self._decide = decide
        self._unsettled: tuple[Draft, Stored | None, Moment] | None = None
        self._lock = threading.Lock()
        self.proof: Moment | None = None
        """When the last won write was first sent."""

    def settle(self, patience: Patience) -> bool:
        """Whether something was written; false: `decide` saw no need.

        Raises what `decide` raises, StoreDown when patience ends, Superseded where the key was deleted.
        """
        for _ in range(LOSSES):
            verdict = patience(self._attempt)
            match verdict:
                case Verdict.WON:
                    return True
                case Verdict.DELETED:
                    raise deleted(self._key)
                case Verdict.LOST:
                    patience.breathe()
                case None:
                    return False
                case _:
                    assert_never(verdict)
        raise StoreDown(f"too many others write to {self._key}")

    def _attempt(self) -> Verdict | None:
        with self._lock:
            seen = self._desk.store.read(self._key)
            if self._unsettled is None:
                fields = self._decide(seen)
                if fields is None:
                    return None
                self._unsettled = Draft(fields, self._desk.nonce()), seen, self._desk.moment()
            return self._write(*self._unsettled, seen)

    def _write(self, draft: Draft, over: Stored | None, sent: Moment, seen: Stored | None) -> Verdict:
        landed = seen is not None and nonce_of(seen.text) == draft.nonce
        verdict = Verdict.WON if landed else self._desk.store.write(self._key, draft, over)
        if verdict is Verdict.WON:
            self.proof = sent
        self._unsettled = None
        return verdict
