"""One pool counted: which target belongs to which host, and which hosts are capacity (safety.md 5). Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from elbroll.core.names import counted, everyone, known_host
from elbroll.model import HostId, TargetSeen, TargetState, TargetType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from elbroll.core.guard import GuardRules
    from elbroll.model import Fleet, HostRecord, Pool, PoolView, Registration


class Outlook(Enum):
    """Which states count as healthy."""

    SEEN = frozenset({TargetState.HEALTHY})
    HOPED = frozenset({TargetState.HEALTHY, TargetState.INITIAL})
    """What waiting may bring: targets that have only just come."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a pool with the host behind it. A host that is not of the fleet goes by its target's id."""

    host: HostId
    zone: str | None
    row: TargetSeen
    """Of a registered target that the answer lacks: one that says gone."""

    @property
    def registered(self) -> bool:
        """Whether AWS still knows it, the leaving ones included."""
        return self.row.state is not TargetState.GONE

    @property
    def staying(self) -> bool:
        """Registered, and not on its way out."""
        return self.row.state not in {TargetState.GONE, TargetState.DRAINING}


@dataclass(frozen=True, slots=True)
class Tally:
    """A pool at one moment. `warming` hosts are healthy but in slow start; `out` whatever the API says."""

    pool: Pool
    targets: tuple[Target, ...]
    expected: frozenset[HostId]
    zones: Mapping[HostId, str | None]
    out: Collection[HostId]
    warming: Collection[HostId]
    outlook: Outlook

    def well(self, target: Target) -> bool:
        """Whether the target counts as healthy."""
        return target.row.state in self.outlook.value

    def of(self, host: HostId) -> list[Target]:
        """The host's targets."""
        return [target for target in self.targets if target.host == host]

    def sound(self, host: HostId) -> bool:
        """Every target of the host is healthy, and there is one; whether it is out is not asked."""
        targets = self.of(host)
        return bool(targets) and all(map(self.well, targets))

    def capacity(self) -> frozenset[HostId]:
        """Hosts that carry the pool's traffic: expected, not out, not warming, every one of their targets healthy."""
        sick = {target.host for target in self.targets if not self.well(target)}
        present = {target.host for target in self.targets} - sick
        return frozenset(present & self.expected - frozenset(self.out) - frozenset(self.warming))

    def within(self, zone: str | None) -> Tally:
        """The same, of one zone only."""
        return replace(
            self,
            targets=tuple(target for target in self.targets if target.zone == zone),
            expected=frozenset(host for host in self.expected if self.zones.get(host) == zone),
        )

    def healthy_without(self, host: HostId) -> int:
        """Healthy targets left once the host has gone; those of hosts that are out are not believed."""
        gone = {host, *self.out}
        return sum(self.well(target) for target in self.targets if target.host not in gone)

    def healthy_with(self, host: HostId) -> int:
        """Healthy targets now, the host's own included."""
        return self.healthy_without(host) + sum(map(self.well, self.of(host)))

    def registered(self) -> int:
        """Targets registered now, the leaving ones included."""
        return sum(target.registered for target in self.targets)

    def threshold(self) -> int:
        """The pool's own minimum of healthy targets, for routing and for DNS failover (T17); never under 1."""
        own = self.pool.thresholds
        return self._minimum((own.routing_count, own.dns_count), (own.routing_percent, own.dns_percent))

    def routing_minimum(self) -> int:
        """Below this many healthy targets the pool fails open: sick ones get traffic too (T16)."""
        own = self.pool.thresholds
        return self._minimum((own.routing_count,), (own.routing_percent,))

    def _minimum(self, counts: Iterable[int | None], percents: Iterable[float | None]) -> int:
        base = self.registered()
        shares = (math.ceil(percent * base / 100) for percent in percents if percent is not None)
        return max([1, *(number for number in counts if number is not None), *shares])


