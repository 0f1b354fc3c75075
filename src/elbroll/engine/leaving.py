"""Out of every pool at once, read back, and then until the traffic has really stopped (safety.md 4, aws.md E3)."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.drained import Drained, Leaving, NotYet, Quiet, Undone, balancer_peers, drained, quiet
from elbroll.core.drained import leave as fold
from elbroll.core.names import listed, pool_name
from elbroll.core.timing import drain_limit, settle_for, until_for
from elbroll.engine.admitting import admit
from elbroll.engine.lives import died
from elbroll.engine.permit import JUDGED, while_both_hold
from elbroll.engine.standby import enter, may_stand_by, stands_by
from elbroll.engine.waiting import Pace, patiently, wait_until
from elbroll.engine.walker import LOOKS_FOR, SLOWEST, failed
from elbroll.errors import ElbrollError, HostAccessError, HostUnreachable, Unanswered
from elbroll.model import RecordState, Result, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from elbroll.engine.ports import ConnectionWatch
    from elbroll.engine.walker import Walker
    from elbroll.model import Pool, Registration

COUNTS = 0.25
"""Seconds between two counts of a host's connections; each is a line over a channel that is open anyway."""
LEAVES_WITHIN = 60.0
"""Seconds after which a registration that shows no sign of leaving is not going to (F-30)."""
PROVEN = frozenset({RecordState.HELD, RecordState.REGISTERING})
"""States of a record whose host may go back at once: its version is known to serve."""
SENDS_FOR = 60.0
"""Seconds for which a deregister without an answer is repeated (F-29)."""


def leave(walker: Walker, *, countable: bool) -> Callable[[Step], None]:
    """Guard, record, deregister, wait until drained. Raises StepFailed (GUARD: nothing was done).

    The answer looks again, in a step that follows, and returns once there still is no traffic (F-32).
    """
    may_stand_by(walker)
    admit(walker)
    drain = _Drain(walker, countable=countable)
    about = events.StepStarted(walker.host, Step.DRAIN, limit=drain.limit, pools=walker.labels(), until=drain.until)
    with walker.journal.step(about):
        drain.deregister()
        drain.await_end()
    return drain.look_again


