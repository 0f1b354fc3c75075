"""The hooks of the config, wired to a run: which there are, and what each is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from elbroll.cli.saying import say
from elbroll.engine.stop import StopMode
from elbroll.errors import ExitCode, Interrupted, Refused
from elbroll.events import RunFinished, RunStarted
from elbroll.hooks.command import LIMIT, Hook
from elbroll.hooks.gate import ask
from elbroll.hooks.listeners import Listeners
from elbroll.outputs.cloudevents import cloud_event
from elbroll.outputs.mask import Masker
from elbroll.outputs.parts import dump
from elbroll.outputs.plandoc import plan_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import RolloutPlan
    from elbroll.core.standing import Standing
    from elbroll.events import Told
    from elbroll.model import RunId


_log = logging.getLogger(__name__)


def ask_gate(session: Session, task: Task, run: RunId, plan: RolloutPlan) -> None:
    """Whether the run may begin: asked under the lock, of the very plan that will be rolled, no host reached yet.

    The lock may have been waited for, so an earlier answer could be out of date. The way back is never gated.
    Raises Refused; Interrupted where a signal has come meanwhile.
    """
    gate = _hooks(session, lambda text: Masker(session.secrets(task.settings).values()).text(text)).get("gate")
    if gate is None or task.command == "restore":
        return
    told = dump(plan_document(plan, session.origin))
    try:
        ask(gate, told, _variables(task, run), session.clock, lambda: session.stop.mode > StopMode.GO)
    except Refused as refused:
        if session.stop.mode > StopMode.GO:
            raise Interrupted(ExitCode.INTERRUPT) from refused
        raise


class RunHooks:
    """`started` and `finished` of one run. `warn` hears of one that failed, from another thread."""

    def __init__(
        self, session: Session, task: Task, run: RunId, warn: Callable[[str], None], mask: Callable[[str], str]
    ) -> None:
        self._quiet = session.flags.quiet > 0
        self._variables = _variables(task, run)
        self._listeners = Listeners(_hooks(session, mask), session.clock, warn)

    def take(self, told: Told, standing: Standing) -> None:
        """Pass on the first and the last event; never waits."""
        match told.event:
            case RunStarted():
                self._tell("started", told, standing, {})
            case RunFinished(result=result, exit_code=code):
                self._tell("finished", told, standing, {"ELBROLL_RESULT": result.value, "ELBROLL_EXIT": str(int(code))})
            case _:
                pass  # the events in between are for `--events`

    def close(self, patience: Callable[[], float]) -> None:
        """Wait for those that still run, while `patience` has seconds left; then kill them."""
        self._listeners.close(patience, self._say_so)

    def _say_so(self) -> None:
        if not self._quiet:
            say(f"waiting for a hook, {LIMIT:.0f} s at most")

    def _tell(self, name: str, told: Told, standing: Standing, more: dict[str, str]) -> None:
        try:
            self._listeners.tell(name, dump(cloud_event(told, standing) or {}), {**self._variables, **more})
        except Exception as error:  # whoever tells the event must not suffer for it (I-16)
            _log.warning("the hook %s could not be told", name, exc_info=error)


def _hooks(session: Session, mask: Callable[[str], str]) -> dict[str, Hook]:
    hooks, folder = session.loaded.settings.hooks, session.loaded.base
    given = {"gate": hooks.gate, "started": hooks.started, "finished": hooks.finished}
    return {name: Hook(name, words, folder, mask) for name, words in given.items() if words}


def _variables(task: Task, run: RunId) -> dict[str, str]:
    """What is unknown is not set: a hook may call elbroll itself, which would read an empty one as an option."""
    given = {
        "ELBROLL_RUN": run,
        "ELBROLL_COMMAND": task.command,
        "ELBROLL_LB": task.lb,
        "ELBROLL_RELEASE": task.request.release,
    }
    return {name: value for name, value in given.items() if value}
