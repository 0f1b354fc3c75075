"""What the steps of one host's walk hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from elbroll.core.names import pool_name
from elbroll.engine.journal import Abandoned, StepFailed
from elbroll.engine.stop import StopMode
from elbroll.engine.waiting import patiently
from elbroll.errors import PoolGone
from elbroll.model import Failure, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from elbroll.engine.book import HostBook
    from elbroll.engine.context import Run
    from elbroll.engine.journal import Journal
    from elbroll.engine.room import FleetRoom
    from elbroll.model import Host, Member, Pool, PoolId, Registration, Step

    Deed = Callable[[Pool, tuple[Registration, ...]], None]

LOOKS_FOR = 60.0
"""Seconds for which a single look that something depends on is repeated while nobody answers (F-14)."""
LOOKS_PER_SECOND = 4
"""An account has 10 health reads a second for everybody (Q1, S-14): a run takes no more than these of them,
however many pools it watches. One look at a pool serves all who wait for it."""
SLOWEST = 5.0
"""Seconds between looks at a pool in a wait that lasts (S-14)."""
QUICKEST = 0.25
"""Seconds between looks at a pool, where it is the only one."""


@dataclass(slots=True)
class Place:
    """A host's place in its Auto Scaling group, as last read."""

    read_at: float = float("-inf")
    member: Member | None = None
    """None: it belongs to no group (any more)."""


@dataclass(frozen=True, slots=True)
class Walker:
    """One host in one run: the host, its page in the ledger, its story, and what it shares with others."""

    run: Run
    room: FleetRoom
    host: Host
    book: HostBook
    journal: Journal
    place: Place = field(default_factory=Place)
    """What was last read of the host's place in its Auto Scaling group."""

    def by_pool(self, only: Collection[Registration] | None = None) -> dict[PoolId, tuple[Registration, ...]]:
        """The record's registrations (or those of them in `only`), in order, by pool."""
        pools: dict[PoolId, list[Registration]] = {}
        wanted = self.book.registrations if only is None else self.book.registrations & frozenset(only)
        for registration in sorted(wanted, key=_order):
            pools.setdefault(registration.pool, []).append(registration)
        return {pool: tuple(entries) for pool, entries in pools.items()}

    def pools(self) -> tuple[Pool, ...]:
        """Those of the record's pools that still exist, in order."""
        return tuple(pool for name in sorted(self.book.pools()) if (pool := self.room.pool(name)))

    def labels(self) -> tuple[str, ...]:
        """`name:port` of each registration, as users read them."""
        return tuple(self.label(registration) for entries in self.by_pool().values() for registration in entries)

    def named(self, registrations: Collection[Registration]) -> str:
        """Some registrations in one line."""
        return ", ".join(self.label(registration) for registration in sorted(registrations, key=_order))

    def label(self, registration: Registration) -> str:
        """`web-prod-http:8080`; without a port for a classic balancer."""
        pool = self.room.pool(registration.pool)
        name = pool.name if pool else pool_name(registration.pool)
        return name if registration.port is None else f"{name}:{registration.port}"

    def send(self, deed: Deed, budget: float, only: Collection[Registration] | None = None) -> None:
        """Confirm the lock, then send one call a pool with exactly the recorded entries (I-3, I-10).

        Repeats calls without an answer for `budget` seconds, as each is harmless twice; the lock is confirmed anew
        for each. Ends at the first pool that fails, with its last error; one that no longer exists is passed over.
        """
        for name, entries in self.by_pool(only).items():
            if pool := self.room.pool(name):
                self._send_to(pool, entries, deed, budget)

    def _send_to(self, pool: Pool, entries: tuple[Registration, ...], deed: Deed, budget: float) -> None:
        def confirmed() -> None:
            self.run.lease.confirm(self.book.pools())
            deed(pool, entries)

        try:
            patiently(confirmed, clock=self.run.clock, budget=budget, give_up=self.leaving_now)
        except PoolGone:
            self.room.lose(pool.id)

    def seen_registered(self) -> frozenset[Registration]:
        """Where the balancers show the host now, leaving entries left out; repeated while nobody answers."""
        look = partial(self.room.registered, self.host)
        return patiently(look, clock=self.run.clock, budget=LOOKS_FOR, give_up=self.leaving_now)

    @property
    def tick(self) -> float:
        """Seconds between two looks at a pool."""
        return max(QUICKEST, len(self.room.fleet.pools) / LOOKS_PER_SECOND)

    def follow(self) -> None:
        """From now on looks answer for each recorded entry, also where a listing would leave it out (T2)."""
        for name, entries in self.by_pool().items():
            self.run.balancer.follow(name, entries)

    def leaving_now(self) -> bool:
        """A second signal: end within 5 s, wait for nothing."""
        return self.run.stop.mode >= StopMode.LEAVE

    def interrupted(self) -> bool:
        """Any signal."""
        return self.run.stop.mode >= StopMode.FINISH

    def abandon_if_told(self, step: Step) -> None:
        """Raises Abandoned after a second signal."""
        if self.leaving_now():
            raise Abandoned(step)


def failed(step: Step, code: str, message: str, *why: str, result: Result = Result.FAILURE) -> StepFailed:
    """A step's failure in one line."""
    return StepFailed(step, Failure(code, message, why=why), result)


def _order(registration: Registration) -> tuple[str, str, int]:
    return (registration.pool, registration.id, registration.port or 0)
