"""Out of a group's sight while a host is out: into standby and back, by the lifecycle state that is read (aws.md 4).

No error of a call is believed, only the state: a repeat after a lost answer fails although all is well (A5). So each
function here reads, acts if there is something to do, and reads again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from elbroll.core.scaling import attached, standby_group_for, why_not_enter, why_not_found, why_replaced
from elbroll.engine.journal import failed_by
from elbroll.engine.waiting import Pace, patiently, wait_until
from elbroll.engine.walker import LOOKS_FOR, failed
from elbroll.errors import AwsRefused, ElbrollError, PermissionDenied, Refused, StandbyRefused, Unanswered
from elbroll.model import Lifecycle, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.walker import Walker
    from elbroll.model import Member, Registration, ScalingGroup

ENTERS_WITHIN = 120.0
"""Seconds for which a group may put off to let a host stand by: another activity, or no answer (A6)."""
LOOKS = 2.0
"""Seconds between two looks at a lifecycle state."""
ON_ITS_WAY_OUT = frozenset({Lifecycle.ENTERING, Lifecycle.STANDBY, Lifecycle.LEAVING})
"""States in which the group itself takes a host out of its pools."""
NOT_OFFERED = (PermissionDenied, AwsRefused)
"""Whoever may not read groups does without, where nobody stands by (F-21)."""
LOOKS_A_SECOND = 3.0
"""By all hosts together that may be out at a time; an account has few of these for everybody (S-14)."""


def group_of(walker: Walker) -> str | None:
    """The group in which the host stands by while it is out; None: it belongs to none, or the config says `ignore`."""
    scaling = walker.room.fleet.scaling
    return standby_group_for(walker.host, walker.book.record, scaling, walker.run.settings.asg.mode)


def by_group(walker: Walker) -> frozenset[Registration]:
    """The recorded entries that the group itself leaves and joins; all others are sent by hand (A3)."""
    scaling, name = walker.room.fleet.scaling, walker.book.standby_group
    group = scaling.groups.get(name) if name else None
    return attached(group, walker.book.registrations, walker.room.fleet.pools)


def may_stand_by(walker: Walker) -> None:
    """The group's word of this moment, before anything is written (A4, A5, A6, A7). Raises StepFailed."""
    name = group_of(walker)
    if name is None and not _is_ignored(walker):
        return
    try:
        look = partial(_why_not, walker, name)
        why = patiently(look, clock=walker.run.clock, budget=LOOKS_FOR, give_up=walker.interrupted)
    except ElbrollError as error:
        if name is None and isinstance(error, NOT_OFFERED):
            return
        raise failed_by(Step.GUARD, error) from error
    if why is not None:
        raise failed(Step.GUARD, "standby", f"{walker.host.name} {why}")


def _is_ignored(walker: Walker) -> bool:
    """Whether its group does not know what is done to the host, and could be asked when the plan was made."""
    scaling = walker.room.fleet.scaling
    return walker.host.id in scaling.members and scaling.unread is None and walker.book.standby_group is None


def _why_not(walker: Walker, name: str | None) -> str | None:
    """`name` None: it does not stand by, but is taken out under the eyes of its group."""
    member = _look(walker, 0.0)
    if member is None:
        return None
    if why := why_not_found(member, walker.book.record):
        return why
    group = walker.run.groups.groups([name or member.group]).get(name or member.group)
    if group is None or member.lifecycle is not Lifecycle.IN_SERVICE:
        return None
    if name is None:
        return f"may not be taken out: {why}" if (why := why_replaced(group)) else None
    why = why_not_enter(group) or _why_not_as_planned(walker, group)
    return f"may not stand by: {why}" if why else None


def _why_not_as_planned(walker: Walker, group: ScalingGroup) -> str | None:
    """A pool that the group has joined or left since is none of those that are known to be left by it (A3)."""
    planned = walker.room.fleet.scaling.groups.get(group.name)
    if planned is None or planned.pools == group.pools:
        return None
    return f"{group.name} is attached to other pools than when the plan was made"


def must_not_be_leaving(walker: Walker) -> None:
    """A host that its group has begun to terminate was taken out of its pools for the last time: whoever registers it
    sends traffic to a machine that is about to end (A6). Raises Refused.

    Without an answer the host goes back.
    """
    if walker.book.standby_group is None and not _is_ignored(walker):
        return
    look = partial(_look, walker, 0.0)
    try:
        member = patiently(look, clock=walker.run.clock, budget=LOOKS_FOR, give_up=walker.leaving_now)
    except ElbrollError:
        return
    if member is not None and _lost(member):
        raise Refused(f"{walker.host.name} is {member.said} in {member.group}")


