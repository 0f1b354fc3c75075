"""Until every balancer calls a host healthy, and while it is watched in service (aws.md T13, Q5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.timing import bake_for
from elbroll.engine.journal import Abandoned
from elbroll.engine.room import WELL
from elbroll.engine.waiting import NO_ANSWER, Pace, Wait, patiently, wait_until
from elbroll.engine.walker import SLOWEST, failed
from elbroll.model import Step, TargetSeen, TargetState

if TYPE_CHECKING:
    from elbroll.engine.walker import Walker
    from elbroll.model import PoolView, Registration

OUTAGE = 900.0
"""Seconds: a host left out is the worst end, so register tries for long (aws.md B2)."""
CONFIRM = 0.25
"""Seconds after which a first healthy read is read again (Q5)."""
SHOWN_WITHIN = 60.0
"""Seconds after which a registration that does not show is an error (T13)."""
Rows = dict["Registration", TargetSeen | None]


def await_healthy(walker: Walker, limit: float) -> None:
    """Return once two looks in a row have shown it; then the host counts as back. Raises StepFailed, Abandoned.

    An outage of AWS is waited out apart from the limit in seconds: it says nothing about the host (F-37).
    """
    end = walker.run.clock.monotonic() + OUTAGE
    silences: list[float] = []
    wait = _watch_until_healthy(walker, limit, silences)
    while not wait.reached and silences and silences[-1] < end and not walker.leaving_now():
        silences.clear()
        wait = _watch_until_healthy(walker, limit, silences)
    if wait.reached:
        walker.room.back(walker.host)
        return
    if walker.leaving_now():
        raise Abandoned(Step.REGISTER, "registered, but not yet seen healthy")
    shown = _shown(walker, wait.last) if wait.last is not None else "no answer from AWS"
    seen = shown or "none of its pools exists any more"
    raise failed(Step.REGISTER, "never-healthy", f"not healthy after {wait.seconds:.0f} s: {seen}")


def bake(walker: Walker) -> None:
    """Watch the host in service for the configured time, at least the pools' slow start. Raises StepFailed."""
    seconds = bake_for(walker.pools(), walker.run.settings)
    if not seconds:
        return
    odd: set[Registration] = set()
    with walker.journal.step(events.StepStarted(walker.host, Step.BAKE, limit=seconds)):
        wait = wait_until(
            lambda: _watched(walker, odd),
            lambda _: False,
            clock=walker.run.clock,
            limit=seconds,
            pace=Pace(walker.tick, slowest=SLOWEST),
            give_up=lambda rows: not _all_healthy(rows),
            stopped=walker.leaving_now,
        )
        walker.abandon_if_told(Step.BAKE)
        rows = wait.last if wait.last is not None and wait.silence is None else _rows_at_last(walker)
        if not _all_healthy(rows):
            raise failed(Step.BAKE, "bake-unhealthy", f"fell sick while it was watched: {_shown(walker, rows)}")


def _watched(walker: Walker, odd: set[Registration]) -> Rows:
    """A target that answers unlike its siblings is healthy all the same, and worth a warning, once (T3)."""
    rows = _rows(walker)
    for entry in [entry for entry, row in rows.items() if row is not None and row.anomalous and entry not in odd]:
        odd.add(entry)
        text = f"{walker.label(entry)} is healthy, but its balancer finds its answers unlike those of the others"
        walker.journal.warn("anomalous", text)
    return rows


def _watch_until_healthy(walker: Walker, limit: float, silences: list[float]) -> Wait[Rows]:
    """`silences` gets the time of each look that was not answered."""
    began = walker.run.clock.monotonic()
    told: list[str] = []
    sick: dict[Registration, float] = {}

    def look() -> Rows:
        try:
            rows = _rows(walker)
        except NO_ANSWER:
            silences.append(walker.run.clock.monotonic())
            raise
        _note_sick(sick, rows, walker.run.clock.monotonic())
        text = _shown(walker, rows)
        if [text] != told[-1:]:
            told.append(text)
            states = tuple((walker.label(entry), _state(row)) for entry, row in rows.items())
            walker.journal.tell(events.StepProgress(walker.host, Step.REGISTER, states=states, text=text))
        return rows

    return wait_until(
        look,
        _all_healthy,
        clock=walker.run.clock,
        limit=limit,
        pace=Pace(walker.tick, again=CONFIRM, good_looks=2, slowest=SLOWEST),
        give_up=lambda rows: (
            _hopeless(rows, walker.run.clock.monotonic() - began)
            or _sick_for_long(walker, sick, walker.run.clock.monotonic())
        ),
        stopped=walker.leaving_now,
    )


def _note_sick(sick: dict[Registration, float], rows: Rows, now: float) -> None:
    """Since when each registration has been unhealthy without a break."""
    for entry, row in rows.items():
        if _state(row) is TargetState.UNHEALTHY:
            sick.setdefault(entry, now)
        else:
            sick.pop(entry, None)


def _sick_for_long(walker: Walker, sick: dict[Registration, float], now: float) -> bool:
    """Every check that could have made it healthy has failed (T13); before that a booting app may be unhealthy."""
    return any(
        now - since >= pool.health_check.healthy_threshold * pool.health_check.interval
        for entry, since in sick.items()
        if (pool := walker.room.pool(entry.pool))
    )


def _rows_at_last(walker: Walker) -> Rows:
    return patiently(partial(_rows, walker), clock=walker.run.clock, budget=OUTAGE, give_up=walker.leaving_now)


def _rows(walker: Walker) -> Rows:
    views = walker.room.views(walker.book.pools(), CONFIRM / 2)
    return {entry: _row(views[entry.pool], entry) for entry in walker.book.registrations if entry.pool in views}


def _row(view: PoolView, entry: Registration) -> TargetSeen | None:
    return view.row(entry)


def _all_healthy(rows: Rows) -> bool:
    """By the balancer's own check; a zonal shift keeps traffic away from a target that is well (F-26)."""
    return all(row is not None and row.state in WELL for row in rows.values())


def _hopeless(rows: Rows, seconds: float) -> bool:
    """A state that does not heal by waiting: never shown, or registered where no check is made."""
    states = {_state(row) for row in rows.values()}
    return seconds >= SHOWN_WITHIN and bool(states & {TargetState.GONE, TargetState.UNUSED})


def _state(row: TargetSeen | None) -> TargetState:
    return row.state if row else TargetState.GONE


def _shown(walker: Walker, rows: Rows) -> str:
    return ", ".join(
        f"{walker.label(entry)} {_words(row)}" for entry, row in sorted(rows.items(), key=lambda i: i[0].pool)
    )


def _words(row: TargetSeen | None) -> str:
    if row is None:
        return "not shown"
    return " ".join(word for word in (row.state, row.reason, row.said) if word)
