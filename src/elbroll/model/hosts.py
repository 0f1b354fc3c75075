"""Hosts and fleets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from elbroll.model.groups import Scaling
from elbroll.model.pools import BalancerKind, Pool, Registration, TargetType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from elbroll.model.ids import HostId, PoolId


class InstanceState(StrEnum):
    """EC2's instance states, and `outside` for an address that is no instance of ours."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    STOPPING = "stopping"
    STOPPED = "stopped"
    OUTSIDE = "outside"
    MISSING = "missing"
    """EC2 does not know the id (any more)."""
    UNKNOWN = "unknown"
    """A word of EC2's that is younger than we are: neither running nor gone (F-26)."""


@dataclass(frozen=True, slots=True)
class Host:
    """An EC2 instance, or the address of an `ip` target that belongs to none."""

    id: HostId
    name: str
    """The Name tag, else the id; untrusted text, and not necessarily unique."""
    state: InstanceState
    zone: str | None = None
    vpc: str | None = None
    private_ip: str | None = None
    public_ip: str | None = None
    private_dns: str | None = None
    public_dns: str | None = None
    launched: datetime | None = None
    addresses: tuple[str, ...] = ()
    """Every private address of every interface."""
    group: str | None = None
    """The Auto Scaling group it belongs to."""
    said: str | None = None
    """EC2's own word for its state, where it is none of ours; untrusted text."""

    @property
    def shown_state(self) -> str:
        """The state as EC2 called it."""
        return self.said or self.state

    def owns(self, registration: Registration) -> bool:
        """Whether a registration is this host's: by instance id, or by one of its addresses."""
        return registration.id in (self.id, self.private_ip, *self.addresses)

    def owns_in(self, pool: Pool, registration: Registration) -> bool:
        """The same for an entry of that pool: addresses repeat from one network to the next (F-18)."""
        elsewhere = pool.target_type is TargetType.IP and None not in {pool.vpc, self.vpc} and pool.vpc != self.vpc
        return self.owns(registration) and not elsewhere


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts that one `--lb` names, with all pools they serve."""

    lb: str
    """The name the user gave."""
    kind: BalancerKind
    pools: Mapping[PoolId, Pool]
    """Every pool in which a host of the fleet serves or is recorded, the fleet's own and others."""
    own: frozenset[PoolId]
    """The pools that `--lb` names; the rest are other pools, drained with them."""
    hosts: Mapping[HostId, Host]
    registrations: Mapping[HostId, frozenset[Registration]]
    """What AWS shows registered now, draining rows left out; empty for a host that is out. Neighbours too."""
    neighbours: Mapping[HostId, Host] = field(default_factory=dict)
    """Hosts that only share other pools with the fleet: counted by the guard, never walked."""
    strange: frozenset[PoolId] = frozenset()
    """Pools that a record names, though no host of the fleet serves there and no run has ever held them (S-5)."""
    scaling: Scaling = field(default_factory=Scaling)
    """Auto Scaling groups that hosts of the fleet belong to, or are recorded to stand by in."""
