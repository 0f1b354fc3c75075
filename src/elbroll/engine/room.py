"""What all walks of a run share: the fleet, who is out, and the one door through which hosts leave and return."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.guard import Leave, Refuse, count, expected_hosts, joined, may_leave
from elbroll.core.names import listed
from elbroll.core.tally import remembering
from elbroll.engine.lives import died
from elbroll.errors import ElbrollError, PoolGone
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from elbroll.core.guard import Capacity, GuardRules
    from elbroll.engine.context import Run
    from elbroll.model import Fleet, Host, HostId, HostRecord, Pool, PoolId, PoolView, Registration

    _Place = tuple[PoolId, str, int | None]

FRESH = 3.0
"""Seconds: a view that decides about a drain may not be older (I-1)."""
COUNTED = frozenset({"floor", "threshold", "last-healthy"})
"""Refusals by number of hosts, which one more host in service may lift."""
NOT_SERVING = frozenset({TargetState.GONE, TargetState.DRAINING})
WELL = frozenset({TargetState.HEALTHY, TargetState.SHIFTED})
"""What the balancer's own check says of a host that is back; a zonal shift says nothing about it (F-26)."""


class FleetRoom:
    """Safe for several walks at once; E, the expected hosts, never shrinks during a run (safety.md 5)."""

    def __init__(self, run: Run, fleet: Fleet, records: Mapping[HostId, HostRecord], rules: GuardRules) -> None:
        self.fleet = remembering(fleet, records)
        self._run = run
        self._rules = rules
        self._expected = expected_hosts(fleet, records)
        self._out = {host: f"since run {record.run}" for host, record in records.items() if record.open}
        self._returned: dict[HostId, float] = {}
        self._left_behind: dict[HostId, dict[PoolId, int]] = {}
        self._at_work: set[HostId] = set()
        self._lost: set[PoolId] = set()
        self._shut: str | None = None
        self._door = threading.RLock()

    def pool(self, pool: PoolId) -> Pool | None:
        """The pool of that id; None if it no longer exists."""
        return None if pool in self._lost else self.fleet.pools.get(pool)

    def lose(self, pool: PoolId) -> None:
        """AWS has just said that the pool does not exist any more (F-35)."""
        if pool not in self._lost:
            self._lost.add(pool)
            name = self._name(pool)
            self._run.sink.tell(events.CapacityChanged(pool, name, 0, 0, 0))
            self._run.sink.tell(events.Warned("pool-gone", f"{name} no longer exists; what it held stays recorded"))

    @property
    def at_once(self) -> int:
        """How many hosts may be out of a pool at a time, and so how many wait for something at the same time."""
        return self._rules.max_unavailable

    def pools_of(self, host: Host) -> frozenset[PoolId]:
        """Where the host is expected: registered when the run began, or named by its record."""
        return frozenset(pool for pool, hosts in self._expected.items() if host.id in hosts)

    def views(self, pools: Iterable[PoolId], max_age: float) -> dict[PoolId, PoolView]:
        """Readings of those of the pools that exist, in one order always (I-22).

        Raises what `Balancer.look` raises, but PoolGone.
        """
        found: dict[PoolId, PoolView] = {}
        for pool in filter(None, map(self.pool, sorted(pools))):
            try:
                found[pool.id] = self._run.balancer.look(pool, max_age)
            except PoolGone:
                self.lose(pool.id)
        return found

    def registered(self, host: Host, max_age: float = FRESH) -> frozenset[Registration]:
        """Where the balancers show the host now, in all pools of the fleet; leaving entries left out."""
        return self._shown(host, self.views(self.fleet.pools, max_age))

    def admit(self, host: Host, hold: Callable[[frozenset[Registration]], object]) -> Leave | Refuse:
        """Guard, `held` write and admission as one critical section, so that no spare host is spent twice (I-1).

        `hold` gets the host's registrations of this moment and writes the record. Raises what it raises.
        """
        with self._door:
            if self._shut is not None:
                return Refuse(self._shut, (), heals=False, code="halted")
            views = self.views(self.fleet.pools, FRESH)
            registrations = self._shown(host, views)
            verdict = self._taken_by_others(host, registrations, views) or self._judged(host, registrations, views)
            if isinstance(verdict, Leave):
                left_behind = self._capacities(host, views)
                hold(registrations)
                self._out[host.id] = f"since run {self._run.id}"
                self._at_work.add(host.id)
                self._agree_to(host, left_behind)
            return verdict

    def may_still_leave(self, host: Host, max_age: float = FRESH) -> str | None:
        """The guard once more for an admitted host, as writing its record may have taken long; why not (I-1)."""
        with self._door:
            verdict = self._judge(host, self.views(self.fleet.pools, max_age))
            return verdict.message if isinstance(verdict, Refuse) else None

    def may_leave_again(self, host: Host, max_age: float = FRESH) -> bool:
        """Whether a host that never got healthy can be taken out without emptying a pool or its fail-open (F-50).

        If so it counts as out from now on, whatever the API says.
        """
        with self._door:
            views = self.views(self.fleet.pools, max_age)
            may = isinstance(self._judge(host, views), Leave) and not self._would_empty(host, views)
            if may:
                self._out[host.id] = f"since run {self._run.id}"
                self._returned.pop(host.id, None)
            return may

    def shortfall(self, host: Host, max_age: float = 0.0) -> str | None:
        """While it leaves: the pool that has less than was agreed to and too little, as a sentence (F-27)."""
        admitted = self._left_behind.get(host.id, {})
        for pool, view in self.views(admitted, max_age).items():
            seen = self.count(pool, view)
            if len(seen.capacity) < min(seen.floor, admitted[pool]):
                left = f"{len(seen.capacity)} of {len(seen.expected)}"
                return f"{left} in service in {self._name(pool)}, floor {seen.floor}"
        return None

    def back(self, host: Host) -> None:
        """The host was seen healthy everywhere: it is capacity again, once its slow start is over (T14)."""
        with self._door:
            self._out.pop(host.id, None)
            self._returned[host.id] = self._run.clock.monotonic()

    def serves_after_all(self, host: Host) -> None:
        """Its record, left open by an earlier run, was closed: it has been in service all the time (2.2)."""
        with self._door:
            self._out.pop(host.id, None)
            self._returned.pop(host.id, None)

    def ended(self, host: Host) -> None:
        """Its walk is over: whoever waits for it to come back need not wait any longer."""
        with self._door:
            self._at_work.discard(host.id)

    def others_at_work(self, host: Host) -> bool:
        """Whether this run has other hosts out that may come back."""
        return bool(self._at_work - {host.id})

    def shut(self, reason: str) -> None:
        """From now on nobody is admitted, those included who are waiting for it (I-18)."""
        with self._door:
            self._shut = reason

    def fell_sick(self) -> tuple[HostId, ...]:
        """Hosts that came back in this run and are not healthy everywhere any more (safety.md 5)."""
        return tuple(host for host, serves in self._serving(tuple(self._returned)).items() if serves is False)

    def serving(self, hosts: Collection[HostId]) -> dict[HostId, bool | None]:
        """Whether each of them is well in every pool where it was when the run began; None where nobody can say.

        An answer that lacks a target proves nothing: it is asked for by its id and port (T2).
        """
        found = self._serving(hosts)
        for host in (host for host, serves in found.items() if serves is None):
            self._follow(self.fleet.hosts[host])
        return self._serving(hosts) if None in found.values() else found

    def _serving(self, hosts: Collection[HostId]) -> dict[HostId, bool | None]:
        views = self.views(self.fleet.pools, FRESH)
        seen = {_place(row.registration): row.state in WELL for view in views.values() for row in view.rows}
        return {host: self._serves(host, seen, views.keys()) for host in hosts}

    def _serves(self, host: HostId, seen: Mapping[_Place, bool], read: Collection[PoolId]) -> bool | None:
        """None: no row says so, or otherwise, and its machine is still there (C2); or all its pools are gone."""
        home = self.fleet.registrations.get(host, frozenset())
        well = {seen.get(_place(entry)) for entry in home if entry.pool in read}
        if False in well or (None in well and died(self._run.inventory, self.fleet.hosts[host])):
            return False
        return well == {True} or None

    def bear(self, left_out: int) -> None:
        """So many hosts were left out in this run; the floor bears as many as `max_failures` says."""
        with self._door:
            borne = min(left_out, self._run.settings.pace.max_failures)
            self._rules = replace(self._rules, borne=borne)

    def tell_capacity(self, pools: Iterable[PoolId]) -> None:
        """A fresh count of these pools, as events; nothing depends on it, so that nobody's silence matters."""
        with suppress(ElbrollError):
            for pool, view in self.views(pools, FRESH).items():
                seen = self.count(pool, view)
                capacity, expected = len(seen.capacity), len(seen.expected)
                self._run.sink.tell(events.CapacityChanged(pool, self._name(pool), capacity, seen.floor, expected))

    def count(self, pool: PoolId, view: PoolView, without: frozenset[HostId] = frozenset()) -> Capacity:
        """The pool's hosts in service; hosts that this run holds are left out whatever AWS says, and `without`."""
        expected = self._expected.get(pool, frozenset())
        out, warming = {**self._out, **dict.fromkeys(without, "")}, self._warming()
        return count(self.fleet.pools[pool], self.fleet, view, expected, out, self._rules, warming=warming)

    def _judged(
        self, host: Host, registrations: Collection[Registration], views: Mapping[PoolId, PoolView]
    ) -> Leave | Refuse:
        """A host that is out already takes nothing away."""
        return self._judge(host, views) if registrations else Leave()

    def _judge(self, host: Host, views: Mapping[PoolId, PoolView]) -> Leave | Refuse:
        """What heals by waiting includes hosts of ours that are on their way back (F-27)."""
        self._expected = joined(self._expected, self.fleet, views)
        out, warming, consent = dict(self._out), self._warming(), self._run.consent
        verdict = may_leave(host.id, self.fleet, views, self._expected, out, self._rules, consent, warming=warming)
        if isinstance(verdict, Refuse) and verdict.code in COUNTED and self.others_at_work(host):
            return replace(verdict, heals=True)
        return verdict

    def _taken_by_others(
        self, host: Host, registrations: Collection[Registration], views: Mapping[PoolId, PoolView]
    ) -> Refuse | None:
        """Out, or on its way, in no record: somebody else's act, which is never recorded as ours (F-19, F-36)."""
        if host.id in self._out:
            return None
        rows = [row for view in views.values() for row in view.rows if self._belongs(host, row.registration)]
        leaving = {self._name(row.registration.pool) for row in rows if row.state is TargetState.DRAINING}
        if leaving:
            says = f"{host.name} is leaving {listed(sorted(leaving))}, and not by elbroll"
            return Refuse(says, (), heals=False, code="unsettled")
        if not registrations:
            self._follow(host)
            says = f"{host.name} is registered in no pool any more, and was not taken out by elbroll"
            return Refuse(says, (), heals=not rows, code="not-registered")  # a missing row is no answer (T2)
        return None

    def _follow(self, host: Host) -> None:
        """From now on looks answer for each place where it was when the run began."""
        for entry in sorted(self.fleet.registrations.get(host.id, frozenset()), key=str):
            self._run.balancer.follow(entry.pool, [entry])

    def _agree_to(self, host: Host, left_behind: dict[PoolId, int]) -> None:
        """What is left behind by this host is what those who are still leaving have to bear too."""
        for others in self._left_behind.values():
            others.update({pool: min(left, others[pool]) for pool, left in left_behind.items() if pool in others})
        self._left_behind[host.id] = left_behind

    def _warming(self) -> frozenset[HostId]:
        """Hosts that we saw turn healthy less than a slow start ago."""
        slow = max((pool.slow_start for pool in self.fleet.pools.values()), default=0.0)
        now = self._run.clock.monotonic()
        return frozenset(host for host, since in dict(self._returned).items() if now - since < slow)

    def _capacities(self, host: Host, views: Mapping[PoolId, PoolView]) -> dict[PoolId, int]:
        mine = {pool: views[pool] for pool in self.pools_of(host) if pool in views}
        return {pool: len(self.count(pool, view, frozenset({host.id})).capacity) for pool, view in mine.items()}

    def _would_empty(self, host: Host, views: Mapping[PoolId, PoolView]) -> bool:
        mine = (pool for pool in self.pools_of(host) if pool in views)
        return any(not self.count(pool, views[pool]).capacity - {host.id} for pool in mine)

    def _shown(self, host: Host, views: Mapping[PoolId, PoolView]) -> frozenset[Registration]:
        rows = (row for view in views.values() for row in view.rows)
        return frozenset(
            row.registration for row in rows if row.state not in NOT_SERVING and self._belongs(host, row.registration)
        )

    def _belongs(self, host: Host, entry: Registration) -> bool:
        return host.owns_in(self.fleet.pools[entry.pool], entry)

    def _name(self, pool: PoolId) -> str:
        return self.fleet.pools[pool].name


def _place(entry: Registration) -> _Place:
    return (entry.pool, entry.id, entry.port)
