"""A whole roll in one thread and virtual time: all of elbroll but the command line, over a lifelike AWS.

Only hosts and apps are fake. Runs are made as the command line makes them: look, plan, lock, look again, walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from balancers.site import Site
from builders import NOW, lb_settings
from elbroll.balancers import AwsBalancer, AwsDirectory, AwsGroups
from elbroll.core.ending import exit_code_of, results_of
from elbroll.core.guard import Consent, GuardRules
from elbroll.core.plan import Request, make_plan
from elbroll.core.standing import Standing, apply
from elbroll.demo.lifelike import ClassicSettings, GroupSettings, World
from elbroll.engine.context import Run
from elbroll.engine.crew import Inline
from elbroll.engine.fleet import Roll
from elbroll.engine.room import FleetRoom
from elbroll.engine.stop import Stop
from elbroll.engine.survey import Eyes, survey_lb
from elbroll.errors import ElbrollError, ExitCode
from elbroll.events import PlanMade, RunStarted, Told
from elbroll.inventory import Ec2Inventory
from elbroll.ledger import KeptLedger, Manner
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.model import Holder, HostId, Outcome, Registration, RunId, Why
from fakes import FakeChecks, FakeTransport
from ledger.things import StillBeats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.aws import Clients
    from elbroll.demo.lifelike import InProcess
    from elbroll.events import Event
    from elbroll.model import HostResult, Pool

QUICK = GroupSettings(interval=5, timeout=2, healthy=2)
SETTINGS = {"deploy": {"commands": "deploy it", "timeout": "5m"}, "verify": {"timeout": "30s"}}


class Hands:
    """The world's clock, as fakes of hosts want it."""

    def __init__(self, aws: InProcess) -> None:
        self._clock = aws.clock
        self.monotonic, self.sleep = self._clock.monotonic, self._clock.sleep

    @property
    def time(self) -> float:
        return self._clock.monotonic()


class Teller:
    """Adds up what is told."""

    def __init__(self) -> None:
        self.standing = Standing()
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)
        told = Told(len(self.events), NOW, 0.0, RunId("7f3a9c"), "web", event)
        self.standing = apply(self.standing, told)


@dataclass(frozen=True)
class Ended:
    """How a run ended, as the process and its user are told."""

    code: ExitCode
    said: str
    """Every error in full: what, why, now, fix."""
    results: Mapping[HostId, HostResult]
    warnings: tuple[str, ...] = ()

    @property
    def outcomes(self) -> list[Outcome]:
        return [result.outcome for result in self.results.values()]


