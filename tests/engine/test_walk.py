"""Stories of hosts: what is done, in which order, and where everybody is at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scene import Scene

from elbroll import events
from elbroll.engine.stop import StopMode
from elbroll.errors import HostAccessError, HostUnreachable, PermissionDenied, TargetRefused, Unanswered
from elbroll.model import InstanceState, JobEnd, JobResult, Outcome, RecordState, Step, TargetState, TargetType

EXIT_1 = JobResult(JobEnd.EXIT, 1, tail=("bind: address already in use",), lines=1)


@pytest.mark.rule("I-3", "I-9", "I-12")
def test_a_roll_puts_every_host_back_exactly_where_it_was() -> None:
    scene = Scene()
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert [scene.state(host) for host in scene.hosts] == ["in-service"] * 3


@pytest.mark.rule("I-2", "I-24")
def test_each_deed_comes_after_its_record() -> None:
    scene = Scene()
    scene.roll()
    first = scene.hosts[0].id
    story = [entry[0:3:2] if entry[0] == "record" else entry[0] for entry in scene.history if first in str(entry)]
    order = [("record", "held"), "deregister", ("record", "deploying"), "run", ("record", "deployed"), "ask"]
    order += [("record", "registering"), "register", ("record", "in-service")]
    assert [step for step in order if step in story] == order
    positions = [story.index(step) for step in order]
    assert positions == sorted(positions)


@pytest.mark.rule("I-5", "T8")
def test_no_command_runs_before_traffic_has_stopped_for_the_settle_time() -> None:
    scene = Scene()
    scene.transport.traffic = 42.0
    started: list[float] = []
    scene.transport.on_run = lambda _host, _job: started.append(scene.clock.time)
    scene.roll()
    assert started[0] >= 1000.0 + 42.0 + 5.0


@pytest.mark.rule("I-5")
def test_a_drain_by_idle_does_not_wait_out_the_delay() -> None:
    scene = Scene()
    scene.roll()
    assert scene.clock.time - 1000.0 < 300.0


def test_what_cannot_be_counted_waits_for_the_balancers_word_and_says_so() -> None:
    scene = Scene()
    scene.transport.countable = False
    started: list[float] = []
    scene.transport.on_run = lambda _host, _job: started.append(scene.clock.time)
    scene.roll()
    assert started[0] >= 1000.0 + 300.0
    drains = [
        event for event in scene.sink.events if isinstance(event, events.StepStarted) and event.step is Step.DRAIN
    ]
    assert drains[0].until == "reported"


@pytest.mark.rule("F-42", "I-7")
def test_a_host_whose_command_fails_stays_out_and_the_roll_halts() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.ends[first.id] = [EXIT_1]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert results[first.id].failure is not None
    assert results[first.id].failure.tail == ("bind: address already in use",)
    assert set(results) == {first.id}
    assert scene.state(first) == "deploying"
    assert {entry.id for entry in scene.balancer.members()} == {second.id, third.id}


@pytest.mark.rule("F-46", "I-7", "S-8")
def test_an_app_that_never_gets_well_on_its_host_is_not_registered() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.on_run = lambda host, _job: scene.sick.add(host.id)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert scene.state(first) == "deployed"
    assert not scene.deeds("register")


@pytest.mark.rule("F-50", "I-1", "I-7", "S-8")
def test_a_host_the_balancer_never_calls_healthy_is_taken_out_again() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.balancer.warm_up = 10_000.0
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert scene.state(first) == "deployed"
    assert first.id not in {entry.id for entry in scene.balancer.members()}


@pytest.mark.rule("F-30", "T6", "I-6")
def test_a_deregister_that_does_nothing_puts_the_host_back_and_halts() -> None:
    scene = Scene()
    scene.balancer.deaf = True
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-31", "I-6")
def test_a_drain_that_never_ends_puts_the_host_back() -> None:
    scene = Scene()
    scene.transport.traffic = 10_000.0
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert scene.state(scene.hosts[0]) == "in-service"
    assert scene.balancer.members() == scene.home
    assert not scene.deeds("run")


@pytest.mark.rule("F-29", "I-11", "T6")
def test_a_deregister_whose_answer_is_lost_is_settled_by_reading() -> None:
    scene = Scene()
    scene.balancer.lost_answers = 2
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-29", "I-6")
def test_a_deregister_that_aws_never_answers_puts_back_what_left() -> None:
    scene = Scene()
    scene.balancer.faults = [None, *[Unanswered("throttled")] * 40]
    scene.clock.at(100.0, scene.balancer.faults.clear)
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-6", "I-4")
def test_a_permission_missing_at_register_keeps_the_record_and_halts() -> None:
    scene = Scene()
    denied = PermissionDenied("AWS refused it", action="elasticloadbalancing:RegisterTargets")
    scene.balancer.faults = [None, None, denied, denied, denied, denied]
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    assert scene.ledger.kept[scene.hosts[0].id].open


@pytest.mark.rule("F-39", "I-6")
def test_a_host_unreachable_after_its_drain_is_put_back() -> None:
    scene = Scene()
    first = scene.hosts[0]
    refuse = {first.id: HostUnreachable("refused")}
    scene.clock.at(4.0, lambda: scene.transport.refuses.update(refuse))
    results = scene.roll()
    assert results[first.id].outcome is Outcome.RESTORED
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-38", "I-6")
def test_a_host_that_refuses_login_halts_the_roll_before_the_first_drain() -> None:
    scene = Scene()
    scene.transport.refuses[scene.hosts[2].id] = HostAccessError("login refused")
    results = scene.roll()
    assert results[scene.hosts[2].id].outcome is Outcome.SKIPPED
    assert results[scene.hosts[2].id].failure is not None
    assert results[scene.hosts[2].id].failure.access
    assert not scene.deeds("deregister", "record")


@pytest.mark.rule("F-22", "F-27", "I-1")
def test_no_host_leaves_when_another_is_sick() -> None:
    scene = Scene()
    scene.sick.add(scene.hosts[1].id)
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.NOT_REACHED
    assert not scene.deeds("deregister", "record")


@pytest.mark.rule("F-27", "I-6")
def test_capacity_that_drops_between_check_and_call_puts_the_host_back() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    original = scene.balancer.deregister

    def deregister(pool: object, entries: object) -> None:
        scene.sick.add(second.id)
        original(pool, entries)  # type: ignore[arg-type]

    scene.balancer.deregister = deregister  # type: ignore[method-assign,assignment]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.RESTORED
    assert not scene.deeds("run")


@pytest.mark.rule("F-10", "I-10")
def test_a_superseded_run_does_nothing_more() -> None:
    scene = Scene()
    scene.transport.on_run = lambda _host, _job: setattr(scene.ledger, "superseded", True)
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    assert not scene.deeds("register")
    assert set(results) == {scene.hosts[0].id}


@pytest.mark.rule("F-54", "I-6")
def test_a_first_signal_puts_a_draining_host_back_and_waits_until_it_is_healthy() -> None:
    scene = Scene()
    scene.transport.traffic = 60.0
    scene.clock.at(10.0, lambda: scene.stop.ask(StopMode.FINISH))
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert scene.balancer.members() == scene.home
    assert scene.state(scene.hosts[0]) == "in-service"
    assert not scene.deeds("run")


@pytest.mark.rule("F-54", "I-2")
def test_a_second_signal_sends_a_draining_host_back_without_waiting() -> None:
    scene = Scene()
    scene.transport.traffic = 60.0
    scene.clock.at(10.0, lambda: scene.stop.ask(StopMode.LEAVE))
    before = scene.clock.time
    results = scene.roll()
    assert scene.clock.time - before < 16.0
    assert scene.balancer.members() == scene.home
    assert scene.state(scene.hosts[0]) == "held"
    assert results[scene.hosts[0].id].in_service is None
    assert results[scene.hosts[0].id].note == "sent back without waiting, record kept"


@pytest.mark.rule("F-54")
def test_a_first_signal_awaits_a_host_in_deploy_and_starts_no_other() -> None:
    scene = Scene()
    scene.transport.on_run = lambda _host, _job: scene.stop.ask(StopMode.FINISH)
    results = scene.roll()
    assert {host: result.outcome for host, result in results.items()} == {scene.hosts[0].id: Outcome.DEPLOYED}


@pytest.mark.rule("F-43", "I-7", "I-11")
def test_a_command_whose_end_nobody_knows_leaves_the_host_out() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [JobResult(JobEnd.UNKNOWN, cause="the line was lost")]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert scene.state(first) == "deploying"
    assert not scene.deeds("register")


@pytest.mark.rule("I-4", "I-7")
def test_the_next_run_heals_a_failed_host_and_goes_on() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.roll()
    scene.begins[first.id] = Step.DEPLOY
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert scene.ledger.kept[first.id].state is RecordState.IN_SERVICE


@pytest.mark.rule("F-33", "T10")
def test_an_address_that_still_drains_is_registered_when_aws_takes_it() -> None:
    scene = Scene()

    scene.web = replace(scene.web, target_type=TargetType.IP)
    scene.balancer.faults = [None, None, TargetRefused("still draining"), TargetRefused("still draining")]
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.DEPLOYED


def test_rollback_commands_bring_a_failed_host_back_and_the_roll_halts_all_the_same() -> None:
    scene = Scene(settings={"deploy": {"rollback": "back"}})
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.RESTORED
    assert results[first.id].failure is not None
    assert scene.balancer.members() == scene.home
    assert set(results) == {first.id}


def test_drain_takes_a_host_out_on_purpose_and_restore_puts_it_back() -> None:
    scene = Scene()
    scene.hosts = scene.hosts[:1]
    drained = scene.roll("drain")
    assert drained[scene.hosts[0].id].outcome is Outcome.DRAINED
    assert scene.state(scene.hosts[0]) == "held"
    restored = scene.roll("restore")
    assert restored[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-34", "I-8")
def test_a_terminated_instance_is_not_contacted() -> None:

    scene = Scene()
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, state=InstanceState.TERMINATED)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.GONE
    assert ("run", first.id, "deploy it") not in scene.history


@pytest.mark.rule("T13", "F-50")
def test_a_host_unhealthy_for_every_check_of_the_threshold_is_given_up_before_the_limit() -> None:
    scene = Scene()
    first = scene.hosts[0]
    began: list[float] = []

    def sicken_for_the_balancer(host: object, _job: object) -> None:
        began.append(scene.clock.time)
        for entry in scene.places[first.id]:
            scene.balancer.forced[entry] = TargetState.UNHEALTHY

    scene.transport.on_run = sicken_for_the_balancer  # type: ignore[assignment]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert results[first.id].failure is not None
    assert results[first.id].failure.code == "never-healthy"
    assert 50.0 <= results[first.id].seconds < 100.0
