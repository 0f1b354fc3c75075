"""One SSH connection to one host, kept: sessions, commands and tunnels on it, each within its limit (H9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from elbroll.errors import HostUnreachable

if TYPE_CHECKING:
    from paramiko import Channel

    from elbroll.model import Host


class NobodyListens(HostUnreachable):
    """A tunnel's far end refused the connection: nothing serves that port (section 5, code 2)."""

    code = "nobody-listens"


class TunnelSilent(NobodyListens):
    """A tunnel's far end neither took nor refused the connection in time; the line to the host is sound."""

    code = "tunnel-silent"


class Connection(Protocol):
    """One SSH connection to one host; safe to use from several threads."""

    host_label: str

    def open_session(self, limit: float) -> Channel:
        """A channel with a session opened, before exec. Raises HostUnreachable."""
        ...

    def exec(self, command: str, limit: float) -> Channel:
        """A session in which the host has agreed to run `command`. Raises HostUnreachable."""
        ...

    def open_tunnel(self, address: str, port: int, limit: float) -> Channel:
        """A channel to `address:port` as the host sees it.

        Raises NobodyListens (TunnelSilent at the limit), HostUnreachable, and HostAccessError where the host
        forbids forwarding.
        """
        ...

    @property
    def alive(self) -> bool:
        """Whether the line stands, as far as anyone knows."""
        ...

    def why_lost(self) -> Exception | None:
        """What ended the line, in our words; None while it stands or after `close`."""
        ...

    def close(self) -> None:
        """End the line and all channels on it; never raises."""
        ...


class Connector(Protocol):
    """Makes connections; one for the whole run."""

    def connect(self, host: Host) -> Connection:
        """A fresh connection, with T-3's retries. Raises HostUnreachable, HostAccessError."""
        ...

    def warnings(self, host: Host) -> tuple[str, ...]:
        """Sentences for people about how the host was reached so far."""
        ...

    def close(self) -> None:
        """Close bastions and whatever else is kept; never raises."""
        ...
