"""One connection a host, opened when first needed and kept (T-4)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from elbroll.errors import HostUnreachable
from elbroll.transports.exchange import Exchange

if TYPE_CHECKING:
    from paramiko import Channel

    from elbroll.model import Host
    from elbroll.transports.connection import Connection
    from elbroll.transports.meeting import Meeting


class Connecting(Protocol):
    """What is needed of a `Connector`."""

    def connect(self, host: Host) -> Connection:
        """Raises HostUnreachable, HostAccessError."""
        ...

    def warnings(self, host: Host) -> tuple[str, ...]:
        """Sentences for people."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class KeptLine:
    """The line to one host. Whoever runs a command or moves a file holds `turn` meanwhile (H25)."""

    def __init__(self, connector: Connecting, host: Host, meeting: Meeting) -> None:
        self._connector = connector
        self._host = host
        self._meeting = meeting
        self._met = False
        self._connection: Connection | None = None
        self._opening = threading.Lock()
        self.turn = threading.Lock()

    @property
    def host(self) -> Host:
        """Where the line goes."""
        return self._host

    @property
    def alive(self) -> bool:
        """Whether there is a connection, and it stands."""
        connection = self._connection
        return connection is not None and connection.alive

    def connection(self) -> Connection:
        """The kept one, or a fresh one if it is dead, proven to lead to the planned machine.

        Raises HostUnreachable, HostAccessError.
        """
        with self._opening:
            if self._connection is None or not self._connection.alive:
                self._drop()
                self._connection = self._fresh()
            return self._connection

    def exchange(self) -> Exchange:
        """A fresh exec; nothing has been sent yet. Raises HostUnreachable, HostAccessError."""
        connection = self.connection()
        try:
            return Exchange(connection)
        except HostUnreachable:
            if connection.alive:
                raise
        return Exchange(self.connection())

    def tunnel(self, address: str, port: int, limit: float) -> Channel:
        """Raises HostUnreachable (NobodyListens, TunnelSilent), HostAccessError."""
        return self.connection().open_tunnel(address, port, limit)

    def drop(self) -> None:
        """Close the connection, if there is one; a later call opens another."""
        with self._opening:
            self._drop()

    def abandon(self) -> None:
        """As `drop`, but without waiting for anything, not even for a connection that is just being made."""
        threading.Thread(target=self.drop, name="ssh-drop", daemon=True).start()

    def _fresh(self) -> Connection:
        if self._met:
            self._meeting.expected(self._host)
        connection = self._connector.connect(self._host)
        self._meeting.prove(connection, self._host)
        self._met = True
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()
