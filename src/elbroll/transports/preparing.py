"""What has to be proven of a host before anything is drained (T-39)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError, HostUnreachable, Refused
from elbroll.transports.faults import NobodyListens
from elbroll.transports.identity import compared, has_identity
from elbroll.transports.talking import put_question
from elbroll.transports.watching import SsWatch
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.engine.ports import Clock, Needs
    from elbroll.model import Connection
    from elbroll.transports.kept import KeptLine
    from elbroll.transports.talking import Talk

LIMIT = 30.0
_TUNNEL = 5.0
_FREE = 100 * 1024
"""KiB that must be free where commands leave their output."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host that a run may use; as `engine.ports.Ready`."""

    countable: bool
    warnings: tuple[str, ...] = ()


class Preparer:
    """Proves one host. Used once."""

    def __init__(self, line: KeptLine, clock: Clock, needs: Needs) -> None:
        self._line = line
        self._host = line.host
        self._clock = clock
        self._needs = needs

    def prove(self) -> Prepared:
        """Raises HostAccessError, HostUnreachable, Refused."""
        talk = self._asked()
        self._check_room(talk)
        self._check_sudo(talk)
        warnings = compared(self._host, talk.all("IDENTITY")) if has_identity(self._host) else ()
        self._check_tunnels()
        unseen = self._why_uncountable(talk)
        return Prepared(unseen is None, (*warnings, *self._still_running(talk), *([unseen] if unseen else [])))

    def _asked(self) -> Talk:
        identity = "yes" if has_identity(self._host) else "no"
        sudo = "yes" if self._needs.sudo else "no"

        def text(nonce: str) -> bytes:
            return program("base", "job", "check", call=("check", nonce, identity, sudo))

        return put_question(self._line, self._clock, text, LIMIT)[0]

    def _check_room(self, talk: Talk) -> None:
        missing = talk.all("MISSING")
        if missing:
            raise Refused(f"{self._host.name} lacks what commands need there: {', '.join(missing)}")
        if not talk.has("WRITABLE"):
            raise Refused(f"{self._host.name} cannot write to ~/.elbroll/jobs: read-only, or no space left")
        free = [int(kib) for kib in talk.all("FREE") if kib.isascii() and kib.isdigit() and len(kib) < 20]
        if free and free[-1] < _FREE:
            raise Refused(f"{self._host.name} has only {free[-1] // 1024} MB of disk left; 100 MB are needed")

    def _still_running(self, talk: Talk) -> tuple[str, ...]:
        """Named, not refused: whoever starts the next command awaits the end of this one (I-17, T-39)."""
        running = ", ".join(talk.all("OPEN"))
        return (f"a command of an earlier run still runs on {self._host.name}: {running}",) if running else ()

    def _check_sudo(self, talk: Talk) -> None:
        if self._needs.sudo and "yes" not in talk.all("SUDO"):
            raise Refused(
                f"sudo on {self._host.name} wants a password or is not allowed",
                why=("`sudo -n true` failed, and nobody can answer a question there",),
                fix=("allow the login user what the commands need, with NOPASSWD",),
            )

    # --- the tunnel, and counting -----------------------------------------------------------------------

    def _check_tunnels(self) -> None:
        """A port where nobody listens is fine: forwarding was allowed, and the app may come later."""
        for address, port in self._needs.tunnel_to:
            try:
                self._line.tunnel(address, port, _TUNNEL).close()
            except NobodyListens:
                continue
            except HostAccessError as error:
                raise HostAccessError(
                    f"{self._host.name} forbids the tunnel to {address}:{port} through which the app is asked",
                    why=error.why,
                    fix=("allow it in sshd_config: AllowTcpForwarding, PermitOpen", "or set verify.command"),
                ) from error

    def _why_uncountable(self, talk: Talk) -> str | None:
        """None if zero connections, once counted, will be the truth (section 5)."""
        if not self._needs.count_ports:
            return None
        if not talk.has("SS"):
            return f"{self._host.name} has no ss, so the balancer's word decides when its traffic has stopped"
        unseen = [str(port) for port in sorted(self._needs.count_ports) if not self._seen(port)]
        if not unseen:
            return None
        return (
            f"ss on {self._host.name} does not show connections to port {', '.join(unseen)} (published by NAT?), "
            "so the balancer's word decides when its traffic has stopped"
        )

    def _seen(self, port: int) -> bool:
        """A connection of ours to the port is counted, or nobody listens there."""
        address = self._host.private_ip or "127.0.0.1"
        try:
            tunnel = self._line.tunnel(address, port, _TUNNEL)
        except NobodyListens as error:
            return type(error) is NobodyListens
        except (HostAccessError, HostUnreachable):
            return False
        watch = SsWatch(self._line, self._clock, {port})
        try:
            return any(True for _ in _from_itself(watch.look() or ()))
        finally:
            watch.close()
            tunnel.close()


def _from_itself(connections: tuple[Connection, ...]) -> Iterator[Connection]:
    """sshd's end of a tunnel has the same address as the app's."""
    return (one for one in connections if one.local == one.peer)