class _Drain:
    """One drain, look by look."""

    def __init__(self, walker: Walker, *, countable: bool) -> None:
        settings = walker.run.settings
        self._walker = walker
        self._clock = walker.run.clock
        self._pools = walker.pools()
        self.limit = drain_limit(self._pools, settings)
        self._settle = max((settle_for(pool, settings) for pool in self._pools), default=0.0)
        reported = not countable or any(until_for(pool, settings) == "reported" for pool in self._pools)
        self.until = "reported" if reported else "idle"
        self._called = self._clock.monotonic()
        self._leaving: dict[Registration, Leaving] = {}
        self._quiet: Quiet | None = None if reported else Quiet()
        self._counted = self._called
        self._took = False
        self._step = Step.DRAIN

    def deregister(self) -> None:
        """Every pool at once, then read back at once: capacity may have dropped in between (F-27)."""
        walker = self._walker
        now = walker.seen_registered()
        theirs = self._enter_standby()
        walker.send(self._while_it_may, SENDS_FOR, only=now - theirs)
        self._called, self._took = self._clock.monotonic(), bool(now)
        self._leaving = {entry: Leaving() for entry in walker.book.registrations if walker.room.pool(entry.pool)}
        walker.follow()
        short = self._patiently(lambda: walker.room.shortfall(walker.host)) if now else None
        if short is not None:
            raise failed(Step.DRAIN, "capacity-dropped", f"capacity dropped while it left: {short}")
        walker.room.tell_capacity(walker.book.pools())

    def _while_it_may(self, pool: Pool, entries: tuple[Registration, ...]) -> None:
        self._must_still_be_allowed()
        self._walker.run.balancer.deregister(pool, entries)

    def _enter_standby(self) -> frozenset[Registration]:
        try:
            return enter(self._walker, self._walker.interrupted, self._must_still_be_allowed)
        except Unanswered:
            if self._walker.interrupted():
                raise failed(Step.DRAIN, "interrupted", "a signal has come", result=Result.CANCELLATION) from None
            raise

    def _must_still_be_allowed(self) -> None:
        while_both_hold(self._walker, self._must_be_allowed)

    def _must_be_allowed(self) -> None:
        if why := self._walker.room.may_still_leave(self._walker.host, JUDGED):
            raise failed(Step.DRAIN, "capacity-dropped", f"capacity dropped before it left: {why}")

    def _patiently(self, look: Callable[[], str | None]) -> str | None:
        return patiently(look, clock=self._clock, budget=LOOKS_FOR, give_up=self._walker.interrupted)

    def look_again(self, step: Step) -> None:
        """Once more until drained, as somebody who knows its address may have come since (F-32). Raises StepFailed."""
        self._step = step
        if self._quiet and self._clock.monotonic() - self._counted > self._settle:
            self._quiet = Quiet()  # nobody has counted for so long that silence has to be shown anew
        self.await_end()

    def await_end(self) -> None:
        """Until drained; never longer than the limit. Raises StepFailed."""
        walker = self._walker
        with ExitStack() as stack:
            watch = self._open_watch(stack)
            peers = balancer_peers(self._pools, self._nodes()) if watch else None
            wait = wait_until(
                lambda: self._look(watch, peers),
                lambda seen: isinstance(seen, Drained),
                clock=self._clock,
                limit=self.limit - (self._clock.monotonic() - self._called),
                pace=Pace(COUNTS) if watch else Pace(walker.tick, slowest=SLOWEST),
                give_up=lambda seen: isinstance(seen, Undone) or self._stays(),
                stopped=walker.interrupted,
            )
        if wait.reached:
            return
        if walker.interrupted():
            raise failed(self._step, "interrupted", "a signal has come", result=Result.CANCELLATION)
        if isinstance(wait.last, Undone):
            raise failed(self._step, "undone", wait.last.text)
        last = wait.last.text if isinstance(wait.last, NotYet) else str(wait.silence or "no answer")
        code = "still-registered" if self._stays() else "drain-limit"
        raise failed(self._step, code, f"not drained after {wait.seconds:.0f} s: {last}", result=Result.TIMEOUT)

    def _look(self, watch: ConnectionWatch | None, peers: frozenset[str] | None) -> Drained | NotYet | Undone:
        walker = self._walker
        for name, view in walker.room.views({entry.pool for entry in self._leaving}, self._max_age()).items():
            for entry in (each for each in self._leaving if each.pool == name):
                self._leaving[entry] = fold(self._leaving[entry], view.row(entry), view.at)
        self._all_there()
        self._enough_left()
        self._count(watch, peers)
        now = self._clock.monotonic()
        seen = drained(self._leaving, self._quiet, self.until, now, self._settle, now - self._called)
        if isinstance(seen, Drained) and (not_yet := stands_by(walker)):
            seen = NotYet(not_yet)
        if isinstance(seen, NotYet):
            self._tell(seen)
        return seen

    def _all_there(self) -> None:
        """A pool that has been deleted shows nothing any more, not even that the host has left it (F-35)."""
        if gone := sorted({pool.id for pool in self._pools if self._walker.room.pool(pool.id) is None}):
            raise failed(self._step, "pool-gone", f"{listed(list(map(pool_name, gone)))} no longer exists")

    def _enough_left(self) -> None:
        """While nothing was deployed to a host that we took out it can make good for others that fall (F-27)."""
        if not self._took or self._walker.book.state not in PROVEN:
            return
        if short := self._walker.room.shortfall(self._walker.host, self._max_age()):
            raise failed(self._step, "capacity-dropped", f"capacity dropped while it left: {short}")

    def _count(self, watch: ConnectionWatch | None, peers: frozenset[str] | None) -> None:
        if watch is None or self._quiet is None:
            return
        connections = watch.look()
        if connections is None and self._walker.interrupted():
            return  # nobody waited for the answer: the host goes back
        if connections is None:
            self._go_blind("its connections can no longer be counted")
            return
        host = self._walker.host
        own = tuple(address for address in (host.private_ip, *host.addresses) if address)
        now = self._clock.monotonic()
        self._counted = now
        self._quiet = quiet(self._quiet, connections, peers, own, now, self._settle)

    def _go_blind(self, why: str) -> None:
        """What cannot be asked falls back to the balancer's word, and says so; a dead machine has left (F-34)."""
        if died(self._walker.run.inventory, self._walker.host):
            raise failed(self._step, "gone", "the instance is terminated")
        self._quiet, self.until = None, "reported"
        self._walker.journal.warn("reported", f"{why}: waiting for the balancer's word instead")

    def _tell(self, seen: NotYet) -> None:
        live = self._quiet.live if self._quiet else None
        self._walker.journal.tell(events.StepProgress(self._walker.host, self._step, connections=live, text=seen.text))

    def _max_age(self) -> float:
        """A first read at once, a confirming one soon, and then one a tick (S-14)."""
        waited = self._clock.monotonic() - self._called
        expected = waited < LEAVES_WITHIN
        unconfirmed = any(
            seen.gone_reads == 1 or (expected and seen.left_at is None) for seen in self._leaving.values()
        )
        return 0.9 if unconfirmed else Pace(self._walker.tick, slowest=SLOWEST).pause(0, waited)

    def _stays(self) -> bool:
        """Nothing has left although the call was answered long ago (F-30)."""
        waited = self._clock.monotonic() - self._called
        states = {seen.state for seen in self._leaving.values() if seen.left_at is None}
        return waited >= LEAVES_WITHIN and bool(states - {None, TargetState.UNAVAILABLE, TargetState.UNKNOWN})

    def _open_watch(self, stack: ExitStack) -> ConnectionWatch | None:
        ports = _traffic_ports(self._leaving, self._pools)
        if self.until != "idle" or not ports:
            return None
        try:
            return stack.enter_context(self._walker.run.transport.watch(self._walker.host, ports))
        except (HostUnreachable, HostAccessError) as error:
            self._go_blind(error.message)
            return None

    def _nodes(self) -> Mapping[str, frozenset[str] | None]:
        return {pool.id: self._nodes_of(pool) for pool in self._pools}

    def _nodes_of(self, pool: Pool) -> frozenset[str] | None:
        """An optional read: without it every peer from outside counts, which only takes longer (F-21)."""
        try:
            return self._walker.run.balancer.nodes(pool)
        except ElbrollError as error:
            text = f"who the nodes of {pool.name} are cannot be read, so every connection counts: {error.message}"
            self._walker.journal.warn("nodes", text)
            return None


def _traffic_ports(registrations: Collection[Registration], pools: Collection[Pool]) -> frozenset[int]:
    own = {entry.port for entry in registrations if entry.port is not None}
    return frozenset(own | {port for pool in pools for port in pool.ports})
