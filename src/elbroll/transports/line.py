"""One SSH connection, kept: sessions, commands and tunnels on it, each within its limit (H9)."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from paramiko import Transport

from elbroll.errors import ElbrollError
from elbroll.transports.faults import Evidence, Stage, refused, translated
from elbroll.transports.guardian import Guardian
from elbroll.transports.knownhosts import KEY_TYPES, HostKey
from elbroll.transports.packets import ListeningPacketizer
from elbroll.transports.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramiko import Channel, PKey

    from elbroll.transports.carriers import Carrier

_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""Types of keys whose signatures go by other names."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """How a dead line is found: a sign of life asked for every `beat` seconds, given up after `silence` (T-5)."""

    beat: float = 15.0
    silence: float = 47.0
    """Three beats, and two seconds for the answer to the third."""
    tick: float = 1.0


class Connection:
    """One SSH connection to one host; safe to use from several threads. Made by `Connector`."""

    def __init__(self, label: str, carrier: Carrier, liveness: Liveness | None = None) -> None:
        self.host_label = label
        self._carrier = carrier
        self._liveness = liveness or Liveness()
        self._closing = threading.Event()
        self._transport = Transport(carrier.sock, packetizer_class=ListeningPacketizer)
        self._packets = cast("ListeningPacketizer", self._transport.packetizer)
        self._guardian = Guardian(carrier.cut, lambda: self._packets.heard, self._liveness.tick)
        self._beats = threading.Thread(target=self._keep_alive, name="ssh-keepalive", daemon=True)

    # --- what others use --------------------------------------------------------------------------------

    def open_session(self, limit: float) -> Channel:
        """A channel with a session opened, before exec. Raises HostUnreachable."""
        with self._door(Stage.SESSION, "another session"), self._guardian.stage(Stage.SESSION, limit):
            return self._transport.open_session(timeout=limit + 1)

    def exec(self, command: str, limit: float) -> Channel:
        """A session in which the host has agreed to run `command`; the limit holds for each of the two questions.

        Raises HostUnreachable, HostAccessError where the host runs no commands.
        """
        channel = self.open_session(limit)
        try:
            with self._door(Stage.EXEC), self._guardian.stage(Stage.EXEC, limit):
                channel.exec_command(command)
        except BaseException:
            channel.close()
            raise
        return channel

    def open_tunnel(self, address: str, port: int, limit: float) -> Channel:
        """A channel to `address:port` as the host sees it.

        Raises NobodyListens (TunnelSilent at the limit), HostUnreachable, and HostAccessError where the host
        forbids forwarding.
        """
        with self._door(Stage.TUNNEL, f"a tunnel to {address}:{port}"):
            return Tunnel(self._transport, self._packets, (address, port), self.host_label).opened(limit)

    @property
    def alive(self) -> bool:
        """Whether the line stands, as far as anyone knows."""
        return self._transport.is_active() and not self._packets.ended and not self._closing.is_set()

    def why_lost(self) -> Exception | None:
        """What ended the line, in our words; None while it stands or after `close`."""
        if self.alive or self._closing.is_set():
            return None
        return translated(self._packets.ended or EOFError(), self._evidence(Stage.KEPT))

    def close(self) -> None:
        """End the line and all channels on it; never raises."""
        self._closing.set()
        self._guardian.close()
        self._carrier.cut()
        for thread in (self._transport, self._beats):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(1.0)
        with suppress(Exception):
            self._transport.close()
        self._carrier.close()

    # --- how it comes about -----------------------------------------------------------------------------

    def shake_hands(self, first_types: Sequence[str], limit: float, of: float) -> HostKey:
        """Banner and key exchange; the host key that was shown, its possession proven.

        Types in `first_types` are asked for first; `limit` is what is left of `of` seconds. Raises HostUnreachable,
        HostAccessError.
        """
        self._choose_algorithms(first_types)
        done = threading.Event()
        with self._door(Stage.BANNER), self._guardian.stage("connecting", limit, of):
            self._transport.start_client(event=done)
            done.wait(limit + 1)
            if not (self._transport.is_active() and self._transport.initial_kex_done):
                raise self._transport.get_exception() or EOFError
        shown = self._transport.get_remote_server_key()
        return HostKey(shown.get_name(), shown.asbytes())

    def offer(self, user: str, key: PKey, limit: float, of: float) -> tuple[str, ...]:
        """Try one key. Answers the methods that are wanted beside it: none when it was enough.

        `limit` is what is left of `of` seconds. Raises paramiko's AuthenticationException where the key is refused;
        HostUnreachable, HostAccessError.
        """
        self._transport.auth_timeout = limit + 1
        with self._guardian.stage(Stage.LOGIN, limit, of):
            return tuple(self._transport.auth_publickey(user, key))

    @property
    def logged_in(self) -> bool:
        """Whether the host has said so itself; a call that returned is no proof (H19)."""
        return self._transport.is_authenticated()

    @property
    def banner(self) -> bytes:
        """What the host says before a login; untrusted."""
        said = self._transport.get_banner()
        return said if isinstance(said, bytes) else b""

    def keep(self) -> None:
        """Watch the line from now on, until it is closed."""
        self._guardian.watch_silence(self._liveness.silence)
        self._beats.start()

    def translated(self, error: Exception, stage: Stage) -> ElbrollError:
        """An error of this line in our words."""
        return translated(error, self._evidence(stage))

    # --- inside -----------------------------------------------------------------------------------------

    def _choose_algorithms(self, first_types: Sequence[str]) -> None:
        options = self._transport.get_security_options()
        options.ciphers = _CIPHERS
        options.digests = _MACS
        types = dict.fromkeys((*first_types, *KEY_TYPES))
        options.key_types = tuple(name for type_ in types for name in _SIGNATURES.get(type_, (type_,)))

    def _keep_alive(self) -> None:
        """On a thread of its own, as the wait for the answer has no limit; the guardian ends it (H10)."""
        with suppress(Exception):
            while not self._closing.wait(self._liveness.beat) and self._transport.is_active():
                self._transport.global_request("keepalive@openssh.com", wait=True)

    @contextmanager
    def _door(self, stage: Stage, what: str = "") -> Iterator[None]:
        try:
            yield
        except ElbrollError:
            raise
        except Exception as error:
            answer = self._packets.refusal()
            if answer:
                raise refused(answer, self.host_label, what) from error
            raise self.translated(error, self._reached(stage)) from error

    def _reached(self, stage: Stage) -> Stage:
        """The banner has been read as soon as there is a version."""
        return Stage.KEY_EXCHANGE if stage is Stage.BANNER and self._transport.remote_version else stage

    def _evidence(self, stage: Stage) -> Evidence:
        return Evidence(
            label=self.host_label,
            stage=stage,
            alive=self.alive and not self._guardian.fate,
            fate=self._guardian.fate,
            greeting=self._packets.greeting,
            goodbye=self._packets.goodbye,
            offered=self._packets.offered,
            carrier=self._carrier.said(),
        )
