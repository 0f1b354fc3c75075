"""The one door through which hosts leave and return."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from builders import a_host, a_pool, a_registration
from elbroll import events
from elbroll.core.guard import Consent, Leave, Refuse
from elbroll.errors import StoreDown
from elbroll.model import RecordState, TargetState, TargetType

if TYPE_CHECKING:
    from elbroll.engine.room import FleetRoom
    from elbroll.model import Host, Registration


def nothing(_seen: frozenset[Registration]) -> None:
    """Holds nothing."""


def admitted(room: FleetRoom, host: Host) -> bool:
    return isinstance(room.admit(host, nothing), Leave)


@pytest.mark.rule("F-27", "I-1")
def test_two_threads_never_spend_the_same_spare_host() -> None:
    scene = Scene()
    room, both, inside = scene.room(), threading.Barrier(2, timeout=20.0), threading.Barrier(2)
    verdicts: list[bool] = []

    def hold(_seen: frozenset[Registration]) -> None:
        with suppress(threading.BrokenBarrierError):
            inside.wait(1.0)  # nobody else gets this far

    def ask(host: Host) -> None:
        both.wait()
        verdicts.append(isinstance(room.admit(host, hold), Leave))

    threads = [threading.Thread(target=ask, args=[host]) for host in scene.hosts[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == [False, True]


@pytest.mark.rule("I-2", "I-24")
def test_a_record_that_fails_admits_nobody() -> None:
    scene = Scene()
    room = scene.room()

    def fails(_seen: object) -> None:
        raise StoreDown("down")

    with pytest.raises(StoreDown):
        room.admit(scene.hosts[0], fails)
    assert admitted(room, scene.hosts[1])


@pytest.mark.rule("I-1")
def test_an_admitted_host_is_no_capacity_although_the_balancer_still_shows_it_healthy() -> None:
    scene = Scene()
    room = scene.room()
    assert admitted(room, scene.hosts[0])
    view = scene.balancer.look(scene.web, 0.0)
    assert scene.hosts[0].id not in room.count(scene.web.id, view).capacity


def test_who_waits_for_a_host_of_ours_may_hope_until_its_walk_has_ended() -> None:
    scene = Scene()
    room = scene.room()
    first, second, _ = scene.hosts
    admitted(room, first)
    hoping = room.admit(second, nothing)
    room.ended(first)
    hopeless = room.admit(second, nothing)
    assert isinstance(hoping, Refuse)
    assert isinstance(hopeless, Refuse)
    assert (hoping.heals, hopeless.heals) == (True, False)


def test_a_host_that_came_back_lets_the_next_one_leave() -> None:
    scene = Scene()
    room = scene.room()
    first, second, _ = scene.hosts
    admitted(room, first)
    room.back(first)
    room.ended(first)
    assert admitted(room, second)


@pytest.mark.rule("T14", "F-25")
def test_a_host_in_slow_start_is_no_capacity_yet() -> None:
    scene = Scene(web=a_pool("web-prod", slow_start=60.0))
    room = scene.room()
    first, second, _ = scene.hosts
    admitted(room, first)
    room.back(first)
    assert not admitted(room, second)
    scene.clock.sleep(61.0)
    assert admitted(room, second)


@pytest.mark.rule("I-18")
def test_nobody_is_admitted_after_a_halt() -> None:
    scene = Scene()
    room = scene.room()
    room.shut("web-9 failed")
    verdict = room.admit(scene.hosts[0], nothing)
    assert isinstance(verdict, Refuse)
    assert (verdict.code, verdict.message) == ("halted", "web-9 failed")


def test_left_out_hosts_are_borne_up_to_max_failures() -> None:
    scene = Scene(size=6, settings={"pace": {"max_failures": 1}})
    room = scene.room()
    first, *_, fourth, fifth = scene.hosts[:5]
    admitted(room, first)
    room.ended(first)
    assert not admitted(room, fourth)
    room.bear(3)
    assert admitted(room, fourth)
    assert not admitted(room, fifth)


@pytest.mark.rule("F-27")
def test_a_capacity_that_dropped_since_admission_is_told() -> None:
    scene = Scene()
    room = scene.room()
    admitted(room, scene.hosts[0])
    assert room.shortfall(scene.hosts[0]) is None
    scene.sick.add(scene.hosts[1].id)
    assert room.shortfall(scene.hosts[0]) == "1 of 3 in service in web-prod, floor 2"


@pytest.mark.rule("I-1", "F-27")
def test_an_admitted_host_is_judged_again_before_it_leaves() -> None:
    scene = Scene()
    room = scene.room()
    admitted(room, scene.hosts[0])
    assert room.may_still_leave(scene.hosts[0]) is None
    scene.sick.add(scene.hosts[1].id)
    assert "web-prod" in (room.may_still_leave(scene.hosts[0]) or "")


@pytest.mark.rule("T20", "I-1")
def test_a_pool_that_a_host_has_joined_meanwhile_is_judged_too() -> None:
    scene = Scene()
    room = scene.room()
    third, second = scene.hosts[2], scene.hosts[1]
    joined = a_registration(scene.api, second)
    scene.balancer.add(joined, long_ago=True)
    scene.sick |= {scene.hosts[0].id, third.id}
    verdict = room.admit(second, nothing)
    assert isinstance(verdict, Refuse)
    assert "api-prod" in verdict.message or "web-prod" in verdict.message


@pytest.mark.rule("F-26", "T3")
def test_a_zonal_shift_anywhere_keeps_everybody_in() -> None:
    scene = Scene()
    scene.balancer.forced[a_registration(scene.api, scene.hosts[2])] = TargetState.SHIFTED
    verdict = scene.room().admit(scene.hosts[1], nothing)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "zonal-shift"


def test_a_host_that_is_nowhere_registered_takes_nothing_away() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    assert admitted(scene.room(), first)


@pytest.mark.rule("F-50", "I-1")
def test_a_host_taken_out_again_is_no_capacity_any_more() -> None:
    scene = Scene(max_unavailable=1)
    room = scene.room()
    first, second, _ = scene.hosts
    admitted(room, first)
    room.back(first)
    room.ended(first)
    assert room.may_leave_again(first)
    assert not admitted(room, second)


@pytest.mark.rule("F-50", "F-23", "S-3")
def test_not_even_a_sick_host_may_leave_again_where_nobody_else_is_left() -> None:
    scene = Scene()
    scene.sick |= {host.id for host in scene.hosts}
    assert not scene.room().may_leave_again(scene.hosts[0])


@pytest.mark.rule("F-50", "F-23", "S-3")
def test_no_consent_lets_a_pool_be_emptied_by_taking_a_host_out_again() -> None:
    scene = Scene(consent=Consent(below_floor=True, last_healthy=True))
    first, second, third = scene.hosts
    scene.sick |= {second.id, third.id}
    assert admitted(scene.room(), first)
    assert not scene.room().may_leave_again(first)


@pytest.mark.rule("F-50", "F-26")
def test_a_guard_that_refuses_keeps_a_host_in_however_many_others_serve() -> None:
    scene = Scene()
    scene.balancer.forced[a_registration(scene.api, scene.hosts[2])] = TargetState.SHIFTED
    assert not scene.room().may_leave_again(scene.hosts[1])


@pytest.mark.rule("F-51")
def test_only_a_host_that_came_back_in_this_run_can_have_fallen_sick() -> None:
    scene = Scene()
    room = scene.room()
    first, second, _ = scene.hosts
    room.back(first)
    scene.sick.add(second.id)
    assert room.fell_sick() == ()
    scene.sick.add(first.id)
    assert room.fell_sick() == (first.id,)


@pytest.mark.rule("F-51", "F-50")
def test_a_host_that_is_taken_out_again_has_not_fallen_sick() -> None:
    scene = Scene()
    room = scene.room()
    first = scene.hosts[0]
    room.back(first)
    assert room.may_leave_again(first)
    scene.sick.add(first.id)
    assert room.fell_sick() == ()


@pytest.mark.rule("F-35")
def test_whether_a_host_serves_is_unknown_once_all_its_pools_are_gone() -> None:
    scene = Scene()
    room = scene.room()
    first, second, _ = scene.hosts
    scene.balancer.deleted.add(scene.web.id)
    assert room.serving([first.id, second.id]) == {first.id: True, second.id: None}


@pytest.mark.rule("F-27", "I-1")
def test_what_a_later_host_leaves_behind_is_agreed_to_for_those_before_it() -> None:
    scene = Scene(size=6, max_unavailable=2)
    room = scene.room()
    fourth, fifth = scene.hosts[3:5]
    assert admitted(room, fourth)
    assert admitted(room, fifth)
    scene.balancer.deregister(scene.web, sorted(scene.places[fourth.id] | scene.places[fifth.id]))
    assert (room.shortfall(fourth), room.shortfall(fifth)) == (None, None)
    scene.sick.add(scene.hosts[5].id)
    assert room.shortfall(fourth) == "3 of 6 in service in web-prod, floor 4"


@pytest.mark.rule("F-35")
def test_a_deleted_pool_is_no_pool_any_more_and_told_once() -> None:
    scene = Scene()
    room = scene.room()
    scene.balancer.deleted.add(scene.api.id)
    room.registered(scene.hosts[0])
    room.registered(scene.hosts[0])
    room.lose(scene.api.id)
    assert room.pool(scene.api.id) is None
    assert scene.sink.events == [
        events.CapacityChanged(scene.api.id, "api-prod", 0, 0, 0),
        events.Warned("pool-gone", "api-prod no longer exists; what it held stays recorded"),
    ]


@pytest.mark.rule("F-18", "I-12")
def test_an_address_in_another_network_belongs_to_somebody_else() -> None:
    here, elsewhere = a_host(1), replace(a_host(1), vpc="vpc-2")
    pool = a_pool(target_type=TargetType.IP)
    entry = a_registration(pool, here)
    assert here.owns_in(pool, entry)
    assert not elsewhere.owns_in(pool, entry)
    assert replace(elsewhere, vpc=None).owns_in(pool, entry)


@pytest.mark.rule("F-27")
def test_less_than_was_agreed_to_is_borne_while_it_is_not_too_little() -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 3}})
    room = scene.room()
    assert admitted(room, scene.hosts[3])
    scene.sick.add(scene.hosts[5].id)
    assert room.shortfall(scene.hosts[3]) is None


@pytest.mark.rule("F-27", "F-23")
def test_what_consent_lets_a_later_host_leave_behind_sends_nobody_back() -> None:
    scene = Scene(size=6, consent=Consent(below_floor=True))
    room = scene.room()
    fourth, fifth = scene.hosts[3:5]
    assert admitted(room, fourth)
    assert admitted(room, fifth)
    scene.balancer.deregister(scene.web, sorted(scene.places[fourth.id] | scene.places[fifth.id]))
    assert (room.shortfall(fourth), room.shortfall(fifth)) == (None, None)


@pytest.mark.rule("F-25", "F-26")
def test_no_host_of_ours_that_comes_back_heals_a_zonal_shift() -> None:
    scene = Scene()
    room = scene.room()
    assert admitted(room, scene.hosts[0])
    scene.balancer.forced[a_registration(scene.api, scene.hosts[2])] = TargetState.SHIFTED
    verdict = room.admit(scene.hosts[1], nothing)
    assert isinstance(verdict, Refuse)
    assert not verdict.heals
