"""A TCP connection to the first address of a name that answers, none of them waited for in vain (T-1, H11)."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.engine.ports import Clock

STAGGER = 0.25
"""Seconds after which the next address is tried beside the ones that have not answered yet (RFC 8305)."""
_USER_TIMEOUT_MS = 60_000

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class NoConnection(Exception):
    """No address answered. `reasons` has a line for each."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the given clock, which comes early when `over` is set."""

    clock: Clock
    at: float
    over: threading.Event
    whole: float
    """Seconds that there were in the beginning."""

    @classmethod
    def after(cls, clock: Clock, seconds: float, over: threading.Event | None = None) -> Deadline:
        """The moment `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds, over or threading.Event(), seconds)

    @property
    def left(self) -> float:
        """Seconds until then, never negative."""
        return 0.0 if self.over.is_set() else max(0.0, self.at - self.clock.monotonic())


def connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connected socket with elbroll's options set. Raises NoConnection."""
    return _Race(resolved(host, port, deadline), deadline).winner()


def resolved(host: str, port: int, deadline: Deadline) -> list[Address]:
    """All addresses of a name, families in turn. Raises NoConnection.

    The system's resolver knows no limit, so it works on a thread of its own, which is left behind if it hangs.
    """
    answer: list[Any] = []
    asking = threading.Thread(target=_resolve, args=(host, port, answer), name="ssh-resolver", daemon=True)
    asking.start()
    while asking.is_alive() and deadline.left:
        asking.join(min(STAGGER, deadline.left))
    if not answer:
        raise NoConnection((f"{host}: the name server did not answer in time",))
    if isinstance(answer[0], OSError):
        raise NoConnection((f"{host}: {answer[0].strerror or answer[0]}",)) from answer[0]
    return in_turn([(family, place) for family, _, _, _, place in answer[0]])


def in_turn(addresses: Sequence[Address]) -> list[Address]:
    """The addresses with the families alternating, beginning with the first one's family."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain(*zip_longest(first, others)) if address]


def _resolve(host: str, port: int, answer: list[Any]) -> None:
    try:
        answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        answer.append(error)
    except UnicodeError as error:
        answer.append(OSError(errno.EINVAL, f"no such name ({error})"))


class _Race:
    """Connection attempts side by side; the first to succeed wins and the others are closed."""

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._waiting = list(reversed(addresses))
        self._deadline = deadline
        self._reasons: list[str] = []
        self._running = selectors.DefaultSelector()

    def winner(self) -> socket.socket:
        """Raises NoConnection when all have failed, or at the deadline."""
        try:
            while self._waiting or self._running.get_map():
                if not self._deadline.left:
                    break
                if self._waiting:
                    self._start(*self._waiting.pop())
                if winner := self._first_ready():
                    return winner
            raise NoConnection((*self._reasons, *self._silent()))
        finally:
            self._close()

    def _start(self, family: socket.AddressFamily, place: tuple[Any, ...]) -> None:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._reasons.append(f"{place[0]}: {error.strerror}")
            return
        _set_options(sock)
        sock.setblocking(False)
        code = sock.connect_ex(place)
        if code in {0, errno.EINPROGRESS}:
            self._running.register(sock, selectors.EVENT_WRITE, place[0])
        else:
            sock.close()
            self._reasons.append(f"{place[0]}: {os.strerror(code)}")

    def _first_ready(self) -> socket.socket | None:
        for key, _ in self._running.select(min(STAGGER, self._deadline.left)) if self._running.get_map() else ():
            sock: socket.socket = key.fileobj  # type: ignore[assignment]  # only sockets are registered
            self._running.unregister(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                sock.setblocking(True)
                return sock
            sock.close()
            self._reasons.append(f"{key.data}: {os.strerror(code)}")
        return None

    def _silent(self) -> list[str]:
        running = [f"{key.data}: no answer in time" for key in self._running.get_map().values()]
        return running + [f"{place[0]}: not tried, the time was up" for _, place in reversed(self._waiting)]

    def _close(self) -> None:
        for key in list(self._running.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets are registered
        self._running.close()


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if user_timeout := getattr(socket, "TCP_USER_TIMEOUT", None):
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, user_timeout, _USER_TIMEOUT_MS)
