"""What all parts of one run share: who runs, what for, and the ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.model import Validity

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from elbroll.config.schema import LbSettings
    from elbroll.core.guard import Consent
    from elbroll.engine.ports import Balancer, Checks, Clock, Groups, Inventory, Lease, Sink, Transport
    from elbroll.engine.stop import Stop
    from elbroll.model import RunId, Secret, Why


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation that may change things."""

    id: RunId
    lb: str
    why: Why
    release: str | None
    """The label that hosts run when their walk has ended well; None: what it is stays unknown."""
    settings: LbSettings
    secrets: dict[str, Secret]
    consent: Consent
    clock: Clock
    balancer: Balancer
    groups: Groups
    inventory: Inventory
    transport: Transport
    checks: Checks
    lease: Lease
    sink: Sink
    stop: Stop
    validity: Callable[[], Validity] = Validity
    """How long the credentials last, as far as anybody knows; raises CredentialsError."""
    reason: str | None = None
    """`drain --reason`."""
    until: datetime | None = None
    """`drain --for`."""
    give_up: frozenset[str] = frozenset()
    """`restore --give-up`: ids or names of pools that no longer exist, which records need not wait for (F-35)."""
