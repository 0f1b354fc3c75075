"""What `status` knows of a fleet: values for people and for JSON, made from one look at AWS and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from elbroll.model import BalancerKind, Host, HostRecord, LockSeen, Result, RunId, TargetState


@dataclass(frozen=True, slots=True)
class PoolState:
    """One registration of a host, as its pool's health answer has it; a recorded one that is out reads GONE."""

    pool: str
    """The pool's name."""
    port: int | None
    state: TargetState
    reason: str | None = None
    """AWS's code."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host. `attention`: a person has to look at it."""

    host: Host
    in_service: bool
    attention: bool
    state: str
    """One word or few: `healthy`, `out`, `out, not by elbroll`, `overdue`, `unhealthy` …"""
    release: str | None = None
    since: datetime | None = None
    """When it came into this state, as far as the ledger knows."""
    note: str | None = None
    pools: tuple[PoolState, ...] = ()
    record: HostRecord | None = None
    """Only an open one."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """How the last run known for the fleet ended; None: not known here."""

    run: RunId
    result: Result | None = None
    exit_code: int | None = None
    ended: datetime | None = None
    user: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """A fleet as it stands. `floor` is the strictest of its own pools'."""

    lb: str
    kind: BalancerKind
    total: int
    in_service: int
    floor: int
    hosts: tuple[HostStatus, ...]
    region: str | None = None
    lock: LockSeen | None = None
    last_run: LastRun | None = None
    unlock: tuple[str, ...] = ()
    """Commands without which those of `next` would be refused, each with its condition."""
    next: tuple[str, ...] = ()
    """Commands, ready to paste, most useful first."""
