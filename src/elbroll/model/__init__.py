"""The nouns of elbroll: frozen values without I/O. The words are explained in docs/architecture.md."""

from elbroll.model.groups import Lifecycle, Member, Scaling, ScalingGroup
from elbroll.model.hosts import Fleet, Host, InstanceState
from elbroll.model.ids import HostId, PoolId, RunId
from elbroll.model.jobs import Connection, Job, JobEnd, JobId, JobResult, OnLoss, ProbeAnswer
from elbroll.model.ledger import OPEN_STATES, Holder, HostRecord, LockSeen, RecordState, Removed, Why
from elbroll.model.pools import (
    BalancerKind,
    HealthCheck,
    Pool,
    PoolView,
    Registration,
    TargetSeen,
    TargetState,
    TargetType,
    Thresholds,
)
from elbroll.model.values import Amount, Failure, Secret, Validity
from elbroll.model.walk import HostResult, Outcome, Result, Step, StepResult

__all__ = [
    "OPEN_STATES",
    "Amount",
    "BalancerKind",
    "Connection",
    "Failure",
    "Fleet",
    "HealthCheck",
    "Holder",
    "Host",
    "HostId",
    "HostRecord",
    "HostResult",
    "InstanceState",
    "Job",
    "JobEnd",
    "JobId",
    "JobResult",
    "Lifecycle",
    "LockSeen",
    "Member",
    "OnLoss",
    "Outcome",
    "Pool",
    "PoolId",
    "PoolView",
    "ProbeAnswer",
    "RecordState",
    "Registration",
    "Removed",
    "Result",
    "RunId",
    "Scaling",
    "ScalingGroup",
    "Secret",
    "Step",
    "StepResult",
    "TargetSeen",
    "TargetState",
    "TargetType",
    "Thresholds",
    "Validity",
    "Why",
]