def enter(
    walker: Walker, stopped: Callable[[], bool], must_be_allowed: Callable[[], None] = lambda: None
) -> frozenset[Registration]:
    """Let the recorded group take the host out of its pools, and answer which entries it takes out itself.

    Returns as soon as the group is seen to obey, or to take the host out for good. What serves of a host that stands by
    already was registered by hand, and leaves by hand. `must_be_allowed` is asked right before each call (I-1). Raises
    what that raises, StandbyRefused, Unanswered, and what confirming a lock raises.
    """
    name = walker.book.standby_group
    if name is None:
        return frozenset()
    refusals: list[StandbyRefused] = []
    found = patiently(partial(_look, walker, 0.0), clock=walker.run.clock, budget=LOOKS_FOR, give_up=stopped)
    if found is not None and found.lifecycle is Lifecycle.STANDBY:
        return frozenset()
    wait = wait_until(
        lambda: _step_in(walker, name, refusals, must_be_allowed),
        lambda member: member is None or member.lifecycle in ON_ITS_WAY_OUT,
        clock=walker.run.clock,
        limit=ENTERS_WITHIN,
        pace=Pace(_every(walker)),
        give_up=lambda member: len(refusals) > 1 or _lost(member),
        stopped=stopped,
    )
    if not wait.reached:
        raise _not_entered(walker, wait.last, refusals) from (refusals[-1] if refusals else wait.silence)
    return by_group(walker) if wait.last is not None else frozenset()


def _step_in(
    walker: Walker, name: str, refusals: list[StandbyRefused], must_be_allowed: Callable[[], None]
) -> Member | None:
    member = _look(walker, 0.0)
    if member is None or member.lifecycle is not Lifecycle.IN_SERVICE:
        return member
    _must_be_in(member, name)
    walker.run.lease.confirm(walker.book.pools())
    must_be_allowed()
    try:
        walker.run.groups.enter_standby(name, walker.host.id)
    except StandbyRefused as error:
        refusals.append(error)
    return _look(walker, 0.0)


def _lost(member: Member | None) -> bool:
    return member is not None and member.lifecycle in {Lifecycle.LEAVING, Lifecycle.UNKNOWN}


def _not_entered(walker: Walker, last: Member | None, refusals: list[StandbyRefused]) -> ElbrollError:
    if refusals:
        return refusals[-1]
    said = f"it is {last.said}" if last else "no answer"
    return Unanswered(f"{walker.host.name} did not come to stand by in {walker.book.standby_group}: {said}")


def stands_by(walker: Walker) -> str | None:
    """What its group still says otherwise, as half a sentence; None: it stands by, or need not (A3).

    Raises Unanswered, and Refused once somebody else has moved it.
    """
    if walker.book.standby_group is None:
        return None
    member = _look(walker, _every(walker))
    if member is None or member.lifecycle is Lifecycle.STANDBY:
        return None
    if member.lifecycle is Lifecycle.ENTERING:
        return f"{member.group} says {member.said}"
    raise Refused(f"{walker.host.name} is {member.said} in {member.group}: somebody else has moved it", code="undone")


def rejoin(walker: Walker) -> frozenset[Registration]:
    """Out of standby, if the host stands by; answers the entries that its group joins by itself.

    Raises Unanswered while it cannot be asked to come back yet, StandbyRefused, and what confirming a lock raises.
    """
    name = walker.book.standby_group
    member = _look(walker, 0.0) if name is not None else None
    if name is None or member is None:
        return frozenset()
    match member.lifecycle:
        case Lifecycle.IN_SERVICE:
            return frozenset()
        case Lifecycle.COMING:
            return by_group(walker)
        case Lifecycle.STANDBY:
            _must_be_in(member, name)
            _step_out(walker, name)
            return by_group(walker)
        case Lifecycle.ENTERING:
            raise Unanswered(f"{walker.host.name} is still {member.said} in {name}")
        case Lifecycle.LEAVING | Lifecycle.UNKNOWN:
            raise Refused(f"{walker.host.name} is {member.said} in {name}")
        case _:
            assert_never(member.lifecycle)


def _step_out(walker: Walker, name: str) -> None:
    walker.run.lease.confirm(walker.book.pools())
    try:
        walker.run.groups.exit_standby(name, walker.host.id)
    except StandbyRefused:
        member = _look(walker, 0.0)
        if member is not None and member.lifecycle is Lifecycle.STANDBY:
            raise


def await_back(walker: Walker, limit: float) -> None:
    """Until the group counts the host as in service, or has no say in it (any more). Raises StepFailed.

    What it does on the way (its own hooks may hold the host up for long) is not the app's fault (T13).
    """
    wait = wait_until(
        partial(_look, walker, 0.0),
        lambda member: member is None or member.lifecycle is Lifecycle.IN_SERVICE,
        clock=walker.run.clock,
        limit=limit,
        pace=Pace(_every(walker)),
        give_up=_lost,
        stopped=walker.leaving_now,
    )
    if wait.reached:
        return
    walker.abandon_if_told(Step.REGISTER)
    said = f"{wait.last.said} in {wait.last.group}" if wait.last else str(wait.silence)
    raise failed(Step.REGISTER, "standby", f"its group has not taken it back within {wait.seconds:.0f} s: {said}")


def _must_be_in(member: Member, name: str) -> None:
    """A record that names another group moves nobody (S-5)."""
    if member.group != name:
        raise Refused(f"{member.host} is recorded to stand by in {name}, and belongs to {member.group}")


def _every(walker: Walker) -> float:
    """Seconds between two looks of one host."""
    return max(LOOKS, walker.room.at_once / LOOKS_A_SECOND)


def _look(walker: Walker, max_age: float) -> Member | None:
    """The host's place, read at most `max_age` seconds ago. Raises what `Groups.members` raises."""
    place, now = walker.place, walker.run.clock.monotonic()
    if now - place.read_at >= max_age:
        place.member = walker.run.groups.members([walker.host.id]).get(walker.host.id)
        place.read_at = now
    return place.member
