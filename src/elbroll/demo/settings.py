"""How a world shall be: a demo needs none of this, tests need most of it. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from elbroll.demo.service import AppSettings
from elbroll.model import BalancerKind


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One pool to be made, with hosts by their number from 0."""

    name: str = "demo"
    kind: BalancerKind = BalancerKind.ALB
    """ALB or CLASSIC; a classic balancer is its own pool, and its hosts share one port."""
    lb: str = "demo"
    """The load balancer that uses the target group; several groups may share one."""
    members: tuple[int, ...] | None = None
    """None: all hosts."""
    delay: int = 300
    interval: int = 5
    healthy_threshold: int = 2
    check_limit: int = 2
    one_port: bool = False
    """All hosts serve it on one port, the pool's own: as an Auto Scaling group would register them."""

    @property
    def lb_name(self) -> str:
        """What users call the balancer: a classic one is its own pool."""
        return self.name if self.kind is BalancerKind.CLASSIC else self.lb

    @property
    def shares_port(self) -> bool:
        """Whether all its hosts serve it on the same port."""
        return self.one_port or self.kind is BalancerKind.CLASSIC

    def has(self, host: int) -> bool:
        """Whether this host is a member at the start."""
        return self.members is None or host in self.members


class Ledger(Enum):
    """Where the world's config puts the ledger."""

    SSM = "ssm"
    S3 = "s3://elbroll-demo/ledger"
    """The bucket is made with the world."""


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """All that may differ between worlds."""

    pools: tuple[PoolPlan, ...] = (PoolPlan(),)
    release: str = "v1"
    app: AppSettings = field(default_factory=AppSettings)
    keep_alive: float = 0.25
    """How long the balancer keeps an unused connection to a host."""
    first_check: float = 0.5
    """When a new target is first checked, as a share of the interval."""
    ledger: Ledger = Ledger.SSM
    toml: str = ""
    """More tables for elbroll.toml, after those that the world writes."""
    deploy: tuple[str, ...] = ('web-ctl deploy "$ELBROLL_RELEASE"',)
    """The deploy commands of every table."""
