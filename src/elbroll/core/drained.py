"""Is a host's traffic gone? The balancer's word and the connections on the host, folded look by look. Pure.

The engine keeps one `Leaving` a registration and one `Quiet` a host, feeds each look to `leave` and `quiet`, and
asks `drained` what they add up to (T2, T8, T9, E3). All times are of the monotonic clock, in seconds.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elbroll.core.names import listed, registration_name
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from elbroll.model import Connection, Pool, Registration, TargetSeen

KEPT_ALIVE = 15.0
"""A connection must have been still for this long before it may count as a kept-alive one (E3)."""

_REGISTERED = frozenset(
    {TargetState.HEALTHY, TargetState.INITIAL, TargetState.UNHEALTHY, TargetState.UNUSED, TargetState.SHIFTED}
)
"""What only a target shows that is not leaving; `unavailable` and unknown states prove nothing (T1)."""


# --- the balancer's word -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the reads of one registration have said since its drain began. Starts as `Leaving()`."""

    state: TargetState | None = None
    """Of the last row; None before the first."""
    read_at: float | None = None
    """The `PoolView.at` of the last row."""
    left_at: float | None = None
    """When it was first seen draining or gone."""
    gone_at: float | None = None
    """When two reads in a row had said gone; None as soon as one says otherwise."""
    gone_reads: int = 0
    back_reads: int = 0
    """Reads in a row that showed it registered although it had been seen leaving."""


def leave(before: Leaving, row: TargetSeen | None, at: float) -> Leaving:
    """Fold one more read in; `at` is the view's own time. A missing row is no answer, one view is one read (T2)."""
    if row is None or at == before.read_at:
        return before
    seen = replace(before, state=row.state, read_at=at)
    if row.state is TargetState.GONE:
        reads = before.gone_reads + 1
        return replace(
            seen,
            left_at=_first(before.left_at, at),
            gone_at=_first(before.gone_at, at) if reads >= 2 else None,
            gone_reads=reads,
            back_reads=0,
        )
    if row.state is TargetState.DRAINING:
        return replace(seen, left_at=_first(before.left_at, at), gone_at=None, gone_reads=0, back_reads=0)
    registered_again = row.state in _REGISTERED and before.left_at is not None
    return replace(seen, gone_at=None, gone_reads=0, back_reads=before.back_reads + 1 if registered_again else 0)


def _first(earlier: float | None, now: float) -> float:
    return now if earlier is None else earlier


# --- the host's connections --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the looks at a host's connections have shown. Starts as `Quiet()`."""

    since: float | None = None
    """Every look from this time on found no live connection; None if the last one found some."""
    live: int = 0
    """Live connections at the last look."""


def balancer_peers(pools: Iterable[Pool], nodes: Mapping[str, frozenset[str] | None]) -> frozenset[str] | None:
    """The addresses whose connections are traffic, or None for "every address but the host's own".

    `nodes` by pool id. Where targets see the clients' own addresses no list of nodes is enough (E3).
    """
    peers: frozenset[str] = frozenset()
    for pool in pools:
        found = nodes.get(pool.id)
        if not found or pool.keeps_client_addresses:
            return None
        peers |= found
    return peers or None


def quiet(
    before: Quiet,
    connections: tuple[Connection, ...],
    nodes: frozenset[str] | None,
    host_addresses: Collection[str],
    now: float,
    settle: float,
) -> Quiet:
    """Fold one more look in. `nodes` is what `balancer_peers` answered; without nodes every outside peer counts.

    Our own probes and tunnels come from the host's own addresses and never count. A health check caught in the act
    does, and starts the time anew (E3).
    """
    peers = None if not nodes else frozenset(map(_plain, nodes))
    own = frozenset(map(_plain, host_addresses))
    live = sum(_is_traffic(one, peers, own) and not _kept_alive(one, settle) for one in connections)
    if live:
        return Quiet(None, live)
    return Quiet(_first(before.since, now), 0)


def _is_traffic(connection: Connection, peers: frozenset[str] | None, own: frozenset[str]) -> bool:
    peer = _plain(connection.peer)
    if peer in own or peer == _plain(connection.local):
        return False
    return peer in peers if peers is not None else not _is_loopback(peer)


def _kept_alive(connection: Connection, settle: float) -> bool:
    """Still for long, and the last bytes were the host's answer: no request is under way (E3).

    A request that the app works on is still too, but its last bytes came in. Equal or missing times prove nothing.
    """
    sent, received = connection.last_sent, connection.last_received
    if sent is None or received is None:
        return False
    return max(settle, KEPT_ALIVE) * 1000 <= sent < received


def _plain(address: str) -> str:
    """One spelling for an address: no brackets, no interface, IPv4 out of its IPv6 wrapping (`::ffff:10.0.0.1`)."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


# --- both together -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drained:
    """Every registration was seen to leave, and traffic was seen to stop."""

    note: str
    """For people: `no connection for 5s`."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Look again; `text` says what is still there."""

    text: str


@dataclass(frozen=True, slots=True)
class Undone:
    """Somebody has registered the host again: the drain has failed (F-36)."""

    text: str


def drained(
    leaving: Mapping[Registration, Leaving],
    quiet: Quiet | None,
    until: str,
    now: float,
    settle: float,
    since_call: float,
) -> Drained | NotYet | Undone:
    """Judge what was folded so far. `quiet` None: connections cannot be counted, so the balancer's word is awaited.

    `since_call`: seconds since our last deregister call (since the step began, if none was needed). Silence before
    the registrations had left is no proof, nor is any word sooner than `settle` after the call (T9).
    """
    if back := [one for one, seen in leaving.items() if seen.back_reads >= 2]:
        return Undone(f"registered again by somebody else: {_names(back)}")
    if staying := [one for one, seen in leaving.items() if not _has_left(seen)]:
        return NotYet(f"still registered: {_names(staying)}")
    if until == "reported" or quiet is None:
        return _by_report(leaving, now, settle, since_call)
    return _by_silence(leaving, quiet, now, settle, since_call)


def _has_left(seen: Leaving) -> bool:
    return seen.state is TargetState.DRAINING or seen.gone_at is not None


def _by_report(
    leaving: Mapping[Registration, Leaving], now: float, settle: float, since_call: float
) -> Drained | NotYet:
    if draining := [one for one, seen in leaving.items() if seen.gone_at is None]:
        return NotYet(f"still draining: {_names(draining)}")
    last_gone = max((seen.gone_at for seen in leaving.values() if seen.gone_at is not None), default=now - since_call)
    rest = max(settle - (now - last_gone), settle - since_call)
    return NotYet(f"gone, {rest:.0f}s to settle") if rest > 0 else Drained(f"gone for {settle:g}s")


def _by_silence(
    leaving: Mapping[Registration, Leaving], quiet: Quiet, now: float, settle: float, since_call: float
) -> Drained | NotYet:
    if quiet.since is None:
        return NotYet(f"{quiet.live} {'connection' if quiet.live == 1 else 'connections'} left")
    counted_from = max([quiet.since, *(seen.left_at for seen in leaving.values() if seen.left_at is not None)])
    rest = max(settle - (now - counted_from), settle - since_call)
    return NotYet(f"no connection, {rest:.0f}s to settle") if rest > 0 else Drained(f"no connection for {settle:g}s")


def _names(registrations: list[Registration]) -> str:
    return listed(sorted(map(registration_name, registrations)))
