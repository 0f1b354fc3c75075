"""`deploy` and `exec`: a roll over a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.cli.asking import confirm
from elbroll.cli.session import Session
from elbroll.cli.tasks import need_commands, roll_task, with_command
from elbroll.cli.undertaking import Undertaking
from elbroll.cli.wishes import overrides, request, seconds
from elbroll.model import Why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elbroll.cli.options import Flags
    from elbroll.cli.tasks import Task
    from elbroll.config.schema import LbSettings
    from elbroll.errors import ExitCode


def deploy(flags: Flags, lb: str, wishes: Mapping[str, object], *, no_verify: bool) -> ExitCode:
    """Roll the configured commands."""
    session = Session(flags, overrides(wishes))
    asked = request(Why.ROLL, wishes)
    settings = session.loaded.lb(lb)
    need_commands(session, lb, settings)
    return _roll(session, roll_task(session, lb, asked, _verified(settings, flags, no_verify), "deploy"), wishes)


def execute(flags: Flags, lb: str, wishes: Mapping[str, object], words: Sequence[str], *, no_verify: bool) -> ExitCode:
    """Roll a given command."""
    session = Session(flags, overrides(wishes))
    asked = request(Why.EXEC, wishes)
    settings = with_command(_verified(session.loaded.lb(lb), flags, no_verify), words)
    return _roll(session, roll_task(session, lb, asked, settings, "exec"), wishes)


def _roll(session: Session, task: Task, wishes: Mapping[str, object]) -> ExitCode:
    wait = seconds("--lock-wait", wishes.get("lock_wait"))
    return Undertaking(session, task, wishes, lock_wait=wait).perform()


def _verified(settings: LbSettings, flags: Flags, no_verify: bool) -> LbSettings:
    """Without verify only by consent: a host then goes back on the balancer's word alone (I-7)."""
    if not no_verify:
        return settings
    confirm("Hosts go back without being asked whether they are well.", flags)
    verify = settings.verify.model_copy(update={"http": "off", "command": None, "version": None})
    return settings.model_copy(update={"verify": verify})
