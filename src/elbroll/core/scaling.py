"""What an Auto Scaling group would do to a host that is taken out, and whether it may stand by. Pure (aws.md 4)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from elbroll.core.names import counted, host_word, listed, pool_name
from elbroll.core.planned import PlannedGroup, Refusal
from elbroll.model import BalancerKind, Lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from elbroll.core.ground import Ground
    from elbroll.core.planned import PlannedHost
    from elbroll.model import Host, HostRecord, Member, Pool, PoolId, Registration, Scaling, ScalingGroup

OURS = frozenset({Lifecycle.ENTERING, Lifecycle.STANDBY, Lifecycle.COMING})
"""Where a host may be found that we put in standby, or were bringing back from it."""


# --- one host ----------------------------------------------------------------------------------------


def attached(
    group: ScalingGroup | None, entries: Iterable[Registration], pools: Mapping[PoolId, Pool]
) -> frozenset[Registration]:
    """Those of a host's entries that its group leaves and joins by itself: of attached pools, on their own ports."""
    if group is None:
        return frozenset()
    theirs = {id_: pools[id_].port for id_ in group.pools if id_ in pools}
    return frozenset(entry for entry in entries if entry.pool in theirs and entry.port in {None, theirs[entry.pool]})


def why_replaced(group: ScalingGroup) -> str | None:
    """That the group replaces its hosts one after the other, as half a sentence; whoever is out may be next (A7)."""
    if group.refresh is None:
        return None
    return f"{group.name} is replacing its hosts: an instance refresh is {group.refresh}"


def why_not_enter(group: ScalingGroup) -> str | None:
    """What stands against one more host of the group standing by, or coming back afterwards; None: nothing."""
    if why := why_replaced(group):
        return why
    if "Launch" in group.suspended:
        return f"the Launch process of {group.name} is suspended: whoever stands by could not come back"
    if group.desired - 1 < group.min_size:
        return f"{group.name} wants {group.desired} and keeps at least {group.min_size}: {_sum(group, 1)}"
    return None


def why_not_found(member: Member, record: HostRecord | None) -> str | None:
    """What stands against walking a host that its group shows like this; None: nothing (A6)."""
    standing_in = record.standby_group if record is not None and record.open else None
    if _strayed(member, record):
        return f"is recorded to stand by in {standing_in}, and belongs to {member.group}"
    if member.lifecycle is Lifecycle.IN_SERVICE or (standing_in is not None and member.lifecycle in OURS):
        return None
    return f"is {member.said} in {member.group}, and not by elbroll"


def _strayed(member: Member, record: HostRecord | None) -> bool:
    """Whether somebody has moved a host that stood by to another group."""
    return record is not None and record.open and record.standby_group not in {None, member.group}


def lost_in_standby(host: str, group: str) -> str:
    """What is left of a host that was terminated while it was recorded to stand by: sizes are never changed by us."""
    return f"{group} wants one host less since {host} stood by there, unless somebody has let it want as many as before"


# --- the plan ----------------------------------------------------------------------------------------


