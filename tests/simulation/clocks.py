"""Time as a simulated process sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fakes import DAWN
from simulation.troubles import Point, quietly

if TYPE_CHECKING:
    from datetime import datetime

    from simulation.process import Process

EVERY = 5.0
"""Seconds between two ticks of a run's threads, which here tick while it sleeps."""


class ProcessClock:
    """Monotonic time stands still while the computer sleeps; the wall clock goes where it is put."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self.skew = 0.0
        self._slept = 0.0
        self._beaten = process.world.time

    def monotonic(self) -> float:
        return self._world.time - self._slept

    def boottime(self) -> float:
        return self._world.time

    def now(self) -> datetime:
        return DAWN + timedelta(seconds=self._world.time - 1000.0 + self.skew)

    def sleep(self, seconds: float) -> None:
        self.pause(seconds)
        beats = self._process.beats
        if beats.started and not beats.stopped and self._world.time - self._beaten >= EVERY:
            self._beaten = self._world.time
            self._process.ticks()
            beats.started()

    def pause(self, seconds: float) -> None:
        """Sleep without beats."""
        self._world.time += max(seconds, 0.001)
        self._world.log.now = DAWN + timedelta(seconds=self._world.time)
        quietly(self._process, Point.PAUSE)

    def suspend(self, seconds: float) -> None:
        """The computer sleeps."""
        self._world.time += seconds
        self._slept += seconds


class LedgerClock:
    """The same clock for the ledger itself: its beats wait while it writes, as their thread would."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def monotonic(self) -> float:
        return self._process.clock.monotonic()

    def boottime(self) -> float:
        return self._process.clock.boottime()

    def now(self) -> datetime:
        return self._process.clock.now()

    def sleep(self, seconds: float) -> None:
        self._process.clock.pause(seconds)
