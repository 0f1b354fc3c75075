"""The guard against a second opinion: the rule written once more, from the raw world, in other words.

Guards that are broken on purpose must be caught by the same property, else it proves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from builders import a_fleet, a_host, a_pool, a_record, a_registration, a_row, a_view, an_id
from elbroll.core.guard import NO_CONSENT, GuardRules, Leave, expected_hosts, may_leave
from elbroll.model import Amount, HostId, Thresholds
from elbroll.model import TargetState as State

if TYPE_CHECKING:
    from elbroll.model import Fleet, HostRecord, Pool, PoolId, PoolView

LEAVING = {State.DRAINING, State.GONE}


@dataclass(frozen=True)
class World:
    """Who is where, in which state. `places`: (pool number, host number, port, state)."""

    pools: tuple[Pool, ...]
    zones: tuple[str, ...]
    places: tuple[tuple[int, int, int, State], ...]
    out: frozenset[int]
    rules: GuardRules

    def of(self, pool: int) -> list[tuple[int, int, int, State]]:
        return [place for place in self.places if place[0] == pool]


# --- the second opinion --------------------------------------------------------------------------------


def bearable(world: World, host: int) -> bool:
    """Whether every pool the host is in can bear its leaving: safety.md 5, without consent."""
    return all(_pool_bears(world, number, host) for number in range(len(world.pools)))


def _pool_bears(world: World, number: int, host: int) -> bool:
    pool, places = world.pools[number], world.of(number)
    own = [state for _, who, _, state in places if who == host]
    if all(state in LEAVING for state in own):
        return True
    members = {who for _, who, _, state in places if state not in LEAVING or who in world.out}
    well = {who for who in members if all(state is State.HEALTHY for _, w, _, state in places if w == who)}
    serving = well - world.out - {host}
    zone = {who for who in members if world.zones[who] == world.zones[host]}
    parts = [places] if pool.cross_zone else [places, [p for p in places if world.zones[p[1]] == world.zones[host]]]
    if any(_healthy(world, part, host, with_own=True) < _least(pool, part, routing_only=True) for part in parts):
        return False
    if host in well and len(serving) < _floor(world, len(members)):
        return False
    if host in well and (len(zone) > 1 or not pool.cross_zone) and not serving & zone:
        return False
    touched = any(state is State.HEALTHY for state in own)
    return not touched or all(
        _healthy(world, part, host, with_own=False) >= _least(pool, part, routing_only=False) for part in parts
    )


def _healthy(world: World, part: list[tuple[int, int, int, State]], host: int, *, with_own: bool) -> int:
    others = sum(state is State.HEALTHY for _, who, _, state in part if who != host and who not in world.out)
    return others + (sum(state is State.HEALTHY for _, who, _, state in part if who == host) if with_own else 0)


def _least(pool: Pool, part: list[tuple[int, int, int, State]], *, routing_only: bool) -> int:
    base = sum(state is not State.GONE for *_, state in part)
    own = pool.thresholds
    numbers = [own.routing_count, own.routing_percent and math.ceil(own.routing_percent * base / 100)]
    numbers += [] if routing_only else [own.dns_count, own.dns_percent and math.ceil(own.dns_percent * base / 100)]
    return max([1, *(number for number in numbers if number)])


def _floor(world: World, members: int) -> int:
    rules = world.rules
    if rules.floor is None:
        return max(1, members - rules.max_unavailable - rules.borne)
    return max(1, rules.floor.count or math.ceil((rules.floor.percent or 0) * members / 100))


# --- worlds --------------------------------------------------------------------------------------------

MOST = [State.HEALTHY] * 6
THRESHOLDS = st.builds(
    Thresholds,
    st.sampled_from([None, 1, 1, 2]),
    st.sampled_from([None, None, 50.0]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, None, 34.0]),
)
RULES = st.builds(
    GuardRules,
    st.integers(1, 3),
    st.sampled_from([None, None, Amount(count=2), Amount(percent=50.0)]),
    st.integers(0, 1),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 6))
    out = frozenset(draw(st.sets(st.integers(0, count - 1), max_size=2)))
    names = ["web-prod", "api-prod"][: draw(st.integers(1, 2))]
    pools = [a_pool(name, cross_zone=draw(st.booleans()), thresholds=draw(THRESHOLDS)) for name in names]
    zones = [draw(st.sampled_from(["1a", "1b"])) for _ in range(count)]
    places = []
    for number in range(len(pools)):
        for host in range(count):
            states = [*MOST, State.UNHEALTHY, State.INITIAL, State.UNUSED, State.DRAINING]
            states += [State.GONE] * 6 if host in out else []
            ports = draw(st.sampled_from([(8080,), (8080,), (8080, 8081), ()]))
            places += [(number, host, port, draw(st.sampled_from(states))) for port in ports]
    return World(tuple(pools), tuple(zones), tuple(places), out, draw(RULES))


def as_read(world: World) -> tuple[Fleet, dict[PoolId, PoolView], dict[HostId, HostRecord]]:
    """The world as elbroll would read it."""
    hosts = [a_host(number + 1, zone=zone) for number, zone in enumerate(world.zones)]
    entry = {place: a_registration(world.pools[place[0]], hosts[place[1]], place[2]) for place in world.places}
    shown = {
        host.id: [entry[place] for place in world.places if place[1] == number and place[3] not in LEAVING]
        for number, host in enumerate(hosts)
    }
    recorded = {
        hosts[number].id: a_record(hosts[number], [entry[place] for place in world.places if place[1] == number])
        for number in world.out
    }
    views = {
        pool.id: a_view(pool, [a_row(entry[place], place[3]) for place in world.of(number)])
        for number, pool in enumerate(world.pools)
    }
    return a_fleet(world.pools, hosts, registrations=shown), views, recorded


def check(guard: Any, world: World) -> None:
    """The property: the guard lets a host go if and only if the second opinion does."""
    fleet, views, records = as_read(world)
    expected = expected_hosts(fleet, records)
    for number in range(len(world.zones)):
        answer = guard(an_id(number + 1), fleet, views, expected, records.keys(), world.rules, NO_CONSENT)
        assert isinstance(answer, Leave) is bearable(world, number), answer


@settings(max_examples=400, deadline=None)
@given(worlds())
@pytest.mark.rule("I-1", "T16", "T17", "T18", "T19")
def test_a_host_may_leave_exactly_when_every_pool_and_zone_can_bear_it(world: World) -> None:
    check(may_leave, world)


# --- guards that are broken on purpose -----------------------------------------------------------------


def counts_own_drained_hosts(host: HostId, fleet: Fleet, views: Any, expected: Any, _out: Any, *rest: Any) -> Any:
    return may_leave(host, fleet, views, expected, (), *rest)


def ignores_zones(host: HostId, fleet: Fleet, *rest: Any) -> Any:
    everywhere = {name: replace(pool, cross_zone=True) for name, pool in fleet.pools.items()}
    nowhere = {name: replace(each, zone=name) for name, each in fleet.hosts.items()}
    return may_leave(host, replace(fleet, pools=everywhere, hosts=nowhere), *rest)


def ignores_ports(host: HostId, fleet: Fleet, views: Any, *rest: Any) -> Any:
    last = {
        name: replace(view, rows=tuple({row.registration.id: row for row in view.rows}.values()))
        for name, view in views.items()
    }
    first = {name: frozenset(sorted(entries)[:1]) for name, entries in fleet.registrations.items()}
    return may_leave(host, replace(fleet, registrations=first), last, *rest)


def ignores_thresholds(host: HostId, fleet: Fleet, *rest: Any) -> Any:
    none = Thresholds(None, None, None, None)
    return may_leave(
        host, replace(fleet, pools={name: replace(p, thresholds=none) for name, p in fleet.pools.items()}), *rest
    )


def ignores_failing_open(*question: Any) -> Any:
    answer = may_leave(*question)
    return answer if isinstance(answer, Leave) or answer.code not in {"fails-open", "all-unhealthy"} else Leave()


def ignores_the_floor(*question: Any) -> Any:
    answer = may_leave(*question)
    return answer if isinstance(answer, Leave) or answer.code != "floor" else Leave()


def forgets_recorded_hosts(host: HostId, fleet: Fleet, views: Any, _expected: Any, *rest: Any) -> Any:
    return may_leave(host, fleet, views, expected_hosts(fleet, {}), *rest)


def lets_only_healthy_hosts_go(host: HostId, fleet: Fleet, views: Any, *rest: Any) -> Any:
    answer = may_leave(host, fleet, views, *rest)
    rows = [row for view in views.values() for row in view.rows if row.registration.id == host]
    sick = any(row.state is State.UNHEALTHY for row in rows)
    return None if sick else answer


BROKEN = [
    counts_own_drained_hosts,
    ignores_zones,
    ignores_ports,
    ignores_thresholds,
    ignores_failing_open,
    ignores_the_floor,
    forgets_recorded_hosts,
    lets_only_healthy_hosts_go,
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda guard: guard.__name__)
def test_a_guard_that_is_broken_on_purpose_is_caught(broken: Any) -> None:
    quick = settings(
        max_examples=600,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    judged = seed(20261122)(quick(given(worlds())(lambda world: check(broken, world))))
    with pytest.raises(AssertionError):
        judged()