def tally(
    pool: Pool,
    fleet: Fleet,
    view: PoolView,
    expected: frozenset[HostId],
    out: Collection[HostId] = (),
    warming: Collection[HostId] = (),
) -> Tally:
    """Count a pool as seen. Strangers that are registered now are expected too: they have joined since (T20)."""
    targets = _targets(pool, fleet, view)
    joined = frozenset(target.host for target in targets if target.staying)
    zones = {target.host: target.zone for target in targets} | {host.id: host.zone for host in everyone(fleet)}
    return Tally(pool, targets, expected | joined, zones, out, warming, Outlook.SEEN)


def hoped(seen: Tally) -> Tally:
    """The same moment as it may become by waiting: initial targets healthy, slow starts over."""
    return replace(seen, warming=(), outlook=Outlook.HOPED)


def registered_hosts(pool: Pool, fleet: Fleet, view: PoolView) -> frozenset[HostId]:
    """Hosts with a target that is registered and not leaving, strangers included."""
    return frozenset(target.host for target in _targets(pool, fleet, view) if target.staying)


def remembering(fleet: Fleet, records: Mapping[HostId, HostRecord]) -> Fleet:
    """The fleet with every open record's registrations added: what each host must have to be whole again."""
    recorded = {
        record.host: frozenset(item.registration for item in record.registrations if not item.unresolvable)
        for record in records.values()
        if record.open
    }
    nothing: frozenset[Registration] = frozenset()
    whole = {
        host: fleet.registrations.get(host, nothing) | recorded.get(host, nothing)
        for host in dict.fromkeys([*fleet.registrations, *recorded])
    }
    return replace(fleet, registrations=whole)


def floor_of(pool: Pool, fleet: Fleet, expected: int, rules: GuardRules) -> tuple[int, str]:
    """The least number of hosts that must stay in service, never under 1, with the arithmetic as text."""
    wanted = rules.floor
    if wanted is not None and wanted.percent is not None:
        return max(1, wanted.rounded_up(expected)), f"{wanted} of {counted(expected, 'host')}"
    if wanted is not None and pool.id in fleet.own:
        return max(1, wanted.rounded_up(expected)), f"floor = {wanted}"
    borne = f" - {rules.borne} left out" if rules.borne else ""
    floor = expected - rules.max_unavailable - rules.borne
    least = ", but at least 1" if floor < 1 else ""
    return max(1, floor), f"{counted(expected, 'host')} - {rules.max_unavailable} may be out{borne}{least}"


def _targets(pool: Pool, fleet: Fleet, view: PoolView) -> tuple[Target, ...]:
    owners = _owners(pool, fleet)
    rows = {(row.registration.id, row.registration.port): row for row in view.rows}
    for registrations in fleet.registrations.values():
        for item in registrations:
            if item.pool == pool.id:
                rows.setdefault((item.id, item.port), TargetSeen(item, TargetState.GONE))
    return tuple(_target(row, owners, fleet) for row in rows.values())


def _target(row: TargetSeen, owners: Mapping[str, HostId], fleet: Fleet) -> Target:
    host = owners.get(row.registration.id, HostId(row.registration.id))
    known = known_host(fleet, host)
    zone = known.zone if known else row.registration.zone
    return Target(host, zone, row)


def _owners(pool: Pool, fleet: Fleet) -> dict[str, HostId]:
    """Target id → host. What was registered says most; else the instance id, or an address within the pool's VPC."""
    owners: dict[str, HostId] = {}
    for host in everyone(fleet):
        if pool.target_type is TargetType.INSTANCE:
            owners[host.id] = host.id
        elif pool.vpc is None or host.vpc in {None, pool.vpc}:
            owners.update(dict.fromkeys(filter(None, (*host.addresses, host.private_ip)), host.id))
    for id_, registrations in fleet.registrations.items():
        owners.update({item.id: id_ for item in registrations if item.pool == pool.id})
    return owners
