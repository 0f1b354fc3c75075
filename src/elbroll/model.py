"""The nouns of elbroll: frozen values without I/O. The words are explained in docs/architecture.md."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PoolId = NewType("PoolId", str)
"""`tg/NAME/HASH` for a target group (the end of its ARN), `clb/NAME` for a classic balancer.

Unique within account and region, free of colons, so that it can be part of a ledger key."""

HostId = NewType("HostId", str)
"""The instance id, or `ip-VPC-ADDRESS` (colons as dots) for a bare address of an `ip` target group."""

RunId = NewType("RunId", str)
"""Six hexadecimal digits, fresh for each invocation that may change things."""


# --- pools -------------------------------------------------------------------------------------------


class BalancerKind(StrEnum):
    """What carries the traffic to a pool; the values are what users read."""

    ALB = "alb"
    NLB = "nlb"
    CLASSIC = "classic"


class TargetType(StrEnum):
    """What a pool's targets are named by."""

    INSTANCE = "instance"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The pool's own check. `port` None means each target's own traffic port; times in seconds."""

    protocol: str
    """`HTTP`, `HTTPS`, `TCP` or `SSL`, in capitals."""
    port: int | None
    path: str | None
    matcher: str
    """Statuses that are well, as AWS writes them: `200`, `200-299`, `200,202`; gRPC codes are not ours."""
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The group's own minimums of healthy targets; None where switched off (aws.md T17)."""

    routing_count: int | None = 1
    routing_percent: float | None = None
    dns_count: int | None = 1
    dns_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """One target group or one classic load balancer, with the settings that decide how it is drained."""

    id: PoolId
    name: str
    kind: BalancerKind
    target_type: TargetType
    arn: str | None
    """Of the target group; None for a classic balancer, which AWS addresses by name."""
    vpc: str | None
    protocol: str
    port: int
    """The group's port, or the instance port of a classic balancer's first listener."""
    health_check: HealthCheck
    deregistration_delay: float
    """Seconds; 0 where a classic balancer has draining disabled (C3)."""
    slow_start: float = 0.0
    cross_zone: bool = True
    """The effective setting: the group's, else the balancer's (T18)."""
    thresholds: Thresholds = Thresholds()
    terminates_connections: bool = False
    """NLB: connections are cut at the end of the delay (T9)."""
    balancers: tuple[str, ...] = ()
    """Names of the load balancers that use the pool; empty: its targets never get healthy (T21)."""
    balancer_arns: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    """Classic: every instance port of its listeners. Target groups: empty, targets bring their own."""
    keeps_client_addresses: bool = False
    """NLB: targets see the clients' addresses instead of the balancer's, so its nodes tell nothing (E3)."""


@dataclass(frozen=True, slots=True, order=True)
class Registration:
    """One entry of one host in one pool, exactly as AWS knows it; sent back as it stands (T5, I-3)."""

    pool: PoolId
    id: str
    """Instance id or address, as registered."""
    port: int | None
    """None for a classic balancer, whose registrations have no port (C4)."""
    zone: str | None = None
    """Only where it was given at registration (`ip` targets: a zone or `all`)."""
    quic_server_id: str | None = None


class TargetState(StrEnum):
    """What a health row means to elbroll, whatever AWS calls it (aws.md 2.1, C1)."""

    HEALTHY = "healthy"
    """In service, and capacity."""
    INITIAL = "initial"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    """Leaving: `draining`, classic "deregistration in progress"; `unhealthy.draining` is not: still registered."""
    GONE = "gone"
    """Not registered: the only state that means out."""
    UNUSED = "unused"
    """Registered but never going to be healthy as things are (no listener, zone off, host stopped)."""
    UNAVAILABLE = "unavailable"
    SHIFTED = "shifted"
    """Healthy, but a zonal shift keeps traffic away (T3)."""
    UNKNOWN = "unknown"
    """A state we have no word for: not capacity and not gone (T1)."""


@dataclass(frozen=True, slots=True)
class TargetSeen:
    """One row of a health answer."""

    registration: Registration
    state: TargetState
    reason: str | None = None
    """AWS's code, such as `Target.ResponseCodeMismatch`."""
    said: str | None = None
    """AWS's own text; untrusted, shown only through the cleaning function."""
    anomalous: bool = False


