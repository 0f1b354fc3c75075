"""May this host leave now? Floor and thresholds per pool and zone, with the arithmetic as the answer.

Pure; the rule is safety.md 5 (docs/rules.md, I-1). Views must be complete and at most 3 s old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.model import Amount, HostId


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


@dataclass(frozen=True, slots=True)
class Capacity:
    """A pool counted: the numbers that users read."""

    expected: frozenset[HostId]
    capacity: frozenset[HostId]
    floor: int
    floor_why: str
