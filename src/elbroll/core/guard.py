"""May this host leave now? Floor and thresholds per pool and zone, with the arithmetic as the answer.

Pure; the rule is safety.md 5 (docs/rules.md, I-1). Views must be complete and at most 3 s old.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from elbroll.core.names import host_name
from elbroll.core.shortfall import SEVERITY, Question, why_short
from elbroll.core.tally import floor_of, hoped, registered_hosts, tally
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elbroll.model import Amount, Fleet, HostId, HostRecord, Pool, PoolId, PoolView


__all__ = [
    "NO_CONSENT",
    "Capacity",
    "Consent",
    "GuardRules",
    "Leave",
    "Refuse",
    "count",
    "expected_hosts",
    "floor_of",
    "joined",
    "may_leave",
]


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What the floor is made of."""

    max_unavailable: int
    floor: Amount | None = None
    """The configured one; a count holds for the fleet's own pools, a share for every pool."""
    borne: int = 0
    """min(left out in this run, max_failures)."""


class Consent:
    """What the operator has said yes to (safety.md 5, Consent); nothing by default."""

    __slots__ = ("below_floor", "last_healthy")

    def __init__(self, *, below_floor: bool = False, last_healthy: bool = False) -> None:
        self.below_floor = below_floor
        self.last_healthy = last_healthy


NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class Leave:
    """The host may leave; `warnings` are sentences (a zone's only host with cross-zone on)."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """The host may not leave. `heals`: the reason may go away by waiting (others are `initial`)."""

    message: str
    why: tuple[str, ...]
    """One line a host that is not capacity."""
    heals: bool
    last_healthy: bool = False
    """Only the consent "last healthy host" could waive it."""
    code: str = "floor"
    """`floor`, `threshold`, `last-healthy`: consent may waive it. `fails-open`, `all-unhealthy`, `zonal-shift`,
    `unread`: nothing does."""
    accepts: str = ""
    """What consent would mean: `3 of 6`."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """A pool counted: the numbers that users read."""

    expected: frozenset[HostId]
    capacity: frozenset[HostId]
    floor: int
    floor_why: str


# --- E, floor and count ------------------------------------------------------------------------------


def expected_hosts(
    fleet: Fleet, records: Mapping[HostId, HostRecord], views: Mapping[PoolId, PoolView] = MappingProxyType({})
) -> dict[PoolId, frozenset[HostId]]:
    """E of each pool: hosts registered now, or named by an open record; with views, strangers to the fleet too."""
    expected: dict[PoolId, frozenset[HostId]] = dict.fromkeys(fleet.pools, frozenset())
    for host, registrations in fleet.registrations.items():
        for pool in {item.pool for item in registrations} & fleet.pools.keys():
            expected[pool] |= {host}
    for record in records.values():
        named = {item.registration.pool for item in record.registrations if record.open and not item.unresolvable}
        for pool in named & fleet.pools.keys():
            expected[pool] |= {record.host}
    return joined(expected, fleet, views)


def joined(
    expected: Mapping[PoolId, frozenset[HostId]], fleet: Fleet, views: Mapping[PoolId, PoolView]
) -> dict[PoolId, frozenset[HostId]]:
    """E, grown by whoever a fresh look shows registered. It never shrinks during a run (I-8)."""
    return {
        id_: expected.get(id_, frozenset())
        | (registered_hosts(pool, fleet, views[id_]) if id_ in views else frozenset())
        for id_, pool in fleet.pools.items()
    }


def count(  # noqa: PLR0913 - the rule's whole input, each of it a value of its own
    pool: Pool,
    fleet: Fleet,
    view: PoolView,
    expected: frozenset[HostId],
    out: Collection[HostId],
    rules: GuardRules,
    *,
    warming: Collection[HostId] = (),
) -> Capacity:
    """Who of a pool is capacity now, and the floor."""
    counted = tally(pool, fleet, view, expected, out, warming)
    floor, why = floor_of(pool, fleet, len(counted.expected), rules)
    return Capacity(counted.expected, counted.capacity(), floor, why)


# --- the question ------------------------------------------------------------------------------------


def may_leave(  # noqa: PLR0913, PLR0917 - the rule's whole input, each of it a value of its own
    host: HostId,
    fleet: Fleet,
    views: Mapping[PoolId, PoolView],
    expected: Mapping[PoolId, frozenset[HostId]],
    out: Collection[HostId],
    rules: GuardRules,
    consent: Consent,
    *,
    warming: Collection[HostId] = (),
) -> Leave | Refuse:
    """Whether the host may leave every pool it is registered in, by what the views show now (I-1).

    `out`: hosts with an open record, and hosts this run has admitted and not yet seen back; a mapping may say why
    (`since run 7f3a9c`). `warming`: healthy for less than the slow start. A host that is out but shown healthy
    (registered by hand) is judged as the capacity it really is.
    """
    if (refusal := _shifted_or_unread(host, fleet, views)) is not None:
        return refusal
    tallies = [
        tally(pool, fleet, views[id_], expected.get(id_, frozenset()), out, warming)
        for id_, pool in sorted(fleet.pools.items(), key=lambda item: (item[0] not in fleet.own, item[0]))
        if id_ in views
    ]
    question = Question(host, fleet, rules, consent)
    shortfalls = [short for counted in tallies for short in question.shortfalls(counted)]
    if not shortfalls:
        return Leave(tuple(warning for counted in tallies for warning in question.warnings(counted)))
    heals = not any(short for counted in tallies for short in question.shortfalls(hoped(counted)))
    worst = min(shortfalls, key=lambda short: SEVERITY.index(short.code))
    last = worst.code == "last-healthy"
    return Refuse(worst.message, why_short(fleet, worst.tally, host), heals, last, worst.code, worst.accepts)


def _shifted_or_unread(host: HostId, fleet: Fleet, views: Mapping[PoolId, PoolView]) -> Refuse | None:
    """Reasons that no consent waives and no waiting heals (T3): other zones already carry more than their share."""
    shifted = sorted(
        {row.registration.id for view in views.values() for row in view.rows if row.state is TargetState.SHIFTED}
    )
    if shifted:
        why = tuple(f"{id_} is healthy, but a zonal shift keeps traffic away" for id_ in shifted)
        return Refuse("a zonal shift is active: no host may leave", why, heals=False, code="zonal-shift")
    pools = {item.pool for item in fleet.registrations.get(host, frozenset())} & fleet.pools.keys()
    if unread := sorted(fleet.pools[pool].name for pool in pools - views.keys()):
        says = f"the health of {', '.join(unread)} was not read, so {host_name(fleet, host)} may not leave"
        return Refuse(says, (), heals=False, code="unread")
    return None
