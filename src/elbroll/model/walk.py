"""Steps, outcomes and results of a host's walk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.model.ids import HostId
    from elbroll.model.ledger import RecordState
    from elbroll.model.values import Failure


class Step(StrEnum):
    """One host's walk, in order; the last three belong to register in what users see."""

    PREPARE = "prepare"
    GUARD = "guard"
    DRAIN = "drain"
    DEPLOY = "deploy"
    VERIFY = "verify"
    REGISTER = "register"
    BAKE = "bake"
    CLOSE = "close"


class Result(StrEnum):
    """How a step or run ended (interface.md 6)."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMEOUT = "timeout"
    SKIP = "skip"
    CANCELLATION = "cancellation"
    ERROR = "error"


class Outcome(StrEnum):
    """What became of a host in a run."""

    DEPLOYED = "deployed"
    DRAINED = "drained"
    """Only `drain`: out on purpose."""
    RESTORED = "restored"
    LEFT_OUT = "left-out"
    SKIPPED = "skipped"
    NOT_REACHED = "not-reached"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StepResult:
    """One finished step; `seconds` by the monotonic clock."""

    step: Step
    result: Result
    seconds: float


@dataclass(frozen=True, slots=True)
class HostResult:
    """What became of one host. `in_service` None: it could not be read."""

    host: HostId
    outcome: Outcome
    in_service: bool | None
    release_before: str | None = None
    release_after: str | None = None
    steps: tuple[StepResult, ...] = ()
    failure: Failure | None = None
    seconds: float = 0.0
    record: RecordState | None = None
    """The state of the record that was left, if it is open."""
    note: str | None = None
