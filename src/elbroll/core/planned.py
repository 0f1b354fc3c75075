"""What a plan says, as frozen values; `core/plan.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.model import (
        BalancerKind,
        Host,
        HostRecord,
        Pool,
        Registration,
        ScalingGroup,
        Step,
        TargetState,
        Why,
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, beside what the config says."""

    why: Why
    release: str | None = None
    only: tuple[str, ...] = ()
    """HOST words: Name tag, id, address, or a glob over them; empty means all."""
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    include_current: bool = False
    """Also hosts that already run the release."""


class SkipReason(StrEnum):
    """Why a host of the fleet is not walked."""

    CURRENT = "already-on-release"
    NOT_SELECTED = "not-selected"
    DRAINED = "drained-on-purpose"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A host that is left as it is."""

    host: Host
    reason: SkipReason
    release: str | None = None
    out: bool = False
    state: TargetState | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason not to start, with its arithmetic. Consent (`--yes`) waives it only if `waivable`."""

    code: str
    """`floor` and `last-healthy` (consent has these two names); `no-hosts`, `nothing-selected`, `unsettled` …"""
    message: str
    why: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    waivable: bool = False


@dataclass(frozen=True, slots=True)
class PlannedPool:
    """A pool with its timing, all in seconds."""

    pool: Pool
    own: bool
    until: str
    """`idle` or `reported`."""
    settle: float
    drain_limit: float
    healthy_about: float
    """How long a healthy app needs until the balancer says so."""
    healthy_limit: float
    """After that it counts as never getting healthy (T13)."""
    expected: int
    """Hosts that belong to the pool: registered now or named by an open record."""
    capacity: int
    floor: int
    floor_why: str
    """The arithmetic: `6 hosts - 2 may be out`, or where the number is configured."""
    strange: bool = False
    """Only a record says that it has to do with the fleet (S-5)."""


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """An Auto Scaling group that hosts to be walked belong to."""

    group: ScalingGroup
    mode: str
    """`refuse`, `standby` or `ignore`."""
    hosts: int
    """Hosts of it that are to be walked."""


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """One host to be walked, with where its walk begins."""

    host: Host
    registrations: frozenset[Registration]
    """The union of its open record and what is registered now: what it will be put back into."""
    state: TargetState
    """The worst of its rows; GONE for one that is out."""
    said: str | None
    record: HostRecord | None
    """Only an open one."""
    begin: Step
    """DRAIN, or where an open record lets the walk go on: DEPLOY, VERIFY or REGISTER (safety.md 2.2)."""
    release_before: str | None
    release_after: str | None
    batch: int
    estimate: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Everything that was decided before anything is done. `hosts` are in the order of their walks."""

    lb: str
    kind: BalancerKind
    why: Why
    release: str | None
    pools: tuple[PlannedPool, ...]
    hosts: tuple[PlannedHost, ...]
    skipped: tuple[Skipped, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]
    max_unavailable: int
    total: int
    """Hosts of the fleet, those held out included."""
    in_service: int
    """Hosts that are capacity in every pool they belong to."""
    floor: int
    """The strictest of the pools' floors; `pools` has them all."""
    estimate: float
    """Seconds for the whole roll."""
    costliest: str | None
    """The setting that costs most, with how long and what would help; None where nothing stands out."""
    batches: int
    canary: int = 0
    """Hosts of the first batch, which must all have ended before any other starts; 0: no such batch."""
    groups: tuple[PlannedGroup, ...] = ()
