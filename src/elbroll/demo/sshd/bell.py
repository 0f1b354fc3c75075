"""Waking threads that wait on a file descriptor."""

from __future__ import annotations

import os
import select
from threading import Lock


class Bell:
    """Rung once; from then on `ready` answers at once."""

    def __init__(self) -> None:
        self._hears, self._rings = os.pipe()
        self._lock = Lock()
        self._rung = False

    @property
    def rung(self) -> bool:
        """Whether `ring` was called."""
        return self._rung

    def ring(self) -> None:
        """End all waiting, now and later. Safe from any thread, any number of times."""
        with self._lock:
            if not self._rung:
                self._rung = True
                os.close(self._rings)

    def ready(self, descriptor: int, event: int) -> bool:
        """Wait until `event` (of `select.poll`) or an end has come to `descriptor`; False if only the bell has rung."""
        poll = select.poll()
        poll.register(descriptor, event)
        poll.register(self._hears, select.POLLIN)
        return descriptor in dict(poll.poll())

    def close(self) -> None:
        """Free the descriptors; nobody may wait any more."""
        self.ring()
        os.close(self._hears)
