"""One command on one host, to its end: through lost lines, signals and our own deadline (T-34 … T-37)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from elbroll.engine.stop import StopMode
from elbroll.errors import ElbrollError, HostAccessError, HostUnreachable
from elbroll.model import JobEnd, JobResult, OnLoss, Step
from elbroll.transports.jobs import Ending, ask_text, asked_verdict, start_text, verdict
from elbroll.transports.talking import Talk, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock
    from elbroll.engine.stop import Stop
    from elbroll.model import Job
    from elbroll.transports.exchange import Exchange
    from elbroll.transports.kept import KeptLine
    from elbroll.transports.output import Output

T = TypeVar("T")
_TICK = 0.2
_LAST_64_KIB = "65536"
"""How much of an earlier run's output is fetched."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a host, in seconds; the host's own clock decides about the command."""

    first_word: float = 30.0
    """From sending until the wrapper answers."""
    behind: float = 15.0
    """Our deadline comes so long after the host's (T-34)."""
    reattach: float = 120.0
    """At least so long a lost line is sought again (T-35)."""
    pause: float = 2.0


class Left(Exception):
    """We were told to leave at once."""


class Errand:
    """Runs or settles one job. Used once."""

    def __init__(self, line: KeptLine, job: Job, output: Output, stop: Stop, clock: Clock) -> None:
        self._line = line
        self._job = job
        self._output = output
        self._stop = stop
        self._clock = clock
        self._patience = Patience()
        self._began = clock.monotonic()
        self._asked_to_stop = False

    def patient(self, patience: Patience) -> Errand:
        """With other times than the usual ones."""
        self._patience = patience
        return self

    def run(self) -> JobResult:
        """Start it, once, and follow it to its end. Raises as `Transport.run`."""
        start_text(self._job, "")
        try:
            return self._result(self._my_turn(self._start))
        except Left:
            return self._result(Ending(JobEnd.NOT_RUN, cause="interrupted before it was started"))

    def settle(self) -> JobResult:
        """Ask for it, and follow it if it still runs; starts nothing. Never raises for the host's silence."""
        try:
            return self._result(self._my_turn(lambda: self._ask(_LAST_64_KIB)))
        except Left:
            return self._result(self._left())

    # --- starting ---------------------------------------------------------------------------------------

    def _start(self) -> Ending:
        exchange = self._unless_left(self._line.exchange)
        self._began = self._clock.monotonic()
        try:
            talk = self._follow(exchange, start_text(self._job, exchange.nonce))
        except Left:
            self._line.abandon()
            return self._left()
        finally:
            exchange.close()
        return verdict(talk.words, talk.ended) or self._sought()

    def _sought(self) -> Ending:
        try:
            return self._ask(f"+{self._output.received + 1}")
        except Left:
            return self._left()

    # --- asking -----------------------------------------------------------------------------------------

    def _ask(self, since: str) -> Ending:
        """Until the host has told, or has been out of reach for too long (T-35)."""
        deadline, silence = self._last_moment(), "the host did not tell what became of it"
        while True:
            try:
                talk = self._asked(since)
            except HostAccessError as error:
                return Ending(JobEnd.UNKNOWN, cause=f"the host cannot be asked: {error.message}")
            except HostUnreachable as error:
                silence = f"the host cannot be asked: {error.message}"
            else:
                ending = asked_verdict(talk.words)
                if ending:
                    return ending
                deadline = self._last_moment() if talk.has("RUNNING") else deadline
            if self._clock.monotonic() >= deadline:
                return Ending(JobEnd.UNKNOWN, cause=silence)
            since = since if since == _LAST_64_KIB else f"+{self._output.received + 1}"
            self._unless_left(lambda: self._clock.sleep(self._patience.pause))

    def _asked(self, since: str) -> Talk:
        exchange = self._unless_left(self._line.exchange)
        try:
            return self._follow(exchange, ask_text(self._job, exchange.nonce, since))
        except Left:
            self._line.abandon()
            raise
        finally:
            exchange.close()

    def _last_moment(self) -> float:
        return self._clock.monotonic() + max(self._patience.reattach, self._rest())

    def _rest(self) -> float:
        """Seconds until the host's clock has ended the command for certain."""
        return max(0.0, self._began + self._job.limit + self._job.grace - self._clock.monotonic())

    # --- following --------------------------------------------------------------------------------------

    def _follow(self, exchange: Exchange, text: bytes) -> Talk:
        """Raises Left."""
        sent = self._clock.monotonic()
        exchange.send(text)
        self._asked_to_stop = False
        return listen(exchange, self._output, self._clock, lambda talk: self._mind(exchange, talk, sent))

    def _mind(self, exchange: Exchange, talk: Talk, sent: float) -> bool:
        """Whether to go on listening; asks the host to stop the command when that is due."""
        if self._leaving():
            raise Left
        now = self._clock.monotonic()
        if not talk.words:
            return now - sent < self._patience.first_word
        if not self._asked_to_stop and (self._unwanted or now - sent > self._job.limit + self._patience.behind):
            self._asked_to_stop = exchange.send(b"stop\n")
        overdue = now - talk.heard_at > self._job.grace + 2 * self._patience.behind
        return not (self._asked_to_stop and overdue)

    def _leaving(self) -> bool:
        return self._stop.mode is StopMode.LEAVE

    @property
    def _unwanted(self) -> bool:
        """After a first signal what prepares is not awaited (T-37)."""
        return self._stop.mode is StopMode.FINISH and self._job.id.step is Step.PREPARE

    # --- leaving at once --------------------------------------------------------------------------------

    def _my_turn(self, work: Callable[[], Ending]) -> Ending:
        """One command or transfer at a time on a host's line. Raises Left."""
        while not self._line.turn.acquire(timeout=_TICK):
            if self._leaving():
                raise Left
        try:
            return work()
        finally:
            self._line.turn.release()

    def _unless_left(self, call: Callable[[], T]) -> T:
        """The call's answer. Raises Left within a moment of being told to leave, whatever the call does meanwhile."""
        if self._leaving():
            raise Left
        aside = _Aside(call)
        while not aside.done.wait(_TICK):
            if self._leaving():
                self._line.abandon()
                raise Left
        return aside.answer()

    def _left(self) -> Ending:
        if self._job.on_loss is OnLoss.END:
            return Ending(JobEnd.UNKNOWN, cause="the line was dropped, and the host ends the command")
        until = self._clock.now() + timedelta(seconds=self._rest())
        return Ending(JobEnd.UNKNOWN, cause=f"the line was dropped; the command may still run until {until:%H:%M} UTC")

    def _result(self, ending: Ending) -> JobResult:
        self._output.close()
        return JobResult(
            end=ending.end,
            status=ending.status,
            cause=ending.cause,
            seconds=self._clock.monotonic() - self._began,
            tail=self._output.tail,
            lines=self._output.lines,
        )


class _Aside(Generic[T]):
    """A call on a thread of its own, because it may block for longer than we may wait."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._call = call
        self._answer: list[T] = []
        self._error: ElbrollError | None = None
        threading.Thread(target=self._run, name="ssh-aside", daemon=True).start()

    def answer(self) -> T:
        """Raises what the call raised."""
        if self._error:
            raise self._error
        return self._answer[0]

    def _run(self) -> None:
        try:
            self._answer.append(self._call())
        except ElbrollError as error:
            self._error = error
        finally:
            self.done.set()
