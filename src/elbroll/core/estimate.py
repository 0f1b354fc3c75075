"""How long a roll takes at least, and which setting costs most. Pure; deploy times are not known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.names import clock_time
from elbroll.core.timing import bake_for, checks_about, healthy_about, settle_for, until_for
from elbroll.model import BalancerKind, Step, TargetType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from elbroll.config.schema import LbSettings
    from elbroll.model import Pool

_STANDS_OUT = 15.0
"""Seconds a host: less is not worth a word."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that one setting costs each host, as a sentence's beginning and what would help."""

    seconds: float
    setting: str
    advice: str


def host_estimate(pools: Collection[Pool], begin: Step, settings: LbSettings) -> float:
    """Seconds of one walk from `begin`, the deploy itself not counted."""
    drain = _drain_time(pools, settings) if begin is Step.DRAIN else 0.0
    verify = 0.0 if begin is Step.REGISTER else settings.verify.interval * (settings.verify.consecutive - 1)
    wait = max((_address_wait(pool, settings) for pool in pools), default=0.0) if begin is Step.DRAIN else 0.0
    register = max((healthy_about(pool) for pool in pools), default=0.0)
    return drain + max(verify, wait) + register + bake_for(pools, settings)


def whole_estimate(estimates: Iterable[tuple[int, float]]) -> float:
    """Seconds of the roll: of every batch, the slowest host."""
    slowest: dict[int, float] = {}
    for batch, seconds in estimates:
        slowest[batch] = max(seconds, slowest.get(batch, 0.0))
    return sum(slowest.values())


def costliest(pools: Collection[Pool], settings: LbSettings, hosts: int) -> str | None:
    """The setting that costs each host most, and what would help; None where nothing stands out."""
    costs = [cost for pool in pools for cost in (_of_drain(pool, settings), _of_health(pool)) if cost is not None]
    costs.append(_of_bake(pools, settings))
    worst = max(costs, key=lambda cost: cost.seconds)
    if worst.seconds < _STANDS_OUT or not hosts:
        return None
    return f"{worst.setting} costs {clock_time(worst.seconds)} a host: {worst.advice}"


def _drain_time(pools: Collection[Pool], settings: LbSettings) -> float:
    return max((_pool_drain_time(pool, settings) for pool in pools), default=0.0)


def _pool_drain_time(pool: Pool, settings: LbSettings) -> float:
    delay = pool.deregistration_delay if until_for(pool, settings) == "reported" else 0.0
    return delay + settle_for(pool, settings)


def _address_wait(pool: Pool, settings: LbSettings) -> float:
    """An `ip` target comes back no sooner than its delay after it left (T10)."""
    if pool.target_type is not TargetType.IP:
        return 0.0
    return max(0.0, pool.deregistration_delay - _pool_drain_time(pool, settings))


def _of_drain(pool: Pool, settings: LbSettings) -> Cost:
    seconds, delay = _pool_drain_time(pool, settings), clock_time(pool.deregistration_delay)
    if pool.target_type is TargetType.IP and pool.deregistration_delay >= seconds:
        return Cost(
            pool.deregistration_delay,
            f"the deregistration delay of {pool.name} ({delay})",
            "an ip target must wait it out before it can come back; a shorter delay helps",
        )
    if until_for(pool, settings) == "reported":
        idle = 'until = "idle" ends when traffic has stopped'
        return Cost(
            seconds,
            f'until = "reported" waits out the deregistration delay of {pool.name} and',
            idle if settings.drain.until == "reported" else "its traffic cannot be counted; a shorter delay helps",
        )
    if settings.drain.settle is None and pool.kind is BalancerKind.NLB:
        return Cost(
            seconds,
            f"settling on the network balancer of {pool.name}",
            "it goes on sending new connections for minutes; drain.settle shortens it at your own risk",
        )
    return Cost(seconds, f"drain.settle for {pool.name}", "a shorter one helps")


def _of_health(pool: Pool) -> Cost | None:
    seconds, check = checks_about(pool), pool.health_check
    if check.interval > 10.0:
        saved = clock_time(seconds * (1 - 10.0 / check.interval))
        advice = f"an interval of 10s saves about {saved} a batch"
        return Cost(seconds, f"a health check every {check.interval:g}s ({pool.name})", advice)
    if pool.kind is BalancerKind.ALB:
        return None
    return Cost(seconds, f"a healthy threshold of {check.healthy_threshold} ({pool.name})", "a lower one helps")


def _of_bake(pools: Collection[Pool], settings: LbSettings) -> Cost:
    baked = bake_for(pools, settings)
    if baked <= settings.pace.bake:
        return Cost(baked, "pace.bake", "every batch waits for it")
    return Cost(baked, "the slow start of the pool", "a host is no full capacity before it ends")
