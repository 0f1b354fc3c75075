"""Lines for CI: one a change, time first, host second, never wrapped, nothing repeated that has not changed."""

from __future__ import annotations

from enum import IntEnum
from functools import singledispatch
from typing import TYPE_CHECKING

from elbroll import __version__, events
from elbroll.core.standing import Standing, apply
from elbroll.model import Outcome, Step
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, line
from elbroll.outputs.words import duration, stamp

if TYPE_CHECKING:
    from elbroll.core.standing import Work
    from elbroll.events import Event, Told
    from elbroll.outputs.ink import Pen

SILENCE = 30.0
"""Seconds without a line after which one says what is going on."""
NAMES_FROM = 7
NAMES_TO = 40
TONES = {
    Outcome.DEPLOYED: Tone.GOOD,
    Outcome.DRAINED: Tone.GOOD,
    Outcome.RESTORED: Tone.GOOD,
    Outcome.SKIPPED: Tone.DIM,
}


class Detail(IntEnum):
    """`-v`: host output too; `-vv`: records as well."""

    NORMAL = 0
    OUTPUT = 1
    RECORDS = 2


class Plain:
    """An outlet of plain lines. Silence ends in one line for all hosts in work."""

    tick_every = 1.0

    def __init__(self, pen: Pen, detail: Detail = Detail.NORMAL) -> None:
        self._pen = pen
        self._detail = detail
        self._standing = Standing()
        self._spoke = 0.0

    def take(self, told: Told) -> None:
        """Write what the event is worth."""
        self._standing = apply(self._standing, told)
        self._write(lines(self._standing, told, self._detail), told.elapsed)

    def tick(self, elapsed: float) -> None:
        """After a long silence, one line for all."""
        if elapsed - self._spoke >= SILENCE:
            self._write(alive(self._standing, elapsed), elapsed)

    def close(self) -> None:
        """Nothing is held back."""

    def _write(self, written: tuple[Line, ...], elapsed: float) -> None:
        if written:
            self._spoke = elapsed
            self._pen.write(written)


def lines(standing: Standing, told: Told, detail: Detail) -> tuple[Line, ...]:
    """What one event is worth, given the standing after it."""
    return _lines(told.event, standing, told, detail)


def alive(standing: Standing, elapsed: float) -> tuple[Line, ...]:
    """One line for all hosts in work; none where nothing is going on."""
    if standing.finished is not None:
        return ()
    busy = [_busy(work, elapsed) for work in standing.working.values()]
    if standing.prepare is not None:
        busy.append(f"prepare {duration(elapsed - standing.prepare_since)}")
    if not busy:
        return ()
    count = f"   {phrases.capacity(standing.count)}" if standing.count else ""
    return (line(stamp(elapsed).ljust(9), "...".ljust(_room(standing)), "  ", phrases.listed(busy), count),)


def _busy(work: Work, elapsed: float) -> str:
    step = phrases.shown_step(work.step.step) if work.step else "begins"
    since = f"{phrases.name_of(work.host)} {step} {duration(elapsed - work.since)}"
    seen = phrases.seen(work) if work.step is not None and work.step.step is Step.DRAIN else ""
    return f"{since} ({seen})" if seen else since


@singledispatch
def _lines(_event: Event, _standing: Standing, _told: Told, _detail: Detail) -> tuple[Line, ...]:
    """Events that no line is worth: what they change is in the next line, or in the summary."""
    return ()