def scaling_refusals(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """What groups forbid, or would undo (F-20)."""
    if not _members(ground, walk):
        return
    yield from _without_a_word(ground, walk)
    yield from _unread(ground, walk)
    yield from _refreshing(ground, walk)
    yield from _astray(ground, walk)
    if ground.asked.settings.asg.mode == "standby":
        yield from _no_way_back(ground, walk)
        yield from _too_few(ground, walk)
        yield from _elsewhere(ground, walk)


def _without_a_word(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """A member that leaves its pools may be terminated by its group, unless one of two words is given (A1)."""
    members = _members(ground, [planned for planned in walk if not _stands_by_us(planned)])
    if not members or ground.asked.settings.asg.mode != "refuse":
        return
    groups = {member.group for _, member in members}
    says = f"{_names(members)} may be replaced by the Auto Scaling group {listed(sorted(groups))} while out"
    why = tuple(_danger(group) for name in sorted(groups) if (group := ground.fleet.scaling.groups.get(name)))
    table = f"[lb.{ground.fleet.lb}.asg]"
    fix = (
        f'{table} mode = "standby"     the group lets the host stand by, and launches none in its place',
        f'{table} mode = "ignore"     it is taken out without the group knowing',
    )
    yield Refusal("auto-scaling", says, why, fix)


def _danger(group: ScalingGroup) -> str:
    if "ELB" in group.health_check:
        return f"{group.name} has health check type {group.health_check}: it terminates a host that is out of a pool"
    return f"{group.name} has health check type {group.health_check}: it replaces a host that stops or restarts"


def _unread(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Standby rests on what the group says; the other two words can do without (F-21)."""
    unread = ground.fleet.scaling.unread
    if unread is not None and (ground.asked.settings.asg.mode == "standby" or any(map(_stands_by_us, walk))):
        yield Refusal("standby-unread", "nobody can tell how the Auto Scaling groups stand", (unread,), (_POLICY,))


_POLICY = "elbroll iam-policy     the smallest policy that works"


def _refreshing(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Two that replace hosts at the same time would take each other's (A7)."""
    for group in _groups(ground, walk):
        if why := why_replaced(group):
            cancel = f"aws autoscaling cancel-instance-refresh --auto-scaling-group-name {shlex.quote(group.name)}"
            fix = (f"wait for it, or: {cancel}",)
            yield Refusal("instance-refresh", why, fix=fix)


def _astray(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    for planned, member in _members(ground, walk):
        why = why_not_found(member, planned.record) if ground.fleet.scaling.unread is None else None
        if why is not None:
            yield Refusal("lifecycle", f"{planned.host.name} {why}", fix=tuple(_ways_home(planned, member)))


def _ways_home(planned: PlannedHost, member: Member) -> Iterator[str]:
    """A host that was moved to another group is waited for in vain; one of no group goes back by hand."""
    exclude = f"or leave it out: --exclude {host_word(planned.host.name, planned.host.id)}"
    if not _strayed(member, planned.record):
        yield f"wait until it is InService, {exclude}"
        return
    detach = "aws autoscaling detach-instances --should-decrement-desired-capacity"
    yield f"{detach} --instance-ids {planned.host.id} --auto-scaling-group-name {shlex.quote(member.group)}"
    yield exclude


def _no_way_back(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Looked at before anybody enters: what cannot come back must not leave (A5)."""
    for group in _groups(ground, walk):
        if "Launch" in group.suspended:
            says = f"the Launch process of {group.name} is suspended: whoever stands by could not come back"
            resume = f"aws autoscaling resume-processes --auto-scaling-group-name {shlex.quote(group.name)}"
            yield Refusal("standby-launch", says, fix=(f"{resume} --scaling-processes Launch",))


def _too_few(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """As many hosts at once as the roll may take, against the group's own minimum (A4).

    Those that stand by for us already are walked first: nobody else enters before they are back.
    """
    for group in _groups(ground, walk):
        entering = sum(member.group == group.name for _, member in _entering(ground, walk))
        back = sum(member.group == group.name for _, member in _coming_back(ground, walk))
        at_once = min(ground.rules.max_unavailable, entering + back)
        left = group.desired + back - at_once
        if entering and left < group.min_size:
            room = group.desired + back - group.min_size
            says = f"{group.name} keeps at least {counted(group.min_size, 'host')}: {counted(at_once, 'host')} less"
            fewer = (f"--max-unavailable {room}",) if room > 0 else ()
            lower = f"set the group's minimum to {left}, or let it want {group.min_size + at_once - back}"
            why = (_sum(group, at_once, back),)
            yield Refusal("standby-minimum", f"{says} would be too few", why, (*fewer, lower))


def _elsewhere(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[Refusal]:
    """Coming back joins every attached pool: no host may gain one that it never was in (I-12)."""
    strange: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for planned, member in _entering(ground, walk):
        group = ground.fleet.scaling.groups.get(member.group)
        if group is not None and (places := _gained(group, planned, ground.fleet.pools)):
            strange.setdefault((group.name, places), []).append(planned.host.name)
    for (name, places), hosts in strange.items():
        says = f"{name} would register {listed(hosts)} in {listed(list(places))}, which would be new"
        fix = ("register them there first, or detach that from the group", 'other_pools = "drain" if it is ignored')
        yield Refusal("standby-pools", says, fix=fix)


def _gained(group: ScalingGroup, planned: PlannedHost, pools: Mapping[PoolId, Pool]) -> tuple[str, ...]:
    """Attached places that the host does not have, with the port on which it would come to have them."""
    own = {entry.pool for entry in attached(group, planned.registrations, pools)}
    return (*(_place(id_, pools.get(id_)) for id_ in sorted(group.pools - own)), *group.elsewhere)


def _place(id_: PoolId, pool: Pool | None) -> str:
    return pool_name(id_) if pool is None or pool.kind is BalancerKind.CLASSIC else f"{pool.name}:{pool.port}"


def _sum(group: ScalingGroup, leaving: int, back: int = 0) -> str:
    left = group.desired + back - leaving
    wanted = f"{group.desired} wanted + {back} back from standby" if back else f"{group.desired} wanted"
    return f"{wanted} - {leaving} = {left}, and its minimum is {group.min_size}"


# --- advice ------------------------------------------------------------------------------------------


def scaling_advice(ground: Ground, walk: Sequence[PlannedHost]) -> Iterator[str]:
    """What groups may do meanwhile, and what of them could not be read."""
    members = _members(ground, walk)
    if members and (unread := ground.fleet.scaling.unread):
        yield f"how the Auto Scaling groups stand could not be read: {unread}"
    for group in _groups(ground, walk):
        if group.unread:
            yield f"whether an instance refresh of {group.name} is under way could not be read: {group.unread}"
        if group.suspended:
            yield f"{group.name} has suspended processes: {listed(sorted(group.suspended))}"
        if coming := sorted(map(str, group.launching - ground.fleet.hosts.keys())):
            yield f"{group.name} is launching {listed(coming)}, to which nothing is deployed"
        yield from _standing_by(ground, walk, group)
    if ground.asked.settings.asg.mode == "ignore":
        yield from (_ignored(name, ground.fleet.scaling) for name in sorted({member.group for _, member in members}))


def _ignored(name: str, scaling: Scaling) -> str:
    group = scaling.groups.get(name)
    if group is not None and "ELB" in group.health_check:
        return f"the Auto Scaling group {name} WILL TERMINATE a host that its pools call unhealthy (asg.mode is ignore)"
    return f"the Auto Scaling group {name} may replace a host while it is out (asg.mode is ignore)"


def _standing_by(ground: Ground, walk: Sequence[PlannedHost], group: ScalingGroup) -> Iterator[str]:
    out = sum(_stands_by_us(planned) for planned, member in _members(ground, walk) if member.group == group.name)
    if out and group.desired + out > group.max_size:
        yield f"{group.name} wants {group.desired} of at most {group.max_size}: whoever stands by may not come back"
    if ground.asked.settings.asg.mode == "standby" and len(group.zones) > 1 and "AZRebalance" not in group.suspended:
        yield f"{group.name} may launch and terminate hosts to even out its zones while one stands by (AZRebalance)"


def planned_groups(ground: Ground, walk: Sequence[PlannedHost]) -> tuple[PlannedGroup, ...]:
    """The groups of the hosts to be walked."""
    members = _members(ground, walk)
    return tuple(
        PlannedGroup(group, ground.asked.settings.asg.mode, sum(member.group == group.name for _, member in members))
        for group in _groups(ground, walk)
    )


# --- who ---------------------------------------------------------------------------------------------


def standby_group_for(host: Host, record: HostRecord | None, scaling: Scaling, mode: str) -> str | None:
    """The group in which the host stands by while it is out: its record's, else its own if the mode says so."""
    if record is not None and record.open and record.standby_group is not None:
        return record.standby_group
    member = scaling.members.get(host.id)
    return member.group if member is not None and mode == "standby" else None


def _members(ground: Ground, walk: Sequence[PlannedHost]) -> list[tuple[PlannedHost, Member]]:
    members = ground.fleet.scaling.members
    return [(planned, members[planned.host.id]) for planned in walk if planned.host.id in members]


def _entering(ground: Ground, walk: Sequence[PlannedHost]) -> list[tuple[PlannedHost, Member]]:
    return [pair for pair in _members(ground, walk) if pair[1].lifecycle is Lifecycle.IN_SERVICE]


def _coming_back(ground: Ground, walk: Sequence[PlannedHost]) -> list[tuple[PlannedHost, Member]]:
    """Those that their group does not want counted now, and will once they are back."""
    away = {Lifecycle.ENTERING, Lifecycle.STANDBY}
    return [pair for pair in _members(ground, walk) if _stands_by_us(pair[0]) and pair[1].lifecycle in away]


def _groups(ground: Ground, walk: Sequence[PlannedHost]) -> list[ScalingGroup]:
    known = ground.fleet.scaling.groups
    names = sorted({member.group for _, member in _members(ground, walk)})
    return [known[name] for name in names if name in known]


def _stands_by_us(planned: PlannedHost) -> bool:
    return planned.record is not None and planned.record.standby_group is not None


def _names(members: Sequence[tuple[PlannedHost, Member]]) -> str:
    return listed([planned.host.name for planned, _ in members])
