"""Out of every pool, and traffic seen to stop: what goes wrong on the way."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from elbroll import events
from elbroll.engine.journal import StepFailed
from elbroll.engine.leaving import leave
from elbroll.engine.out_again import take_out_again
from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable, PermissionDenied, Unanswered
from elbroll.model import InstanceState, JobEnd, JobResult, Outcome, RecordState, Result, TargetState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from elbroll.model import Pool, PoolView, Registration

EXIT_1 = JobResult(JobEnd.EXIT, 1)


class BlindWatch:
    """Shows one connection, and then nothing any more."""

    def __init__(self, watch: Any) -> None:
        self._watch = watch
        self._looks = 0

    def look(self) -> Any:
        self._looks += 1
        return self._watch.look() if self._looks == 1 else None


def blind_after_a_look(scene: Scene) -> None:
    watch = scene.transport.watch

    @contextmanager
    def blind(*asked: Any) -> Iterator[BlindWatch]:
        with watch(*asked) as seeing:
            yield BlindWatch(seeing)

    scene.transport.watch = blind  # type: ignore[method-assign,assignment]


def refused_watch(scene: Scene) -> None:
    @contextmanager
    def refused(*_asked: Any) -> Iterator[BlindWatch]:
        raise HostUnreachable("the line was lost")
        yield

    scene.transport.watch = refused  # type: ignore[method-assign,assignment]


@pytest.mark.rule("I-5", "T8")
@pytest.mark.parametrize("trouble", [blind_after_a_look, refused_watch])
def test_connections_that_can_no_longer_be_counted_give_way_to_the_balancers_word(trouble: Any) -> None:
    scene = Scene()
    trouble(scene)
    began: list[float] = []
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    scene.roll()
    assert began[0] >= 1300.0
    assert "reported" in {event.code for event in scene.sink.events if isinstance(event, events.Warned)}


def taken_over_in_the_last_look(scene: Scene, also: Callable[[], object]) -> None:
    """Between the proof of the locks and the first deed the pools are looked at once more: then it happens."""
    look = scene.balancer.look

    def taken_over(*asked: Any) -> Any:
        if scene.history and scene.history[-1] == ("confirm",):
            scene.ledger.superseded = True
            also()
        return look(*asked)

    scene.balancer.look = taken_over  # type: ignore[method-assign]


@pytest.mark.rule("I-10", "F-10")
@pytest.mark.parametrize("lasts", [0.0, 8 * 3600.0])
def test_a_run_superseded_in_the_look_before_its_deed_takes_nobody_out(lasts: float) -> None:
    scene = Scene()
    taken_over_in_the_last_look(scene, lambda: scene.clock.sleep(lasts))
    scene.roll()

    assert scene.ledger.superseded
    assert scene.deeds("deregister") == []


@pytest.mark.rule("I-1", "I-10")
def test_a_lock_that_takes_long_to_prove_is_proven_before_the_last_look() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    slow = iter((0.0, 20.0))

    def proving() -> None:
        if pause := next(slow, 0.0):
            scene.clock.sleep(pause)
            scene.sick.add(second.id)

    scene.ledger.on_confirm = proving
    result = scene.roll()[first.id]

    assert scene.deeds("deregister") == []
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.RESTORED, "capacity-dropped")


@pytest.mark.rule("I-1", "I-10")
def test_locks_that_always_take_long_to_prove_take_nobody_out() -> None:
    scene = Scene()
    scene.ledger.on_confirm = lambda: scene.clock.sleep(2.0)
    result = scene.roll()[scene.hosts[0].id]

    assert scene.deeds("deregister") == []
    assert result.outcome is Outcome.RESTORED


@pytest.mark.rule("I-1", "F-27")
def test_capacity_that_drops_while_the_record_is_written_keeps_the_host_in() -> None:
    scene = Scene()
    first, second, _ = scene.hosts

    def slow(_record: object) -> None:
        scene.ledger.on_write = lambda _record: None
        scene.sick.add(second.id)
        scene.clock.sleep(60.0)

    scene.ledger.on_write = slow
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.RESTORED
    assert not scene.deeds("deregister", "run")
    assert scene.state(first) == "in-service"


@pytest.mark.rule("F-14", "F-29")
def test_a_single_read_without_an_answer_after_the_deregister_fails_no_drain() -> None:
    scene = Scene()
    deregister = scene.balancer.deregister

    def throttled(*sent: Any) -> None:
        deregister(*sent)
        scene.balancer.silent_until = scene.clock.time + 5.0

    scene.balancer.deregister = throttled  # type: ignore[method-assign]
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-39", "I-6")
def test_a_host_that_runs_nothing_is_put_back_before_its_record_says_deploying() -> None:
    scene = Scene()
    scene.transport.look = lambda *_asked: JobResult(JobEnd.NOT_RUN, cause="no shell")  # type: ignore[method-assign,assignment]
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.RESTORED
    assert result.failure is not None
    assert result.failure.why == ("no shell",)
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-27", "I-6")
def test_capacity_that_drops_with_the_call_itself_puts_the_host_back() -> None:
    scene = Scene(size=4)
    _, second, _, fourth = scene.hosts
    deregister = scene.balancer.deregister

    def sicken(*sent: Any) -> None:
        deregister(*sent)
        scene.sick.add(second.id)

    scene.balancer.deregister = sicken  # type: ignore[method-assign]
    result = scene.roll(plan=replace(scene.plan(), hosts=(scene.planned(fourth),)))[fourth.id]
    assert result.outcome is Outcome.RESTORED
    assert result.failure is not None
    assert result.failure.message == "capacity dropped while it left: 2 of 4 in service in web-prod, floor 3"
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-25", "F-27")
def test_a_host_waits_for_one_of_ours_for_longer_than_for_a_stranger() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    room = scene.room()
    room.admit(first, lambda _seen: None)
    scene.clock.at(1000.0, partial(room.ended, first))
    scene.clock.at(1000.0, partial(room.back, first))
    leave(scene.walker(second, room), countable=True)
    assert scene.clock.time >= 2000.0
    assert not scene.members_of(second)


@pytest.mark.rule("F-32", "I-5")
def test_silence_is_shown_anew_where_nobody_has_counted_for_longer_than_the_settle_time() -> None:
    scene = Scene()
    first = scene.hosts[0]
    ended: list[float] = []
    began: list[float] = []

    def end() -> None:
        scene.transport.running.clear()
        ended.append(scene.clock.time)

    def run_by_hand(_record: object) -> None:
        scene.ledger.on_write = lambda _record: None
        scene.transport.running[first.id] = ("aaaaaa-deploy-1-1",)
        scene.clock.at(100.0, end)

    scene.ledger.on_write = run_by_hand
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    scene.roll()
    assert began[0] >= ended[0] + 5.0


@pytest.mark.rule("F-21")
def test_without_the_balancers_nodes_every_connection_counts_and_a_warning_says_so() -> None:
    scene = Scene()

    def denied(_pool: object) -> Any:
        raise PermissionDenied("not allowed", action="ec2:DescribeNetworkInterfaces")

    scene.balancer.nodes = denied  # type: ignore[method-assign]
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}
    told = [event.message for event in scene.sink.events if isinstance(event, events.Warned)]
    assert any("web-prod" in message and "not allowed" in message for message in told)


@pytest.mark.rule("F-30", "T6")
def test_a_host_that_shows_no_sign_of_leaving_is_put_back_after_a_minute_and_says_so() -> None:
    scene = Scene()
    scene.balancer.deaf = True
    result = scene.roll()[scene.hosts[0].id]
    assert result.failure is not None
    assert result.failure.code == "still-registered"
    assert result.failure.message.startswith("not drained after 6")
    assert result.steps[0].result is Result.TIMEOUT
    assert 60.0 <= result.steps[0].seconds < 66.0


@pytest.mark.rule("S-14", "F-26")
def test_a_state_that_nobody_understands_is_not_looked_at_more_often_than_any_other() -> None:
    scene = Scene()
    deregister, look, ages = scene.balancer.deregister, scene.balancer.look, dict[float, float]()

    def forgotten(pool: Pool, entries: Sequence[Registration]) -> None:
        deregister(pool, entries)
        scene.balancer.forced |= dict.fromkeys(entries, TargetState.UNKNOWN)

    def noted(pool: Pool, max_age: float) -> PoolView:
        ages[scene.clock.time] = max_age
        return look(pool, max_age)

    scene.balancer.deaf = True
    scene.balancer.deregister = forgotten  # type: ignore[method-assign]
    walker = scene.walker(scene.hosts[0])
    scene.balancer.look = noted  # type: ignore[method-assign]
    with pytest.raises(StepFailed, match="not drained"):
        leave(walker, countable=True)

    first = [age for at, age in ages.items() if at - min(ages) < 10]
    later = [age for at, age in ages.items() if at - min(ages) > 63 and at < max(ages)]
    assert (min(first) < 1.0, min(later) >= 4.0, len(later) > 10) == (True, True, True)


@pytest.mark.rule("F-31")
def test_a_drain_that_never_ends_says_how_long_it_took_and_what_was_left() -> None:
    scene = Scene()
    scene.transport.traffic = 10_000.0
    result = scene.roll()[scene.hosts[0].id]
    assert result.failure is not None
    assert result.failure.code == "drain-limit"
    assert "not drained after 360 s" in result.failure.message
    assert "connection" in result.failure.message
    assert result.steps[0].result is Result.TIMEOUT


@pytest.mark.rule("F-54")
def test_a_drain_that_a_signal_ended_is_cancelled_and_no_failure_of_the_hosts() -> None:
    scene = Scene()
    scene.transport.traffic = 60.0
    scene.clock.at(10.0, partial(scene.stop.ask, StopMode.FINISH))
    result = scene.roll()[scene.hosts[0].id]
    assert (result.failure and result.failure.code, result.steps[0].result) == ("interrupted", Result.CANCELLATION)


@pytest.mark.rule("F-54", "F-27")
def test_a_signal_ends_the_wait_for_a_count_right_after_the_call() -> None:
    scene = Scene()
    deregister = scene.balancer.deregister

    def silent_until_a_signal(pool: Pool, entries: Sequence[Registration]) -> None:
        deregister(pool, entries)
        if pool == scene.web:  # the last one
            scene.balancer.silent_until = 1e9
            scene.clock.at(2.0, partial(scene.stop.ask, StopMode.FINISH))

    scene.balancer.deregister = silent_until_a_signal  # type: ignore[method-assign]
    walker = scene.walker(scene.hosts[0])
    with pytest.raises(StepFailed):
        leave(walker, countable=True)
    assert scene.clock.time < 1010.0


@pytest.mark.rule("I-5", "T8")
def test_what_cannot_be_counted_any_more_is_told_with_the_reason() -> None:
    scene = Scene()
    refused_watch(scene)
    scene.roll()
    told = [event for event in scene.sink.events if isinstance(event, events.Warned)]
    assert told[0].host == scene.hosts[0]
    assert "the line was lost" in told[0].message


@pytest.mark.rule("I-5", "F-32")
def test_every_traffic_port_of_a_host_is_watched() -> None:
    scene = Scene()
    asked: list[frozenset[int]] = []
    watch = scene.transport.watch
    scene.transport.watch = lambda host, ports: (asked.append(ports), watch(host, ports))[1]  # type: ignore[method-assign,assignment,func-returns-value]
    scene.roll()
    assert asked[0] == {8080, 9000}
    assert {8080, 8081} in asked


# --- out again


def shown_in_turn(*looks: object) -> Callable[..., object]:
    """What balancers show of a host, look by look; the last look's answer for good."""
    left = list(looks)
    return lambda *_asked: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.rule("I-11", "T2", "F-50")
