"""Auto Scaling groups over the fake balancer: they let hosts stand by and come back, each state a little late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from builders import a_registration
from elbroll.errors import ElbrollError, StandbyRefused, Unanswered
from elbroll.model import HostId, Lifecycle, Member, ScalingGroup
from fakes import AnswerLost, Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from elbroll.model import Host, Pool
    from fakes import FakeBalancer, FakeClock

WORDS = {
    Lifecycle.IN_SERVICE: "InService",
    Lifecycle.ENTERING: "EnteringStandby",
    Lifecycle.STANDBY: "Standby",
    Lifecycle.COMING: "Pending",
    Lifecycle.LEAVING: "Terminating:Wait",
    Lifecycle.UNKNOWN: "Quarantined",
}
ON_THE_WAY = {Lifecycle.STANDBY: Lifecycle.ENTERING, Lifecycle.IN_SERVICE: Lifecycle.COMING}


class CrashAfter(Crash):
    """The process dies once the deed has taken effect."""


@dataclass
class Place:
    """Where a host stands in its group; `until` then it is shown to be on its way there."""

    host: Host
    group: str
    lifecycle: Lifecycle = Lifecycle.IN_SERVICE
    until: float = float("-inf")


@dataclass
class FakeGroups:
    """No groups, until `around` makes one."""

    clock: FakeClock
    history: list[tuple[object, ...]]
    balancer: FakeBalancer
    kept: dict[str, ScalingGroup] = field(default_factory=dict)
    places: dict[HostId, Place] = field(default_factory=dict)
    pools: dict[str, tuple[Pool, ...]] = field(default_factory=dict)
    faults: list[BaseException | None] = field(default_factory=list)
    """Raised by the next deeds, in order; None lets one pass; AnswerLost and CrashAfter let it take effect."""
    lag: float = 5.0
    stuck: bool = False
    """Takes every word and follows none of them."""
    denied: ElbrollError | None = None
    """Raised by every read."""
    silent_until: float = 0.0
    registers: bool = True
    """Not while AddToLoadBalancer is suspended."""
    reads: int = 0
    on_deed: Callable[[str, HostId], None] = lambda _name, _host: None
    """Called before a deed takes effect."""

    def around(self, name: str, hosts: Collection[Host], pools: tuple[Pool, ...], **changes: object) -> None:
        """A group of these hosts, attached to these pools, of which one host may stand by at a time."""
        made = ScalingGroup(
            name, len(hosts) - 1, len(hosts), len(hosts), pools=frozenset(pool.id for pool in pools),
            hosts=frozenset(host.id for host in hosts),
        )  # fmt: skip
        self.kept[name] = replace(made, **changes)  # type: ignore[arg-type]
        self.pools[name] = pools
        self.places |= {host.id: Place(host, name) for host in hosts}

    def members(self, hosts: Collection[HostId]) -> Mapping[HostId, Member]:
        self.reads += 1
        self._readable()
        return {host: self._member(self.places[host]) for host in hosts if host in self.places}

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        self._readable()
        return {name: self.kept[name] for name in names if name in self.kept}

    def enter_standby(self, group: str, host: HostId) -> None:
        self._deed("enter", group, host, Lifecycle.IN_SERVICE, Lifecycle.STANDBY)

    def exit_standby(self, group: str, host: HostId) -> None:
        self._deed("exit", group, host, Lifecycle.STANDBY, Lifecycle.IN_SERVICE)

    def lifecycle(self, host: Host) -> Lifecycle:
        """As it is shown now."""
        return self._member(self.places[host.id]).lifecycle

    def put(self, host: Host, lifecycle: Lifecycle) -> None:
        """As if it had been there for long; the balancer is not told."""
        place = self.places[host.id]
        before, after = (place.lifecycle is Lifecycle.STANDBY, lifecycle is Lifecycle.STANDBY)
        self.places[host.id] = replace(place, lifecycle=lifecycle, until=float("-inf"))
        self._want(place.group, before - after)

    def _readable(self) -> None:
        if self.denied is not None:
            raise self.denied
        if self.clock.time < self.silent_until:
            raise Unanswered("throttled")

    def _member(self, place: Place) -> Member:
        moving = self.clock.time < place.until
        shown = ON_THE_WAY.get(place.lifecycle, place.lifecycle) if moving else place.lifecycle
        return Member(place.host.id, place.group, shown, WORDS[shown])

    def _deed(self, name: str, group: str, host: HostId, wanted: Lifecycle, to: Lifecycle) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not isinstance(fault, (AnswerLost, CrashAfter)):
            raise fault
        self.on_deed(name, host)
        self.history.append((name, host))
        self._refuse(group, host, wanted)
        if not self.stuck:
            self._move(host, to)
        if fault is not None:
            raise fault

    def _refuse(self, group: str, host: HostId, wanted: Lifecycle) -> None:
        place, sizes = self.places.get(host), self.kept[group]
        if place is None or place.group != group:
            raise StandbyRefused(f"{host} is not part of {group}")
        shown = self._member(place).lifecycle
        if shown in {Lifecycle.ENTERING, Lifecycle.COMING}:
            raise Unanswered("busy")
        if shown is not wanted:
            raise StandbyRefused(f"{host} is not in {wanted}")
        if wanted is Lifecycle.IN_SERVICE and sizes.desired - 1 < sizes.min_size:
            raise StandbyRefused(f"{group} has min-size={sizes.min_size}")
        if wanted is Lifecycle.STANDBY and "Launch" in sizes.suspended:
            raise StandbyRefused("Launch is suspended")

    def _move(self, host: HostId, to: Lifecycle) -> None:
        place = self.places[host]
        self.places[host] = replace(place, lifecycle=to, until=self.clock.time + self.lag)
        self._want(place.group, 1 if to is Lifecycle.IN_SERVICE else -1)
        joins = to is Lifecycle.IN_SERVICE
        for pool in self.pools[place.group] if self.registers or not joins else ():
            self.balancer.moved_by_group(pool, a_registration(pool, place.host), joins=joins)

    def _want(self, group: str, more: int) -> None:
        self.kept[group] = replace(self.kept[group], desired=self.kept[group].desired + more)