@_lines.register(events.RunStarted)
def _run_started(event: events.RunStarted, _standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    url = f"  {clean_line(event.holder.url)}" if event.holder.url else ""
    return (line(f"elbroll {__version__}  {event.command} {clean_line(told.lb)}  run {told.run}{url}"),)


@_lines.register(events.PlanMade)
def _plan_made(event: events.PlanMade, standing: Standing, _told: Told, _detail: Detail) -> tuple[Line, ...]:
    warnings = [_word("plan", "", "warning", text, Tone.WARN) for text in map(clean_line, event.plan.warnings)]
    if standing.started is not None and standing.started.command == "restore":
        records = [(each, each.record) for each in event.plan.hosts if each.record is not None]
        return (*(line(phrases.out_since(each, record)) for each, record in records), *warnings)
    return (line(f"plan     {phrases.plan_line(event.plan)}"), *warnings)


@_lines.register(events.LockWaiting)
def _lock_waiting(event: events.LockWaiting, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    return (_about("all", standing, told, "lock", phrases.lock_waiting(event)),)


@_lines.register(events.StepStarted)
def _step_started(event: events.StepStarted, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    transport = standing.started.transport if standing.started else "ssh"
    who = phrases.name_of(event.host) if event.host else "all"
    return (_about(who, standing, told, phrases.shown_step(event.step), phrases.beginning(event, transport)),)


@_lines.register(events.StepFinished)
def _step_finished(event: events.StepFinished, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    if event.failure is None:
        return ()
    who = phrases.name_of(event.host) if event.host else "all"
    message = f"{phrases.shown_step(event.step)}: {clean_line(event.failure.message)}"
    return (_about(who, standing, told, "failed", message, Tone.BAD),)


@_lines.register(events.HostFinished)
def _host_finished(event: events.HostFinished, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    result = event.result
    parts = [duration(result.seconds)] if result.steps else []
    parts += [f"{standing.count.in_service} in service"] if standing.count else []
    unsaid = result.failure is not None and result.outcome in {Outcome.SKIPPED, Outcome.NOT_REACHED}
    parts += [
        clean_line(text)
        for text in (result.failure.message if result.failure and unsaid else None, result.note)
        if text
    ]
    tone = TONES.get(result.outcome, Tone.BAD)
    return (_about(phrases.name_of(event.host), standing, told, result.outcome.value, "   ".join(parts), tone),)


@_lines.register(events.RecordWritten)
def _record_written(event: events.RecordWritten, standing: Standing, told: Told, detail: Detail) -> tuple[Line, ...]:
    if detail < Detail.RECORDS:
        return ()
    return (_about(phrases.name_of(event.host), standing, told, "record", event.state.value, Tone.DIM),)


@_lines.register(events.HostOutput)
def _host_output(event: events.HostOutput, _standing: Standing, _told: Told, detail: Detail) -> tuple[Line, ...]:
    return (output_line(event),) if detail >= Detail.OUTPUT else ()


@_lines.register(events.Warned)
def _warned(event: events.Warned, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    who = phrases.name_of(event.host) if event.host else "all"
    return (_about(who, standing, told, "warning", clean_line(event.message), Tone.WARN),)


@_lines.register(events.SignalReceived)
def _signal_received(event: events.SignalReceived, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    return (_about("all", standing, told, "signal", phrases.signalled(event), Tone.WARN),)


@_lines.register(events.HaltDecided)
def _halt_decided(event: events.HaltDecided, standing: Standing, told: Told, _detail: Detail) -> tuple[Line, ...]:
    """After a signal it is no news."""
    if standing.signals:
        return ()
    return (_about("all", standing, told, "halt", phrases.halting(event), Tone.BAD),)


def output_line(event: events.HostOutput) -> Line:
    """A line that a host has printed, with its name before it: no host can imitate elbroll (I-21)."""
    return line(f"{phrases.name_of(event.host)} | {clean_line(event.text)}")


def _about(who: str, standing: Standing, told: Told, what: str, text: str, tone: Tone = Tone.PLAIN) -> Line:
    return _word(stamp(told.elapsed), who.ljust(_room(standing)), what, text, tone)


def _word(first: str, who: str, what: str, text: str, tone: Tone) -> Line:
    return line(first.ljust(9), f"{who}  " if who else "", Piece(what, tone), " " * max(1, 11 - len(what)), text)


def _room(standing: Standing) -> int:
    """Columns for names: as many as the longest of the plan's wants, within reason."""
    names = [len(phrases.name_of(host)) for host in standing.hosts.values()]
    return min(max([NAMES_FROM, *names]), NAMES_TO)
