"""Small builders of the nouns for tests: a fleet in a line, each host with an address and zone of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from elbroll.config.schema import LbSettings
from elbroll.model import (
    BalancerKind,
    Fleet,
    HealthCheck,
    Host,
    HostId,
    HostRecord,
    InstanceState,
    Pool,
    PoolId,
    PoolView,
    RecordState,
    Registration,
    Removed,
    RunId,
    TargetSeen,
    TargetState,
    TargetType,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
RUN = RunId("7f3a9c")
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
REASONS = {
    TargetState.INITIAL: "Elb.InitialHealthChecking",
    TargetState.UNHEALTHY: "Target.ResponseCodeMismatch",
    TargetState.DRAINING: "Target.DeregistrationInProgress",
    TargetState.GONE: "Target.NotRegistered",
    TargetState.UNUSED: "Target.NotInUse",
    TargetState.UNAVAILABLE: "Target.HealthCheckDisabled",
    TargetState.SHIFTED: "zonal_shift_active",
}


def a_check(**changes: Any) -> HealthCheck:
    """An HTTP check of /healthz every 10 s, thresholds 5 and 2."""
    check = HealthCheck("HTTP", None, "/healthz", "200", 10.0, 5.0, 5, 2)
    return replace(check, **changes)


def a_pool(name: str = "web-prod", *, kind: BalancerKind = BalancerKind.ALB, port: int = 8080, **changes: Any) -> Pool:
    """A target group behind an ALB with a delay of 300 s; or another kind, with what is usual for it."""
    classic = kind is BalancerKind.CLASSIC
    number = sum(name.encode())
    pool = Pool(
        id=PoolId(f"clb/{name}" if classic else f"tg/{name}/{number:016x}"),
        name=name,
        kind=kind,
        target_type=TargetType.INSTANCE,
        arn=None
        if classic
        else f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/{number:016x}",
        vpc="vpc-1",
        protocol="TCP" if kind is BalancerKind.NLB else "HTTP",
        port=port,
        health_check=a_check(),
        deregistration_delay=300.0,
        balancers=(f"{name}-lb",),
        ports=(port,) if classic else (),
        keeps_client_addresses=kind is BalancerKind.NLB,
    )
    return replace(pool, **changes)


def an_id(number: int) -> HostId:
    """The id of host `number`."""
    return HostId(f"i-0a1b2c3d4e5f6{number:04d}")


def a_host(number: int = 1, **changes: Any) -> Host:
    """web-NUMBER: zones in turn, an address of its own, running."""
    zone = ZONES[(number - 1) % 2]
    address = f"10.0.{1 + (number - 1) % 2}.{10 + number}"
    host = Host(
        id=an_id(number),
        name=f"web-{number}",
        state=InstanceState.RUNNING,
        zone=zone,
        vpc="vpc-1",
        private_ip=address,
        addresses=(address,),
    )
    return replace(host, **changes)


def hosts(count: int) -> tuple[Host, ...]:
    """web-1 to web-COUNT."""
    return tuple(map(a_host, range(1, count + 1)))


def a_registration(pool: Pool, host: Host, port: int | None = None) -> Registration:
    """The host's entry in the pool: by id or address as the pool wants, on the pool's port unless given."""
    target = (host.private_ip or host.name) if pool.target_type is TargetType.IP else str(host.id)
    return Registration(pool.id, target, None if pool.kind is BalancerKind.CLASSIC else port or pool.port)


def a_fleet(
    pools: Collection[Pool] = (),
    members: Iterable[Host] = (),
    *,
    own: Collection[Pool] | None = None,
    registrations: Mapping[HostId, Iterable[Registration]] | None = None,
) -> Fleet:
    """A fleet of these pools (one ALB pool) and hosts (none), each host in each pool unless said otherwise."""
    pools = pools or (a_pool(),)
    members = tuple(members)
    everywhere = {host.id: frozenset(a_registration(pool, host) for pool in pools) for host in members}
    told = {host: frozenset(items) for host, items in (registrations or {}).items()}
    return Fleet(
        lb="web-prod",
        kind=next(iter(pools)).kind,
        pools={pool.id: pool for pool in pools},
        own=frozenset(pool.id for pool in (pools if own is None else own)),
        hosts={host.id: host for host in members},
        registrations=everywhere | told,
    )


def a_row(registration: Registration, state: TargetState = TargetState.HEALTHY, said: str | None = None) -> TargetSeen:
    """A health row with the reason AWS gives for such a state."""
    return TargetSeen(registration, state, REASONS.get(state), said)


def a_view(pool: Pool, rows: Iterable[TargetSeen] = (), at: float = 0.0) -> PoolView:
    """A reading of the pool at that monotonic time."""
    return PoolView(pool.id, at, tuple(rows))


def views_of(
    fleet: Fleet, states: Mapping[HostId, TargetState] | None = None, at: float = 0.0
) -> dict[PoolId, PoolView]:
    """A reading of every pool of the fleet: every registered target healthy, but these hosts in these states."""
    states = states or {}
    return {
        pool.id: a_view(
            pool,
            (
                a_row(registration, states.get(host, TargetState.HEALTHY))
                for host, registrations in fleet.registrations.items()
                for registration in sorted(registrations)
                if registration.pool == pool.id
            ),
            at,
        )
        for pool in fleet.pools.values()
    }


def a_record(
    host: Host, registrations: Iterable[Registration] = (), state: RecordState = RecordState.HELD, **changes: Any
) -> HostRecord:
    """An open record of run 7f3a9c that rolled v142 to v143; or a closed one."""
    items = frozenset(registrations)
    is_open = state not in {RecordState.IN_SERVICE, RecordState.GONE}
    record = HostRecord(
        host=host.id,
        state=state,
        why=Why.ROLL,
        run=RUN,
        since=NOW,
        registrations=frozenset(Removed(item, RUN) for item in items) if is_open else frozenset(),
        name=host.name,
        lb="web-prod",
        release_before="v142",
        release_after="v143",
        was=frozenset() if is_open else items,
    )
    return replace(record, **changes)


def lb_settings(**tables: Any) -> LbSettings:
    """`[lb.web-prod]` with these keys and subtables, values as in TOML: `pace={"max_unavailable": 2}`."""
    return LbSettings.model_validate(tables)
