"""Whether the machine behind a host still is there: addresses are used again, ids never (F-34, I-8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError
from elbroll.model import InstanceState

if TYPE_CHECKING:
    from elbroll.engine.ports import Inventory
    from elbroll.model import Host

DEAD = frozenset({InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN, InstanceState.MISSING})


def died(inventory: Inventory, host: Host) -> bool:
    """Whether EC2 says so by now; without an answer it is taken to live."""
    if host.state is InstanceState.OUTSIDE:
        return False
    try:
        return inventory.instances([host.id])[host.id].state in DEAD
    except ElbrollError:
        return False
