"""Which hosts `restore` puts back, and which it must not touch. Pure (safety.md 2.2, interface.md 1)."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll.core.choice import DEAD
from elbroll.core.fitting import misfit
from elbroll.core.names import pool_name, pools_gone
from elbroll.core.plan import PlannedHost, Refusal, RolloutPlan
from elbroll.core.refusals import by_hand
from elbroll.model import Failure, HostResult, Outcome, RecordState, Step, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from elbroll.model import Fleet, HostId, HostRecord, PoolId

BEGINS = {
    RecordState.HELD: Step.REGISTER,
    RecordState.DEPLOYED: Step.VERIFY,
    RecordState.REGISTERING: Step.REGISTER,
}


def restore_plan(
    plan: RolloutPlan, fleet: Fleet, wanted: Collection[HostId], given_up: Collection[str] = ()
) -> RolloutPlan:
    """`plan` (made for the same fleet) narrowed to the hosts that are recorded as out and may go back.

    Refused only where none may: beside others, a host in `deploying` stays out and is named (I-4). `given_up`: names or
    ids of pools that nobody waits for.
    """
    chosen = [(each, each.record) for each in plan.hosts if each.host.id in wanted and _may(each, plan, given_up)]
    hosts = tuple(_planned(each, record) for each, record in chosen if record is not None)
    refusals = tuple(_refusal(each, fleet.lb, plan) for each in left_out(plan, given_up)) if not hosts else ()
    return replace(plan, why=Why.ROLL, hosts=hosts, skipped=(), refusals=refusals, batches=len(hosts), release=None)


def left_out(plan: RolloutPlan, given_up: Collection[str] = ()) -> tuple[PlannedHost, ...]:
    """Hosts of a plan that are out and stay so in a `restore`: what they run, or where they belong, is unknown."""
    return tuple(each for each in plan.hosts if each.record is not None and not _may(each, plan, given_up))


def left_result(each: PlannedHost, lb: str, plan: RolloutPlan) -> HostResult:
    """The place of such a host at the end of a restore."""
    refusal = _refusal(each, lb, plan)
    return HostResult(
        host=each.host.id,
        outcome=Outcome.LEFT_OUT,
        in_service=False,
        release_before=each.release_before,
        failure=Failure(refusal.code, refusal.message, fix=refusal.fix),
        record=each.record.state if each.record else None,
        note="not touched",
    )


def to_be_buried(fleet: Fleet, records: Iterable[HostRecord]) -> tuple[HostRecord, ...]:
    """Open records of terminated hosts, which every `restore` closes, also where nobody is left to go back (F-34)."""
    found = ((record, fleet.hosts.get(record.host)) for record in records if record.open)
    return tuple(record for record, host in found if host is not None and host.state in DEAD)


def waits_for(pools: Collection[PoolId], given_up: Collection[str]) -> bool:
    """Whether any of some deleted pools was not given up by name or id (F-35)."""
    return any(pool not in given_up and pool_name(pool) not in given_up for pool in pools)


def _may(each: PlannedHost, plan: RolloutPlan, given_up: Collection[str]) -> bool:
    """Where none of its pools exists any more, what it runs is nobody's concern: they only have to be given up."""
    if lost := _all_gone(each, plan):
        return not waits_for(lost, given_up)
    return each.record is not None and each.record.state in BEGINS and _misfit(each, plan) is None


def _all_gone(each: PlannedHost, plan: RolloutPlan) -> list[PoolId]:
    """The pools of a host of which none exists any more; empty while there is one to go back into."""
    recorded = {item.registration.pool for item in each.record.registrations} if each.record else set()
    return [] if recorded & {planned.pool.id for planned in plan.pools} else sorted(recorded)


def _misfit(each: PlannedHost, plan: RolloutPlan) -> Refusal | None:
    strange = {planned.pool.id for planned in plan.pools if planned.strange}
    return misfit(each, {planned.pool.id: planned.pool for planned in plan.pools}, strange)


def _planned(each: PlannedHost, record: HostRecord) -> PlannedHost:
    registrations = frozenset(item.registration for item in record.registrations)
    release = record.release_before if record.state is RecordState.HELD else record.release_after
    begin = BEGINS.get(record.state, Step.REGISTER)
    return replace(each, begin=begin, registrations=registrations, release_after=release)


def _refusal(each: PlannedHost, lb: str, plan: RolloutPlan) -> Refusal:
    record, name = each.record, each.host.name
    if lost := _all_gone(each, plan):
        what, way = pools_gone(name, each.host.id, lost)
        return Refusal("pool-gone", f"{name} cannot go back: {what}", fix=(way,))
    if wrong := _misfit(each, plan):
        return wrong
    if record is None or record.state is RecordState.UNREADABLE:
        says = f"the record of {name} cannot be read: held by somebody unknown"
        return Refusal("record-unreadable", says, fix=("use the newest elbroll", *by_hand([each.host.id])))
    lb = shlex.quote(record.lb or lb)
    return Refusal(
        "deploying",
        f"{name} was left in the middle of a deploy: what it runs is unknown",
        fix=(
            _again(record, lb),
            f"elbroll exec --lb {lb} --only {each.host.id} -- true     if it was mended by hand",
        ),
    )


def _again(record: HostRecord, lb: str) -> str:
    """What was interrupted; a command of `exec` stands in no record, so that only its place can be shown."""
    if record.why is Why.EXEC:
        return f"elbroll exec --lb {lb} --only {record.host} -- COMMAND     runs the command again"
    release = f" --release {record.release_after}" if record.release_after else ""
    return f"elbroll deploy --lb {lb}{release}     deploys it again"
