"""Hosts with their addresses and pools, for people and as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, table
from elbroll.outputs.parts import Document, Origin, head
from elbroll.outputs.phrases import name_of
from elbroll.outputs.words import zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.status import FleetStatus, PoolState
    from elbroll.model import Host, HostId

COLUMNS = ("HOST", "INSTANCE", "ZONE", "ADDRESS", "POOLS")

Places = dict["HostId", tuple["Host", frozenset["PoolState"]]]


def host_lines(fleets: Iterable[FleetStatus]) -> tuple[Line, ...]:
    """Heading and one line a host; a host of several fleets stands once."""
    heading = tuple(Piece(text, Tone.DIM) for text in COLUMNS)
    return table([heading, *(_row(host, pools) for host, pools in _places(fleets).values())])


def hosts_document(fleets: Iterable[FleetStatus], origin: Origin) -> Document:
    """`elbroll.hosts.v1`."""
    return {
        **head("elbroll.hosts.v1", origin),
        "hosts": [
            {
                "host": host.name,
                "instance": host.id,
                "zone": host.zone,
                "address": host.private_ip,
                "pools": [{"pool": pool.pool, "port": pool.port} for pool in _in_order(pools)],
            }
            for host, pools in _places(fleets).values()
        ],
    }


def _places(fleets: Iterable[FleetStatus]) -> Places:
    places: Places = {}
    for status in (each for fleet in fleets for each in fleet.hosts):
        _, known = places.get(status.host.id, (status.host, frozenset()))
        places[status.host.id] = (status.host, known | frozenset(status.pools))
    return places


def _row(host: Host, pools: frozenset[PoolState]) -> tuple[Piece, ...]:
    names = ", ".join(f"{pool.pool}:{pool.port}" if pool.port else pool.pool for pool in _in_order(pools))
    texts = (name_of(host), host.id, zone(host.zone), host.private_ip or "-", clean_line(names) or "-")
    return tuple(Piece(text) for text in texts)


def _in_order(pools: frozenset[PoolState]) -> list[PoolState]:
    return sorted(pools, key=lambda pool: (pool.pool, pool.port or 0))
