"""One target in one pool and how its health moves: pure, time is an argument (aws.md 2.1, T8, T12, T13, C1, C5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Sickness:
    """Why a health check did not pass, in the words of a health row."""

    reason: str
    description: str


BAD_STATUS = Sickness("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
NO_ANSWER = Sickness("Target.Timeout", "Request timed out")
FAILED = Sickness("Target.FailedHealthChecks", "Health checks failed")


@dataclass(frozen=True, slots=True)
class PoolRules:
    """The settings of a pool by which its targets move, as they are at this moment. Times in seconds."""

    kind: BalancerKind | None
    """None while no balancer uses the group (T21)."""
    target_type: TargetType
    port: int | None
    """Where a target without a port of its own is registered; None for a classic balancer (C4)."""
    check_port: int | None
    """None means the traffic port."""
    checks_enabled: bool
    interval: float
    healthy_threshold: int
    unhealthy_threshold: int
    delay: float
    """How long a target drains; 0 where draining is off."""
    fail_open_count: int = 1
    """With fewer healthy targets than this, sick ones get traffic as well (T16, T17)."""
    fail_open_percent: float = 0.0


class PoolSource(Protocol):
    """Where the simulation looks up what is not its own: the pool's settings and EC2's word on an instance."""

    def rules(self) -> PoolRules:
        """The settings now."""
        ...

    def instance_state(self, target_id: str) -> str | None:
        """EC2's state of an instance; None for addresses and strangers."""
        ...


class Life(StrEnum):
    """Where a registered target stands, in the words of a health row."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Asked:
    """A target as a caller names it; compared by id and port."""

    id: str
    port: int | None
    zone: str | None = None
    quic_server_id: str | None = None


@dataclass(slots=True)
class Member:
    """A registered or draining target. Changed by the simulation only, under its lock."""

    target: Asked
    ready_at: float
    """When the registration itself is over and checks begin."""
    next_check: float
    life: Life = Life.INITIAL
    passed: int = 0
    failed: int = 0
    sickness: Sickness | None = None
    leaves_at: float | None = None

    def checked(self, sickness: Sickness | None, rules: PoolRules) -> None:
        """Count one check and move accordingly."""
        if sickness is None:
            self.passed, self.failed = self.passed + 1, 0
            if self.passed >= self._passes_needed(rules):
                self.life = Life.HEALTHY
        else:
            self.passed, self.failed, self.sickness = 0, self.failed + 1, sickness
            if self.failed >= rules.unhealthy_threshold:
                self.life = Life.UNHEALTHY

    def start_again(self) -> None:
        """Back to `initial`, as after a stop or a detached balancer."""
        self.life, self.passed, self.failed, self.sickness = Life.INITIAL, 0, 0, None

    def _passes_needed(self, rules: PoolRules) -> int:
        """One check suffices for a new ALB target; for the others all are budgeted (T12, T13, C5)."""
        if self.life is Life.INITIAL and rules.kind is BalancerKind.ALB:
            return 1
        return rules.healthy_threshold


@dataclass(frozen=True, slots=True)
class Shown:
    """What a health row says. Tests force one on a target; a state AWS has never heard of is allowed (T1)."""

    state: str
    reason: str | None = None
    description: str | None = None
    override: Mapping[str, str] | None = None
    """`AdministrativeOverride`: State, Reason, Description (T3)."""
    anomaly: Mapping[str, str] | None = None
    """`AnomalyDetection`: Result, MitigationInEffect."""


ZONAL_SHIFT = Shown(
    "healthy",
    override={
        "State": "zonal_shift_active",
        "Reason": "AdministrativeOverride.ZonalShiftActive",
        "Description": "Availability Zone is shifted away",
    },
)
ANOMALOUS = Shown("healthy", anomaly={"Result": "anomalous", "MitigationInEffect": "yes"})
NOT_REGISTERED = Shown("unused", "Target.NotRegistered", "Target is not registered to the target group")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a health answer."""

    target: Asked
    check_port: int | None
    shown: Shown

    @property
    def carries_traffic(self) -> bool:
        """Healthy (a classic balancer's word for it may be forced), and no zonal shift keeps requests away (T3)."""
        shifted = self.shown.override is not None and self.shown.override.get("State") != "no_override"
        return self.shown.state in {Life.HEALTHY, "InService"} and not shifted


def shown_of(member: Member, rules: PoolRules, instance_state: str | None, now: float) -> Shown:
    """What AWS would say about this target now."""
    if member.life is Life.DRAINING:
        return Shown("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    if instance_state not in {None, "running"}:
        return Shown("unused", "Target.InvalidState", f"Target is in the {instance_state} state")
    if rules.kind is None:
        return Shown(
            "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
        )
    if not rules.checks_enabled:
        return Shown("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled for this target group")
    return _checked(member, now)


def _checked(member: Member, now: float) -> Shown:
    if member.life is Life.HEALTHY:
        return Shown("healthy")
    if member.life is Life.UNHEALTHY:
        sickness = member.sickness or FAILED
        return Shown("unhealthy", sickness.reason, sickness.description)
    if now < member.ready_at:
        return Shown("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    return Shown("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
