"""What probes need of a transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model import Host, JobResult

NOT_THERE = frozenset({"nobody-listens", "tunnel-silent"})
"""Codes of HostUnreachable that speak of the app's port; with any other the line itself is lost."""


class Stream(Protocol):
    """One connection, made by the host; as much of a socket as is needed."""

    def recv(self, size: int, /) -> bytes:
        """Nothing at the end, and when the line is lost. Raises TimeoutError."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Raises TimeoutError, OSError."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """For each `recv` and `sendall` from now on."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class HostLine(Protocol):
    """Reaches hosts; `elbroll.transports.ssh.SshTransport` does."""

    def tunnel(self, host: Host, address: str, port: int, limit: float) -> Stream:
        """Raises HostUnreachable, HostAccessError."""
        ...

    def look(self, host: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        """Raises HostUnreachable, HostAccessError."""
        ...

    def alive(self, host: Host) -> bool:
        """Whether the line to the host stands: a stream's end may mean either."""
        ...
