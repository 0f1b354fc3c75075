"""One pool's lock in a run's hands: taken, kept by beats, given back (safety.md 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.ledger import locks, words
from elbroll.ledger.change import Change
from elbroll.ledger.values import Owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.ledger.change import Desk, Moment, Patience
    from elbroll.ledger.ports import Stored
    from elbroll.model import Holder, PoolId


class Hold:
    """A pool's lock for one run. `epoch` is 0 until it was written."""

    def __init__(self, pool: PoolId, holder: Holder, desk: Desk) -> None:
        self.pool = pool
        self.epoch = 0
        self.broken_for: float | None = None
        """Seconds, when we took it, since somebody broke it; None: its last holder gave it back, or knows by now."""
        self.doing: str | None = None
        self._broken_by: str | None = None
        self._holder = holder
        self._desk = desk
        key = locks.key(pool)
        self._taking = Change(desk, key, self._taken)
        self._beating = Change(desk, key, self._beaten)
        self._freeing = Change(desk, key, self._freed)

    def take(self, patience: Patience) -> None:
        """Raises Locked where another run holds it or it cannot be read, StoreDown."""
        self._taking.settle(patience)

    def rested(self) -> None:
        """Its holder of before can do no more. Until then the mark of the break stays, also when it is given back."""
        self._broken_by = None

    def beat(self, patience: Patience) -> None:
        """Show by a won write that we hold it; a read would prove nothing. Raises Superseded, StoreDown."""
        self._beating.settle(patience)

    def free(self, patience: Patience) -> None:
        """Give it back if it is still ours. Raises StoreDown."""
        self._freeing.settle(patience)

    @property
    def proof(self) -> Moment | None:
        """When the last write that proved our hold was sent."""
        return self._beating.proof or self._taking.proof

    def _taken(self, seen: Stored | None) -> Mapping[str, object]:
        lock = locks.decode(seen)
        ours = lock.holder is not None and lock.holder.run == self._holder.run
        if seen is not None and lock.state is not locks.LockState.FREE and not ours:
            raise words.locked(self.pool, seen)
        self.epoch = lock.epoch + 1
        self._broken_by = lock.broken_by
        self.broken_for = (seen.age or 0.0) if seen and lock.broken_by is not None else None
        return self._held()

    def _beaten(self, seen: Stored | None) -> Mapping[str, object]:
        if seen is None:
            raise words.deleted(locks.key(self.pool))
        if not self._is_ours(seen):
            raise words.lock_lost(self.pool, self._holder.run, seen)
        return self._held()

    def _freed(self, seen: Stored | None) -> Mapping[str, object] | None:
        return locks.freed(Owner(self._holder.run, self.epoch), self._broken_by) if self._is_ours(seen) else None

    def _is_ours(self, seen: Stored | None) -> bool:
        lock = locks.decode(seen)
        return lock.state is locks.LockState.HELD and lock.owner == Owner(self._holder.run, self.epoch)

    def _held(self) -> Mapping[str, object]:
        return locks.held(self._holder, self.epoch, self._desk.clock.now(), self.doing, self._broken_by)