def test_one_empty_look_does_not_prove_that_a_host_is_out_again() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.REGISTERING)
    walker = scene.walker(first)
    walker.room.registered = shown_in_turn(frozenset(), scene.places[first.id])  # type: ignore[method-assign,assignment]
    with pytest.raises(Unanswered, match="web-1"):
        take_out_again(walker)
    assert 60.0 <= scene.clock.time - 1000.0 < 62.0


@pytest.mark.rule("I-1", "F-50")
def test_capacity_that_drops_before_a_host_is_taken_out_again_keeps_it_in() -> None:
    scene = Scene()
    first, *others = scene.hosts
    scene.put_record(first, RecordState.REGISTERING)
    scene.balancer.faults = [Unanswered("throttled")]
    scene.clock.at(0.2, partial(scene.sick.update, {host.id for host in others}))

    assert not take_out_again(scene.walker(first))
    assert scene.deeds("deregister") == []


@pytest.mark.rule("F-54")
def test_a_second_signal_ends_the_wait_for_a_host_to_leave_again() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.REGISTERING)
    scene.balancer.deaf = True
    scene.clock.at(3.0, partial(scene.stop.ask, StopMode.LEAVE))
    with pytest.raises(Unanswered):
        take_out_again(scene.walker(first))
    assert scene.clock.time - 1003.0 <= 5.0


