"""The `Balancer` port over AWS: both kinds of pool behind one poller."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from elbroll.aws.pace import TokenBucket
from elbroll.balancers.classic import Classics
from elbroll.balancers.members import Members, one_each, same_entry
from elbroll.balancers.nodes import node_addresses
from elbroll.balancers.poller import Poller
from elbroll.balancers.target_group import TargetGroups
from elbroll.errors import TargetRefused
from elbroll.model import BalancerKind, Pool, PoolId, PoolView, Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from elbroll.aws.clients import Clients
    from elbroll.engine.ports import Clock
    from elbroll.model import TargetSeen

DEEDS_A_SECOND = 2.0
"""Of the 4 registers and deregisters a second that the account has for everybody (Q1)."""
DEEDS_AT_ONCE = 16
"""Of the 20 that it has saved up at most: out of eight pools and back again within the 5 s of a signal."""

NODES_A_SECOND = 5.0
"""Questions about interfaces: of the 20 that EC2 refills an account's bucket by."""
NODES_AT_ONCE = 20


class AwsBalancer:
    """Health and membership of target groups and classic balancers. Nothing is retried by time here (B2)."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._groups = TargetGroups(clients)
        self._classics = Classics(clients)
        self._poller = Poller(self._read, clock)
        self._deeds = TokenBucket(clock, rate=DEEDS_A_SECOND, burst=DEEDS_AT_ONCE)
        self._interfaces = TokenBucket(clock, rate=NODES_A_SECOND, burst=NODES_AT_ONCE)
        self._followed: dict[PoolId, frozenset[Registration]] = {}
        self._lock = threading.Lock()

    def look(self, pool: Pool, max_age: float) -> PoolView:
        """A complete reading less than `max_age` seconds old, shared by all callers.

        Entries that are followed or were sent in or out through this object have a row even when they are gone.
        Raises Unanswered, PermissionDenied, CredentialsError, PoolGone.
        """
        return self._poller.look(pool, max_age)

    def follow(self, pool: PoolId, registrations: Collection[Registration]) -> None:
        """Readings that begin from now on have a row for each of these, even for those that are gone."""
        with self._lock:
            before = self._followed.get(pool, frozenset())
            self._followed[pool] = before.union(registrations)
        if not before.issuperset(registrations):
            self._poller.forget(pool)

    def deregister(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Send exactly these; one that AWS refuses as a stranger does not keep the others in."""
        if registrations:
            with self._moving(pool, registrations):
                _each(self._members(pool).remove, pool, registrations)

    def register(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Send exactly these, all or none. Raises TargetRefused besides the others."""
        if registrations:
            with self._moving(pool, registrations):
                self._members(pool).add(pool, registrations)

    def nodes(self, pool: Pool) -> frozenset[str] | None:
        """Private addresses of the balancers' nodes now; None where they tell nothing (E3).

        Raises Unanswered, PermissionDenied, CredentialsError.
        """
        return node_addresses(self._clients, pool, self._interfaces.take)

    def _members(self, pool: Pool) -> Members:
        match pool.kind:
            case BalancerKind.ALB | BalancerKind.NLB:
                return self._groups
            case BalancerKind.CLASSIC:
                return self._classics
            case _:
                assert_never(pool.kind)

    @contextmanager
    def _moving(self, pool: Pool, registrations: Sequence[Registration]) -> Iterator[None]:
        """Whatever comes of the call, these entries are followed, and older readings are void."""
        self.follow(pool.id, registrations)
        self._deeds.take()
        try:
            yield
        finally:
            self._poller.forget(pool.id)

    def _read(self, pool: Pool) -> tuple[TargetSeen, ...]:
        """The listing, and a second question for those of ours that it lacks: they have gone, or not yet come (T2)."""
        members = self._members(pool)
        rows = members.listed(pool)
        shown = {same_entry(row.registration) for row in rows}
        missing = [entry for entry in self._followed.get(pool.id, ()) if same_entry(entry) not in shown]
        asked = self._asked(members, pool, sorted(missing, key=lambda entry: (entry.id, entry.port or 0)))
        return one_each(rows + asked)

    def _asked(self, members: Members, pool: Pool, entries: Sequence[Registration]) -> tuple[TargetSeen, ...]:
        """Rows for these; an id that AWS refuses to speak of has none, which proves nothing (C2)."""
        if not entries:
            return ()
        self._poller.turn()
        try:
            return members.asked(pool, entries)
        except TargetRefused:
            if len(entries) == 1:
                return ()
        return tuple(row for entry in entries for row in self._asked(members, pool, [entry]))


def _each(remove: Callable[[Pool, Sequence[Registration]], None], pool: Pool, entries: Sequence[Registration]) -> None:
    """Together if AWS takes them together, else one by one: refused means "not there", which reads settle (T6)."""
    try:
        remove(pool, entries)
    except TargetRefused:
        for entry in entries if len(entries) > 1 else ():
            _each(remove, pool, [entry])
