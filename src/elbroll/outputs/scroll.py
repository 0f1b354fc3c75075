"""What scrolls away above the live board: each line is final. Pure."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.model import Outcome, RecordState, Result
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, line
from elbroll.outputs.plain import output_line
from elbroll.outputs.words import columns, duration

if TYPE_CHECKING:
    from elbroll.core.standing import Standing
    from elbroll.events import Event
    from elbroll.model import Host, HostResult, Registration
    from elbroll.outputs.words import Glyphs

USUAL = 80
"""Columns that the heading takes at most."""


def scrolled(event: Event, standing: Standing, glyphs: Glyphs, width: int) -> tuple[Line, ...]:
    """What one event is worth, given the standing after it; nothing for those that only change the board."""
    return _lines(event, standing, glyphs, width)


def heading(standing: Standing, width: int) -> Line:
    """`web-prod  alb  us-east-1  5 hosts, 2 at a time, floor 4 of 6         run 7f3a9c`."""
    plan, region = standing.plan, standing.started.region if standing.started else None
    words = [clean_line(standing.lb), plan.kind.value if plan else "", region or "", phrases.pace(plan) if plan else ""]
    left = "  ".join(word for word in words if word)
    right = f"run {standing.run}"
    gap = max(2, min(width, USUAL) - columns(left) - columns(right))
    return line(Piece(left, Tone.STRONG), " " * gap, Piece(right, Tone.DIM))


def ended(host: Host, result: HostResult, glyphs: Glyphs) -> Line:
    """A finished host: its outcome, how long it took, each step of it, and what is to be said."""
    glyph, tone = _verdict(result, glyphs)
    steps = phrases.step_times(result.steps) if result.outcome is not Outcome.DRAINED else ""
    words = [
        phrases.name_of(host),
        result.outcome.value,
        duration(result.seconds),
        steps,
        clean_line(result.note or ""),
    ]
    words += [clean_line(result.failure.message)] if result.failure and not result.steps else []
    return line(Piece(glyph, tone), " ", "  ".join(filter(None, words)))


def _verdict(result: HostResult, glyphs: Glyphs) -> tuple[str, Tone]:
    if result.outcome is Outcome.RESTORED:
        return glyphs.back, Tone.GOOD if result.failure is None else Tone.WARN
    bad = result.failure is not None or result.outcome in {Outcome.LEFT_OUT, Outcome.UNKNOWN}
    return (glyphs.bad, Tone.BAD) if bad else (glyphs.good, Tone.GOOD)


@singledispatch
def _lines(_event: Event, _standing: Standing, _glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    return ()


@_lines.register(events.PlanMade)
def _plan_made(event: events.PlanMade, standing: Standing, glyphs: Glyphs, width: int) -> tuple[Line, ...]:
    warnings = tuple(_marked(clean_line(text), glyphs) for text in event.plan.warnings)
    command = standing.started.command if standing.started else ""
    if command == "restore":
        return (*_records(event), *warnings)
    return warnings if command == "drain" else (heading(standing, width), *warnings)


def _records(event: events.PlanMade) -> tuple[Line, ...]:
    held = [(each, each.record) for each in event.plan.hosts if each.record is not None]
    return tuple(line(phrases.out_since(each, record)) for each, record in held)


@_lines.register(events.StepFinished)
def _step_finished(event: events.StepFinished, _standing: Standing, glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    if event.host is not None:
        return ()
    good = event.result is Result.SUCCESS
    glyph = Piece(glyphs.good, Tone.GOOD) if good else Piece(glyphs.bad, Tone.BAD)
    words = [event.step.value, clean_line(event.note or ""), duration(event.seconds)]
    return (line(glyph, " ", "  ".join(filter(None, words))),)


@_lines.register(events.RecordWritten)
def _record_written(event: events.RecordWritten, standing: Standing, glyphs: Glyphs, width: int) -> tuple[Line, ...]:
    """Only of a host that is taken out on purpose: that its place is on record is the point of it."""
    if standing.started is None or standing.started.command != "drain" or event.state is not RecordState.HELD:
        return ()
    pools = ", ".join(_label(each, standing) for each in sorted(event.registrations, key=str))
    left = f" recorded  {phrases.name_of(event.host)}  {pools}"
    run = f"run {standing.run}"
    gap = max(2, min(width, USUAL) - glyphs.width - columns(left) - columns(run))
    return (line(Piece(glyphs.good, Tone.GOOD), left, " " * gap, Piece(run, Tone.DIM)),)


def _label(registration: Registration, standing: Standing) -> str:
    pools = {each.pool.id: each.pool.name for each in standing.plan.pools} if standing.plan else {}
    name = clean_line(pools.get(registration.pool, registration.pool))
    return name if registration.port is None else f"{name}:{registration.port}"


@_lines.register(events.HostFinished)
def _host_finished(event: events.HostFinished, standing: Standing, glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    if event.result.outcome is Outcome.NOT_REACHED and event.result.failure is None:
        return ()
    return (ended(event.host, event.result, glyphs),)


@_lines.register(events.HostOutput)
def _host_output(event: events.HostOutput, _standing: Standing, _glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    return (output_line(event),)


@_lines.register(events.Warned)
def _warned(event: events.Warned, _standing: Standing, glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    who = f"{phrases.name_of(event.host)}  " if event.host else ""
    return (_marked(f"{who}{clean_line(event.message)}", glyphs),)


@_lines.register(events.SignalReceived)
def _signal_received(
    event: events.SignalReceived, _standing: Standing, glyphs: Glyphs, _width: int
) -> tuple[Line, ...]:
    return (_marked(phrases.signalled(event), glyphs),)


@_lines.register(events.HaltDecided)
def _halt_decided(event: events.HaltDecided, standing: Standing, glyphs: Glyphs, _width: int) -> tuple[Line, ...]:
    """After a signal it is no news."""
    if standing.signals:
        return ()
    return (line(Piece(f"{glyphs.bad} halting: {phrases.halting(event)}", Tone.BAD)),)


def _marked(text: str, glyphs: Glyphs) -> Line:
    return line(Piece(glyphs.mark.ljust(glyphs.width), Tone.WARN), " ", text)