# --- when even the way out fails


def test_an_instance_that_cannot_be_described_is_not_walked() -> None:
    scene = Scene()

    def denied(_ids: object) -> Any:
        raise PermissionDenied("no", action="ec2:DescribeInstances")

    scene.inventory.instances = denied  # type: ignore[method-assign]
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.NOT_REACHED
    assert not scene.deeds("record")


def test_a_host_whose_life_cannot_be_asked_for_is_taken_to_live() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]

    def silent(_ids: object) -> Any:
        raise Unanswered("throttled")

    scene.transport.on_run = lambda _host, _job: setattr(scene.inventory, "instances", silent)
    assert scene.roll()[first.id].outcome is Outcome.LEFT_OUT


@pytest.mark.rule("F-34", "F-12")
def test_a_dead_host_whose_record_cannot_be_closed_is_gone_all_the_same() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.inventory.hosts.pop(first.id)
    scene.ledger.down_at = {"gone"}
    result = scene.roll()[first.id]
    assert (result.outcome, result.record) == (Outcome.GONE, RecordState.HELD)
    assert first.state is InstanceState.RUNNING


def test_a_failure_that_cannot_be_noted_changes_nothing_else() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.transport.on_run = lambda _host, _job: setattr(scene.ledger, "down", True)
    scene.transport.takes = 0.0
    lives = scene.ledger
    confirm = partial(setattr, lives, "down", False)
    assert scene.roll()[first.id].outcome is Outcome.LEFT_OUT
    confirm()
    assert scene.state(first) == "deploying"


