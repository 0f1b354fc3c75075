"""One run from the first look to the last line: plan, consent, lock, walk, and the truth at the end."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.cli.asking import ask_or_refuse
from elbroll.cli.holder import holder, new_run
from elbroll.cli.hooking import ask_gate
from elbroll.cli.locking import LockWait
from elbroll.cli.newcomers import tell_newcomers
from elbroll.cli.planning import hold_to
from elbroll.cli.secrets import cautions
from elbroll.cli.signals import Ear
from elbroll.cli.tasks import WHY, fleet_name, plan_for
from elbroll.cli.telling import Telling
from elbroll.cli.waking import wakeful
from elbroll.cli.wishes import words
from elbroll.core.credentials import warned
from elbroll.core.guard import Consent, GuardRules
from elbroll.core.restoring import left_out, left_result, restore_plan, to_be_buried
from elbroll.engine.context import Run
from elbroll.engine.crew import Inline, Threads
from elbroll.engine.fleet import Roll
from elbroll.engine.hurry import HurriedBalancer, HurriedGroups, HurriedInventory, Hurry
from elbroll.engine.room import FleetRoom
from elbroll.errors import ElbrollError, ExitCode, Refused, UsageError
from elbroll.model import HostResult
from elbroll.outputs.phrases import skips

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import PlannedHost, RolloutPlan
    from elbroll.engine.ports import Lease
    from elbroll.engine.survey import Survey
    from elbroll.model import PoolId

LOGINS = 10
"""Hosts that are prepared side by side (T-4)."""


class Undertaking:
    """A run that may change things."""

    def __init__(self, session: Session, task: Task, wishes: Mapping[str, object], *, lock_wait: float = 0.0) -> None:
        if session.flags.as_json and wishes.get("events") == "-":
            raise UsageError("--json and --events - both want stdout", fix=("--events FILE",))
        self._session = session
        self._task = task
        self._wishes = wishes
        self._lock_wait = LockWait(lock_wait)
        self._consent = Consent()
        self._given_up = frozenset(words(wishes.get("give_up")))
        self._untouchable: tuple[PlannedHost, ...] = ()
        self._id = new_run()
        self._holder = holder(self._id, task.command, session.clock.now(), os.environ)

    def perform(self) -> ExitCode:
        """Do it, tell it, and answer the exit code. Raises ElbrollError only before anything was changed."""
        with Ear(self._session.stop) as ear:
            survey, plan = self._first_look(ear)
            self._task = replace(self._task, lb=fleet_name(self._session, self._task, survey))
            self._agree(plan)
            self._hold_to_saved(plan)
            if plan.hosts or self._has_to_bury(survey):
                return self._under_lock(ear, survey, plan)
            self._refuse_dead_lock(ear, survey)
            return self._nothing_to_do(plan)

    def _under_lock(self, ear: Ear, survey: Survey, plan: RolloutPlan) -> ExitCode:
        with ExitStack() as stack:
            stack.callback(self._session.close)
            with ear.before_all():
                lease = self._lock_wait.acquire(self._session, _pools(survey), self._holder)
            stack.callback(lease.release)
            survey, plan = self._again(survey, plan)
            if not plan.hosts and not self._has_to_bury(survey):  # the run that we waited for has done it all
                return self._nothing_to_do(plan)
            with ear.before_all():
                ask_gate(self._session, self._task, self._id, plan)
            telling = Telling(self._session, self._task, self._holder, self._wishes)
            return self._told(telling, ear, lease, survey, plan)

    def _has_to_bury(self, survey: Survey) -> bool:
        return self._task.command == "restore" and bool(to_be_buried(survey.fleet, survey.records.values()))

    def _first_look(self, ear: Ear) -> tuple[Survey, RolloutPlan]:
        """Raises Locked rather than refuse over what another run has out at the moment (F-7)."""
        survey = self._task.look()
        plan = self._plan(survey)
        if plan.refusals and self._meets_lock(ear, survey):
            survey = self._task.look()
            plan = self._plan(survey)
        return survey, plan

    def _refuse_dead_lock(self, ear: Ear, survey: Survey) -> None:
        """A deploy that finds all done by a run that died before it freed its locks says how to free them (I-4)."""
        if self._task.command == "deploy":
            self._meets_lock(ear, survey)

    def _meets_lock(self, ear: Ear, survey: Survey) -> bool:
        """Whether another run held a pool and is over by now. Raises Locked while it is not."""
        if not self._session.ledger.locks().keys() & _pools(survey):
            return False
        with ear.before_all():
            self._lock_wait.acquire(self._session, _pools(survey), self._holder).release()
        return True

    def _plan(self, survey: Survey) -> RolloutPlan:
        plan = plan_for(self._task, survey, self._session.clock.now(), self._consent)
        if self._task.command == "restore":
            self._untouchable = left_out(plan, self._given_up)
            return restore_plan(plan, survey.fleet, {each.host.id for each in plan.hosts}, self._given_up)
        return plan

    def _agree(self, plan: RolloutPlan) -> None:
        """Refusals end it, unless they may be waived and the operator does. Raises Refused, Declined."""
        if plan.refusals:
            self._consent = ask_or_refuse(plan, self._session.flags)

    def _hold_to_saved(self, plan: RolloutPlan) -> None:
        """`deploy --plan`: only what was looked at beforehand. Raises Refused."""
        saved = self._wishes.get("plan")
        if isinstance(saved, Path):
            hold_to(saved, plan, self._session)

    def _again(self, survey: Survey, plan: RolloutPlan) -> tuple[Survey, RolloutPlan]:
        """What was seen before the lock may have changed since. Raises Refused."""
        fresh = self._task.look()
        if fresh.same_as(survey):
            return fresh, plan
        if not fresh.fleet.pools.keys() <= survey.fleet.pools.keys():
            raise Refused("the fleet has changed while it was looked at", fix=("run the same command again",))
        again = self._plan(fresh)
        self._agree(again)
        self._hold_to_saved(again)
        return fresh, again

    def _nothing_to_do(self, plan: RolloutPlan) -> ExitCode:
        """A success, unless too little is in service for a pipeline to be told that all is well. Raises Refused."""
        if plan.in_service < plan.floor and self._task.command != "restore":
            raise Refused(
                f"no host of {plan.lb} is to be walked, and {plan.in_service} of {plan.total} are in service",
                why=(f"the floor is {plan.floor}", *skips(plan)),
                now="nothing was changed",
                fix=(f"elbroll status --lb {plan.lb}     who is out, and why",),
                code="nothing-selected",
            )
        return Telling.nothing_to_do(self._session, self._task, plan)

    def _told(self, telling: Telling, ear: Ear, lease: Lease, survey: Survey, plan: RolloutPlan) -> ExitCode:
        error: BaseException | None = None
        with telling:
            telling.frees(lease.release)
            ear.tell(telling.heard_signal)
            telling.began(warned(plan, self._session.clients.validity(), self._session.clock.now()))
            try:
                with wakeful(self._session, survey, lease, telling) as ours:
                    self._walk(telling, ours, survey, plan)
            except ElbrollError as failed:
                error = failed
            except Exception as bug:
                error = bug
            telling.freed(lease.release)
            code = telling.ended(error)
            self._session.close()  # while signals still bound how long it may take
            return code

    def _walk(self, telling: Telling, lease: Lease, survey: Survey, plan: RolloutPlan) -> None:
        run = self._run(telling, lease, survey)
        for each in self._untouchable:
            telling.tell(events.HostFinished(each.host, left_result(each, self._task.lb, plan)))
        for text in cautions(self._session.loaded, self._task.settings):
            telling.tell(events.Warned("readable-by-others", text))
        lease.seal(record for record in survey.records.values() if record.open)
        pace = self._task.settings.pace
        rules = GuardRules(plan.max_unavailable, pace.floor, 0)
        roll = Roll(run, plan, FleetRoom(run, survey.fleet, survey.records, rules), survey.records)
        self._roll(roll, plan)
        tell_newcomers(self._session, self._task, telling, survey)

    def _roll(self, roll: Roll, plan: RolloutPlan) -> None:
        walkers: Inline[HostResult] | Threads[HostResult]
        with ExitStack() as stack:
            walkers = stack.enter_context(Threads[HostResult](max(1, plan.max_unavailable)))
            match self._task.command:
                case "drain":
                    roll.drain(walkers)
                case "restore":
                    roll.restore(walkers)
                case _:
                    roll.deploy(stack.enter_context(Threads(min(LOGINS, len(plan.hosts)))), walkers)

    def _run(self, telling: Telling, lease: Lease, survey: Survey) -> Run:
        session, task = self._session, self._task
        hurry = Hurry(session.stop, session.clock)
        return Run(
            id=self._id,
            lb=task.lb,
            why=WHY[task.command],
            release=task.request.release,
            settings=task.settings,
            secrets=telling.secrets,
            consent=self._consent,
            clock=session.clock,
            balancer=HurriedBalancer(session.eyes.balancer, hurry),
            groups=HurriedGroups(session.eyes.groups, hurry),
            inventory=HurriedInventory(session.eyes.inventory, hurry),
            transport=session.transport,
            checks=session.checks(survey.fleet.pools, task.settings.verify, telling.mask),
            lease=lease,
            validity=session.clients.validity,
            sink=telling,
            stop=session.stop,
            reason=task.reason,
            until=task.until,
            give_up=self._given_up,
        )


def _pools(survey: Survey) -> frozenset[PoolId]:
    """Every pool whose lock the run needs: those that exist, and those that only an open record still names.

    Not those with which the fleet has nothing to do: a lock would vouch for them ever after (S-5).
    """
    records = (record for record in survey.records.values() if record.open)
    recorded = {item.registration.pool for each in records for item in each.registrations}
    return frozenset(survey.fleet.pools.keys() | recorded) - survey.fleet.strange
