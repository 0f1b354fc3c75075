"""Counting connections on a host, one count for each question, on one long exec (ssh.md 5)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError
from elbroll.transports.sockets import parse
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from elbroll.engine.ports import Clock
    from elbroll.model import Connection
    from elbroll.transports.exchange import Exchange
    from elbroll.transports.kept import KeptLine

LONGEST = 15.0
"""Seconds that a count may take."""
_LISTEN = 0.25
"""Seconds between two questions whether the answer is still wanted."""
_MOST = 8 * 1024 * 1024
"""Bytes of one answer; some 40 000 connections."""


class SsWatch:
    """Asks the host's `ss`. Once it cannot tell, it never can again."""

    def __init__(
        self, line: KeptLine, clock: Clock, ports: Collection[int], given_up: Callable[[], bool] = lambda: False
    ) -> None:
        """`given_up`: whether nobody wants to know any more, asked while the host is silent (F-54)."""
        self._line = line
        self._clock = clock
        self._ports = frozenset(ports)
        self._given_up = given_up
        self._exchange: Exchange | None = None
        self._told = True

    def look(self) -> tuple[Connection, ...] | None:
        """As `ConnectionWatch.look`: what `ss` counts now, after the call began."""
        if not self._told:
            return None
        if not self._ports:
            return ()
        text = self._awaited()
        counted = None if text is None else parse(text, self._ports)
        self._told = counted is not None
        return counted

    def close(self) -> None:
        """Stop counting; never raises."""
        exchange, self._exchange = self._exchange, None
        if exchange:
            exchange.end_input()
            exchange.close()

    def _awaited(self) -> str | None:
        """The answer, or None once it is not wanted any more: a frozen host may hold up its line for long."""
        answers: list[str | None] = []
        asking = threading.Thread(target=lambda: answers.append(self._answer()), name="ssh-count", daemon=True)
        asking.start()
        while asking.is_alive() and not self._given_up():
            asking.join(_LISTEN)
        return answers[0] if answers else None

    def _answer(self) -> str | None:
        """On a line that was lost meanwhile, once more on a fresh one."""
        for _ in range(2):
            try:
                exchange = self._opened()
            except ElbrollError:
                return None
            text = self._framed(exchange) if exchange.send(b"?\n") else None
            if text is not None:
                return text
            self.close()
        return None

    def _opened(self) -> Exchange:
        if self._exchange is None:
            self._exchange = self._line.exchange()
            wanted = " or ".join(f"sport = :{int(port)}" for port in sorted(self._ports))
            self._exchange.send(program("base", "count", call=("count", self._exchange.nonce, f"( {wanted} )")))
        return self._exchange

    def _framed(self, exchange: Exchange) -> str | None:
        """What stands between the marks of our nonce."""
        first, last = f"ELB1 {exchange.nonce} BEGIN\n".encode(), f"ELB1 {exchange.nonce} END ".encode()
        heard = b""
        deadline = self._clock.monotonic() + LONGEST
        while self._clock.monotonic() < deadline and len(heard) < _MOST:
            item = exchange.next(1.0)
            if isinstance(item, bytes):
                heard += item
                _, begun, text = heard.partition(first)
                text, ended, status = text.partition(last)
                if begun and ended and status.endswith(b"\n"):
                    return text.decode("utf-8", "backslashreplace") if status.split() == [b"0"] else None
            elif item is not None:
                return None
        return None
