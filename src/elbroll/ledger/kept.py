"""The ledger: records and locks in a store (safety.md 2, 3)."""

from __future__ import annotations

import itertools
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from elbroll.errors import ElbrollError, ExitCode, Interrupted
from elbroll.ledger import locks, records
from elbroll.ledger.beats import ThreadBeats
from elbroll.ledger.change import Change, Desk, Patience
from elbroll.ledger.hold import Hold
from elbroll.ledger.lease import BRIEF, PROOF, KeptLease
from elbroll.ledger.locks import LockState
from elbroll.ledger.values import Owner
from elbroll.model import HostId, PoolId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from elbroll.engine.ports import Clock
    from elbroll.ledger.beats import Beats
    from elbroll.ledger.ports import Store, Stored
    from elbroll.model import Holder, HostRecord, LockSeen, RunId

T = TypeVar("T")
FREE = LockState.FREE
COARSE = 1.0
"""Seconds by which the age of a lock may be wrong: stores tell their time in whole seconds."""
GLANCE = 0.5
"""Seconds between two looks at whether a signal has come."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a ledger works, beside its store and its clock."""

    outage: float = 900.0
    """Seconds for which a run that has begun its deeds waits for the store (F-12)."""
    give_up: Callable[[], bool] = field(default=lambda: False)
    """Asked before each repetition: whether to stop waiting, because a signal has come."""
    beats: Callable[[], Beats] = ThreadBeats
    nonce: Callable[[], str] = field(default=lambda: secrets.token_hex(8))
    who: str | None = None
    """Written into locks that are broken (S-9)."""


class KeptLedger:
    """See `engine.ports.Ledger`. Makes no call before it is asked something."""

    def __init__(self, store: Store, clock: Clock, manner: Manner | None = None) -> None:
        self._store = store
        self._clock = clock
        self._manner = manner or Manner()
        self._desk = Desk(store, clock, self._manner.nonce, itertools.count(1))

    def records(self) -> Mapping[HostId, HostRecord]:
        """See `Ledger.records`; what cannot be read is a record in the state UNREADABLE."""
        return {host: records.decode(host, stored.text) for host, stored in self._list(records.PREFIX, HostId).items()}

    def locks(self) -> Mapping[PoolId, LockSeen]:
        """See `Ledger.locks`; what cannot be read is not free."""
        found = self._list(locks.PREFIX, PoolId).items()
        return {pool: locks.seen(pool, stored) for pool, stored in found if locks.decode(stored).state is not FREE}

    def pools(self) -> frozenset[PoolId]:
        """See `Ledger.pools`. A lock that cannot be read was nobody's, as far as anyone knows."""
        found = self._list(locks.PREFIX, PoolId).items()
        return frozenset(pool for pool, stored in found if locks.decode(stored).owner is not None)

    def acquire(self, pools: Collection[PoolId], holder: Holder) -> KeptLease:
        """See `Ledger.acquire`. Also raises what a store raises; nothing is held then either."""
        holds = {pool: Hold(pool, holder, self._desk) for pool in sorted(set(pools))}
        try:
            for hold in holds.values():
                hold.take(self._patient(BRIEF))
            self._outlast(holds.values())
        except BaseException:
            self._give_back(holds.values())
            raise
        return KeptLease(holder.run, holds, self._desk, self._patient, self._manner.beats())

    def unlock(self, pools: Collection[PoolId], run: RunId) -> tuple[LockSeen, ...]:
        """See `Ledger.unlock`. A lock that cannot be read goes by the name `v` and its version."""
        return tuple(freed for pool in sorted(set(pools)) if (freed := self._break(pool, run)) is not None)

    def _list(self, prefix: str, name: Callable[[str], T]) -> dict[T, Stored]:
        found = self._patient(BRIEF)(lambda: self._store.list(prefix))
        return {name(key.removeprefix(prefix)): stored for key, stored in sorted(found.items())}

    def _outlast(self, holds: Collection[Hold]) -> None:
        """A run whose lock was broken may act on its last proof for some seconds more: until then nothing of ours
        may begin, least of all the closing of a record that this run still believes in (safety.md 3.8).

        Raises Interrupted once a signal has come; then the locks stay marked as broken for whoever comes next.
        """
        broken = [hold.broken_for for hold in holds if hold.broken_for is not None]
        end = self._clock.monotonic() + (PROOF + COARSE - min(broken) if broken else 0.0)
        while (rest := end - self._clock.monotonic()) > 0:
            if self._manner.give_up():
                raise Interrupted(ExitCode.INTERRUPT)
            self._clock.sleep(min(rest, GLANCE))
        for hold in holds:
            hold.rested()

    def _give_back(self, holds: Collection[Hold]) -> None:
        for hold in holds:
            if hold.epoch:
                with suppress(ElbrollError):
                    hold.free(self._patient(BRIEF))

    def _break(self, pool: PoolId, run: RunId) -> LockSeen | None:
        """As long as that run still holds it, also if it beats meanwhile."""
        broken: list[LockSeen] = []

        def freed(stored: Stored | None) -> Mapping[str, object] | None:
            if stored is None or locks.decode(stored).state is FREE:
                return None
            found = locks.seen(pool, stored)
            if found.called != run:
                return None
            broken.append(found)
            return locks.freed(Owner(run, _above(found)), broken_by=self._manner.who or "unknown")

        written = Change(self._desk, locks.key(pool), freed).settle(self._patient(BRIEF))
        return broken[-1] if written else None

    def _patient(self, budget: float) -> Patience:
        return Patience(self._clock, min(budget, self._manner.outage), self._manner.give_up)


def _above(found: LockSeen) -> int:
    """An epoch above all earlier ones: each took a write, so no epoch exceeds the version of its lock."""
    return (found.epoch if found.readable else found.version or 0) + 1
