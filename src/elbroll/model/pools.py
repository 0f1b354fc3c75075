"""Pools, registrations, and what a health answer shows of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.model.ids import PoolId


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
