"""The door for everything that paramiko, sockets and proxies raise: by type and stage, never by text (H15, T-3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from paramiko import BadAuthenticationType
from paramiko.ssh_exception import IncompatiblePeer

from elbroll.errors import ElbrollError, HostAccessError, HostUnreachable
from elbroll.transports.cleaned import cleaned, visible

if TYPE_CHECKING:
    from elbroll.transports.guardian import Overdue, Silent
    from elbroll.transports.packets import Offered, OpenRefused


class NobodyListens(HostUnreachable):
    """A tunnel's far end refused the connection: nothing serves that port (H24, code 2)."""

    code = "nobody-listens"


class TunnelSilent(NobodyListens):
    """A tunnel's far end neither took nor refused the connection in time; the line to the host is sound."""

    code = "tunnel-silent"


class LoginRefused(HostAccessError):
    """The host knows none of our keys for that user; a very young instance may yet learn them (T-3)."""

    code = "ssh-login"


class Stage(StrEnum):
    """What was going on, as it stands in messages."""

    BANNER = "the SSH banner"
    KEY_EXCHANGE = "the key exchange"
    LOGIN = "the login"
    SESSION = "opening a session"
    EXEC = "starting a command"
    TUNNEL = "opening a tunnel"
    KEPT = "keeping the line"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a line that fails."""

    label: str
    stage: Stage
    alive: bool
    fate: Overdue | Silent | None = None
    greeting: bytes = b""
    goodbye: str | None = None
    offered: Offered | None = None
    carrier: tuple[str, ...] = ()

    @property
    def why(self) -> tuple[str, ...]:
        """What the other side, the proxy and the guardian have to say."""
        fate = (str(self.fate),) if self.fate else ()
        goodbye = (f"it said: {visible(self.goodbye)}",) if self.goodbye else ()
        return (*fate, *self._greeting(), *goodbye, *self.carrier)

    def _greeting(self) -> tuple[str, ...]:
        """sshd's reason for turning a connection away comes before the banner (H12)."""
        if self.stage is not Stage.BANNER:
            return ()
        return tuple(f"it said: {line}" for line in cleaned(self.greeting))


def translated(error: Exception, seen: Evidence) -> ElbrollError:
    """The error in our words. A line that is lost is always HostUnreachable, whatever was going on."""
    if isinstance(error, ElbrollError):
        return error
    if isinstance(error, IncompatiblePeer):
        return _incompatible(seen)
    if isinstance(error, BadAuthenticationType):
        return not_enough(seen.label, tuple(error.allowed_types))
    if seen.goodbye and seen.stage is Stage.LOGIN:
        return LoginRefused(f"{seen.label} ended the login", why=seen.why)
    if seen.stage is Stage.EXEC and seen.alive:
        return HostAccessError(
            f"{seen.label} does not run commands over SSH", fix=("its sshd_config or shell forbids it",)
        )
    return _unreachable(error, seen)


def refused(answer: OpenRefused, label: str, what: str) -> ElbrollError:
    """The answer to opening a channel, in our words (H24)."""
    said = tuple(f"it said: {line}" for line in cleaned(answer.text))
    if answer.code == 1:
        return HostAccessError(
            f"{label} forbids {what}",
            why=said,
            fix=("AllowTcpForwarding yes and a fitting PermitOpen in its sshd_config", "or use verify.command"),
            code="ssh-forwarding",
        )
    if answer.code == 2:
        return NobodyListens(f"{label} cannot open {what}", why=said)
    return HostUnreachable(f"{label} opens no channel for {what}", why=said)


def not_enough(label: str, allowed: tuple[str, ...]) -> LoginRefused:
    """The server does not take keys, or wants something beside them."""
    methods = ", ".join(visible(method) for method in allowed)
    return LoginRefused(
        f"{label} does not let us in with a key",
        why=(f"the server also wants: {methods}",) if methods else (),
        fix=("elbroll logs in with keys alone; let this user in with one",),
    )


def login_refused(label: str, user: str, offered: tuple[str, ...], banner: bytes) -> LoginRefused:
    """All keys were refused. The server does not say why, so neither can we."""
    return LoginRefused(
        f"{label} refused the login as {user}",
        why=(
            *(f"offered  {visible(key)}" for key in offered),
            *(f"it said: {line}" for line in cleaned(banner)),
            "a wrong user, a locked account and a key that is not listed all look like this",
        ),
        fix=("user and identity_file in [ssh], or the host's entry in ssh_config",),
    )


def _incompatible(seen: Evidence) -> HostAccessError:
    offered = asdict(seen.offered) if seen.offered else {}
    return HostAccessError(
        f"{seen.label} shares no algorithm with elbroll",
        why=tuple(f"it offers only  {visible(', '.join(names))}  ({what})" for what, names in offered.items()),
        fix=("OpenSSH 7.2 or newer is needed there",),
        code="ssh-algorithms",
    )


def _unreachable(error: Exception, seen: Evidence) -> HostUnreachable:
    if seen.stage is Stage.BANNER:
        message = f"{seen.label} gives no SSH banner"
    elif seen.stage in {Stage.KEY_EXCHANGE, Stage.LOGIN}:
        message = f"{seen.label} ended the connection during {seen.stage}"
    elif seen.alive:
        return HostUnreachable(f"{seen.label} failed at {seen.stage}", why=(_own_words(error),))
    else:
        message = f"the line to {seen.label} was lost"
    return HostUnreachable(message, why=seen.why or (_own_words(error),))


def _own_words(error: Exception) -> str:
    """An EOFError has none."""
    return visible(str(error)) or "the other side closed the connection"
