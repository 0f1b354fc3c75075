"""What has happened, as frozen records. The engine emits them; outputs choose the words (interface.md 6).

`Told` is the envelope that sinks receive: every event gets a number, a time and the run's context once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from elbroll.core.plan import RolloutPlan
    from elbroll.model import (
        Failure,
        Holder,
        Host,
        HostId,
        HostResult,
        PoolId,
        RecordState,
        Registration,
        Result,
        RunId,
        Step,
        TargetState,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened."""


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """First event of every run that may change things."""

    command: str
    """`deploy`, `exec`, `drain`, `restore`."""
    holder: Holder
    account: str | None
    region: str | None
    release: str | None
    config_file: str | None = None
    store: str = "ssm"
    line: str = ""
    """The whole command line as given, quoted so that it can be pasted; no option carries a secret."""
    config_hash: str | None = None
    """Of the settings in force: `sha256:…`."""
    transport: str = "ssh"
    reason: str | None = None
    """The operator's own words (`drain --reason`)."""
    until: datetime | None = None
    """`drain --for`: overdue after this."""


@dataclass(frozen=True, slots=True)
class PlanMade(Event):
    """What is about to be done, with every number that was used."""

    plan: RolloutPlan


@dataclass(frozen=True, slots=True)
class LockWaiting(Event):
    """Another run holds a pool and we were told to wait for it."""

    pool: PoolId
    holder: Holder | None
    seconds_left: float


@dataclass(frozen=True, slots=True)
class HostStarted(Event):
    """A host's walk begins (prepare of all hosts does not count)."""

    host: Host
    batch: int
    registrations: frozenset[Registration]


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """A step begins; which of the details are set depends on the step. `host` None: all hosts (prepare)."""

    host: Host | None
    step: Step
    limit: float | None = None
    """Seconds until the step is given up."""
    hosts: int = 1
    pools: tuple[str, ...] = ()
    """`name:port` of each registration that leaves or comes back."""
    until: str | None = None
    """Drain: `idle` or `reported`."""
    commands: int = 0
    checks: tuple[str, ...] = ()
    """Verify: what is asked, such as `GET 10.0.1.11:8080/healthz`."""
    consecutive: int = 0


@dataclass(frozen=True, slots=True)
class StepProgress(Event):
    """A look that was not yet the end of the step."""

    host: Host
    step: Step
    connections: int | None = None
    states: tuple[tuple[str, TargetState], ...] = ()
    text: str | None = None
    """Host output or an answer of the app; untrusted."""


@dataclass(frozen=True, slots=True)
class StepFinished(Event):
    """A step has ended, one way or the other. `host` None: all hosts (prepare)."""

    host: Host | None
    step: Step
    result: Result
    seconds: float
    failure: Failure | None = None
    note: str | None = None
    """For people: `no connection for 5s`."""


@dataclass(frozen=True, slots=True)
class HostFinished(Event):
    """A host's walk has ended; its place is final for this run."""

    host: Host
    result: HostResult


@dataclass(frozen=True, slots=True)
class RecordWritten(Event):
    """The ledger has confirmed a record's state."""

    host: Host
    state: RecordState
    registrations: frozenset[Registration] = frozenset()


@dataclass(frozen=True, slots=True)
class CapacityChanged(Event):
    """A fresh count of a pool's hosts in service; all zero once the pool no longer exists."""

    pool: PoolId
    name: str
    in_service: int
    floor: int
    total: int


@dataclass(frozen=True, slots=True)
class HostOutput(Event):
    """One line (or piece of an endless one) that a command on a host has printed; untrusted."""

    host: Host
    step: Step
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something a person should know that stops nothing."""

    code: str
    message: str
    host: Host | None = None


@dataclass(frozen=True, slots=True)
class SignalReceived(Event):
    """A signal, and what it makes the run do (`finish` or `leave`)."""

    name: str
    mode: str
    leaving: tuple[str, ...] = ()
    """Names of hosts that are put back."""
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HaltDecided(Event):
    """No new host starts from here on."""

    reason: str
    working: tuple[str, ...] = ()
    """Names of hosts still in work, which are awaited."""


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """Last event of every run: the final place of every host."""

    result: Result
    exit_code: int
    results: Mapping[HostId, HostResult]
    seconds: float
    next_commands: tuple[tuple[str, str], ...] = ()
    """(command, what it does), most useful first."""
    failure: Failure | None = None
    """What ended the run as a whole, where it was no host's failure."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its number (1, 2, …), wall-clock time (UTC) and seconds since the run began."""

    number: int
    time: datetime
    elapsed: float
    run: RunId
    lb: str
    event: Event
