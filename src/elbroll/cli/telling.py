"""The sink of a run: keeps the standing, feeds the outlets, and says how it ended."""

from __future__ import annotations

import logging
import math
import os
import shlex
import sys
import threading
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.cli.bugs import described, place_of
from elbroll.cli.hooking import RunHooks
from elbroll.cli.records import RunFolder
from elbroll.cli.saying import looking_now
from elbroll.cli.screens import Screens
from elbroll.cli.struck import LAST_WORDS
from elbroll.core.disguises import SHORTEST
from elbroll.core.ending import LOCK_LEFT
from elbroll.core.standing import Standing, apply, exit_code_of, next_commands, results_of
from elbroll.engine.stop import StopMode
from elbroll.errors import ElbrollError, ExitCode
from elbroll.events import Told
from elbroll.model import Failure, Result, Step
from elbroll.outputs.bus import Bus
from elbroll.outputs.mask import Masker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import RolloutPlan
    from elbroll.events import Event
    from elbroll.model import Holder, Secret

_log = logging.getLogger(__name__)

LAST_HOOK = 4.4
"""Seconds after such a signal in which hooks may still run."""
DRAIN = 2.0
"""Seconds for the outlets to finish what is queued."""
HASTE = 0.4
"""The same after a signal to leave at once."""
GOING_BACK = frozenset({Step.PREPARE, Step.GUARD, Step.DRAIN})


