"""What a plan stands on: the readings put together host by host, and the numbers that follow from them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.begin import is_well
from elbroll.core.guard import GuardRules, count, expected_hosts
from elbroll.core.tally import remembering, tally
from elbroll.model import PoolView, RecordState, TargetState, Why

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from elbroll.config.schema import LbSettings
    from elbroll.core.guard import Capacity, Consent
    from elbroll.core.planned import Request
    from elbroll.core.tally import Target
    from elbroll.model import Fleet, Host, HostId, HostRecord, Pool, PoolId

UNPROVEN = frozenset({RecordState.DEPLOYING, RecordState.DEPLOYED})
"""States in which a host has no business in a pool: its version is unknown, or nobody asked the app."""

_WORST_FIRST = (
    TargetState.UNKNOWN,
    TargetState.UNUSED,
    TargetState.UNAVAILABLE,
    TargetState.UNHEALTHY,
    TargetState.SHIFTED,
    TargetState.DRAINING,
    TargetState.INITIAL,
    TargetState.HEALTHY,
    TargetState.GONE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants, and when."""

    request: Request
    settings: LbSettings
    consent: Consent
    now: datetime


@dataclass(frozen=True, slots=True)
class Ground:
    """The fleet as it was read, with what follows from it."""

    asked: Asked
    fleet: Fleet
    """With the registrations of open records added."""
    shown: Fleet
    """As AWS shows it."""
    views: Mapping[PoolId, PoolView]
    records: Mapping[HostId, HostRecord]
    expected: Mapping[PoolId, frozenset[HostId]]
    out: Mapping[HostId, str]
    """Hosts with an open record that holds something, and since when."""
    targets: Mapping[HostId, tuple[Target, ...]]
    rules: GuardRules
    capacities: Mapping[PoolId, Capacity]
    total: int

    def open_record(self, host: HostId) -> HostRecord | None:
        """The host's record, if it is open."""
        record = self.records.get(host)
        return record if record is not None and record.open else None

    def worst(self, host: HostId) -> Target | None:
        """The host's target in the worst state; one that is gone only where nothing else is left."""
        targets = self.targets.get(host, ())
        return min(targets, key=lambda target: _WORST_FIRST.index(target.row.state), default=None)

    def state(self, host: HostId) -> TargetState:
        """The worst state of the host's targets; GONE for one that is out."""
        worst = self.worst(host)
        return worst.row.state if worst else TargetState.GONE

    def showing(self, host: HostId) -> int:
        """Targets of the host that AWS lists now, draining ones included."""
        return sum(target.registered for target in self.targets.get(host, ()))

    def serves(self, host: HostId) -> bool:
        """Whether the host is capacity in every pool it belongs to, and in one at least."""
        pools = [id_ for id_, members in self.expected.items() if host in members]
        return bool(pools) and all(host in self.capacities[id_].capacity for id_ in pools)

    def by_hand(self, host: HostId) -> bool:
        """Somebody registered it although its version is unknown or unproven (safety.md 2.2)."""
        record = self.open_record(host)
        unproven = record is not None and record.state in UNPROVEN
        return unproven and bool(self.shown.registrations.get(host))

    def pools_of(self, host: Host) -> list[Pool]:
        """The existing pools the host is registered in or recorded for, in a fixed order."""
        ids = {item.pool for item in self.fleet.registrations.get(host.id, frozenset())}
        return [self.fleet.pools[id_] for id_ in sorted(ids & self.fleet.pools.keys())]


def survey_ground(
    fleet: Fleet, views: Mapping[PoolId, PoolView], records: Mapping[HostId, HostRecord], asked: Asked
) -> Ground:
    """Put the readings together; a pool without a view counts as one whose answer was empty."""
    views = {id_: views.get(id_, PoolView(id_, 0.0, ())) for id_ in fleet.pools}
    whole = remembering(fleet, records)
    expected = expected_hosts(whole, records, views)
    total = len(frozenset().union(*(expected[id_] for id_ in fleet.own if id_ in expected)))
    pace = asked.settings.pace
    rules = GuardRules(pace.max_unavailable.rounded_down(total), pace.floor)
    out = {host: _since(record) for host, record in records.items() if record.open and not is_well(record, views)}
    counted = {id_: count(pool, whole, views[id_], expected[id_], out, rules) for id_, pool in fleet.pools.items()}
    targets = _targets(whole, views, expected)
    return Ground(asked, whole, fleet, views, records, expected, out, targets, rules, counted, total)


def _since(record: HostRecord) -> str:
    if record.state is RecordState.UNREADABLE:
        return "by a record that this version cannot read"
    return f"{'on purpose ' if record.why is Why.DRAIN else ''}since run {record.run}"


def _targets(
    whole: Fleet, views: Mapping[PoolId, PoolView], expected: Mapping[PoolId, frozenset[HostId]]
) -> dict[HostId, tuple[Target, ...]]:
    found: dict[HostId, tuple[Target, ...]] = {}
    for id_, pool in whole.pools.items():
        for target in tally(pool, whole, views[id_], expected[id_]).targets:
            found[target.host] = (*found.get(target.host, ()), target)
    return found
