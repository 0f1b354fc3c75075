"""The roll: order, how many at once, and when it halts."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from elbroll import events
from elbroll.engine.crew import Inline, Threads
from elbroll.engine.fleet import Roll
from elbroll.engine.host import HostWalk
from elbroll.engine.stop import StopMode
from elbroll.model import Failure, HostId, HostResult, JobEnd, JobResult, Outcome, RecordState, TargetState
from fakes import FastClock

if TYPE_CHECKING:
    from elbroll.model import Host, Registration

EXIT_1 = JobResult(JobEnd.EXIT, 1)


def fast_scene(size: int, at_once: int, **settings: Any) -> Scene:
    scene = Scene(clock=FastClock(), size=size, max_unavailable=at_once, settings=settings)
    scene.transport.takes = 2.0
    scene.balancer.warm_up = 1.0
    return scene


def halts(scene: Scene) -> list[events.HaltDecided]:
    return [event for event in scene.sink.events if isinstance(event, events.HaltDecided)]


class Outside:
    """Counts how many hosts of a scene are out at once, at every deregister."""

    def __init__(self, scene: Scene) -> None:
        self.most = 0
        self._scene = scene
        self._deregister = scene.balancer.deregister
        scene.balancer.deregister = self._count  # type: ignore[method-assign,assignment]

    def _count(self, pool: Any, entries: Any) -> None:
        self._deregister(pool, entries)
        out: set[Registration] = set(self._scene.home - self._scene.balancer.members())
        self.most = max(self.most, len({entry.id for entry in out}))


@pytest.mark.rule("I-18")
def test_hosts_are_walked_in_the_plans_order() -> None:
    scene = Scene()
    assert list(scene.roll()) == [host.id for host in scene.hosts]


@pytest.mark.rule("I-10", "I-1")
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_never_more_hosts_are_out_than_allowed(at_once: int) -> None:
    scene = fast_scene(6, at_once)
    outside = Outside(scene)
    results = scene.roll_in_threads()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert outside.most == at_once
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-27", "I-1")
def test_a_host_waits_at_the_guard_until_another_of_ours_is_back() -> None:
    scene = fast_scene(6, 2, pace={"floor": 5})
    outside = Outside(scene)
    results = scene.roll_in_threads()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert outside.most == 1


@pytest.mark.rule("I-18")
def test_a_host_that_waits_at_the_guard_does_not_leave_after_a_halt() -> None:
    scene = fast_scene(6, 2, pace={"floor": 5})
    scene.transport.ends[scene.hosts[0].id] = [EXIT_1]
    results = scene.roll_in_threads()
    assert results[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    waiting = results[scene.hosts[1].id]
    assert (waiting.outcome, waiting.failure and waiting.failure.code) == (Outcome.NOT_REACHED, "halted")
    assert {entry.id for entry in scene.home - scene.balancer.members()} == {scene.hosts[0].id}


def test_the_canary_ends_before_any_other_host_begins() -> None:
    scene = fast_scene(5, 3, pace={"canary": 1})
    scene.roll_in_threads()
    told = [
        (type(event).__name__, event.host.name)
        for event in scene.sink.events
        if isinstance(event, events.HostStarted | events.HostFinished)
    ]
    assert told[:2] == [("HostStarted", "web-1"), ("HostFinished", "web-1")]


@pytest.mark.rule("I-18")
def test_the_first_failure_halts_the_roll_and_hosts_in_work_are_awaited() -> None:
    scene = fast_scene(6, 2)
    scene.transport.ends[scene.hosts[0].id] = [EXIT_1]
    results = scene.roll_in_threads()
    assert results[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    assert set(results) <= {host.id for host in scene.hosts[:3]}
    assert len(halts(scene)) == 1
    assert halts(scene)[0].reason == "1 host was left out"
    assert len(halts(scene)[0].working) == 1


@pytest.mark.rule("I-18")
def test_failures_that_may_be_borne_do_not_halt() -> None:
    scene = Scene(size=6, max_unavailable=2, settings={"pace": {"max_failures": 1}})
    scene.transport.ends[scene.hosts[1].id] = [EXIT_1]
    results = scene.roll()
    assert [host for host, result in results.items() if result.outcome is Outcome.LEFT_OUT] == [scene.hosts[1].id]
    assert len(results) == 6


def test_one_failure_more_than_may_be_borne_halts() -> None:
    scene = Scene(size=6, settings={"pace": {"max_failures": 1}})
    for host in (scene.hosts[1], scene.hosts[3]):
        scene.transport.ends[host.id] = [EXIT_1]
    assert len(scene.roll()) == 4
    assert halts(scene)[0].reason == "2 hosts were left out, and max_failures is 1"


@pytest.mark.rule("F-51", "I-1")
def test_a_finished_host_that_falls_sick_halts_the_roll_before_the_next() -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 1}})
    fall = partial(scene.sick.add, scene.hosts[0].id)
    scene.transport.on_run = lambda host, _job: fall() if host == scene.hosts[1] else None
    results = scene.roll()
    assert set(results) == {host.id for host in scene.hosts[:2]}
    assert "web-1 fell sick" in halts(scene)[0].reason


@pytest.mark.rule("F-51", "I-18")
@pytest.mark.parametrize(("another_fails", "walked"), [(False, 6), (True, 5)])
def test_sick_and_left_out_hosts_are_borne_together_up_to_max_failures(another_fails: bool, walked: int) -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 1, "max_failures": 1}})
    fourth, fifth = scene.hosts[3:5]
    scene.transport.on_run = lambda host, _job: scene.sick.add(fourth.id) if host == fifth else None
    scene.transport.ends[fifth.id] = [EXIT_1] if another_fails else []
    assert len(scene.roll()) == walked
    assert [halt.reason for halt in halts(scene)] == ["web-4 fell sick after coming back"] * another_fails


@pytest.mark.rule("F-54")
def test_a_signal_ends_the_wait_for_a_last_look_at_all() -> None:
    scene = Scene()
    ends: list[float] = []
    told = scene.sink.tell

    def tell(event: events.Event) -> None:
        told(event)
        if isinstance(event, events.HostFinished) and event.host == scene.hosts[-1]:
            ends.append(scene.clock.time)
            scene.balancer.silent_until = 1e9
            scene.clock.at(2.0, partial(scene.stop.ask, StopMode.FINISH))

    scene.sink.tell = tell  # type: ignore[method-assign]
    scene.roll()
    assert scene.clock.time < ends[0] + 10.0


def test_health_that_nobody_tells_between_two_hosts_is_left_to_the_guard() -> None:
    scene = Scene()
    told = scene.sink.tell

    def tell(event: events.Event) -> None:
        told(event)
        if isinstance(event, events.HostFinished):
            scene.balancer.silent_until = scene.clock.time + 20.0

    scene.sink.tell = tell  # type: ignore[method-assign]
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-38")
def test_the_first_drain_waits_until_every_host_is_ready() -> None:
    scene = Scene()
    scene.roll()
    kinds = [entry[0] for entry in scene.history]
    assert kinds.index("deregister") > max(index for index, kind in enumerate(kinds) if kind == "prepare")


def test_a_bug_in_a_walk_is_raised_after_the_others_were_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = fast_scene(6, 2)
    walk, broken, working = HostWalk.roll, scene.hosts[0], threading.Event()
    scene.transport.on_run = lambda _host, _job: working.set()

    def roll(self: HostWalk, *, countable: bool) -> HostResult:
        if self._planned.host == broken:
            working.wait(5.0)
            raise ZeroDivisionError("a bug")
        return walk(self, countable=countable)

    monkeypatch.setattr(HostWalk, "roll", roll)
    scene.put_record(broken, RecordState.DEPLOYING)
    with pytest.raises(ZeroDivisionError):
        scene.roll_in_threads()
    finished = {event.host.name: event.result for event in scene.sink.events if isinstance(event, events.HostFinished)}
    lost = finished["web-1"]
    assert (lost.host, lost.outcome, lost.in_service) == (broken.id, Outcome.UNKNOWN, None)
    assert (lost.release_before, lost.failure) == ("v142", Failure("bug", "ZeroDivisionError a bug"))
    assert lost.record is RecordState.DEPLOYING
    assert [halt.reason for halt in halts(scene)] == ["elbroll itself failed at web-1"]
    assert finished["web-2"].outcome is Outcome.DEPLOYED
    assert set(finished) == {"web-1", "web-2"}


def test_a_bug_while_preparing_is_raised_before_the_first_drain() -> None:
    scene = Scene()

    def prepare(_host: Host, _needs: object) -> None:
        raise ZeroDivisionError("a bug")

    scene.transport.prepare = prepare  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        scene.roll()
    assert not scene.deeds("record", "deregister")


@pytest.mark.rule("F-54")
def test_a_signal_while_preparing_drains_nobody() -> None:
    scene = Scene()
    scene.stop.ask(StopMode.FINISH)
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.SKIPPED}
    assert not scene.deeds("prepare", "record", "deregister")
    assert not halts(scene)


@pytest.mark.rule("F-54")
def test_a_signal_starts_no_other_host() -> None:
    scene = fast_scene(6, 2)
    scene.transport.on_run = lambda _host, _job: scene.stop.ask(StopMode.FINISH)
    results = scene.roll_in_threads()
    assert len(results) <= 2
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("I-13", "F-25")
def test_a_guard_whose_reason_never_heals_halts_within_its_limit() -> None:
    scene = Scene()
    scene.balancer.forced[min(scene.places[scene.hosts[1].id])] = TargetState.INITIAL
    results = scene.roll()
    result = results[scene.hosts[0].id]
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.NOT_REACHED, "floor")
    assert result.failure is not None
    assert any("web-2" in line and "initial" in line for line in result.failure.why)
    assert scene.clock.time <= 1000.0 + 121.0


def test_a_capacity_that_cannot_be_read_halts_within_the_limit() -> None:
    scene = Scene()
    scene.balancer.silent_until = 1e9
    result = scene.roll()[scene.hosts[0].id]
    assert result.failure is not None
    assert (result.failure.code, result.failure.why) == ("unanswered", ("throttled",))
    assert "capacity" in result.failure.message


def test_a_crew_of_threads_works_side_by_side_and_waits_at_its_end() -> None:
    both = threading.Barrier(2, timeout=20.0)
    first, second, _ = Scene().hosts
    with Threads[int](2) as crew:
        crew.start(first.id, both.wait)
        crew.start(second.id, both.wait)
        done = {crew.next_done()[0], crew.next_done()[0]}
    assert done == {first.id, second.id}


def test_a_crew_that_is_left_early_awaits_what_is_under_way_and_begins_nothing_more() -> None:
    first, second, _ = (host.id for host in Scene().hosts)
    began, done = threading.Event(), list[HostId]()

    def until_nothing_more_can_be_asked_for() -> None:
        with suppress(RuntimeError):
            while True:
                crew.start(second, lambda: done.append(second))
                began.set()
        threading.Event().wait(0.05)
        done.append(first)

    with Threads[None](1) as crew:
        crew.start(first, until_nothing_more_can_be_asked_for)
        began.wait(20.0)
    assert done == [first]


@pytest.mark.parametrize("crew", [Inline[int](), Threads[int](1)])
def test_an_exception_is_a_result_like_any_other(crew: Inline[int] | Threads[int]) -> None:
    host = Scene().hosts[0].id
    crew.start(host, lambda: int("x"))
    name, ended = crew.next_done()
    assert name == host
    assert isinstance(ended, ValueError)


def test_a_roll_of_nobody_ends_at_once() -> None:
    scene = Scene()
    scene.hosts = ()
    run = scene.run()
    assert Roll(run, scene.plan(), scene.room(run), {}).deploy(Inline(), Inline()) == {}
