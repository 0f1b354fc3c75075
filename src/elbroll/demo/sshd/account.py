"""Who may log in to a demo host, and which ways of misbehaving its server knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import paramiko


@dataclass(frozen=True, slots=True)
class Account:
    """The one login of a host: every command starts in `home` with exactly `environment`."""

    user: str
    key: paramiko.PKey
    """The only key that is accepted; its public half is enough."""
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Odd(StrEnum):
    """Misbehaviour of a server, each kind seen in the wild; a server may have several at once."""

    SILENT = "silent"
    """The connection is accepted and nothing is ever said (a frozen sshd)."""
    BUSY = "busy"
    """A reason before the banner, then the end of the line (MaxStartups)."""
    DRIPPING_BANNER = "dripping-banner"
    """One byte at a time, never a whole line: read limits that restart with each byte never end."""
    LOGIN_REFUSED = "login-refused"
    LOGIN_PARTIAL = "login-partial"
    """The key is good, and something more is wanted."""
    EXEC_UNANSWERED = "exec-unanswered"
    """The request is taken and never answered."""
    EXEC_REFUSED = "exec-refused"
    NOT_RUN = "not-run"
    """Status 0, and the command never ran (ForceCommand, `exit 0` in an rc file)."""
    NO_STATUS = "no-status"
    """The command runs; the channel ends without a word about its end."""
    NO_FORWARDING = "no-forwarding"
    """AllowTcpForwarding no."""
