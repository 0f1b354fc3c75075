"""What all walks of a run share: the fleet, who is out, and the one door through which hosts leave and return."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.guard import Leave, Refuse, count, expected_hosts, joined, may_leave
from elbroll.core.tally import remembering
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from elbroll.core.guard import Capacity, GuardRules
    from elbroll.engine.context import Run
    from elbroll.model import Fleet, Host, HostId, HostRecord, Pool, PoolId, PoolView, Registration

FRESH = 3.0
"""Seconds: a view that decides about a drain may not be older (I-1)."""
NOT_SERVING = frozenset({TargetState.GONE, TargetState.DRAINING})


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
        self._door = threading.RLock()

    def pool(self, pool: PoolId) -> Pool | None:
        """The pool of that id; None if it no longer exists."""
        return self.fleet.pools.get(pool)

    def pools_of(self, host: Host) -> frozenset[PoolId]:
        """Where the host is expected: registered when the run began, or named by its record."""
        return frozenset(pool for pool, hosts in self._expected.items() if host.id in hosts)

    def views(self, pools: Iterable[PoolId], max_age: float) -> dict[PoolId, PoolView]:
        """Readings of those of the pools that exist. Raises what `Balancer.look` raises."""
        known = [pool for name in pools if (pool := self.pool(name))]
        return {pool.id: self._run.balancer.look(pool, max_age) for pool in known}

    def registered(self, host: Host) -> frozenset[Registration]:
        """Where the balancers show the host now, in all pools of the fleet; leaving entries left out."""
        views = self.views(self.fleet.pools, FRESH)
        rows = (row for view in views.values() for row in view.rows)
        return frozenset(
            row.registration for row in rows if row.state not in NOT_SERVING and host.owns(row.registration)
        )

    def admit(self, host: Host, hold: Callable[[frozenset[Registration]], object]) -> Leave | Refuse:
        """Guard, `held` write and admission as one critical section, so that no spare host is spent twice (I-1).

        `hold` gets the host's registrations of this moment and writes the record. Raises what it raises.
        """
        with self._door:
            registrations = self.registered(host)
            verdict = self._judge(host) if registrations else Leave()
            if isinstance(verdict, Leave):
                hold(registrations)
                self._out[host.id] = f"since run {self._run.id}"
                self._left_behind[host.id] = self._capacities(host)
            return verdict

    def may_leave_again(self, host: Host) -> bool:
        """Whether a host that never got healthy can be taken out without emptying a pool or its fail-open (F-50)."""
        with self._door:
            return isinstance(self._judge(host), Leave) and not self._would_empty(host)

    def shortfall(self, host: Host) -> str | None:
        """After its deregister: the pool that has less than at admission and too little, as a sentence (F-27)."""
        admitted = self._left_behind.get(host.id, {})
        for pool, view in self.views(admitted, 0.0).items():
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

    def bear(self, left_out: int) -> None:
        """So many hosts were left out in this run; the floor bears as many as `max_failures` says."""
        with self._door:
            borne = min(left_out, self._run.settings.pace.max_failures)
            self._rules = replace(self._rules, borne=borne)

    def tell_capacity(self, pools: Iterable[PoolId]) -> None:
        """A fresh count of these pools, as events."""
        for pool, view in self.views(pools, FRESH).items():
            seen = self.count(pool, view)
            self._run.sink.tell(
                events.CapacityChanged(pool, self._name(pool), len(seen.capacity), seen.floor, len(seen.expected))
            )

    def count(self, pool: PoolId, view: PoolView) -> Capacity:
        """The pool's hosts in service, hosts that this run holds left out whatever AWS says."""
        expected = self._expected.get(pool, frozenset())
        out, warming = dict(self._out), self._warming()
        return count(self.fleet.pools[pool], self.fleet, view, expected, out, self._rules, warming=warming)

    def _judge(self, host: Host) -> Leave | Refuse:
        views = self.views(self.pools_of(host), FRESH)
        self._expected = joined(self._expected, self.fleet, views)
        out, warming = dict(self._out), self._warming()
        consent = self._run.consent
        return may_leave(host.id, self.fleet, views, self._expected, out, self._rules, consent, warming=warming)

    def _warming(self) -> frozenset[HostId]:
        """Hosts that we saw turn healthy less than a slow start ago."""
        slow = max((pool.slow_start for pool in self.fleet.pools.values()), default=0.0)
        now = self._run.clock.monotonic()
        return frozenset(host for host, since in dict(self._returned).items() if now - since < slow)

    def _capacities(self, host: Host) -> dict[PoolId, int]:
        views = self.views(self.pools_of(host), FRESH)
        return {pool: len(self.count(pool, view).capacity) for pool, view in views.items()}

    def _would_empty(self, host: Host) -> bool:
        views = self.views(self.pools_of(host), FRESH)
        return any(not self.count(pool, view).capacity - {host.id} for pool, view in views.items())

    def _name(self, pool: PoolId) -> str:
        return self.fleet.pools[pool].name
