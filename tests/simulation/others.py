"""Whole commands in the simulated world, as the command line does them; and those who come in between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from builders import lb_settings
from elbroll import events
from elbroll.core.guard import Consent, GuardRules
from elbroll.core.plan import Request, RolloutPlan, make_plan
from elbroll.core.restoring import left_out, left_result, restore_plan, to_be_buried
from elbroll.core.standing import exit_code_of
from elbroll.engine.context import Run
from elbroll.engine.crew import Inline
from elbroll.engine.fleet import Roll
from elbroll.engine.room import FleetRoom
from elbroll.engine.survey import Eyes, Survey, survey_lb
from elbroll.engine.vigil import Awakening, Vigil, WakefulLease
from elbroll.errors import ElbrollError, ExitCode
from elbroll.model import Holder, RunId, Why
from fakes import DAWN, Crash
from simulation.process import Process
from simulation.troubles import BY_OTHERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.config.schema import LbSettings
    from elbroll.engine.ports import Lease
    from simulation.judge import Judge
    from simulation.troubles import Trouble
    from simulation.world import World

WHY = {"deploy": Why.ROLL, "drain": Why.DRAIN, "restore": Why.ROLL}


@dataclass(frozen=True)
class Wish:
    """What somebody asks elbroll to do."""

    command: str = "deploy"
    release: str | None = "A"
    only: tuple[str, ...] = ()
    give_up: frozenset[str] = frozenset()
    rollback: bool = False
    yes: bool = False
    """`--yes`: consent to whatever the plan refuses and consent may waive."""


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` None: it died."""

    run: RunId
    code: ExitCode | None
    plan: RolloutPlan | None = None
    touched: bool = False


@cache
def settings_for(max_failures: int, *, rollback: bool) -> LbSettings:
    """`[lb.web-prod]`: quick, as nobody waits for virtual seconds."""
    deploy: dict[str, Any] = {"commands": "deploy", **({"rollback": "back"} if rollback else {})}
    return lb_settings(
        deploy=deploy,
        drain={"settle": "2s"},
        verify={"timeout": "20s"},
        pace={"max_failures": max_failures},
        asg={"mode": "standby"},
    )


class Others:
    """Everybody who runs commands in a world: one after the other, and one within the other."""

    def __init__(self, world: World, judge: Judge, max_failures: int = 0) -> None:
        self.world = world
        self.judge = judge
        self.max_failures = max_failures
        self._numbers = count(1)

    def invoke(self, wish: Wish, planned: Sequence[Trouble] = ()) -> Ended:
        """One command from its first look to its exit code."""
        process = Process(self.world, self.judge, RunId(f"run{next(self._numbers):03d}"), planned)
        process.others = self
        self.world.count["runs"] += 1
        type(self.world).simulated += 1
        return Invocation(process, wish, self.max_failures).perform()

    def unlock(self) -> None:
        """By hand: whoever holds a lock loses it."""
        process = Process(self.world, self.judge, RunId(f"hand{next(self._numbers):03d}"))
        process.others = self
        try:
            for pool, seen in process.ledger.locks().items():
                if seen.holder is not None:
                    process.ledger.unlock([pool], seen.holder.run)
        except ElbrollError:
            pass  # the store is down for them too

    def rival(self) -> Ended:
        """Another run that has not noticed the first."""
        return self.invoke(Wish(release="B"))

    def take_over(self, which: int) -> Ended:
        """The locks are broken, and another run goes on from there."""
        self.unlock()
        wishes = (Wish(release="B"), Wish("restore", None), Wish("drain", None, ("web-2",)), Wish(release="A"))
        return self.invoke(wishes[which])


