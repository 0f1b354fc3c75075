"""Opening a channel to what a host can reach, for a caller who has less patience than the host."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from elbroll.transports.faults import TunnelSilent, refused

if TYPE_CHECKING:
    from paramiko import Channel, Transport

    from elbroll.transports.packets import ListeningPacketizer


class Tunnel:
    """One attempt at a direct-tcpip channel, on a thread that outlives the caller's patience.

    A server may take minutes to find a port silent. If the channel opens after all, it is closed at once, lest a
    forgotten connection to the app stay open.
    """

    def __init__(self, transport: Transport, packets: ListeningPacketizer, to: tuple[str, int], label: str) -> None:
        self._transport = transport
        self._packets = packets
        self._to = to
        self._label = label
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._abandoned = False
        self._channel: Channel | None = None
        self._error: Exception | None = None

    def opened(self, limit: float) -> Channel:
        """Raises NobodyListens, TunnelSilent, HostAccessError, and whatever paramiko raises on a lost line."""
        threading.Thread(target=self._open, name="ssh-tunnel", daemon=True).start()
        self._done.wait(limit)
        with self._lock:
            self._abandoned = self._channel is None
            channel, error = self._channel, self._error
        if channel:
            return channel
        if error:
            raise error
        address, port = self._to
        raise TunnelSilent(f"{address}:{port} did not answer {self._label} within {round(limit, 1):g}s")

    def _open(self) -> None:
        try:
            channel = self._transport.open_channel("direct-tcpip", self._to, ("127.0.0.1", 0))
        except Exception as error:
            answer = self._packets.refusal()
            self._error = refused(answer, self._label, f"a tunnel to {self._to[0]}:{self._to[1]}") if answer else error
        else:
            self._keep_or_close(channel)
        self._done.set()

    def _keep_or_close(self, channel: Channel) -> None:
        with self._lock:
            self._channel = channel
            late = self._abandoned
        if late:
            with suppress(Exception):
                channel.close()
