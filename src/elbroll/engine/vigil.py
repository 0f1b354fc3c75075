"""Noticing that time has passed without us, and proving everything anew before the next deed (safety.md 3.5, F-56)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from elbroll import events
from elbroll.core.names import clock_time
from elbroll.engine.stop import StopMode
from elbroll.engine.waiting import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from elbroll.engine.ports import Clock, Lease, Sink, Transport
    from elbroll.engine.stop import Stop
    from elbroll.model import Host, HostRecord, PoolId

GAP: Final = 30.0
"""Seconds between two ticks, by any clock, after which nothing that was proven counts any more."""
OUTAGE: Final = 900.0
"""Seconds for which a computer that has just woken up waits for its network (F-37)."""


@dataclass(frozen=True, slots=True)
class _Tick:
    """One instant on all three clocks."""

    monotonic: float
    boottime: float
    wall: datetime

    def gap(self, later: _Tick) -> float:
        """Seconds that one clock counts between the two and another does not: a sleep, or a clock that was set."""
        boot = later.boottime - self.boottime
        slept = boot - (later.monotonic - self.monotonic)
        jumped = abs((later.wall - self.wall).total_seconds() - boot)
        return max(slept, jumped)


class Vigil:
    """Whether this computer slept, its clock was set, or the process stood still. Safe for many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._now()
        self._ticked: float | None = None
        self._missed = 0.0
        self._lock = threading.Lock()

    def tick(self) -> None:
        """For a thread that does nothing else, every few seconds: only so is a stopped process noticed."""
        with self._lock:
            self._look()
            self._ticked = self._clock.boottime()

    def missed(self) -> float:
        """Seconds of the longest gap since `mended`; 0 where there was none."""
        with self._lock:
            self._look()
            return self._missed

    def mended(self) -> None:
        """All has been proven anew."""
        with self._lock:
            self._missed = 0.0

    def _look(self) -> None:
        now = self._now()
        late = now.boottime - self._ticked if self._ticked is not None else 0.0
        gap = max(self._last.gap(now), late)
        self._last = now
        if gap > GAP:
            self._missed = max(self._missed, gap)
            self._ticked = now.boottime if late > GAP else self._ticked

    def _now(self) -> _Tick:
        return _Tick(self._clock.monotonic(), self._clock.boottime(), self._clock.now())


@dataclass(frozen=True, slots=True)
class Awakening:
    """What a run has to prove after a gap."""

    hosts: Collection[Host]
    transport: Transport
    prove: Callable[[], object]
    """Ask AWS who we are. Raises CredentialsError (also for another account), Unanswered."""
    clock: Clock
    sink: Sink
    stop: Stop

    def after(self, seconds: float, lease: Lease) -> None:
        """Drop the lines to hosts, prove credentials and locks; pools are read anew, as readings have grown old.

        Raises what `prove` and `Lease.confirm` raise.
        """
        about = "this computer slept, was stopped, or had its clock set"
        again = "lock, credentials and connections are proven anew"
        self.sink.tell(events.Warned("gap", f"{about}: {clock_time(seconds)} are missing, so {again}"))
        for host in self.hosts:
            self.transport.drop(host)
        patiently(self.prove, clock=self.clock, budget=OUTAGE, give_up=self._leaving)
        lease.confirm(())

    def _leaving(self) -> bool:
        return self.stop.mode >= StopMode.LEAVE


class WakefulLease:
    """A lease under which no deed and no record follows upon a gap before everything was proven anew.

    Raises CredentialsError and Unanswered besides what the lease itself raises: then the gap stays, and whoever comes
    next proves again.
    """

    def __init__(self, lease: Lease, vigil: Vigil, awakening: Awakening) -> None:
        self._lease = lease
        self._vigil = vigil
        self._awakening = awakening
        self._mending = threading.Lock()

    def confirm(self, pools: Collection[PoolId]) -> None:
        """See `Lease.confirm`."""
        self._wake()
        self._lease.confirm(pools)

    def write(self, record: HostRecord) -> None:
        """See `Lease.write`."""
        self._wake()
        self._lease.write(record)

    def seal(self, records: Iterable[HostRecord]) -> None:
        """See `Lease.seal`."""
        self._wake()
        self._lease.seal(records)

    def check_size(self, record: HostRecord) -> None:
        """See `Lease.check_size`."""
        self._lease.check_size(record)

    def doing(self, text: str) -> None:
        """See `Lease.doing`."""
        self._lease.doing(text)

    def release(self) -> bool:
        """See `Lease.release`."""
        return self._lease.release()

    def _wake(self) -> None:
        with self._mending:
            if seconds := self._vigil.missed():
                self._awakening.after(seconds, self._lease)
                self._vigil.mended()