class Invocation:
    """One command, as `cli/undertaking.py` does it: look, plan, lock, look again, seal, roll, free."""

    def __init__(self, process: Process, wish: Wish, max_failures: int) -> None:
        self._process = process
        self._wish = wish
        self._settings = settings_for(max_failures, rollback=wish.rollback)
        self._consent = Consent(below_floor=wish.yes, last_healthy=wish.yes)
        self._plan: RolloutPlan | None = None
        process.judge.of(process).consented = wish.yes

    def perform(self) -> Ended:
        """See `Others.invoke`."""
        lease: Lease | None = None
        code: ExitCode | None
        try:
            lease = self._lease()
            code = self._under(lease) if lease is not None else self._nothing()
        except Crash:
            return self._ended(None)
        except ElbrollError as error:
            code = exit_code_of(self._process.sink.standing, error)
        if lease is not None:
            try:
                lease.release()
            except Crash:
                return self._ended(None)
        return self._ended(code)

    def _ended(self, code: ExitCode | None) -> Ended:
        process = self._process
        process.dead = True
        if code is ExitCode.OK and self._rolled() and not process.struck & BY_OTHERS:
            process.judge.on_success(process, str(self._wish.release))
        return Ended(process.run, code, self._plan, process.sink.standing.touched)

    def _rolled(self) -> bool:
        return self._wish.command == "deploy" and self._process.judge.of(self._process).planned != frozenset()

    def _lease(self) -> Lease | None:
        """Raises Locked, and what the ports raise; None: nothing to do, or refused."""
        survey = self._look()
        plan = self._planned(survey)
        if plan.refusals or not (plan.hosts or self._buries(survey)):
            self._plan = plan
            return None
        pools = set(survey.fleet.pools)
        for record in survey.records.values():
            pools |= {item.registration.pool for item in record.registrations if record.open}
        return self._process.ledger.acquire(pools, self._holder())

    def _under(self, lease: Lease) -> ExitCode:
        survey = self._look()
        self._plan = plan = self._planned(survey)
        if plan.refusals or not (plan.hosts or self._buries(survey)):
            return self._nothing()
        self._began(plan)
        lease = self._wakeful(survey, lease)
        run = self._run(lease)
        lease.seal(record for record in survey.records.values() if record.open)
        rules = GuardRules(plan.max_unavailable, self._settings.pace.floor)
        roll = Roll(run, plan, FleetRoom(run, survey.fleet, survey.records, rules), survey.records)
        match self._wish.command:
            case "deploy":
                roll.deploy(Inline(), Inline())
            case "drain":
                roll.drain(Inline())
            case _:
                roll.restore(Inline())
        return exit_code_of(self._process.sink.standing)

    def _buries(self, survey: Survey) -> bool:
        return self._restores and bool(to_be_buried(survey.fleet, survey.records.values()))

    def _wakeful(self, survey: Survey, lease: Lease) -> Lease:
        """As `cli/waking.py` does it."""
        process = self._process
        vigil = Vigil(process.clock)
        process.ticks = vigil.tick
        awakening = Awakening(
            hosts=tuple(survey.fleet.hosts.values()),
            transport=process.transport,
            prove=process.identity,
            clock=process.clock,
            sink=process.sink,
            stop=process.stop,
        )
        return WakefulLease(lease, vigil, awakening)

    def _nothing(self) -> ExitCode:
        plan = self._plan
        bad = plan is not None and (plan.refusals or (plan.in_service < plan.floor and not self._restores))
        return ExitCode.REFUSED if bad else ExitCode.OK

    @property
    def _restores(self) -> bool:
        return self._wish.command == "restore"

    def _look(self) -> Survey:
        process = self._process
        eyes = Eyes(
            directory=process.directory,
            inventory=process.inventory,
            balancer=process.balancer,
            ledger=process.ledger,
            clock=process.clock,
            groups=process.groups,
        )
        return survey_lb("web-prod", self._settings, eyes)

    def _planned(self, survey: Survey) -> RolloutPlan:
        wish = self._wish
        only = wish.only
        if self._restores and not only:
            only = tuple(host for host, record in survey.records.items() if record.open)
        asked = Request(WHY[wish.command], wish.release, only)
        now = self._process.clock.now()
        plan = make_plan(survey.fleet, survey.views, survey.records, asked, self._settings, now, consent=self._consent)
        if not self._restores:
            return plan
        self._untouched = tuple((each, left_result(each, "web-prod", plan)) for each in left_out(plan, wish.give_up))
        wanted = {each.host.id for each in plan.hosts} if only else set()
        return restore_plan(plan, survey.fleet, wanted, wish.give_up)

    def _began(self, plan: RolloutPlan) -> None:
        sink = self._process.sink
        sink.tell(events.RunStarted(self._wish.command, self._holder(), "1", "us-east-1", self._wish.release, None))
        sink.tell(events.PlanMade(plan))
        for each, result in self._untouched if self._restores else ():
            sink.tell(events.HostFinished(each.host, result))

    def _holder(self) -> Holder:
        return Holder(self._process.run, "ops", "laptop", 1, self._wish.command, DAWN)

    def _run(self, lease: Lease) -> Run:
        process, wish = self._process, self._wish
        return Run(
            id=process.run,
            lb="web-prod",
            why=WHY[wish.command],
            release=wish.release,
            settings=self._settings,
            secrets={},
            consent=self._consent,
            clock=process.clock,
            balancer=process.balancer,
            groups=process.groups,
            inventory=process.inventory,
            transport=process.transport,
            checks=process.checks,
            lease=lease,
            sink=process.sink,
            stop=process.stop,
            give_up=wish.give_up,
        )
