"""Which hosts `restore` puts back, and which it must not touch. Pure (safety.md 2.2, interface.md 1)."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll.core.fitting import misfit
from elbroll.core.plan import PlannedHost, Refusal, RolloutPlan
from elbroll.core.refusals import by_hand
from elbroll.model import Failure, HostResult, Outcome, RecordState, Step, Why

if TYPE_CHECKING:
    from collections.abc import Collection

    from elbroll.model import Fleet, HostId, HostRecord

BEGINS = {
    RecordState.HELD: Step.REGISTER,
    RecordState.DEPLOYED: Step.VERIFY,
    RecordState.REGISTERING: Step.REGISTER,
}


def restore_plan(plan: RolloutPlan, fleet: Fleet, wanted: Collection[HostId]) -> RolloutPlan:
    """`plan` (made for the same fleet) narrowed to the hosts that are recorded as out and may go back.

    Refused only where none may: beside others, a host in `deploying` stays out and is named (I-4).
    """
    chosen = [(each, each.record) for each in plan.hosts if each.host.id in wanted and _may(each, plan)]
    hosts = tuple(_planned(each, record) for each, record in chosen if record is not None)
    refusals = tuple(_refusal(each, fleet.lb, plan) for each in left_out(plan)) if not hosts else ()
    return replace(plan, why=Why.ROLL, hosts=hosts, skipped=(), refusals=refusals, batches=len(hosts), release=None)


def left_out(plan: RolloutPlan) -> tuple[PlannedHost, ...]:
    """Hosts of a plan that are out and stay so in a `restore`: what they run, or where they belong, is unknown."""
    return tuple(each for each in plan.hosts if each.record is not None and not _may(each, plan))


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


def _may(each: PlannedHost, plan: RolloutPlan) -> bool:
    return each.record is not None and each.record.state in BEGINS and _misfit(each, plan) is None


def _misfit(each: PlannedHost, plan: RolloutPlan) -> Refusal | None:
    strange = {planned.pool.id for planned in plan.pools if planned.strange}
    return misfit(each, {planned.pool.id: planned.pool for planned in plan.pools}, strange)


def _planned(each: PlannedHost, record: HostRecord) -> PlannedHost:
    registrations = frozenset(item.registration for item in record.registrations)
    release = record.release_before if record.state is RecordState.HELD else record.release_after
    return replace(each, begin=BEGINS[record.state], registrations=registrations, release_after=release)


def _refusal(each: PlannedHost, lb: str, plan: RolloutPlan) -> Refusal:
    record, name = each.record, each.host.name
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
