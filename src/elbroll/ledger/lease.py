"""A run's hold on its pools: what it must prove before a deed, and the records it writes (safety.md 2.3, 3)."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError, StoreDown, Superseded
from elbroll.ledger import records, words
from elbroll.ledger.change import Change, Patience
from elbroll.ledger.moves import check_move
from elbroll.ledger.values import Owner
from elbroll.model import RecordState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from typing import Final

    from elbroll.ledger.beats import Beats
    from elbroll.ledger.change import Desk
    from elbroll.ledger.hold import Hold
    from elbroll.ledger.ports import Stored
    from elbroll.model import HostId, HostRecord, PoolId, RunId

    Patient = Callable[[float], Patience]

PROOF: Final = 5.0
"""Seconds for which a won beat is a proof (3.5)."""
BEAT: Final = 30.0
"""Seconds between two beats (3.2)."""
BRIEF: Final = 20.0
"""Seconds to wait for the store while nothing has been done that would have to be undone (F-12)."""


class KeptLease:
    """See `engine.ports.Lease`. Safe to call from several threads.

    Once it is superseded, every `confirm`, `write` and `seal` says so again: no further deed of any kind.
    """

    def __init__(self, run: RunId, holds: Mapping[PoolId, Hold], desk: Desk, patient: Patient, beats: Beats) -> None:
        self._holds = holds
        self._desk = desk
        self._patient = patient
        self._beats = beats
        self._owner = Owner(run, max((hold.epoch for hold in holds.values()), default=0))
        self._recorded = 0
        self._noting = threading.Lock()
        self._outage = BRIEF
        self._ours: set[HostId] = set()
        self._lost: Superseded | None = None
        beats.start(self.beat_if_due)

    def seal(self, found: Iterable[HostRecord]) -> None:
        """Rewrite what stands in the store now, not what was read before the lock.

        Records of other fleets and unreadable ones stay as they are.
        """
        with self._not_superseded():
            for record in found:
                if record.open and self._touches(record):
                    self._settle(record.host, partial(self._sealed, record.host))

    def confirm(self, pools: Collection[PoolId]) -> None:
        """See `Lease.confirm`. Without pools all that the run holds are proven; in one order always (I-22)."""
        with self._not_superseded():
            self._prove([self._held(pool) for pool in sorted(pools or self._holds)], self._recorded, self._patience())
            self._outage = float("inf")

    def write(self, record: HostRecord) -> None:
        """See `Lease.write`. A record that nobody of this run has written before is only written over after the
        locks were proven: a run that lost them while it slept must not write over its successor's records."""
        self.check_size(record)
        with self._not_superseded():
            if not self._touches(record):
                raise Superseded(f"run {self._owner.run} holds none of the pools of {record.host}")
            self._settle(record.host, partial(self._moved, record))

    def check_size(self, record: HostRecord) -> None:
        """See `Lease.check_size`. A record in `held` must leave room for what its walk will add."""
        records.check_size(record, self._owner, self._desk.store.limit)

    def doing(self, text: str) -> None:
        """See `Lease.doing`."""
        for hold in self._holds.values():
            hold.doing = text

    def beat_if_due(self) -> None:
        """Beat where the last proof is 30 s old. Never raises: what it finds out, the next `confirm` tells."""
        for hold in self._holds.values():
            if not self._proven(hold, 0, BEAT):
                with suppress(ElbrollError), self._not_superseded():
                    hold.beat(self._patient(0.0))

    def release(self) -> bool:
        """See `Lease.release`. Frees only what is still ours."""
        self._beats.stop()
        freed = [self._freed(hold) for hold in self._holds.values()]  # each is tried, whatever another one says
        return all(freed)

    def _freed(self, hold: Hold) -> bool:
        try:
            hold.free(self._patient(BRIEF))
        except Superseded:
            return True  # deleted by hand: it is not ours any more
        except ElbrollError:
            return False
        return True

    # --- records -------------------------------------------------------------------------------------

    def _settle(self, host: HostId, decide: Callable[[Stored | None], Mapping[str, object] | None]) -> None:
        if Change(self._desk, records.key(host), decide).settle(self._patience()):
            self._ours.add(host)
            with self._noting:
                self._recorded = next(self._desk.numbers)

    def _moved(self, record: HostRecord, seen: Stored | None) -> Mapping[str, object]:
        before = self._before(record.host, seen)
        if not self._again(record, before, seen):
            check_move(before, record)
        return records.encode(record, self._owner)

    def _touches(self, record: HostRecord) -> bool:
        """Whether one of its pools is ours: then nobody else can hold all of them, and the record is ours to write."""
        pools = {item.registration.pool for item in record.registrations} | {item.pool for item in record.was}
        return not pools.isdisjoint(self._holds)

    def _again(self, record: HostRecord, before: HostRecord | None, seen: Stored | None) -> bool:
        """A closing that was given up for want of an answer, has landed late, and is now asked for once more."""
        closed = not record.open and before is not None and before.state is record.state
        return closed and seen is not None and records.owner_of(seen.text) == self._owner

    def _sealed(self, host: HostId, seen: Stored | None) -> Mapping[str, object] | None:
        before = self._before(host, seen)
        return records.encode(before, self._owner) if before is not None and before.open else None

    def _before(self, host: HostId, seen: Stored | None) -> HostRecord | None:
        """What stands there, proven to be from before our locks or ours. Raises Superseded, StoreDown."""
        owner = records.owner_of(seen.text) if seen is not None else None
        if host in self._ours and owner != self._owner:
            raise words.record_lost(host, self._owner.run, owner.run if owner else None)
        if owner != self._owner:
            self._prove(self._holds.values(), next(self._desk.numbers), self._patient(0.0))
        if seen is None:
            return None
        before = records.decode(host, seen.text)
        if before.state is RecordState.UNREADABLE:
            raise words.record_lost(host, self._owner.run, None)
        return before

    # --- locks ---------------------------------------------------------------------------------------

    def _held(self, pool: PoolId) -> Hold:
        if pool not in self._holds:
            raise Superseded(f"run {self._owner.run} does not hold {words.pool_name(pool)}")
        return self._holds[pool]

    def _prove(self, holds: Collection[Hold], after: int, patience: Patience) -> None:
        """A won beat on each, sent after that act and still fresh when the last one has come in."""
        began = self._desk.clock.monotonic()
        while unproven := [hold for hold in holds if not self._proven(hold, after, PROOF)]:
            if self._desk.clock.monotonic() - began > max(PROOF, patience.budget):
                raise StoreDown("the ledger answers too slowly to prove that the locks are still ours")
            self._desk.store.ready(len(unproven))
            for hold in unproven:
                hold.beat(patience)

    def _proven(self, hold: Hold, after: int, age: float) -> bool:
        proof = hold.proof
        return proof is not None and proof.order > after and proof.within(age, self._desk.moment())

    def _patience(self) -> Patience:
        return self._patient(self._outage)

    @contextmanager
    def _not_superseded(self) -> Iterator[None]:
        if self._lost is not None:
            raise Superseded(self._lost.message, why=self._lost.why, now=self._lost.now, fix=self._lost.fix)
        try:
            yield
        except Superseded as error:
            self._lost = error
            raise
