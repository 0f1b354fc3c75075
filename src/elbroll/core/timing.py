"""How long things take and may take, from the pools' own settings; all in seconds. Pure (T7-T15, C5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from elbroll.config.schema import LbSettings
    from elbroll.model import Pool

Until = Literal["idle", "reported"]

_UNCOUNTABLE = frozenset({"UDP", "TCP_UDP", "QUIC", "TCP_QUIC"})
"""Protocols whose traffic shows no TCP connection."""


def until_for(pool: Pool, settings: LbSettings) -> Until:
    """What ends a drain; `reported` wherever traffic has no connections that could be counted."""
    return "reported" if pool.protocol in _UNCOUNTABLE else settings.drain.until


def settle_for(pool: Pool, settings: LbSettings) -> float:
    """How long it must stay quiet: network balancers go on sending new connections for minutes (T9)."""
    if settings.drain.settle is not None:
        return settings.drain.settle
    return 180.0 if pool.kind is BalancerKind.NLB else 5.0


def drain_limit(pools: Collection[Pool], settings: LbSettings) -> float:
    """When a drain has failed: the longest delay and 60 s, or more where settling alone takes longer (T7)."""
    if settings.drain.timeout is not None:
        return settings.drain.timeout
    return max(
        (pool.deregistration_delay + max(60.0, settle_for(pool, settings) + 30.0) for pool in pools), default=60.0
    )


def checks_about(pool: Pool) -> float:
    """How long the health checks take that a newcomer needs: an ALB wants one, the others all (T12, T13, C5)."""
    check = pool.health_check
    return check.interval if pool.kind is BalancerKind.ALB else check.healthy_threshold * check.interval


def healthy_about(pool: Pool) -> float:
    """How long a well app usually needs until the balancer says so; an NLB takes minutes to register (T13)."""
    return checks_about(pool) + (180.0 if pool.kind is BalancerKind.NLB else 0.0)


def healthy_limit(pool: Pool) -> float:
    """After that it counts as never getting healthy; slow start comes after it (T13)."""
    check = pool.health_check
    return (check.healthy_threshold + 1) * check.interval + (300.0 if pool.kind is BalancerKind.NLB else 60.0)


def bake_for(pools: Collection[Pool], settings: LbSettings) -> float:
    """How long a host is watched after it turned healthy: no shorter than the slowest slow start (T14)."""
    return max([settings.pace.bake, *(pool.slow_start for pool in pools)])
