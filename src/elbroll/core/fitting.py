"""Whether a record can be true of its host: what does not fit is shown and refused, never obeyed (S-5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.names import registration_name
from elbroll.core.planned import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elbroll.core.planned import PlannedHost
    from elbroll.model import Host, Pool, PoolId, Registration


def misfit(planned: PlannedHost, pools: Mapping[PoolId, Pool]) -> Refusal | None:
    """The refusal of a host whose open record names entries that it cannot have had; None where all fit.

    Pools that no longer exist are not judged: they are never registered in, and wait until they are given up.
    """
    host, record = planned.host, planned.record
    entries = sorted((item.registration for item in record.registrations), key=repr) if record else []
    why = tuple(line for entry in entries for line in _faults(host, entry, pools.get(entry.pool)))
    if not why:
        return None
    says = f"the record of {host.name} names places that it cannot have been taken out of"
    fix = (f"aws ssm get-parameter-history --name /elbroll/v1/host/{host.id}     shows who wrote it",)
    return Refusal("record-misplaced", says, why, fix)


def _faults(host: Host, entry: Registration, pool: Pool | None) -> Iterator[str]:
    if pool is None:
        return
    place = registration_name(entry)
    if not host.owns(entry):
        yield f"{place}: {entry.id} is another machine than {host.id}"
    elif None not in {pool.vpc, host.vpc} and pool.vpc != host.vpc:
        yield f"{place}: the pool is in {pool.vpc}, the host in {host.vpc}"
