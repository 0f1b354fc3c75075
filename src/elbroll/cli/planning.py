"""The plan of a roll, shown: for `plan` and for `deploy --dry-run`. Reads only (I-15)."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import click

from elbroll.cli.saying import looking_now
from elbroll.cli.screens import Screens
from elbroll.cli.session import Session
from elbroll.cli.tasks import plan_for, roll_task
from elbroll.cli.wishes import overrides, request
from elbroll.core.credentials import warned
from elbroll.core.guard import Consent
from elbroll.errors import Refused, UsageError
from elbroll.model import Why
from elbroll.outputs.parts import dump
from elbroll.outputs.plandoc import differences, plan_document
from elbroll.outputs.planview import PlanHead, plan_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from elbroll.cli.options import Flags
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import RolloutPlan

LARGEST = 16 * 1024 * 1024
"""Bytes that are read of a saved plan."""


def show_plan(flags: Flags, lb: str, wishes: Mapping[str, object], out: Path | None) -> RolloutPlan:
    """Survey, plan, print; save the document where that was asked for."""
    session = Session(flags, overrides(wishes))
    asked = request(Why.ROLL, wishes)
    task = roll_task(session, lb, asked, session.loaded.lb(lb), "plan")
    plan = plan_for(task, task.look(), session.clock.now(), Consent())
    plan = warned(plan, session.clients.validity(), session.clock.now())
    looking_now().end()
    document = plan_document(plan, session.origin)
    if out is not None:
        _save(out, document)
    if flags.as_json:
        click.echo(dump(document))
    else:
        screens = Screens(flags)
        screens.out.write(plan_lines(plan, _head(session, task, plan), screens.glyphs))
    return plan


def _head(session: Session, task: Task, plan: RolloutPlan) -> PlanHead:
    identity, deploy = session.identity, task.settings.deploy
    return PlanHead(
        region=identity.region,
        account=identity.account,
        identity=identity.arn.rpartition(":")[2],
        prepare=len(deploy.prepare),
        commands=len(deploy.commands),
        limit=deploy.timeout,
        origin=session.loaded.origins.get(f"lb.{task.lb}.deploy.commands"),
        next=(_deploy_line(task),) if plan.hosts and not plan.refusals and deploy.commands else (),
        endpoint=session.clients.endpoint,
    )


def _deploy_line(task: Task) -> str:
    """The same command line as a deploy: with every option that shaped the plan, without those that only showed it."""
    words = sys.argv[1:] if task.lb in sys.argv else ["plan", "--lb", task.lb]
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        name = word.partition("=")[0]
        if name == "--out":
            _ = next(rest, None) if "=" not in word else None
        elif word == "plan":
            kept.append("deploy")
        elif word not in {"--exit-code", "--json", "-n", "--dry-run"}:
            kept.append(word)
    return shlex.join(("elbroll", *kept))


def hold_to(path: Path, plan: RolloutPlan, session: Session) -> None:
    """Raises Refused where the plan of this moment differs from the saved one, with every difference."""
    saved = _saved(path)
    changes = differences(saved, plan_document(plan, session.origin))
    if changes:
        raise Refused(
            f"things are no longer as {path} planned them",
            why=changes,
            now="nothing was changed",
            fix=(f"elbroll plan --lb {plan.lb} --out {path}     plan again, and look at it",),
            code="stale-plan",
        )


def _saved(path: Path) -> dict[str, object]:
    """Raises UsageError for whatever is no plan of ours: the file may have come from anywhere."""
    try:
        with path.open("rb") as file:
            saved = json.loads(file.read(LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--plan: {path} cannot be read", why=(str(error)[:200],)) from error
    if not isinstance(saved, dict) or saved.get("schema") != "elbroll.plan.v1":
        raise UsageError(f"--plan: {path} is no saved plan", fix=("elbroll plan --lb NAME --out FILE     saves one",))
    return saved


def _save(path: Path, document: Mapping[str, object]) -> None:
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise Refused(f"the plan could not be saved: {error}", now="nothing was changed") from error
