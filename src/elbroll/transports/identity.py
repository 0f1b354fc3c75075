"""Is this the machine that was planned (T-27)?"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError
from elbroll.model import InstanceState

if TYPE_CHECKING:
    from elbroll.model import Host

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")


def has_identity(host: Host) -> bool:
    """Whether the host could tell an instance id: loopback and addresses outside AWS have none."""
    if host.state is InstanceState.OUTSIDE or not _INSTANCE.fullmatch(host.id):
        return False
    return not (host.private_ip and ipaddress.ip_address(host.private_ip).is_loopback)


def compared(host: Host, told: tuple[str, ...]) -> tuple[str, ...]:
    """Warnings; none if the host told the planned id. Raises HostAccessError if it told another."""
    found = [word for word in told if _INSTANCE.fullmatch(word)]
    if not found:
        return (f"{host.name} does not tell its instance id; it is taken at its address's word",)
    if found[0] != host.id:
        raise HostAccessError(
            f"another machine answers in the place of {host.name}",
            why=(f"planned {host.id}, but the host says that it is {found[0]}",),
            code="identity",
        )
    return ()
