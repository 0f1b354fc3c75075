"""The sink of a run: keeps the standing, feeds the outlets, and says how it ended."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import threading
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.cli.records import RunFolder
from elbroll.cli.screens import Screens
from elbroll.core.standing import Standing, apply, exit_code_of, next_commands, results_of
from elbroll.engine.stop import StopMode
from elbroll.errors import ElbrollError, ExitCode
from elbroll.events import Told
from elbroll.model import Failure, Result, Step
from elbroll.outputs.bus import Bus
from elbroll.outputs.mask import Masker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.core.plan import RolloutPlan
    from elbroll.events import Event
    from elbroll.model import Holder, Secret

LAST_WORDS = 4.0
"""Seconds after a signal to leave at once, in which the run may still end by itself (safety.md 8)."""
DRAIN = 2.0
"""Seconds for the outlets to finish what is queued."""
GOING_BACK = frozenset({Step.PREPARE, Step.GUARD, Step.DRAIN})


class Telling:
    """A context manager around a run. Safe to be told from any thread."""

    def __init__(self, session: Session, task: Task, holder: Holder, wishes: Mapping[str, object]) -> None:
        self._session = session
        self._task = task
        self._holder = holder
        self.secrets: dict[str, Secret] = session.secrets(task.settings)
        self._screens = Screens(session.flags)
        self._masker = Masker(self.secrets.values())
        self._folder = RunFolder(session.flags.state_dir, holder.run)
        outlets = self._screens.outlets(self._folder.logs, quiet_summary=wishes.get("events") == "-")
        copies = self._folder.outlets(wishes, self._masker)
        self._bus = Bus(holder.run, task.lb, session.clock, outlets, *([copy] for copy in copies), masker=self._masker)
        self._began = session.clock.monotonic()
        self._standing = Standing()
        self._order = threading.RLock()
        self._number = 0
        self._done = threading.Event()

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._bus.close(DRAIN)
        self._folder.close()

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

    def heard_signal(self, name: str, mode: StopMode) -> None:
        """A signal has come; after one to leave at once, the process ends within 5 s whatever happens."""
        working = self._standing.working.values()
        leaving = tuple(work.host.name for work in working if work.step is None or work.step.step in GOING_BACK)
        awaited = tuple(work.host.name for work in working if work.step and work.step.step not in GOING_BACK)
        word = "finish" if mode is StopMode.FINISH else "leave"
        self.tell(events.SignalReceived(name, word, leaving, awaited if word == "finish" else ()))
        if mode is StopMode.LEAVE:
            threading.Thread(target=self._end_by_force, name="last-words", daemon=True).start()

    def ended(self, error: BaseException | None) -> ExitCode:
        """The last event, and the exit code."""
        with self._order:
            if self._done.is_set():
                return exit_code_of(self._standing, error)
            code = exit_code_of(self._standing, error)
            self.tell(self._finished(code, error))
            self._done.set()
        self._document()
        return code

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
            failure=_failure(error),
        )

    def _document(self) -> None:
        if self._session.flags.as_json:
            from elbroll.cli.documents import print_run  # noqa: PLC0415 - only for --json

            with contextlib.suppress(OSError, ValueError):  # nobody can take it any more; the exit code stays true
                print_run(self._standing, self._session)

    def _end_by_force(self) -> None:
        """The run did not end by itself in time: everything stays as recorded, and is told."""
        if self._done.wait(LAST_WORDS):
            return
        code = self.ended(None)
        self._bus.close(0.5)
        sys.stdout.flush()
        os._exit(code)


def _result(code: ExitCode, standing: Standing) -> Result:
    if standing.signals:
        return Result.CANCELLATION
    return Result.SUCCESS if code is ExitCode.OK else Result.FAILURE


def _failure(error: BaseException | None) -> Failure | None:
    if error is None:
        return None
    if isinstance(error, ElbrollError):
        return Failure(error.code, error.message, why=error.why, fix=error.fix)
    return Failure("bug", f"elbroll has a bug: {type(error).__name__} {error}")
