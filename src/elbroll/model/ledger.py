"""Records and locks as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from elbroll.model.ids import RunId

if TYPE_CHECKING:
    from datetime import datetime

    from elbroll.model.ids import HostId, PoolId
    from elbroll.model.pools import Registration


class RecordState(StrEnum):
    """States of a host's record and what each permits: safety.md 2.2."""

    HELD = "held"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    REGISTERING = "registering"
    IN_SERVICE = "in-service"
    GONE = "gone"
    UNREADABLE = "unreadable"
    """Not ours to understand: newer schema, garbage. Held by somebody unknown; never overwritten."""


OPEN_STATES = frozenset(
    {
        RecordState.HELD,
        RecordState.DEPLOYING,
        RecordState.DEPLOYED,
        RecordState.REGISTERING,
        RecordState.UNREADABLE,
    }
)


class Why(StrEnum):
    """Which kind of run took a host out."""

    ROLL = "roll"
    EXEC = "exec"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Removed:
    """A registration in a record, with the run that first removed it."""

    registration: Registration
    run: RunId
    unresolvable: bool = False
    """Its pool no longer exists; kept until an operator gives it up by name (F-35)."""
    alone: bool = False
    """No other host of the pool was on its port then, so none can have moved away from it (F-49)."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What the ledger knows of one host. `registrations` is what was taken out and is not yet back."""

    host: HostId
    state: RecordState
    why: Why
    run: RunId
    since: datetime
    registrations: frozenset[Removed]
    name: str | None = None
    """The host's name when recorded, for messages about hosts that AWS no longer lists."""
    lb: str | None = None
    reason: str | None = None
    """The operator's own words (`drain --reason`)."""
    until: datetime | None = None
    """`drain --for`: overdue after this."""
    release_before: str | None = None
    release_after: str | None = None
    attempt: int = 1
    step: str | None = None
    error: str | None = None
    was: frozenset[Registration] = frozenset()
    """A closed record's last registrations, for `status` only; nothing is restored from it."""
    standby_group: str | None = None
    """The Auto Scaling group in which we put the host in standby."""

    @property
    def open(self) -> bool:
        """Whether the host is (or may be) out by a run of ours."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs: written into locks and shown on refusal."""

    run: RunId
    user: str
    machine: str
    pid: int
    command: str
    started: datetime
    url: str | None = None
    """Address of the CI job."""


@dataclass(frozen=True, slots=True)
class LockSeen:
    """A pool's lock as read; `holder` None and `readable` False: held by somebody unknown."""

    pool: PoolId
    holder: Holder | None
    epoch: int
    readable: bool = True
    age: float | None = None
    """Seconds since the last beat, by the store's clock; stale from 300 on (a word, not an expiry)."""
    doing: str | None = None
    version: int | None = None

    @property
    def called(self) -> RunId:
        """What `unlock` must be told: the run, or the version of a lock that cannot be read."""
        return self.holder.run if self.holder else RunId(f"v{self.version}")