@pytest.mark.rule("F-10", "I-10")
def test_a_rollback_of_a_superseded_run_ends_at_once() -> None:
    scene = Scene(settings={"deploy": {"rollback": "back"}})
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    ran: list[str] = []

    def on_run(_host: object, job: Any) -> None:
        ran.append(job.line)
        scene.ledger.superseded = job.line == "back"

    scene.transport.on_run = on_run
    result = scene.roll()[first.id]
    assert (result.outcome, ran) == (Outcome.LEFT_OUT, ["deploy it", "back"])
    assert result.note == "another run has taken over: nothing more was done"
    assert not scene.deeds("register")


@pytest.mark.rule("F-36")
def test_a_failed_host_whose_place_nobody_tells_is_left_as_recorded() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.transport.on_run = lambda _host, _job: setattr(scene.balancer, "silent_until", 1e9)
    assert scene.roll()[first.id].outcome is Outcome.LEFT_OUT
    assert "unread" in {event.code for event in scene.sink.events if isinstance(event, events.Warned)}


@pytest.mark.rule("F-10", "I-10")
def test_a_run_superseded_between_two_pools_registers_in_no_other() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    register = scene.balancer.register

    def superseded(*sent: Any) -> None:
        register(*sent)
        scene.ledger.superseded = True

    scene.balancer.register = superseded  # type: ignore[method-assign]
    assert scene.roll("restore")[first.id].outcome is Outcome.LEFT_OUT
    assert len(scene.deeds("register")) == 1