class Whole:
    """`hosts` hosts in two groups of one ALB and in a classic balancer, two pools each, and runs over them."""

    def __init__(self, aws: InProcess, clients: Clients, hosts: int = 2, pools: tuple[str, ...] = ("http",)) -> None:
        self.aws, self.clients = aws, clients
        self.site = Site(aws, World(aws.client), clients)
        groups = {f"web-{name}": 8080 + number for number, name in enumerate(pools)}
        self.groups = self.site.alb("web", QUICK, **groups)
        self.site.world.a_classic("old", self.site.vpc, ClassicSettings(interval=5, timeout=2, healthy=2))
        self.classic = self.site.directory.find("old", ())[0]
        self.hosts = [self.site.launch(f"web-{number}") for number in range(1, hosts + 1)]
        for number, pool in enumerate(self.groups):
            self.site.register(pool, *(Registration(pool.id, host, 8080 + number) for host in self.hosts))
        self.site.register(self.classic, *(Registration(self.classic.id, host, None) for host in self.hosts))
        self.home = self.members()
        self.began = len(aws.timeline.calls())
        self._runs = count(1)

    @property
    def pools(self) -> tuple[Pool, ...]:
        return (*self.groups, self.classic)

    def members(self) -> dict[str, set[tuple[str, int | None]]]:
        """Who is registered where, asked behind elbroll's back."""
        balancer = AwsBalancer(self.clients, self.aws.clock)
        gone = {"gone", "draining"}
        return {
            pool.name: {
                (row.registration.id, row.registration.port)
                for row in balancer.look(pool, 0.0).rows
                if str(row.state) not in gone
            }
            for pool in self.pools
        }

    def records(self) -> dict[HostId, str]:
        return {host: str(record.state) for host, record in self._ledger().records().items()}

    def recorded(self) -> dict[str, set[tuple[str, int | None]]]:
        """What open records say was taken out."""
        found: dict[str, set[tuple[str, int | None]]] = {pool.name: set() for pool in self.pools}
        names = {pool.id: pool.name for pool in self.pools}
        for record in self._ledger().records().values():
            for item in record.registrations if record.open else ():
                entry = item.registration
                found[names[entry.pool]].add((entry.id, entry.port))
        return found

    def free(self) -> bool:
        return not self._ledger().locks()

    def unlock(self) -> None:
        """What a run left that could not give back its locks."""
        ledger = self._ledger()
        for lock in ledger.locks().values():
            if lock.holder is not None:
                ledger.unlock([lock.pool], lock.holder.run)

    def calls(self) -> list[str]:
        """The actions of all calls since the world was made."""
        return [call.action for call in self.aws.timeline.calls()[self.began :]]

    def deploy(self, release: str = "v2", **settings: Any) -> Ended:
        """One run, from the first look to the last word."""
        teller = Teller()
        try:
            run, roll = self._begun(teller, release, lb_settings(**{**SETTINGS, **settings}))
        except ElbrollError as error:
            return Ended(error.exit_code, told(error), {})
        failed: BaseException | None = None
        try:
            roll.deploy(Inline(), Inline())
        except ElbrollError as error:
            failed = error
        run.lease.release()
        return self._ended(teller, failed)

    def _begun(self, teller: Teller, release: str, settings: Any) -> tuple[Run, Roll]:
        self.clients.identity()
        eyes = self._eyes()
        survey = survey_lb("web", settings, eyes)
        name = RunId(f"{next(self._runs):06x}")
        holder = Holder(name, "ci", "runner", 1, "deploy", self.aws.clock.now())
        lease = eyes.ledger.acquire(survey.fleet.pools, holder)
        survey = survey_lb("web", settings, eyes)
        plan = make_plan(
            survey.fleet, survey.views, survey.records, Request(Why.ROLL, release), settings, self.aws.clock.now()
        )
        assert not plan.refusals, plan.refusals
        teller.tell(RunStarted("deploy", holder, None, None, release))
        teller.tell(PlanMade(plan))
        run = self._run(name, release, settings, eyes, lease, teller)
        lease.seal(record for record in survey.records.values() if record.open)
        rules = GuardRules(plan.max_unavailable, settings.pace.floor)
        return run, Roll(run, plan, FleetRoom(run, survey.fleet, survey.records, rules), survey.records)

    def _run(self, name: RunId, release: str, settings: Any, eyes: Eyes, lease: Any, teller: Teller) -> Run:
        hands: Any = Hands(self.aws)
        return Run(
            id=name,
            lb="web",
            why=Why.ROLL,
            release=release,
            settings=settings,
            secrets={},
            consent=Consent(),
            clock=self.aws.clock,
            balancer=eyes.balancer,
            inventory=eyes.inventory,
            groups=eyes.groups,
            transport=FakeTransport(hands, []),
            checks=FakeChecks([], lambda _: True),
            lease=lease,
            sink=teller,
            stop=Stop(),
        )

    def _eyes(self) -> Eyes:
        clock = self.aws.clock
        return Eyes(
            directory=AwsDirectory(self.clients, clock),
            inventory=Ec2Inventory(self.clients, clock),
            balancer=AwsBalancer(self.clients, clock),
            ledger=self._ledger(),
            clock=clock,
            groups=AwsGroups(self.clients),
        )

    def _ledger(self) -> KeptLedger:
        manner = Manner(beats=StillBeats)
        return KeptLedger(SsmStore(self.clients.ssm, self.aws.clock), self.aws.clock, manner)

    def _ended(self, teller: Teller, failed: BaseException | None) -> Ended:
        failures = [result.failure for result in teller.standing.results.values() if result.failure]
        lines = [line for failure in failures for line in (failure.message, *failure.why, *failure.fix)]
        said = [told(failed)] if isinstance(failed, ElbrollError) else []
        return Ended(
            exit_code_of(teller.standing, failed),
            "\n".join([*said, *lines]),
            results_of(teller.standing),
            tuple(warned.message for warned in teller.standing.warnings),
        )


def told(error: ElbrollError) -> str:
    """As the end of a command tells it."""
    return "\n".join(filter(None, [error.message, *error.why, error.now, *error.fix]))
