"""The last look of a roll: hosts that joined meanwhile are named, and keep it from being a success (F-53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.newcomers import newcomers
from elbroll.engine.stop import StopMode
from elbroll.engine.survey import survey_again
from elbroll.errors import ElbrollError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.cli.telling import Telling
    from elbroll.core.newcomers import Newcomer
    from elbroll.engine.survey import Survey

ROLLS = frozenset({"deploy", "exec"})


def tell_newcomers(session: Session, task: Task, telling: Telling, before: Survey) -> None:
    """After a roll, before its locks are freed; a signal leaves no time for it. Never raises for what AWS does."""
    if task.command not in ROLLS or session.stop.mode is not StopMode.GO:
        return
    try:
        now = survey_again(before, session.eyes)
    except ElbrollError as error:
        telling.tell(events.Warned("unread", f"whether hosts have joined meanwhile could not be read: {error.message}"))
        return
    found = newcomers(before.fleet, now.fleet, now.views, now.records, task.request.release)
    _tell(found, task, telling)


def _tell(found: Iterable[Newcomer], task: Task, telling: Telling) -> None:
    """Whoever asked for some hosts only has left out others already: then it is only said."""
    asked = task.request
    everybody = not (asked.only or asked.exclude or asked.limit is not None)
    for each in found:
        telling.tell(events.Warned("newcomer", each.result.note or "joined during the run", each.host))
        if everybody:
            telling.tell(events.HostFinished(each.host, each.result))
