"""Whether a record can be true of its host: what does not fit is shown and refused, never obeyed (S-5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.names import registration_name
from elbroll.core.planned import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from elbroll.core.planned import PlannedHost
    from elbroll.model import Host, Pool, PoolId, Registration


def misfit(planned: PlannedHost, pools: Mapping[PoolId, Pool], strange: Collection[PoolId] = ()) -> Refusal | None:
    """The refusal of a host whose open record names entries that it cannot have had; None where all fit.

    Pools that no longer exist are not judged: they are never registered in, and wait until they are given up. Those
    that are `strange` would have been neither emptied nor even locked by a run of ours.
    """
    host, record = planned.host, planned.record
    entries = sorted((item.registration for item in record.registrations), key=repr) if record else []
    why = tuple(line for entry in entries for line in _faults(host, entry, pools.get(entry.pool)))
    why += tuple(_unknown_to_us(entry) for entry in entries if entry.pool in strange)
    if not why:
        return None
    says = f"the record of {host.name} names places that it cannot have been taken out of"
    fix = (f"aws ssm get-parameter-history --name /elbroll/v1/host/{host.id}     shows who wrote it",)
    return Refusal("record-misplaced", says, why, fix)


def _unknown_to_us(entry: Registration) -> str:
    return f"{registration_name(entry)}: no other host of this fleet serves there, and no run has ever held that pool"


def _faults(host: Host, entry: Registration, pool: Pool | None) -> Iterator[str]:
    if pool is None:
        return
    place = registration_name(entry)
    if not host.owns(entry):
        yield f"{place}: {entry.id} is another machine than {host.id}"
    elif None not in {pool.vpc, host.vpc} and pool.vpc != host.vpc:
        yield f"{place}: the pool is in {pool.vpc}, the host in {host.vpc}"
