"""Auto Scaling groups, and the place of a host in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model.ids import HostId, PoolId


class Lifecycle(StrEnum):
    """What a lifecycle state means to elbroll; of AWS's more than twenty only two are ours to leave (A6)."""

    IN_SERVICE = "in-service"
    ENTERING = "entering-standby"
    STANDBY = "standby"
    COMING = "coming"
    """`Pending` in all its forms: launched a moment ago, or on its way back from standby."""
    LEAVING = "leaving"
    """Its group is terminating or detaching it."""
    UNKNOWN = "unknown"
    """Any other word, or one that could not be read: nothing is done on it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A host as its group has it."""

    host: HostId
    group: str
    lifecycle: Lifecycle
    said: str
    """AWS's own word, such as `Terminating:Wait`."""


@dataclass(frozen=True, slots=True)
class ScalingGroup:
    """An Auto Scaling group, with what decides whether one of its hosts may stand by."""

    name: str
    min_size: int
    desired: int
    max_size: int
    health_check: str = "EC2"
    """`ELB` among its words: a host that its pools call unhealthy is terminated (A1)."""
    zones: tuple[str, ...] = ()
    suspended: frozenset[str] = frozenset()
    """Names of suspended processes (A2)."""
    pools: frozenset[PoolId] = frozenset()
    """Attached ones: standby leaves them, and coming back joins them, on each pool's own port (A3)."""
    elsewhere: tuple[str, ...] = ()
    """Attached sources of traffic that are no pool of ours, such as a VPC Lattice group."""
    hosts: frozenset[HostId] = frozenset()
    """Its members, but for those that it is letting go."""
    launching: frozenset[HostId] = frozenset()
    """Those of them that are not in service yet."""
    refresh: str | None = None
    """The status of an instance refresh that is not over (A7)."""
    unread: str | None = None
    """Why nobody can tell whether an instance refresh runs; an optional read (F-21)."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """The groups that hosts of a fleet belong to. A host that is no member has no entry."""

    groups: Mapping[str, ScalingGroup] = field(default_factory=dict)
    members: Mapping[HostId, Member] = field(default_factory=dict)
    unread: str | None = None
    """Why AWS could not be asked; `members` then rest on the instances' tags alone."""
