"""May this host leave now? Floor and thresholds per pool and zone, with the arithmetic as the answer.

Pure; the rule is safety.md 5 (docs/rules.md, I-1). Views must be complete and at most 3 s old.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elbroll.model import Amount, Fleet, HostId, HostRecord, Pool, PoolId, PoolView


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What the floor is made of."""

    max_unavailable: int
    floor: Amount | None = None
    """The configured one; a count holds for the fleet's own pools, a share for every pool."""
    borne: int = 0
    """min(left out in this run, max_failures)."""


class Consent:
    """What the operator has said yes to (safety.md 5, Consent); nothing by default."""

    __slots__ = ("below_floor", "last_healthy")

    def __init__(self, *, below_floor: bool = False, last_healthy: bool = False) -> None:
        self.below_floor = below_floor
        self.last_healthy = last_healthy


NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class Leave:
    """The host may leave; `warnings` are sentences (a zone's only host with cross-zone on)."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """The host may not leave. `heals`: the reason may go away by waiting (others are `initial`)."""

    message: str
    why: tuple[str, ...]
    """One line a host that is not capacity."""
    heals: bool
    last_healthy: bool = False
    """Only the consent "last healthy host" could waive it."""
    code: str = "floor"
    """`floor`, `threshold`, `last-healthy`, `fails-open`, `all-unhealthy`, `zonal-shift`, `unread`."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """A pool counted: the numbers that users read."""

    expected: frozenset[HostId]
    capacity: frozenset[HostId]
    floor: int
    floor_why: str


def expected_hosts(
    fleet: Fleet, records: Mapping[HostId, HostRecord], views: Mapping[PoolId, PoolView] = MappingProxyType({})
) -> dict[PoolId, frozenset[HostId]]:
    """E of each pool: hosts registered now, or named by an open record."""
    raise NotImplementedError


def joined(
    expected: Mapping[PoolId, frozenset[HostId]], fleet: Fleet, views: Mapping[PoolId, PoolView]
) -> dict[PoolId, frozenset[HostId]]:
    """E, grown by whoever a fresh look shows registered; it never shrinks during a run."""
    raise NotImplementedError


def floor_of(pool: Pool, fleet: Fleet, expected: int, rules: GuardRules) -> tuple[int, str]:
    """The least number of hosts that must stay in service, with the arithmetic as text."""
    raise NotImplementedError


def count(  # noqa: PLR0913 - the rule's whole input, each of it a value of its own
    pool: Pool,
    fleet: Fleet,
    view: PoolView,
    expected: frozenset[HostId],
    out: Collection[HostId],
    rules: GuardRules,
    *,
    warming: Collection[HostId] = (),
) -> Capacity:
    """Who of a pool is capacity now, and the floor."""
    raise NotImplementedError


def may_leave(  # noqa: PLR0913, PLR0917 - the rule's whole input, each of it a value of its own
    host: HostId,
    fleet: Fleet,
    views: Mapping[PoolId, PoolView],
    expected: Mapping[PoolId, frozenset[HostId]],
    out: Collection[HostId],
    rules: GuardRules,
    consent: Consent,
    *,
    warming: Collection[HostId] = (),
) -> Leave | Refuse:
    """Judge by safety.md 5."""
    raise NotImplementedError
