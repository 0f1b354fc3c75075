"""Ports that people have moved while a host was out: what is recorded, compared with its siblings. Pure (F-49)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.names import listed
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elbroll.model import Fleet, Host, Pool, PoolId, PoolView, Registration, Removed

AWAY = frozenset({TargetState.GONE, TargetState.DRAINING})


@dataclass(frozen=True, slots=True)
class Moved:
    """A recorded entry whose pool has moved on; `refused`: nobody is on its port any more."""

    text: str
    refused: bool


def alone_on_port(host: Host, entries: Iterable[Registration], fleet: Fleet) -> frozenset[Registration]:
    """Those on whose port no other host of the pool is: whatever becomes of the others, it says nothing of them."""
    return frozenset(
        entry
        for entry in entries
        if entry.port is not None and entry.port not in _ports(_siblings(host, fleet.pools[entry.pool], fleet))
    )


def moved_ports(
    host: Host, removed: Iterable[Removed], fleet: Fleet, views: Mapping[PoolId, PoolView]
) -> tuple[Moved, ...]:
    """What `views` show of it, pool by pool; `fleet` as it was when the run began, with all records.

    Only a port that others of the pool shared when the host was taken out can have been moved.
    """
    shared: dict[PoolId, set[int | None]] = {}
    for entry in (item.registration for item in removed if not item.alone):
        if entry.pool in views and entry.port is not None:
            shared.setdefault(entry.pool, set()).add(entry.port)
    judged = (_judged(host, ports, fleet.pools[name], fleet, views[name]) for name, ports in sorted(shared.items()))
    return tuple(each for each in judged if each is not None)


def _judged(host: Host, recorded: set[int | None], pool: Pool, fleet: Fleet, view: PoolView) -> Moved | None:
    now = [row.registration for row in view.rows if row.state not in AWAY]
    ports = {each.port for each in now if not host.owns_in(pool, each)}
    registered = {each.port for each in now if host.owns_in(pool, each)}
    siblings = _siblings(host, pool, fleet)
    if not ports or recorded & registered:
        return None
    others = f"others of {pool.name} are on {_listed(ports - recorded)} by now"
    if recorded & ports:
        back = f"{host.name} goes back to {_listed(recorded)}, as recorded"
        return Moved(f"{others}; {back}", False) if ports - _ports(siblings) else None
    here = {each.id for each in now}
    if recorded & _ports(each for each in siblings if each.id not in here):
        return None  # they are out themselves, and will come back there
    return Moved(f"{others}, and nobody is on {_listed(recorded)}, where {host.name} was", True)


def _siblings(host: Host, pool: Pool, fleet: Fleet) -> list[Registration]:
    """The entries of the pool's other hosts when the run began."""
    others = (entries for name, entries in fleet.registrations.items() if name != host.id)
    return [entry for entries in others for entry in entries if entry.pool == pool.id]


def _ports(entries: Iterable[Registration]) -> set[int | None]:
    return {entry.port for entry in entries}


def _listed(ports: Iterable[int | None]) -> str:
    return listed(sorted(map(str, ports)))
