"""Ports that people have moved while a host was out: what is recorded, compared with its siblings. Pure (F-49)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.names import listed
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elbroll.model import Fleet, Host, Pool, PoolId, PoolView, Registration

AWAY = frozenset({TargetState.GONE, TargetState.DRAINING})


@dataclass(frozen=True, slots=True)
class Moved:
    """A recorded entry whose pool has moved on; `refused`: nobody is on its port any more."""

    text: str
    refused: bool


def moved_ports(
    host: Host, entries: Iterable[Registration], fleet: Fleet, views: Mapping[PoolId, PoolView]
) -> tuple[Moved, ...]:
    """What `views` show of it, pool by pool; `fleet` as it was when the run began.

    Hosts that each have a port of their own tell nothing: only a port that siblings shared, or share now, can move.
    """
    recorded: dict[PoolId, set[int]] = {}
    for entry in entries:
        if entry.pool in views and entry.port is not None:
            recorded.setdefault(entry.pool, set()).add(entry.port)
    judged = (_judged(host, ports, fleet.pools[name], fleet, views[name]) for name, ports in sorted(recorded.items()))
    return tuple(each for each in judged if each is not None)


def _judged(host: Host, recorded: set[int], pool: Pool, fleet: Fleet, view: PoolView) -> Moved | None:
    now = [row.registration for row in view.rows if row.state not in AWAY]
    ports = {each.port for each in now if not host.owns_in(pool, each)}
    registered = {each.port for each in now if host.owns_in(pool, each)}
    before = _before(host, pool, fleet)
    if not ports or recorded & registered:
        return None
    others = f"others of {pool.name} are on {_listed(ports - recorded)} by now"
    if recorded & ports:
        return (
            Moved(f"{others}; {host.name} goes back to {_listed(recorded)}, as recorded", False)
            if ports - before
            else None
        )
    moved = bool(recorded & before) or (len(ports) == 1 and len(now) - len(registered) > 1)
    return Moved(f"{others}, and nobody is on {_listed(recorded)}, where {host.name} was", True) if moved else None


def _before(host: Host, pool: Pool, fleet: Fleet) -> set[int | None]:
    """The ports of the pool's other hosts when the run began."""
    others = (entries for name, entries in fleet.registrations.items() if name != host.id)
    return {entry.port for entries in others for entry in entries if entry.pool == pool.id}


def _listed(ports: Iterable[int | None]) -> str:
    return listed(sorted(map(str, ports)))
