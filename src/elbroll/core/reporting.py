"""One look at a fleet as `status` tells it: each host's place, what is recorded, what comes next. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.begin import held_release
from elbroll.core.names import host_word
from elbroll.core.status import FleetStatus, HostStatus, PoolState
from elbroll.model import RecordState, TargetState, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from elbroll.core.plan import RolloutPlan
    from elbroll.model import Fleet, Host, HostId, HostRecord, LockSeen, PoolId, PoolView, Registration

SERVES = frozenset({TargetState.HEALTHY})
AWAY = frozenset({TargetState.GONE, TargetState.DRAINING})
WORST_FIRST = (
    TargetState.UNHEALTHY,
    TargetState.UNUSED,
    TargetState.UNAVAILABLE,
    TargetState.UNKNOWN,
    TargetState.SHIFTED,
    TargetState.DRAINING,
    TargetState.INITIAL,
    TargetState.HEALTHY,
    TargetState.GONE,
)


@dataclass(frozen=True, slots=True)
class Look:
    """What one survey has read."""

    fleet: Fleet
    views: Mapping[PoolId, PoolView]
    records: Mapping[HostId, HostRecord]
    locks: Mapping[PoolId, LockSeen]
    now: datetime


def fleet_status(look: Look, plan: RolloutPlan, region: str | None) -> FleetStatus:
    """The fleet's place; `plan` (made for the same survey) brings the counting."""
    hosts = sorted(look.fleet.hosts.values(), key=lambda host: (host.name, host.id))
    told = tuple(_host_status(host, look) for host in hosts)
    return FleetStatus(
        lb=look.fleet.lb,
        kind=look.fleet.kind,
        total=plan.total,
        in_service=plan.in_service,
        floor=plan.floor,
        hosts=told,
        region=region,
        lock=next((look.locks[pool] for pool in sorted(look.fleet.pools) if pool in look.locks), None),
        unlock=_unlock(look),
        next=_next(look.fleet.lb, told),
    )


def wants_attention(status: FleetStatus) -> bool:
    """Whether `--check` complains: a host out or sick, overdue, or releases mixed."""
    releases = {host.release for host in status.hosts if host.in_service and host.release}
    return len(releases) > 1 or any(host.attention or not host.in_service for host in status.hosts)


def _host_status(host: Host, look: Look) -> HostStatus:
    record = look.records.get(host.id)
    held = record if record is not None and record.open else None
    pools = tuple(_pool_state(entry, look) for entry in _entries(host, held, look))
    worst = min((pool.state for pool in pools), key=WORST_FIRST.index, default=TargetState.GONE)
    serves = bool(pools) and all(pool.state in SERVES for pool in pools)
    return HostStatus(
        host=host,
        in_service=serves,
        attention=_attention(held, serves, look.now),
        state=_state(held, {pool.state for pool in pools}, worst, look.now),
        release=held_release(record),
        since=record.since if record is not None and _readable(record) else None,
        note=_note(held, pools),
        pools=pools,
        record=held,
    )


def _entries(host: Host, held: HostRecord | None, look: Look) -> list[Registration]:
    registered = look.fleet.registrations.get(host.id, frozenset())
    recorded = frozenset(item.registration for item in held.registrations) if held else frozenset()
    return sorted(registered | recorded, key=lambda entry: (entry.pool, entry.id, entry.port or 0))


def _pool_state(entry: Registration, look: Look) -> PoolState:
    pool = look.fleet.pools.get(entry.pool)
    view = look.views.get(entry.pool)
    row = view.row(entry) if view else None
    name = pool.name if pool else entry.pool
    if row is None:
        return PoolState(name, entry.port, TargetState.GONE, "Target.NotRegistered")
    return PoolState(name, entry.port, row.state, row.reason)


def _attention(held: HostRecord | None, serves: bool, now: datetime) -> bool:
    if held is not None and held.why is Why.DRAIN and held.state is RecordState.HELD:
        return _overdue(held, now)
    return held is not None or not serves


def _overdue(held: HostRecord, now: datetime) -> bool:
    return held.until is not None and held.until < now


def _state(held: HostRecord | None, seen: Collection[TargetState], worst: TargetState, now: datetime) -> str:
    if held is None:
        return "out, not by elbroll" if worst is TargetState.GONE else worst.value
    if _overdue(held, now):
        return "out, overdue"
    if not AWAY.isdisjoint(seen):
        return "out" if AWAY.issuperset(seen) else "partly out"
    return "out" if not seen else f"{worst.value}, recorded"


def _readable(record: HostRecord) -> bool:
    """Of one that is not, nothing is true but that somebody wrote it (F-11)."""
    return record.state is not RecordState.UNREADABLE


def _note(held: HostRecord | None, pools: tuple[PoolState, ...]) -> str | None:
    if held is not None and not _readable(held):
        return "its record cannot be read: held by somebody unknown"
    if held is not None and held.why is Why.DRAIN:
        until = f" until {held.until:%H:%MZ}" if held.until else ""
        reason = f" ({held.reason})" if held.reason else ""
        return f"out on purpose{until}{reason}, run {held.run}{_standby(held)}"
    if held is not None:
        return f"run {held.run}: {held.step or held.state}{_standby(held)}"
    sick = [pool for pool in pools if pool.state not in SERVES]
    return ", ".join(f"{pool.pool} {pool.reason or pool.state}" for pool in sick) or None


def _standby(held: HostRecord) -> str:
    return f", standby in {held.standby_group}" if held.standby_group else ""


def _unlock(look: Look) -> tuple[str, ...]:
    """Another run holds the fleet: everything else is refused until it ends, or is freed."""
    locks = [look.locks[pool] for pool in look.fleet.pools if pool in look.locks]
    dead = {lock.called: "that run is truly dead" if lock.holder else "no run is at work" for lock in locks}
    lb = shlex.quote(look.fleet.lb)
    return tuple(f"elbroll unlock {lb} {name}     only if {when}" for name, when in sorted(dead.items()))


def _next(lb: str, hosts: tuple[HostStatus, ...]) -> tuple[str, ...]:
    """Repair first: a failed deploy is rerun, what was drained on purpose is restored by name.

    A host whose record cannot be read is named in none: every command would refuse it. One that was only taken out
    does not know for which release, so that nothing can be run again for it.
    """
    recorded = [(host, host.record) for host in hosts if host.record is not None and _readable(host.record)]
    failed = [record for _, record in recorded if record.why is not Why.DRAIN and _was_begun(record)]
    commands: list[str] = []
    if failed:
        release = f" --release {failed[0].release_after}" if failed[0].release_after else ""
        word = "deploy" if failed[0].why is Why.ROLL else "exec"
        tail = "" if word == "deploy" else " -- COMMAND"
        commands.append(f"elbroll {word} --lb {shlex.quote(failed[0].lb or lb)}{release}{tail}")
    commands += [
        f"elbroll restore {_word(host, hosts)}"
        for host, record in recorded
        if record.state is not RecordState.DEPLOYING
    ]
    return tuple(commands)


def _was_begun(record: HostRecord) -> bool:
    return record.state is not RecordState.HELD or record.release_after is not None


def _word(one: HostStatus, hosts: tuple[HostStatus, ...]) -> str:
    """Its name, where that is plain and nobody else's; else its id (I-26)."""
    alone = sum(host.host.name == one.host.name for host in hosts) == 1
    return host_word(one.host.name if alone else None, one.host.id)
