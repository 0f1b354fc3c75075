"""Where a connection goes and who logs in there: everything settled before the first packet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError
from elbroll.transports.knownhosts import Names

if TYPE_CHECKING:
    from pathlib import Path

SSH_PORT = 22
_WORD = re.compile(r"[^\s\x00-\x1f\x7f-\x9f-][^\s\x00-\x1f\x7f-\x9f]*")


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key file to try; `chosen` ones were named by the user, the others are OpenSSH's usual places."""

    path: Path
    chosen: bool


class OnlyKeys(Enum):
    """Which keys may be offered (T-20)."""

    ANY = "any"
    """The chosen files, the agent's keys, the usual files."""
    LISTED = "listed"
    """`IdentitiesOnly`: the files alone, though an agent may hold their private halves."""
    DEMANDED = "demanded"
    """`identity_file` of elbroll.toml: this one file, and its faults are errors."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host or bastion as it will be dialled."""

    label: str
    """For people: `web-1 (10.0.1.11)`."""
    address: str
    port: int
    user: str
    identities: tuple[Identity, ...] = ()
    only: OnlyKeys = OnlyKeys.ANY
    agent: str | None = None
    """Socket of the ssh-agent to ask; None: none is asked."""
    instance: str | None = None
    """The instance id, under which host keys are filed first; None for bastions and bare addresses."""
    alias: str | None = None
    """HostKeyAlias of ssh_config."""
    known_hosts: tuple[Path, ...] = ()
    """Files that ssh_config names: read, never written."""
    proxy_command: str | None = None
    bastion: Target | None = None
    """The hop before this one, itself perhaps behind another."""

    @property
    def hops(self) -> tuple[Target, ...]:
        """All bastions, the first to be dialled first."""
        return () if self.bastion is None else (*self.bastion.hops, self.bastion)

    @property
    def key_names(self) -> Names:
        """The names under which the host key may be listed: instance id, else alias, else address (T-11)."""
        listed = self.alias or bracketed(self.address, self.port)
        binding = (self.instance, listed) if self.instance else (listed,)
        return Names(binding, None if self.alias or self.port == SSH_PORT else self.address)


def bracketed(address: str, port: int) -> str:
    """The name of known_hosts for an address and port: `[addr]:port`, or the address alone for port 22."""
    return address if port == SSH_PORT else f"[{address}]:{port}"


def checked(word: str, what: str) -> str:
    """The word itself, if it can stand as an argument of ssh. Raises HostAccessError (T-27)."""
    if _WORD.fullmatch(word):
        return word
    raise HostAccessError(
        f"{what} {word!r} is not usable for SSH",
        why=("it is empty, begins with a hyphen, or has a space or a control character",),
        fix=('say in [ssh] how hosts are to be addressed, such as address = "private"',),
    )
