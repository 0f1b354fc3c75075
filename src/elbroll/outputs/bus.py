"""The sink that the engine is given: numbers events and hands them to outlets that cannot hold it up (I-16, F-57).

Each outlet has a thread and a bounded queue. A broken pipe, a full disk, a stopped terminal or a fault of the
outlet itself ends or thins that outlet and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from elbroll.events import HostOutput, StepProgress, Told
from elbroll.outputs.mask import Masker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elbroll.engine.ports import Clock
    from elbroll.events import Event
    from elbroll.model import RunId

ROOM = 4096
"""Events that may wait for an outlet before host output and progress are dropped."""
HARD_ROOM = 4 * ROOM
"""Events of any kind that may wait for one that has stopped reading."""

_log = logging.getLogger(__name__)


class Outlet(Protocol):
    """One way of telling. Called from one thread only; whatever it raises ends it."""

    @property
    def tick_every(self) -> float | None:
        """Seconds between calls of `tick`; None: never."""
        ...

    def take(self, told: Told) -> None:
        """Tell one event."""
        ...

    def tick(self, elapsed: float) -> None:
        """Time has passed; `elapsed` seconds since the run began."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class Bus:
    """Safe to be told from any thread. `tell` never raises and never waits for an outlet.

    Each element of `lines` is a line of outlets that share a thread and are told in order (the live board and the
    closing summary share a screen).
    """

    def __init__(
        self, run: RunId, lb: str, clock: Clock, *lines: Sequence[Outlet], masker: Masker | None = None
    ) -> None:
        self._run = run
        self._lb = lb
        self._clock = clock
        self._masker = masker or Masker()
        self._began = clock.monotonic()
        self._number = 0
        self._order = threading.RLock()
        self._workers = [_Worker(outlets, self._elapsed) for outlets in lines]
        for worker in self._workers:
            worker.start()

    def tell(self, event: Event) -> None:
        """Number the event, take its time, mask secrets, and queue it for every outlet."""
        masked = self._masker.value(event)
        with self._order:
            self._number += 1
            told = Told(self._number, self._clock.now(), self._elapsed(), self._run, self._lb, masked)
            for worker in self._workers:
                worker.put(told)

    def close(self, limit: float) -> None:
        """Let the outlets finish what is queued, `limit` seconds for all together; then go on without them."""
        for worker in self._workers:
            worker.finish()
        end = self._clock.monotonic() + limit
        for worker in self._workers:
            worker.join(max(0.0, end - self._clock.monotonic()))

    @property
    def dropped(self) -> int:
        """Events that some outlet was too slow for."""
        return sum(worker.dropped for worker in self._workers)

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began


class _Worker(threading.Thread):
    """Daemon: one that hangs in a write must not keep the process alive."""

    def __init__(self, outlets: Sequence[Outlet], elapsed: Callable[[], float]) -> None:
        super().__init__(name="elbroll-outlet", daemon=True)
        self.dropped = 0
        self._outlets = list(outlets)
        self._elapsed = elapsed
        self._queue: deque[Told] = deque()
        self._finishing = False
        self._changed = threading.Condition()
        self._tick_every = min((each.tick_every for each in outlets if each.tick_every is not None), default=None)
        self._ticked = 0.0

    def put(self, told: Told) -> None:
        with self._changed:
            if self._finishing or not self._outlets:
                return
            spare = isinstance(told.event, HostOutput | StepProgress)
            if len(self._queue) >= (ROOM if spare else HARD_ROOM):
                self.dropped += 1
                return
            self._queue.append(told)
            self._changed.notify()

    def finish(self) -> None:
        with self._changed:
            self._finishing = True
            self._changed.notify()

    def run(self) -> None:
        while self._wait():
            told = self._queue.popleft() if self._queue else None
            if told is not None:
                self._take(told)
            self._tick(idle=told is None)
        self._each(lambda outlet: outlet.close())
        if self.dropped:
            _log.warning("an output was too slow: %d events were dropped", self.dropped)

    def _take(self, told: Told) -> None:
        self._each(lambda outlet: outlet.take(told))

    def _wait(self) -> bool:
        """Until there is something to tell or to tick; False once all is told and nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._finishing, timeout=self._tick_every)
            return bool(self._queue) or not self._finishing

    def _tick(self, *, idle: bool) -> None:
        """Also in the midst of a flood, or a board would stand still."""
        now = self._elapsed()
        if self._tick_every is None or not (idle or now - self._ticked >= self._tick_every):
            return
        self._ticked = now
        self._each(lambda outlet: outlet.tick(now))

    def _each(self, call: Callable[[Outlet], None]) -> None:
        for outlet in list(self._outlets):
            try:
                call(outlet)
            except Exception as error:  # whatever it is, it ends this outlet only (I-16)
                _log.warning("%s has ended: %s", type(outlet).__name__, error, exc_info=error)
                self._outlets.remove(outlet)
                with contextlib.suppress(Exception):
                    outlet.close()
