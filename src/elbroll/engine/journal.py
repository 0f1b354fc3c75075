"""One host's story as events: every step that begins also ends, with its time and result."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Final

from elbroll import events
from elbroll.core.names import clock_time
from elbroll.errors import AccessError, ElbrollError
from elbroll.model import Failure, Result, Step, StepResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from elbroll.engine.ports import Clock, Sink
    from elbroll.model import Host

SIGN_IN: Final = "sign in again (fresh credentials), then run the same command"


class StepFailed(Exception):
    """A step did not end well; carries why. `result` CANCELLATION: a signal ended it."""

    def __init__(self, step: Step, failure: Failure, result: Result = Result.FAILURE) -> None:
        super().__init__(failure.message)
        self.step = step
        self.failure = failure
        self.result = result


class Abandoned(StepFailed):
    """The run was told to leave at once: nothing is undone, everything stays as recorded."""

    def __init__(self, step: Step, *why: str) -> None:
        super().__init__(step, Failure("abandoned", "left as recorded, by a signal", why), Result.CANCELLATION)


class Journal:
    """Tells one host's steps and keeps their results."""

    def __init__(self, host: Host, sink: Sink, clock: Clock) -> None:
        self.host = host
        self.steps: list[StepResult] = []
        self._sink = sink
        self._clock = clock
        self._began = clock.monotonic()
        self._lines = 0

    @property
    def seconds(self) -> float:
        """Since the walk began."""
        return self._clock.monotonic() - self._began

    def tell(self, event: events.Event) -> None:
        """Pass any other event on."""
        self._sink.tell(event)

    def warn(self, code: str, message: str) -> None:
        """Something a person should know about this host."""
        self._sink.tell(events.Warned(code, message, self.host))

    def heard(self, step: Step, text: str) -> None:
        """A line that a command on the host has printed."""
        self._lines += 1
        self._sink.tell(events.HostOutput(self.host, step, self._lines, text))

    @contextmanager
    def step(self, started: events.StepStarted) -> Iterator[None]:
        """A step's beginning and end, whatever happens inside: an error of ours leaves it as StepFailed."""
        self._sink.tell(started)
        began = self._clock.monotonic()
        result, failure = Result.ERROR, None
        try:
            with translated(started.step):
                yield
            result = Result.SUCCESS
        except StepFailed as failed:
            result, failure = failed.result, failed.failure
            raise
        finally:
            seconds = self._clock.monotonic() - began
            self.steps.append(StepResult(started.step, result, seconds))
            self._sink.tell(events.StepFinished(self.host, started.step, result, seconds, failure))


def failed_by(step: Step, error: ElbrollError) -> StepFailed:
    """A step's failure, as an error of ours explains it."""
    access = isinstance(error, AccessError)
    return StepFailed(step, Failure(error.code, error.message, error.why, error.fix, access=access), Result.ERROR)


def credentials_end(until: datetime, now: datetime, needs: float) -> StepFailed:
    """What is left of the credentials does not cover another walk (F-5)."""
    left, wanted = clock_time(max(0.0, (until - now).total_seconds())), clock_time(needs)
    text = f"the credentials end at {until.astimezone(UTC):%H:%M} UTC, and a host's walk may take longer"
    why = (f"{left} are left, and a walk whose commands take as long as they may takes {wanted}",)
    return StepFailed(Step.GUARD, Failure("credentials", text, why, (SIGN_IN,), access=True))


@contextmanager
def translated(step: Step) -> Iterator[None]:
    """The one door between errors of the rooms and failures of a step."""
    try:
        yield
    except ElbrollError as error:
        raise failed_by(step, error) from error
