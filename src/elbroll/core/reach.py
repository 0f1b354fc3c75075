"""Which of the pools that records name a fleet has to do with (S-5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from elbroll.model import HostId, HostRecord, PoolId, Registration


def unconnected(
    sure: Collection[PoolId],
    registrations: Mapping[HostId, Collection[Registration]],
    records: Iterable[HostRecord],
) -> frozenset[PoolId]:
    """Pools of open records in which, as far as AWS shows, neither the record's host nor its fellows serve.

    `sure` are the pools by which the fleet was found, fellows the hosts that are registered there. That nobody is seen
    proves nothing by itself: a run that was killed may have emptied the pool.
    """
    fellows = {host for host, entries in registrations.items() if any(entry.pool in sure for entry in entries)}
    shared = {entry.pool for host in fellows for entry in registrations[host]}
    doubtful: set[PoolId] = set()
    for record in records:
        if record.open:
            own = {entry.pool for entry in registrations.get(record.host, ())}
            doubtful |= {item.registration.pool for item in record.registrations} - own
    return frozenset(doubtful - shared - set(sure))
