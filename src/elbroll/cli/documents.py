"""What is said when there is nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.saying import looking_now
from elbroll.outputs.clean import clean_line
from elbroll.outputs.documents import dump, head
from elbroll.outputs.phrases import skips

if TYPE_CHECKING:
    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import RolloutPlan


def say_nothing_to_do(session: Session, task: Task, plan: RolloutPlan) -> None:
    """A plan without work, as a sentence or a document."""
    looking_now().end()
    if session.flags.as_json:
        document = {**head("elbroll.run.v1", session.origin), "command": task.command, "lb": task.lb}
        click.echo(dump({**document, "release": plan.release, "result": "success", "exit": 0, "hosts": [], "next": []}))
        return
    if session.flags.quiet < 2:
        why = ", ".join(skips(plan)) or "no host is to be walked"
        click.echo(f"{clean_line(plan.lb)}: nothing to do. {why}, {plan.in_service} of {plan.total} in service.")
