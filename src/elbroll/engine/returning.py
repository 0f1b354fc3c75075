"""Back into the balancers: register exactly what the record says, and wait until everybody calls it healthy."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.moved import moved_ports
from elbroll.core.timing import healthy_limit
from elbroll.engine.healthy import OUTAGE, await_healthy
from elbroll.engine.room import FRESH
from elbroll.engine.standby import await_back, by_group, must_not_be_leaving, rejoin
from elbroll.engine.waiting import Pace, patiently, wait_until
from elbroll.engine.walker import LOOKS_FOR, failed
from elbroll.errors import ElbrollError, Superseded, TargetRefused, Unanswered
from elbroll.model import Step, TargetType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.engine.walker import Walker
    from elbroll.model import Registration

REFUSED = 5.0
"""Seconds between two tries while an address is refused: each is a call that changes something (S-14)."""


def come_back(walker: Walker) -> None:
    """Record, register, wait for `healthy` in every pool, two reads in a row. Raises StepFailed."""
    limit = _healthy_limit(walker)
    about = events.StepStarted(walker.host, Step.REGISTER, limit=limit, pools=walker.labels())
    with walker.journal.step(about):
        must_not_be_leaving(walker)
        walker.follow()
        _mind_moved_ports(walker)
        walker.book.registering()
        _register(walker)
        _await_group(walker)
        await_healthy(walker, limit)


def put_back(walker: Walker) -> None:
    """Undo a drain: register what the record says; under it, wait until healthy unless told to leave at once.

    The record stays `held` until every registration was seen healthy (F-33). Raises StepFailed.
    """
    limit = _healthy_limit(walker)
    about = events.StepStarted(walker.host, Step.REGISTER, limit=limit, pools=walker.labels())
    with walker.journal.step(about):
        must_not_be_leaving(walker)
        walker.follow()
        _mind_moved_ports(walker)
        _register(walker)
        _await_group(walker)
        await_healthy(walker, limit)


def rejoin_group(walker: Walker) -> None:
    """Out of standby, where there is no pool to come back to. Raises StepFailed."""
    with walker.journal.step(events.StepStarted(walker.host, Step.REGISTER, limit=OUTAGE)):
        patiently(partial(rejoin, walker), clock=walker.run.clock, budget=OUTAGE, give_up=walker.leaving_now)
        await_back(walker, OUTAGE)


def send_back(walker: Walker) -> None:
    """Register without waiting, one try a pool: what there is time for within 5 s (safety.md 8)."""
    _register_everywhere(walker, 0.0)


def _mind_moved_ports(walker: Walker) -> None:
    """People may have moved a pool to another port while the host was out (F-49). Raises StepFailed.

    While nobody answers the record is believed.
    """
    look = partial(walker.room.views, walker.book.pools(), FRESH)
    try:
        views = patiently(look, clock=walker.run.clock, budget=LOOKS_FOR, give_up=walker.leaving_now)
    except Unanswered:
        return
    moved = moved_ports(walker.host, walker.book.removed, walker.room.fleet, views)
    for each in moved:
        walker.journal.warn("port-moved", each.text)
    if refused := [each.text for each in moved if each.refused]:
        raise failed(Step.REGISTER, "port-moved", refused[0], *refused[1:])


def _register(walker: Walker) -> None:
    """An address that still drains may be refused until its delay is over (T10): then wait and try again."""
    patience = max(
        (pool.deregistration_delay + 60 for pool in walker.pools() if pool.target_type is TargetType.IP),
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
        left = max(0.0, end - clock.monotonic()) + (_lets_go_within(walker) if budget else 0.0)
        back = patiently(partial(rejoin, walker), clock=clock, budget=left, give_up=walker.leaving_now)
        send(theirs - back)
    if errors:
        raise min(errors, key=lambda error: isinstance(error, TargetRefused))


def _lets_go_within(walker: Walker) -> float:
    """A group takes back whoever stands by, and that takes it the delay of its pools, an hour at most (A3, T7)."""
    return max((pool.deregistration_delay for pool in walker.pools()), default=0.0)


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


def _healthy_limit(walker: Walker) -> float:
    return max((healthy_limit(pool) for pool in walker.pools()), default=0.0)
