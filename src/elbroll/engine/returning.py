"""Back into the balancers: register exactly what the record says, and wait until everybody calls it healthy."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.moved import moved_ports
from elbroll.core.timing import bake_for, healthy_limit
from elbroll.engine.journal import Abandoned
from elbroll.engine.room import FRESH, WELL
from elbroll.engine.standby import await_back, by_group, rejoin
from elbroll.engine.waiting import NO_ANSWER, Pace, Wait, patiently, wait_until
from elbroll.engine.walker import LOOKS_FOR, SLOWEST, failed
from elbroll.errors import ElbrollError, Superseded, TargetRefused, Unanswered
from elbroll.model import Step, TargetSeen, TargetState, TargetType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.engine.walker import Walker
    from elbroll.model import Pool, PoolView, Registration

OUTAGE = 900.0
"""Seconds: a host left out is the worst end, so register tries for long (aws.md B2)."""
CONFIRM = 0.25
"""Seconds after which a first healthy read is read again (Q5)."""
REFUSED = 5.0
"""Seconds between two tries while an address is refused: each is a call that changes something (S-14)."""
SHOWN_WITHIN = 60.0
"""Seconds after which a registration that does not show is an error (T13)."""
Rows = dict["Registration", TargetSeen | None]


def come_back(walker: Walker) -> None:
    """Record, register, wait for `healthy` in every pool, two reads in a row. Raises StepFailed."""
    limit = _healthy_limit(walker)
    about = events.StepStarted(walker.host, Step.REGISTER, limit=limit, pools=walker.labels())
    with walker.journal.step(about):
        walker.follow()
        _mind_moved_ports(walker)
        walker.book.registering()
        _register(walker)
        _await_group(walker)
        _await_healthy(walker, limit)


def put_back(walker: Walker) -> None:
    """Undo a drain: register what the record says; under it, wait until healthy unless told to leave at once.

    The record stays `held` until every registration was seen healthy (F-33). Raises StepFailed.
    """
    limit = _healthy_limit(walker)
    about = events.StepStarted(walker.host, Step.REGISTER, limit=limit, pools=walker.labels())
    with walker.journal.step(about):
        walker.follow()
        _mind_moved_ports(walker)
        _register(walker)
        _await_group(walker)
        _await_healthy(walker, limit)


def send_back(walker: Walker) -> None:
    """Register without waiting, one try a pool: what there is time for within 5 s (safety.md 8)."""
    _register_everywhere(walker, 0.0)


def bake(walker: Walker) -> None:
    """Watch the host in service for the configured time, at least the pools' slow start. Raises StepFailed."""
    seconds = bake_for(_pools(walker), walker.run.settings)
    if not seconds:
        return
    with walker.journal.step(events.StepStarted(walker.host, Step.BAKE, limit=seconds)):
        wait = wait_until(
            lambda: _rows(walker),
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


def _mind_moved_ports(walker: Walker) -> None:
    """People may have moved a pool to another port while the host was out (F-49). Raises StepFailed.

    While nobody answers the record is believed.
    """
    look = partial(walker.room.views, walker.book.pools(), FRESH)
    try:
        views = patiently(look, clock=walker.run.clock, budget=LOOKS_FOR, give_up=walker.leaving_now)
    except Unanswered:
        return
    moved = moved_ports(walker.host, walker.book.registrations, walker.room.fleet, views)
    for each in moved:
        walker.journal.warn("port-moved", each.text)
    if refused := [each.text for each in moved if each.refused]:
        raise failed(Step.REGISTER, "port-moved", refused[0], *refused[1:])


def _register(walker: Walker) -> None:
    """An address that still drains may be refused until its delay is over (T10): then wait and try again."""
    patience = max(
        (pool.deregistration_delay + 60 for pool in _pools(walker) if pool.target_type is TargetType.IP),
        default=0.0,
    )
    refused: list[TargetRefused] = []

    def register_once() -> bool:
        try:
            _register_everywhere(walker, OUTAGE)
        except TargetRefused as error:
            refused.append(error)
            return False
        return True

    wait = wait_until(
        register_once,
        lambda done: done,
        clock=walker.run.clock,
        limit=patience,
        pace=Pace(max(REFUSED, walker.tick)),
        stopped=walker.leaving_now,
    )
    if not wait.reached:
        walker.abandon_if_told(Step.REGISTER)
        raise refused[-1] if refused else (wait.silence or AssertionError("a register without an end"))


def _register_everywhere(walker: Walker, budget: float) -> None:
    """Each pool is tried, whatever another one says; then raises the worst that was said (F-29, F-48)."""
    clock = walker.run.clock
    end = clock.monotonic() + budget
    errors: list[ElbrollError] = []

    def send(wanted: frozenset[Registration]) -> None:
        for entries in walker.by_pool(wanted).values():
            with _noted(errors):
                walker.send(walker.run.balancer.register, max(0.0, end - clock.monotonic()), only=entries)

    theirs = by_group(walker)
    send(walker.book.registrations - theirs)
    with _noted(errors):
        left = max(0.0, end - clock.monotonic())
        back = patiently(partial(rejoin, walker), clock=clock, budget=left, give_up=walker.leaving_now)
        send(theirs - back)
    if errors:
        raise min(errors, key=lambda error: isinstance(error, TargetRefused))


@contextmanager
def _noted(errors: list[ElbrollError]) -> Iterator[None]:
    """What one pool says keeps no other one out; losing the lock ends it all."""
    try:
        yield
    except Superseded:
        raise
    except ElbrollError as error:
        errors.append(error)


def _await_group(walker: Walker) -> None:
    """The group counts the host as in service again; what it has not registered is sent by hand (A2, A3).

    Raises StepFailed, and what AWS calls raise.
    """
    if walker.book.standby_group is None:
        return
    await_back(walker, OUTAGE)
    look = partial(walker.room.registered, walker.host)
    shown = patiently(look, clock=walker.run.clock, budget=OUTAGE, give_up=walker.leaving_now)
    if missing := by_group(walker) - shown:
        walker.send(walker.run.balancer.register, OUTAGE, only=missing)


def _await_healthy(walker: Walker, limit: float) -> None:
    """An outage of AWS is waited out apart from the limit: it says nothing about the host (F-37)."""
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
    seen = _shown(walker, wait.last) if wait.last is not None else "no answer from AWS"
    raise failed(Step.REGISTER, "never-healthy", f"not healthy after {wait.seconds:.0f} s: {seen}")


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


def _pools(walker: Walker) -> tuple[Pool, ...]:
    return tuple(pool for name in sorted(walker.book.pools()) if (pool := walker.room.pool(name)))


def _healthy_limit(walker: Walker) -> float:
    return max((healthy_limit(pool) for pool in _pools(walker)), default=0.0)
