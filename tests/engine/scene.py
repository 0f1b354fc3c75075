"""A scene: three hosts behind two pools, everything fake, one clock; and one way to roll it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builders import RUN, a_fleet, a_pool, a_registration, hosts, lb_settings
from elbroll.core.guard import Consent, GuardRules
from elbroll.core.plan import PlannedHost, RolloutPlan
from elbroll.engine.context import Run
from elbroll.engine.crew import Inline
from elbroll.engine.fleet import Roll
from elbroll.engine.room import FleetRoom
from elbroll.engine.stop import Stop
from elbroll.model import BalancerKind, HostId, HostResult, Step, TargetState, Why
from fakes import FakeBalancer, FakeChecks, FakeClock, FakeInventory, FakeLedger, FakeTransport, RecordingSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model import Host, Pool, Registration


@dataclass
class Scene:
    """`web-prod` and `api-prod`; web-2 also serves on a second port, web-3 only in web-prod."""

    settings: dict[str, Any] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    release: str = "v143"
    why: Why = Why.ROLL

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.history: list[tuple[object, ...]] = []
        self.sick: set[str] = set()
        self.web, self.api = a_pool("web-prod"), a_pool("api-prod", port=9000)
        self.hosts = hosts(3)
        first, second, third = self.hosts
        self.places = {
            first.id: {a_registration(self.web, first), a_registration(self.api, first)},
            second.id: {a_registration(self.web, second), a_registration(self.web, second, 8081)},
            third.id: {a_registration(self.web, third), a_registration(self.api, third)},
        }
        self.balancer = FakeBalancer(self.clock, self.history, self.well)
        for entries in self.places.values():
            for entry in entries:
                self.balancer.add(entry, long_ago=True)
        self.home = self.balancer.members()
        self.inventory = FakeInventory({host.id: host for host in self.hosts})
        self.transport = FakeTransport(self.clock, self.history)
        self.checks = FakeChecks(self.history, self.well)
        self.ledger = FakeLedger(self.history)
        self.sink = RecordingSink()
        self.stop = Stop()
        self.begins: dict[HostId, Step] = {}

    def well(self, host: str) -> bool:
        return host not in self.sick

    @property
    def pools(self) -> tuple[Pool, ...]:
        return (self.web, self.api)

    def run(self) -> Run:
        deploy = {"commands": "deploy it", **self.settings.get("deploy", {})}
        return Run(
            id=RUN,
            lb="web-prod",
            why=self.why,
            release=self.release,
            settings=lb_settings(**{**self.settings, "deploy": deploy}),
            secrets={},
            consent=self.consent,
            clock=self.clock,
            balancer=self.balancer,
            inventory=self.inventory,
            transport=self.transport,
            checks=self.checks,
            lease=self.ledger.acquire((), None),  # type: ignore[arg-type]
            sink=self.sink,
            stop=self.stop,
        )

    def roll(self, kind: str = "deploy") -> Mapping[HostId, HostResult]:
        run = self.run()
        plan = self.plan()
        records = self.ledger.records()
        fleet = a_fleet(self.pools, self.hosts, own=[self.web], registrations=self._seen())
        room = FleetRoom(run, fleet, records, GuardRules(plan.max_unavailable))
        roll = Roll(run, plan, room, records)
        match kind:
            case "deploy":
                return roll.deploy(Inline(), Inline())
            case "drain":
                return roll.drain(Inline())
            case _:
                return roll.restore(Inline())

    def plan(self) -> RolloutPlan:
        planned = tuple(self._planned(host) for host in self.hosts)
        return RolloutPlan(
            "web-prod", BalancerKind.ALB, self.why, self.release, (), planned, (), (), (), 1, 3, 3, 2, 60.0, None, 3
        )

    def state(self, host: Host) -> str | None:
        record = self.ledger.kept.get(host.id)
        return str(record.state) if record else None

    def deeds(self, *kinds: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.history if entry[0] in kinds]

    def _seen(self) -> dict[HostId, set[Registration]]:
        members = self.balancer.members()
        return {host.id: {entry for entry in members if entry.id == host.id} for host in self.hosts}

    def _planned(self, host: Host) -> PlannedHost:
        record = self.ledger.kept.get(host.id)
        held = record if record is not None and record.open else None
        entries = frozenset(self._seen()[host.id]) | frozenset(
            item.registration for item in (held.registrations if held else ())
        )
        begin = self.begins.get(host.id, Step.DRAIN)
        before = held.release_before if held else "v142"
        return PlannedHost(host, entries, TargetState.HEALTHY, None, held, begin, before, self.release, 1, 60.0)
