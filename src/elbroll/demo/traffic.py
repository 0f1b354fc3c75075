"""Steady traffic through a balancer, counted: the demo's witness that no request was lost."""

from __future__ import annotations

import http.client
import itertools
import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from elbroll.demo.app import SLOW

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVERY = 20
"""One request in so many is a slow one."""
_SPARE = 8
"""Clients more than the rate itself would need, for moments when the machine is busy."""


@dataclass(frozen=True, slots=True)
class Count:
    """What has become of the requests so far."""

    answered: int = 0
    failed: int = 0
    by_release: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    """How often each way of failing was seen: `502`, `ConnectionResetError` …"""


class Traffic:
    """`rate` requests a second, some of them slow, until `stop`; each is counted as answered (2xx) or failed."""

    def __init__(self, url: str, rate: float = 40.0) -> None:
        self._address = urlsplit(url).netloc
        self._pause = 1.0 / rate
        self._due: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._releases: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._stopping = threading.Event()
        clients = _SPARE + int(rate * SLOW / _EVERY)
        self._threads = [threading.Thread(target=self._ask_away, daemon=True) for _ in range(clients)]
        self._pacer = threading.Thread(target=self._pace, daemon=True)

    @property
    def count(self) -> Count:
        """Until now; may be read at any time."""
        with self._lock:
            return Count(self._releases.total(), self._failures.total(), dict(self._releases), dict(self._failures))

    def start(self) -> None:
        """Begin to ask."""
        for thread in (*self._threads, self._pacer):
            thread.start()

    def stop(self) -> Count:
        """Ask no more, await what is under way, and give the final count."""
        self._stopping.set()
        self._pacer.join()
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()
        return self.count

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _pace(self) -> None:
        """By the clock, not by pauses: a late request does not put off all later ones."""
        start = time.monotonic()
        for number in itertools.count():
            self._due.put("/slow" if number % _EVERY == 0 else "/")
            if self._stopping.wait(max(0.0, start + (number + 1) * self._pause - time.monotonic())):
                return

    def _ask_away(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        while (path := self._due.get()) is not None:
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                self._note(response)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._note_failure(type(error).__name__)
        connection.close()

    def _note(self, response: http.client.HTTPResponse) -> None:
        if response.status // 100 == 2:
            with self._lock:
                self._releases[response.getheader("X-Release", "")] += 1
        else:
            self._note_failure(str(response.status))

    def _note_failure(self, kind: str) -> None:
        with self._lock:
            self._failures[kind] += 1
