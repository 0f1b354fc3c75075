"""Reasons not to start that need no arithmetic of capacity: each names what to do about it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll.core.fitting import misfit
from elbroll.core.names import clock_time, counted, host_word, listed, pool_name
from elbroll.core.planned import Refusal
from elbroll.core.scaling import scaling_refusals
from elbroll.core.timing import drain_limit, settle_for
from elbroll.model import BalancerKind, InstanceState, RecordState, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elbroll.core.ground import Ground
    from elbroll.core.planned import PlannedHost
    from elbroll.core.tally import Target
    from elbroll.model import HostId

ALIVE = frozenset({InstanceState.RUNNING, InstanceState.OUTSIDE})
CHECKS_OFF = "Target.HealthCheckDisabled"


def standing_refusals(ground: Ground, walk: Sequence[PlannedHost]) -> list[Refusal]:
    """Everything that forbids to walk these hosts, however much capacity there is."""
    if not walk:
        return []
    return [
        *_unreadable(walk),
        *_misplaced(ground, walk),
        *_out_of_reach(ground, walk),
        *_not_running(walk),
        *_nowhere(ground, walk),
        *_unsettled(ground, walk),
        *_never_healthy(ground, walk),
        *_unbalanced_pools(ground, walk),
        *_other_pools(ground, walk),
        *scaling_refusals(ground, walk),
        *_impossible_pace(ground),
        *_impossible_drain(ground, walk),
    ]


def by_hand(hosts: Iterable[HostId]) -> Iterator[str]:
    """The way on for a record that nobody can read, which we never overwrite ourselves (F-11, 2.5)."""
    for host in hosts:
        key = f"/elbroll/v1/host/{host}"
        yield f"or put its last good version back: {key}, with the version that it replaces as its base"


def _unreadable(walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Held by somebody unknown: never overwritten (F-11)."""
    hosts = [planned for planned in walk if planned.record and planned.record.state is RecordState.UNREADABLE]
    if hosts:
        says = f"the record of {_names(hosts)} cannot be read: a newer elbroll wrote it, or somebody changed it"
        fix = (
            "use the newest elbroll",
            f"or leave it out: {_exclude(hosts)}",
            *by_hand(each.host.id for each in hosts),
        )
        yield Refusal("record-unreadable", says, fix=fix)


