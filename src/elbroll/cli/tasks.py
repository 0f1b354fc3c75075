"""What a command wants done: the same few facts for deploy, exec, drain and restore."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from elbroll.core.guard import Consent
from elbroll.core.plan import Request, make_plan
from elbroll.engine.survey import survey_hosts, survey_lb
from elbroll.errors import Refused, UsageError
from elbroll.model import Why

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from elbroll.cli.session import Session
    from elbroll.config.schema import LbSettings
    from elbroll.core.plan import Refusal, RolloutPlan
    from elbroll.engine.survey import Survey


@dataclass(frozen=True, slots=True)
class Task:
    """One command's wish. `look` surveys the fleet afresh each time."""

    command: str
    lb: str
    request: Request
    settings: LbSettings
    look: Callable[[], Survey]
    reason: str | None = None
    until: datetime | None = None
    named: bool = True
    """Whether `--lb` was given; else the hosts say which fleet it is."""


def roll_task(session: Session, lb: str, request: Request, settings: LbSettings, command: str) -> Task:
    """A roll over the fleet that `--lb` names."""
    return Task(command, lb, request, settings, lambda: survey_lb(lb, settings, session.eyes))


def hosts_task(session: Session, lb: str | None, request: Request, command: str, words: Sequence[str]) -> Task:
    """Something for named hosts, wherever they serve; with `lb` only within that fleet."""
    tables = session.loaded.settings.lb
    settings = session.loaded.lb(lb or (next(iter(tables)) if len(tables) == 1 else ""))
    if lb:
        return Task(command, lb, request, settings, lambda: survey_lb(lb, settings, session.eyes))
    look = partial(survey_hosts, words, session.eyes)
    return Task(command, ",".join(words), request, settings, look, named=False)


def fleet_name(session: Session, task: Task, survey: Survey) -> str:
    """How the run calls its fleet: as `--lb` said, or for hosts named alone the table or balancer that they are in."""
    if task.named:
        return task.lb
    for table, settings in session.loaded.settings.lb.items():
        if survey.fleet.lb in {table, settings.name}:
            return table
    return survey.fleet.lb


def with_command(settings: LbSettings, words: Sequence[str]) -> LbSettings:
    """The same settings, with the given command as the whole deploy (`exec`).

    One word is a shell line as it stands; several are quoted word by word (I-26).
    """
    if not words or not any(word.strip() for word in words):
        raise UsageError("no command given", fix=("elbroll exec --lb NAME -- COMMAND...",))
    line = words[0] if len(words) == 1 else shlex.join(words)
    deploy = settings.deploy.model_copy(update={"commands": (line,), "prepare": (), "upload": (), "rollback": ()})
    return settings.model_copy(update={"deploy": deploy})


def need_commands(session: Session, lb: str, settings: LbSettings) -> None:
    """Raises UsageError where `deploy` would have nothing to run."""
    if settings.deploy.commands:
        return
    there = session.loaded.has_table(lb)
    where = session.loaded.name if session.loaded.path else "elbroll.toml: no such file was found"
    what = f"[lb.{lb}.deploy] has no commands" if there else f"there is no table [lb.{lb}] in {where}"
    known = ", ".join(session.loaded.settings.lb)
    raise UsageError(
        what,
        why=(f"tables there: {known}",) if known and not there else (),
        now="nothing was changed",
        fix=(
            f'[lb.{lb}.deploy] commands = ["..."]     what to run on each host',
            f"elbroll exec --lb {lb} -- COMMAND     for a single command without a config",
        ),
    )


def plan_for(task: Task, survey: Survey, now: datetime, consent: Consent) -> RolloutPlan:
    """The plan of a task for a survey."""
    return make_plan(survey.fleet, survey.views, survey.records, task.request, task.settings, now, consent=consent)


def refused(plan: RolloutPlan, refusals: Sequence[Refusal]) -> Refused:
    """The plan's refusals as one error: the first in full, the others as reasons."""
    first, *others = refusals
    why = first.why + tuple(other.message for other in others)
    return Refused(first.message, why=why, now="nothing was changed", fix=first.fix, code=first.code)


def consent_for(refusals: Sequence[Refusal]) -> Consent:
    """Consent to exactly the kinds of thing that were shown (safety.md 5)."""
    codes = {refusal.code for refusal in refusals}
    return Consent(below_floor="floor" in codes, last_healthy="last-healthy" in codes)


WHY = {"deploy": Why.ROLL, "exec": Why.EXEC, "drain": Why.DRAIN, "restore": Why.ROLL}
