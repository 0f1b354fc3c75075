"""What a person should know before a roll, though it forbids nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.choice import DEAD
from elbroll.core.names import clock_time, host_word, listed, pool_name, pools_gone
from elbroll.core.planned import SkipReason
from elbroll.core.scaling import scaling_advice
from elbroll.core.timing import settle_for, until_for
from elbroll.model import BalancerKind, RecordState, TargetType, Why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elbroll.config.schema import LbSettings
    from elbroll.core.ground import Ground
    from elbroll.core.planned import PlannedHost, Skipped
    from elbroll.model import HostRecord, Pool

_CONNECT_ONLY = frozenset({"TCP", "SSL"})


def advice_for(ground: Ground, walk: Sequence[PlannedHost], skipped: Sequence[Skipped]) -> list[str]:
    """Sentences, those about hosts first."""
    pools = {pool.id: pool for planned in walk for pool in ground.pools_of(planned.host)}
    said = [
        *(_by_hand(planned) for planned in walk if ground.by_hand(planned.host.id)),
        *_left_out(ground, skipped),
        *_records(ground),
        *_elsewhere(ground, walk),
        *scaling_advice(ground, walk),
        *(line for pool in pools.values() for line in _of_pool(pool, ground.asked.settings)),
    ]
    return list(dict.fromkeys(said))


def _by_hand(planned: PlannedHost) -> str:
    state = "unproven" if planned.record and planned.record.state is RecordState.DEPLOYED else "unknown"
    return f"{planned.host.name} serves although its version is {state}: somebody registered it by hand; it goes first"


def _left_out(ground: Ground, skipped: Sequence[Skipped]) -> Iterator[str]:
    """Hosts that count as out and stay out, each named (F-19)."""
    for each in skipped:
        if each.out and each.reason is SkipReason.NOT_SELECTED:
            yield f"{each.host.name} is out {ground.out[each.host.id]} and is not selected: it stays out"


def _records(ground: Ground) -> Iterator[str]:
    for record in ground.records.values():
        if record.open:
            yield from _of_record(record, ground)


def _of_record(record: HostRecord, ground: Ground) -> Iterator[str]:
    name = record.name or record.host
    known = ground.fleet.hosts.get(record.host)
    if known is not None and known.state in DEAD:
        fix = f"elbroll restore {host_word(None, record.host)}"
        yield f"{name} was terminated while it was out: {fix} closes its record"
    if record.host not in ground.out:
        yield f"{name} serves although its record says {record.state}: the record is closed first"
    if lost := sorted({item.registration.pool for item in record.registrations} - ground.fleet.pools.keys()):
        what, way = pools_gone(record.name, record.host, lost)
        yield f"{name} is recorded as out, and {what}: {way}"
    if record.host not in ground.fleet.hosts and record.host not in ground.fleet.neighbours:
        yield f"{name} is recorded as out, but AWS no longer lists it; it counts as missing"
    if record.why is Why.DRAIN and record.until is not None and record.until < ground.asked.now:
        yield f"{name} was to be out on purpose until {record.until:%Y-%m-%d %H:%M}Z: it is overdue"


def _elsewhere(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[str]:
    """Pools that were found on the way need their place in the policy, which nobody can try beforehand (P2, P3)."""
    others = {item.pool for planned in walk for item in planned.registrations} - ground.fleet.own
    if names := sorted(map(pool_name, others)):
        allowed = f"the caller must be allowed to (elbroll iam-policy --lb {ground.fleet.lb})"
        yield f"hosts are taken out of {listed(names)} as well, which {allowed}"


def _of_pool(pool: Pool, settings: LbSettings) -> Iterator[str]:
    yield from _of_delay(pool)
    if pool.kind is BalancerKind.NLB:
        yield from _of_network(pool, settings)
    if until_for(pool, settings) != settings.drain.until:
        yield f"{pool.name} carries {pool.protocol}, which cannot be counted: its drain waits for the balancer's word"
    connect_only = pool.health_check.protocol in _CONNECT_ONLY
    if connect_only and settings.verify.http == "auto" and settings.verify.command is None:
        yield f"{pool.name} only checks that the port opens: verify.http or verify.command would ask the app"


def _of_delay(pool: Pool) -> Iterator[str]:
    delay = clock_time(pool.deregistration_delay)
    if pool.deregistration_delay == 0 and pool.kind is BalancerKind.CLASSIC:
        yield f"connection draining is off for {pool.name}: requests under way are cut when a host leaves"
    elif pool.deregistration_delay == 0:
        yield f"the deregistration delay of {pool.name} is 0: requests under way are cut when a host leaves"
    elif pool.target_type is TargetType.IP:
        yield f"{pool.name} has ip targets: each waits out the deregistration delay of {delay} before it comes back"


def _of_network(pool: Pool, settings: LbSettings) -> Iterator[str]:
    settle = settle_for(pool, settings)
    if settings.drain.until == "reported":
        yield f"a network balancer calls a host gone while it still sends to it: {pool.name} is safer with idle"
    if settle < 180:
        yield f"a network balancer may send new connections for minutes: {pool.name} settles for {settle:g}s only"
    if not pool.terminates_connections:
        yield f"{pool.name} keeps busy connections beyond its delay: a drain may end at its limit"
