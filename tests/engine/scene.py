"""A scene: three hosts behind two pools, everything fake, one clock; and one way to roll it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from builders import NOW, RUN, a_fleet, a_pool, a_record, a_registration, hosts, lb_settings
from elbroll.core.guard import Consent, GuardRules
from elbroll.core.plan import PlannedHost, Request, RolloutPlan, make_plan
from elbroll.core.restoring import restore_plan
from elbroll.engine.book import HostBook
from elbroll.engine.context import Run
from elbroll.engine.crew import Inline, Threads
from elbroll.engine.fleet import Roll
from elbroll.engine.journal import Journal
from elbroll.engine.room import FleetRoom
from elbroll.engine.stop import Stop
from elbroll.engine.walker import Walker
from elbroll.model import BalancerKind, HostId, HostResult, Scaling, Step, TargetState, Why
from fake_groups import FakeGroups
from fakes import FakeBalancer, FakeChecks, FakeClock, FakeInventory, FakeLedger, FakeTransport, RecordingSink, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elbroll.model import Fleet, Host, HostRecord, Pool, RecordState, Registration

MAX_AGE = 0.0


@dataclass
class Scene:
    """`web-prod` and `api-prod`; web-2 also serves on a second port, web-3 only in web-prod."""

    settings: dict[str, Any] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    release: str | None = "v143"
    why: Why = Why.ROLL
    clock: FakeClock = field(default_factory=FakeClock)
    web: Pool = field(default_factory=lambda: a_pool("web-prod"))
    api: Pool = field(default_factory=lambda: a_pool("api-prod", port=9000))
    max_unavailable: int = 1
    size: int = 3
    give_up: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.history: list[tuple[object, ...]] = []
        self.sick: set[str] = set()
        self.hosts = hosts(self.size)
        first, second, third, *rest = self.hosts
        self.places: dict[HostId, set[Registration]] = {
            first.id: {a_registration(self.web, first), a_registration(self.api, first)},
            second.id: {a_registration(self.web, second), a_registration(self.web, second, 8081)},
            third.id: {a_registration(self.web, third), a_registration(self.api, third)},
            **{host.id: {a_registration(self.web, host)} for host in rest},
        }
        self.balancer = FakeBalancer(self.clock, self.history, self.well)
        for entries in self.places.values():
            for entry in entries:
                self.balancer.add(entry, long_ago=True)
        self.home = self.balancer.members()
        self.groups = FakeGroups(self.clock, self.history, self.balancer)
        self.inventory = FakeInventory({host.id: host for host in self.hosts})
        self.transport = FakeTransport(self.clock, self.history)
        self.checks = FakeChecks(self.history, self.well)
        self.ledger = FakeLedger(self.history)
        self.sink = RecordingSink()
        self.stop = Stop()
        self.begins: dict[HostId, Step] = {}

    def well(self, target: str) -> bool:
        """The app of the host behind a target id or address."""
        return not any(host.id in self.sick for host in self.hosts if target in {host.id, host.private_ip})

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
            groups=self.groups,
            inventory=self.inventory,
            transport=self.transport,
            checks=self.checks,
            lease=self.ledger.acquire((), None),  # type: ignore[arg-type]
            sink=self.sink,
            stop=self.stop,
            give_up=self.give_up,
        )

    def room(self, run: Run | None = None) -> FleetRoom:
        """What the walks of a run share."""
        run = run or self.run()
        rules = GuardRules(self.max_unavailable, run.settings.pace.floor)
        return FleetRoom(run, self.fleet(), self.ledger.records(), rules)

    def walker(self, host: Host, room: FleetRoom | None = None) -> Walker:
        """One host's walk, for a test of a single step; its record is the ledger's."""
        run = self.run()
        book = HostBook(host, self.ledger.kept.get(host.id), run)
        return Walker(run, room or self.room(run), host, book, Journal(host, self.sink, self.clock))

    def roll(self, kind: str = "deploy", plan: RolloutPlan | None = None) -> Mapping[HostId, HostResult]:
        run = self.run()
        roll = Roll(run, plan or self.plan(), self.room(run), self.ledger.records())
        match kind:
            case "deploy":
                return roll.deploy(Inline(), Inline())
            case "drain":
                return roll.drain(Inline())
            case _:
                return roll.restore(Inline())

    def roll_in_threads(self) -> Mapping[HostId, HostResult]:
        """Several hosts at once, each in a thread of its own."""
        run = self.run()
        roll = Roll(run, self.plan(), self.room(run), self.ledger.records())
        with Threads[Any](len(self.hosts)) as preparers, Threads[HostResult](self.max_unavailable) as walkers:
            return roll.deploy(preparers, walkers)

    def rerun(self) -> Mapping[HostId, HostResult]:
        """The next run, as the command line would do it: a plan from what is there now, which forbids nothing."""
        plan = self.made_plan()
        assert not plan.refusals, plan.refusals
        return self.roll(plan=plan)

    def restore(self) -> Mapping[HostId, HostResult]:
        """Everybody whose record allows it goes back."""
        named = tuple(host for host, record in self.ledger.kept.items() if record.open)
        plan = self.made_plan(named)
        return self.roll("restore", restore_plan(plan, self.fleet(), {host.id for host in self.hosts}))

    def made_plan(self, only: tuple[str, ...] = ()) -> RolloutPlan:
        asked = Request(self.why, self.release, only)
        views = {pool.id: self.balancer.look(pool, MAX_AGE) for pool in self.pools}
        return make_plan(self.fleet(), views, self.ledger.records(), asked, self.run().settings, NOW)

    def fleet(self) -> Fleet:
        fleet = a_fleet(self.pools, self.hosts, own=[self.web], registrations=self._seen())
        return replace(fleet, scaling=self.scaling())

    def scaling(self) -> Scaling:
        """What a survey reads of the groups."""
        members = self.groups.members([host.id for host in self.hosts])
        return Scaling(dict(self.groups.kept), members)

    def plan(self) -> RolloutPlan:
        planned = tuple(self.planned(host) for host in self.hosts)
        canary = self.settings.get("pace", {}).get("canary", 0)
        return RolloutPlan(
            lb="web-prod",
            kind=BalancerKind.ALB,
            why=self.why,
            release=self.release,
            pools=(),
            hosts=planned,
            skipped=(),
            refusals=(),
            warnings=(),
            max_unavailable=self.max_unavailable,
            total=len(self.hosts),
            in_service=len(self.hosts),
            floor=2,
            estimate=60.0,
            costliest=None,
            batches=len(self.hosts),
            canary=canary,
        )

    def put_record(self, host: Host, state: RecordState, **changes: Any) -> HostRecord:
        """As if an earlier run had left it; the host stays registered until `take_out`."""
        record = a_record(host, self.places[host.id], state, **changes)
        self.ledger.kept[host.id] = record
        return record

    def take_out(self, host: Host, entries: Iterable[Registration] | None = None) -> None:
        """Out of the balancers since long ago."""
        for entry in self.places[host.id] if entries is None else entries:
            self.balancer.targets[entry] = Target(0.0, leaves=0.0)

    def state(self, host: Host) -> str | None:
        record = self.ledger.kept.get(host.id)
        return str(record.state) if record else None

    def deeds(self, *kinds: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.history if entry[0] in kinds]

    def members_of(self, host: Host) -> set[Registration]:
        """Where the host is registered now."""
        return {entry for entry in self.balancer.members() if host.owns(entry)}

    def planned(self, host: Host) -> PlannedHost:
        record = self.ledger.kept.get(host.id)
        held = record if record is not None and record.open else None
        entries = frozenset(self._seen()[host.id]) | frozenset(
            item.registration for item in (held.registrations if held else ())
        )
        begin = self.begins.get(host.id, Step.DRAIN)
        before = held.release_before if held else "v142"
        return PlannedHost(host, entries, TargetState.HEALTHY, None, held, begin, before, self.release, 1, 60.0)

    def _seen(self) -> dict[HostId, set[Registration]]:
        return {host.id: self.members_of(host) for host in self.hosts}
