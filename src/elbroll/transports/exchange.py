"""One exec on a host: text goes in, both streams are read at once, control lines are told from noise (H1, H7, H27)."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.transports.wrapper import BOOTSTRAP, new_nonce

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramiko import Channel

    from elbroll.transports.connection import Connection

EXEC_LIMIT = 15.0
PIECE = 64 * 1024
STALL = 30.0
"""Seconds in which a piece must have been taken (section 4)."""
_QUEUED = 32
"""Pieces under way between the readers and whoever listens: flow control does the rest."""


@dataclass(frozen=True, slots=True)
class Word:
    """A control line: proof that it was our wrapper that spoke."""

    name: str
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """Both streams have ended. `status` None: none came; `sound`: the line itself stands (H3)."""

    status: int | None
    sound: bool
    noise: tuple[str, ...] = ()
    """What the host said on stderr beside our words; secrets among it, until `Output.aside` has taken them out."""


class Exchange:
    """Runs the bootstrap; what it is to do comes by `send`. Raises what `Connection.exec` raises."""

    def __init__(self, connection: Connection) -> None:
        self.nonce = new_nonce()
        self._connection = connection
        self._channel: Channel = connection.exec(BOOTSTRAP, EXEC_LIMIT)
        self._channel.settimeout(STALL)
        self._items: queue.Queue[bytes | Word | None] = queue.Queue(_QUEUED)
        self._closed = threading.Event()
        self._open_streams = 2
        self._noise: list[str] = []
        for read in (self._read_output, self._read_words):
            threading.Thread(target=read, name="ssh-stream", daemon=True).start()

    def send(self, data: bytes) -> bool:
        """Whether all of it went out; False when the other end has stopped listening or takes nothing for 30 s."""
        try:
            for start in range(0, len(data), PIECE):
                self._channel.sendall(data[start : start + PIECE])
        except (OSError, EOFError):
            return False
        return True

    def end_input(self) -> None:
        """No more will be sent."""
        with suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def next(self, patience: float) -> bytes | Word | Ended | None:
        """The next thing heard; None if nothing came in `patience` seconds."""
        while self._open_streams:
            try:
                item = self._items.get(timeout=patience)
            except queue.Empty:
                return None
            if item is not None:
                return item
            self._open_streams -= 1
        return self._ended()

    def close(self) -> None:
        """End the channel; never raises."""
        self._closed.set()
        with suppress(Exception):
            self._channel.close()

    def _ended(self) -> Ended:
        self._channel.status_event.wait(1.0)
        status = self._channel.exit_status if self._channel.exit_status_ready() else -1
        return Ended(status if status >= 0 else None, self._connection.alive, tuple(self._noise[-5:]))

    # --- the readers' threads ---------------------------------------------------------------------------

    def _read_output(self) -> None:
        self._read(self._channel.recv, self._put)

    def _read_words(self) -> None:
        rest = bytearray()

        def take(data: bytes) -> None:
            *lines, last = (bytes(rest) + data).split(b"\n")
            rest[:] = last[:PIECE]
            for line in lines:
                self._take_line(line.decode("utf-8", "backslashreplace"))

        self._read(self._channel.recv_stderr, take)

    def _take_line(self, line: str) -> None:
        match line.split():
            case ["ELB1", self.nonce, name, *rest]:
                self._put(Word(name, tuple(rest)))
            case _:
                self._noise = [*self._noise[-4:], line]

    def _read(self, recv: Callable[[int], bytes], take: Callable[[bytes], None]) -> None:
        with suppress(OSError, EOFError):
            while not self._closed.is_set():
                try:
                    data = recv(PIECE)
                except TimeoutError:
                    continue
                if not data:
                    break
                take(data)
        self._put(None)

    def _put(self, item: bytes | Word | None) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=0.5)
                return
