"""Which hosts `restore` puts back, and which it must not touch. Pure (safety.md 2.2, interface.md 1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll.core.plan import PlannedHost, Refusal, RolloutPlan
from elbroll.model import RecordState, Step, Why

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

    Hosts in `deploying` are refused and pointed on: nobody knows what they run.
    """
    open_records = {each.host.id: each.record for each in plan.hosts if each.record and each.host.id in wanted}
    refusals = tuple(
        _refusal(fleet.hosts[host].name, fleet.lb, record)
        for host, record in open_records.items()
        if record.state not in BEGINS
    )
    hosts = tuple(_planned(each) for each in plan.hosts if each.host.id in open_records and _may(each.record))
    return replace(plan, why=Why.ROLL, hosts=hosts, skipped=(), refusals=refusals, batches=len(hosts), release=None)


def _may(record: HostRecord | None) -> bool:
    return record is not None and record.state in BEGINS


def _planned(each: PlannedHost) -> PlannedHost:
    record = each.record
    if record is None:
        raise LookupError(each.host.id)
    registrations = frozenset(item.registration for item in record.registrations)
    release = record.release_before if record.state is RecordState.HELD else record.release_after
    return replace(each, begin=BEGINS[record.state], registrations=registrations, release_after=release)


def _refusal(name: str, lb: str, record: HostRecord) -> Refusal:
    if record.state is RecordState.UNREADABLE:
        return Refusal("record-unreadable", f"the record of {name} cannot be read: held by somebody unknown")
    release = f" --release {record.release_after}" if record.release_after else ""
    return Refusal(
        "deploying",
        f"{name} was left in the middle of a deploy: what it runs is unknown",
        fix=(
            f"elbroll deploy --lb {record.lb or lb}{release}     deploys it again",
            f"elbroll exec --lb {record.lb or lb} --only {name} -- true     if it was mended by hand",
        ),
    )
