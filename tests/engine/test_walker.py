"""What the steps of a walk share: places in order, calls by pool, the pace of looks."""

from __future__ import annotations

from functools import partial

import pytest
from scene import Scene

from builders import a_pool, a_registration
from elbroll.engine.stop import StopMode
from elbroll.errors import Superseded, Unanswered
from elbroll.model import BalancerKind, PoolId, RecordState, Registration


@pytest.mark.rule("I-3", "I-22")
def test_places_are_named_in_one_order_always() -> None:
    scene = Scene()
    second = scene.hosts[1]
    scene.put_record(second, RecordState.HELD)
    walker = scene.walker(second)
    assert walker.labels() == ("web-prod:8080", "web-prod:8081")
    assert walker.named(scene.places[second.id]) == "web-prod:8080, web-prod:8081"
    entries = (a_registration(scene.web, second), a_registration(scene.web, second, 8081))
    assert walker.by_pool() == {scene.web.id: entries}
    assert walker.by_pool(entries[1:]) == {scene.web.id: entries[1:]}


@pytest.mark.rule("C4", "F-35")
def test_a_place_is_named_without_a_port_it_has_not_and_by_its_last_name_where_its_pool_is_no_more() -> None:
    scene = Scene(web=a_pool("web-prod", kind=BalancerKind.CLASSIC, ports=(8080,)))
    first = scene.hosts[0]
    walker = scene.walker(first)
    assert walker.label(a_registration(scene.web, first)) == "web-prod"
    assert walker.label(Registration(PoolId("tg/gone/1"), first.id, 80)) == "gone:80"


@pytest.mark.rule("T2")
def test_every_recorded_entry_is_followed_on_its_way_out_and_back() -> None:
    scene = Scene()
    first = scene.hosts[0]
    followed: list[tuple[object, object]] = []
    scene.balancer.follow = lambda pool, entries: followed.append((pool, entries))  # type: ignore[method-assign]
    scene.hosts = scene.hosts[:1]
    scene.roll()
    places = [(pool.id, (a_registration(pool, first),)) for pool in (scene.api, scene.web)]
    assert followed == places * 2


@pytest.mark.rule("S-14", "Q1")
@pytest.mark.parametrize(("pools", "tick"), [(1, 0.25), (2, 0.5), (8, 2.0)])
def test_a_run_takes_four_looks_a_second_at_all_its_pools_together(pools: int, tick: float) -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    walker.room.fleet.pools.clear()  # type: ignore[attr-defined]
    walker.room.fleet.pools.update({PoolId(f"tg/{number}"): scene.web for number in range(pools)})  # type: ignore[attr-defined]
    assert walker.tick == tick


@pytest.mark.rule("F-54")
def test_a_second_signal_ends_the_repeating_of_a_call() -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    walker.book.hold(scene.places[scene.hosts[0].id])
    scene.balancer.faults = [Unanswered("no answer") for _ in range(99)]
    scene.clock.at(2.0, partial(scene.stop.ask, StopMode.LEAVE))
    with pytest.raises(Unanswered):
        walker.send(scene.balancer.register, 60.0)
    assert scene.clock.time < 1010.0


@pytest.mark.rule("F-54")
def test_a_second_signal_ends_the_look_where_a_host_is_registered() -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    scene.balancer.silent_until = 1e9
    scene.clock.at(2.0, partial(scene.stop.ask, StopMode.LEAVE))
    with pytest.raises(Unanswered):
        walker.seen_registered()
    assert scene.clock.time < 1010.0


@pytest.mark.rule("I-10")
def test_nothing_is_sent_once_another_run_has_taken_over() -> None:
    scene = Scene()
    walker = scene.walker(scene.hosts[0])
    walker.book.hold(scene.places[scene.hosts[0].id])
    scene.ledger.superseded = True
    with pytest.raises(Superseded):
        walker.send(scene.balancer.register, 60.0)
    assert not scene.deeds("register")