class Telling:
    """A context manager around a run. Safe to be told from any thread."""

    def __init__(self, session: Session, task: Task, holder: Holder, wishes: Mapping[str, object]) -> None:
        looking_now().end()
        self._session = session
        self._task = task
        self._holder = holder
        self.secrets: dict[str, Secret] = session.secrets(task.settings)
        self._screens = Screens(session.flags)
        self._masker = Masker(self.secrets.values())
        self._folder = RunFolder(session.flags.state_dir, holder.run)
        outlets = self._screens.outlets(self._folder.logs, quiet_summary=wishes.get("events") == "-")
        copies = self._folder.outlets(wishes, self._masker)
        lines = [outlets, *([copy] for copy in (*self._screens.documents(session), *copies))]
        self._bus = Bus(holder.run, task.lb, session.clock, *lines, masker=self._masker)
        self._hooks = RunHooks(
            session, task, holder.run, lambda text: self.tell(events.Warned("hook", text)), self.mask
        )
        self._began = session.clock.monotonic()
        self._standing = Standing()
        self._order = threading.RLock()
        self._number = 0
        self._code = ExitCode.BUG
        self._release: Callable[[], bool] = lambda: True
        self._leaving_since: float | None = None
        self._done = threading.Event()
        self._closed = threading.Event()

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._masker.words_of(error)  # nobody outside knows the secrets
        self._done.set()
        self._close()
        self._folder.close()
        self._closed.set()

    def mask(self, text: str) -> str:
        """The text without the run's secrets."""
        return self._masker.text(text)

    def tell(self, event: Event) -> None:
        """Add up, and pass on."""
        with self._order:
            self._number += 1
            clock = self._session.clock
            elapsed = clock.monotonic() - self._began
            masked = self._masker.value(event)
            told = Told(self._number, clock.now(), elapsed, self._holder.run, self._task.lb, masked)
            self._standing = apply(self._standing, told)
            self._bus.tell(event)
            self._hooks.take(told, self._standing)

    def began(self, plan: RolloutPlan) -> None:
        """The first two events of every run."""
        loaded, identity = self._session.loaded, self._session.identity
        self.tell(
            events.RunStarted(
                command=self._task.command,
                holder=self._holder,
                account=identity.account,
                region=identity.region,
                release=self._task.request.release,
                config_file=str(loaded.path) if loaded.path else None,
                store=loaded.settings.ledger.store,
                line=shlex.join(("elbroll", *sys.argv[1:])),
                transport=self._task.settings.transport,
                reason=self._task.reason,
                until=self._task.until,
            )
        )
        self.tell(events.PlanMade(plan))
        for name, secret in self.secrets.items():
            if len(secret.reveal()) < SHORTEST:
                text = f"the secret {name} is shorter than {SHORTEST} characters and is not masked in what is shown"
                self.tell(events.Warned("short-secret", text))

    def heard_signal(self, name: str, mode: StopMode) -> None:
        """A signal has come; after one to leave at once, the process ends within 5 s whatever happens."""
        working = self._standing.working.values()
        leaving = tuple(work.host.name for work in working if work.step is None or work.step.step in GOING_BACK)
        awaited = tuple(work.host.name for work in working if work.step and work.step.step not in GOING_BACK)
        word = "finish" if mode is StopMode.FINISH else "leave"
        self.tell(events.SignalReceived(name, word, leaving, awaited if word == "finish" else ()))
        if mode is StopMode.LEAVE and self._leaving_since is None:
            self._leaving_since = self._session.clock.monotonic()
            threading.Thread(target=self._end_by_force, name="last-words", daemon=True).start()

    def frees(self, release: Callable[[], bool]) -> None:
        """How the locks are freed where the run cannot do it any more itself."""
        self._release = release

    def freed(self, release: Callable[[], bool]) -> None:
        """Free the locks; where nobody answers it is told that they may still be held."""
        if not release():
            self.tell(events.Warned(LOCK_LEFT, "the ledger does not answer: the lock may still be held"))

    def ended(self, error: BaseException | None) -> ExitCode:
        """The last event, and the exit code."""
        with self._order:
            if not self._done.is_set():
                self._code = exit_code_of(self._standing, error)
                self.tell(self._finished(self._code, error))
                self._done.set()
        return self._code

    @staticmethod
    def nothing_to_do(session: Session, task: Task, plan: RolloutPlan) -> ExitCode:
        """A plan without work: said, and a success."""
        from elbroll.cli.documents import say_nothing_to_do  # noqa: PLC0415 - not on the usual way

        say_nothing_to_do(session, task, plan)
        return ExitCode.OK

    def _finished(self, code: ExitCode, error: BaseException | None) -> events.RunFinished:
        return events.RunFinished(
            result=_result(code, self._standing),
            exit_code=code,
            results=results_of(self._standing),
            seconds=self._session.clock.monotonic() - self._began,
            next_commands=next_commands(self._standing, self._standing.plan),
            failure=self._failure(error),
        )

    def _failure(self, error: BaseException | None) -> Failure | None:
        if error is None:
            return None
        if isinstance(error, ElbrollError):
            return Failure(error.code, error.message, why=error.why, fix=error.fix)
        _log.critical("elbroll has a bug", exc_info=error)
        log = self._folder.debug_log
        send = (f"send {log} (secrets are masked)",) if log else ()
        return Failure("bug", described(error), why=(place_of(error),), fix=send)

    def _close(self) -> None:
        """Hooks first, since what they get wrong is told; nobody is waited for longer than a signal allows."""
        self._hooks.close(self._time_left)
        self._bus.close(DRAIN if self._leaving_since is None else HASTE)

    def _time_left(self) -> float:
        """Seconds that hooks may still take; each has a limit of its own."""
        if self._leaving_since is None:
            return math.inf
        return self._leaving_since + LAST_HOOK - self._session.clock.monotonic()

    def _release_in_haste(self) -> bool:
        answers: list[bool] = []
        freeing = threading.Thread(target=lambda: answers.append(self._release()), name="freeing", daemon=True)
        freeing.start()
        freeing.join(HASTE)
        return any(answers)

    def _end_by_force(self) -> None:
        """What has not ended by itself in time stays as recorded, and is told; then the process ends."""
        hangs = not self._done.wait(LAST_WORDS)
        if hangs:
            self.freed(self._release_in_haste)
        code = self.ended(None)
        if hangs or not self._closed.wait(max(0.0, self._time_left())):
            self._close()
            os._exit(code)


def _result(code: ExitCode, standing: Standing) -> Result:
    if standing.signals:
        return Result.CANCELLATION
    return Result.SUCCESS if code is ExitCode.OK else Result.FAILURE