def _misplaced(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """A record that cannot be true of its host moves nobody (S-5)."""
    for planned in walk:
        refusal = misfit(planned, ground.fleet.pools, ground.fleet.strange)
        if refusal:
            yield replace(refusal, fix=(*refusal.fix, f"or leave it out: {_exclude([planned])}"))


def _out_of_reach(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Recorded in a pool that the config keeps its hands off (S-5); `restore` puts back whatever was taken out."""
    if ground.asked.settings.other_pools != "ignore":
        return
    for planned in walk:
        pools = {item.registration.pool for item in planned.record.registrations} if planned.record else set()
        if names := sorted(pool_name(pool) for pool in (pools & ground.fleet.pools.keys()) - ground.fleet.own):
            says = f'{planned.host.name} is recorded in {listed(names)}, and other_pools is "ignore"'
            yield Refusal("record-elsewhere", says, fix=(f"elbroll restore {planned.host.id}     if that is true",))


def _not_running(walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """A stopped instance cannot be deployed to, and AWS takes it back only running (T11)."""
    hosts = [planned for planned in walk if planned.host.state not in ALIVE]
    if hosts:
        why = tuple(f"{planned.host.name} is {planned.host.shown_state}" for planned in hosts)
        fix = (f"start {_names(hosts)}, or leave it out: {_exclude(hosts)}",)
        yield Refusal("stopped", f"not running: {_names(hosts)}", why, fix)


def _nowhere(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """In no pool and in no record: where it belongs is not guessed from its siblings (F-17)."""
    hosts = [planned for planned in walk if planned.record is None and not ground.targets.get(planned.host.id)]
    if hosts:
        says = f"{_names(hosts)} is registered in no pool, and not recorded as out"
        yield Refusal("not-registered", says, fix=("register it first",))


def _unsettled(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Draining in no record is somebody else's act, and is not recorded as ours (F-19)."""
    hosts = [planned for planned in walk if planned.record is None and _rows(ground, planned, TargetState.DRAINING)]
    if hosts:
        leaving = [target for planned in hosts for target in _rows(ground, planned, TargetState.DRAINING)]
        limit = max(ground.fleet.pools[target.row.registration.pool].deregistration_delay for target in leaving)
        says = f"{_names(hosts)} is leaving a pool, and not by elbroll"
        fix = (f"wait until it has settled, {clock_time(limit)} at most", f"or leave it out: {_exclude(hosts)}")
        yield Refusal("unsettled", says, _lines(ground, hosts, TargetState.DRAINING), fix)


def _never_healthy(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """`unused`, or checks switched off: as things are the target never turns healthy (aws.md 2.1)."""
    running = [planned for planned in walk if planned.host.state in ALIVE]
    if hosts := [planned for planned in running if _rows(ground, planned, TargetState.UNUSED)]:
        says = f"{_names(hosts)} would never turn healthy as things are"
        fix = ("give the pool a listener in the host's zone",)
        yield Refusal("unused", says, _lines(ground, hosts, TargetState.UNUSED), fix)
    off = [planned for planned in running if any(map(_unchecked, ground.targets.get(planned.host.id, ())))]
    if off:
        says = f"health checks are off for {_names(off)}: nobody could tell when a host is well"
        yield Refusal("checks-off", says, _lines(ground, off, TargetState.UNAVAILABLE), ("switch them on",))


def _unchecked(target: Target) -> bool:
    return target.row.state is TargetState.UNAVAILABLE and target.row.reason == CHECKS_OFF


def _unbalanced_pools(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """A target group that no balancer uses never calls anything healthy (T21)."""
    pools = {pool.id: pool for planned in walk for pool in ground.pools_of(planned.host)}
    idle = [pool for pool in pools.values() if not pool.balancers and pool.kind is not BalancerKind.CLASSIC]
    if idle:
        says = f"no load balancer uses {listed([pool.name for pool in idle])}: its targets never turn healthy"
        others = any(pool.id not in ground.fleet.own for pool in idle)
        fix = "attach it to a listener" + (', or set other_pools = "ignore"' if others else "")
        yield Refusal("no-balancer", says, fix=(fix,))


def _other_pools(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    own = ground.fleet.own
    if ground.asked.settings.other_pools != "refuse":
        return
    elsewhere = {
        planned.host.name: sorted({pool_name(item.pool) for item in planned.registrations if item.pool not in own})
        for planned in walk
    }
    if why := tuple(f"{host} also serves {listed(pools)}" for host, pools in elsewhere.items() if pools):
        fix = ('other_pools = "drain" takes hosts out there too',)
        yield Refusal("other-pools", f"hosts of {ground.fleet.lb} serve other pools", why, fix)


def _impossible_pace(ground: Ground) -> Iterator[Refusal]:
    """Numbers under which no host could ever leave, or all of them could (F-2)."""
    pace, total = ground.asked.settings.pace, ground.total
    if ground.rules.max_unavailable >= total > 1:
        says = f"max_unavailable = {pace.max_unavailable} would let all {total} hosts out at once"
        yield Refusal("max-unavailable", says, fix=(f"--max-unavailable {total - 1} at most",))
    for id_, seen in ground.capacities.items():
        expected = len(seen.expected)
        if pace.floor is not None and seen.floor >= expected > 1:
            says = (
                f"the floor of {pool_name(id_)} is {seen.floor} of {counted(expected, 'host')}: none could ever leave"
            )
            yield Refusal("floor-impossible", says, (seen.floor_why,), (f"--floor {expected - 1} at most",))


def _impossible_drain(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    settings = ground.asked.settings
    pools = {pool.id: pool for planned in walk for pool in ground.pools_of(planned.host)}.values()
    settle = max((settle_for(pool, settings) for pool in pools), default=0.0)
    limit = drain_limit(pools, settings)
    if limit <= settle and any(planned.begin is Step.DRAIN for planned in walk):
        says = f"a drain may take {clock_time(limit)}, but traffic must be quiet for {clock_time(settle)}"
        yield Refusal("drain-timeout", says, fix=("raise drain.timeout, or lower drain.settle",))


def _rows(ground: Ground, planned: PlannedHost, state: TargetState) -> list[Target]:
    return [target for target in ground.targets.get(planned.host.id, ()) if target.row.state is state]


def _lines(ground: Ground, hosts: Sequence[PlannedHost], state: TargetState) -> tuple[str, ...]:
    return tuple(
        f"{planned.host.name} in {pool_name(target.row.registration.pool)}: {target.row.reason or state}"
        for planned in hosts
        for target in _rows(ground, planned, state)
    )


def _names(hosts: Sequence[PlannedHost]) -> str:
    return listed([planned.host.name for planned in hosts])


def _exclude(hosts: Sequence[PlannedHost]) -> str:
    return " ".join(f"--exclude {host_word(planned.host.name, planned.host.id)}" for planned in hosts)
