"""Who stands at the other end: addresses outlive machines, so each line is proven before it is used (F-34, F-41)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError, HostAccessError
from elbroll.transports.exchange import Exchange
from elbroll.transports.identity import compared, has_identity
from elbroll.transports.talking import put_question
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock
    from elbroll.model import Host
    from elbroll.transports.connection import Connection

LIMIT = 30.0


class Meeting:
    """Proves fresh lines. `lives` says by EC2's word whether the machine is still there."""

    def __init__(self, clock: Clock, lives: Callable[[Host], bool] = lambda _: True) -> None:
        self._clock = clock
        self._lives = lives

    def expected(self, host: Host) -> None:
        """Before a host is dialled that has been reached before. Raises HostAccessError: it is not called again."""
        if not self._lives(host):
            raise HostAccessError(f"{host.name} is terminated: its address is not called again", code="terminated")

    def prove(self, connection: Connection, host: Host) -> None:
        """The machine at the other end is the planned instance, where it can tell.

        Raises HostAccessError for another one, HostUnreachable. Closes the line if it raises.
        """
        if not has_identity(host):
            return
        try:
            talk, _ = put_question(_Fresh(connection, host), self._clock, _who, LIMIT)
            compared(host, talk.all("IDENTITY"))
        except ElbrollError:
            connection.close()
            raise


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A line that nobody else has yet."""

    connection: Connection
    host: Host

    def exchange(self) -> Exchange:
        return Exchange(self.connection)


def _who(nonce: str) -> bytes:
    return program("base", "check", call=("who", nonce))