@dataclass(frozen=True, slots=True)
class PoolView:
    """A complete reading of one pool's health. `at` is the monotonic clock just before the call."""

    pool: PoolId
    at: float
    rows: tuple[TargetSeen, ...]

    def row(self, registration: Registration) -> TargetSeen | None:
        """The row of exactly this id and port; None if the answer has none, which proves nothing (T2)."""
        for row in self.rows:
            if (row.registration.id, row.registration.port) == (registration.id, registration.port):
                return row
        return None


# --- hosts -------------------------------------------------------------------------------------------


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


# --- the ledger --------------------------------------------------------------------------------------


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


# --- release, amounts, failures ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Amount:
    """A count or a share of the hosts: exactly one of the two is set."""

    count: int | None = None
    percent: float | None = None

    def rounded_down(self, total: int) -> int:
        """Of `total` hosts; a share moves at least one host."""
        if self.count is not None:
            return self.count
        return max(1, math.floor(total * (self.percent or 0.0) / 100))

    def rounded_up(self, total: int) -> int:
        """Of `total` hosts, a share rounded up, at least one."""
        if self.count is not None:
            return self.count
        return max(1, math.ceil(total * (self.percent or 0.0) / 100))

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{self.percent:g}%"


class Secret:
    """A text that prints as stars; `reveal()` is the only way to it (I-20)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be stored")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a host or step failed, with its evidence."""

    code: str
    """A stable word: `verify-http`, `deploy-exit`, `drain-limit` …"""
    message: str
    why: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    """Last lines of remote output; untrusted."""
    lines: int = 0
    """Lines of remote output in all."""
    access: bool = False
    """The host refused us (login, host key): exit 3 if nothing was changed."""


# --- the walk ----------------------------------------------------------------------------------------


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


# --- commands on hosts -------------------------------------------------------------------------------


class OnLoss(StrEnum):
    """What the host does with a command when the line to it is lost (ssh.md 2, dead-man switch)."""

    KEEP = "keep"
    END = "end"


@dataclass(frozen=True, slots=True)
class JobId:
    """Names a command for good: any later run can ask what became of it."""

    run: RunId
    step: Step
    attempt: int
    number: int

    def __str__(self) -> str:
        return f"{self.run}-{self.step}-{self.attempt}-{self.number}"


@dataclass(frozen=True, slots=True)
class Job:
    """One command for one host. `limit` and `grace` in seconds, by the host's clock."""

    id: JobId
    line: str
    """Shell text of the operator, run as a file by `sh -e`; may have several lines."""
    limit: float
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    workdir: str | None = None
    on_loss: OnLoss = OnLoss.KEEP
    grace: float = 10.0


class JobEnd(StrEnum):
    """The four outcomes of a command, never fewer (ssh.md H2)."""

    EXIT = "exit"
    TIMED_OUT = "timed-out"
    NOT_RUN = "not-run"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a command. EXIT with `status` 0 is the only success."""

    end: JobEnd
    status: int | None = None
    cause: str | None = None
    """Why it was stopped or not run, or why nobody knows: a phrase for people."""
    seconds: float = 0.0
    tail: tuple[str, ...] = ()
    """The last 50 lines of output, undecoded bytes shown as escapes; untrusted."""
    lines: int = 0

    @property
    def success(self) -> bool:
        """Proven to have run and exited 0."""
        return self.end is JobEnd.EXIT and self.status == 0


class JobAsked(Enum):
    """What a host says of a job by its id, where there is no result."""

    NEVER = "never"
    RUNNING = "running"
    REBOOTED = "rebooted"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Connection:
    """One established TCP connection on a host, as `ss -tin` shows it (ssh.md 5).

    `last_sent` and `last_received` in milliseconds since; None where `ss` did not say."""

    local: str
    local_port: int
    peer: str
    peer_port: int
    last_sent: int | None = None
    last_received: int | None = None
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """One look at an app: whether it is well, and what it said (for people, untrusted)."""

    well: bool
    said: str
