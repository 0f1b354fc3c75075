"""The next run goes on where a record says (safety.md 2.2), and stops where a signal says (8)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from scene import Scene

from builders import a_pool
from elbroll import events
from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable, TargetRefused
from elbroll.model import (
    BalancerKind,
    InstanceState,
    JobEnd,
    JobResult,
    Outcome,
    RecordState,
    Result,
    Step,
    TargetState,
    TargetType,
    Why,
)

OPEN = (RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED, RecordState.REGISTERING)


def story_of(scene: Scene, number: int) -> list[str]:
    """What was done with a host, in order, each deed once."""
    name = scene.hosts[number].id
    deeds = [
        str(entry[2]) if entry[0] == "record" else str(entry[0])
        for entry in scene.history
        if entry[0] in {"deregister", "register", "run", "ask", "record"} and name in str(entry)
    ]
    return list(dict.fromkeys(deeds))


def resumed(state: RecordState, release: str) -> tuple[Scene, list[str]]:
    scene = Scene(release=release)
    first = scene.hosts[0]
    scene.put_record(first, state)
    scene.take_out(first)
    results = scene.rerun()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert scene.state(first) == "in-service"
    return scene, story_of(scene, 0)


@pytest.mark.rule("I-4", "I-7", "I-24")
@pytest.mark.parametrize(
    ("state", "release", "story"),
    [
        ("held", "v143", ["held", "deploying", "run", "deployed", "ask", "registering", "register", "in-service"]),
        ("deploying", "v143", ["deploying", "run", "deployed", "ask", "registering", "register", "in-service"]),
        ("deployed", "v143", ["ask", "registering", "register", "in-service"]),
        ("deployed", "v150", ["deployed", "deploying", "run", "ask", "registering", "register", "in-service"]),
        ("registering", "v143", ["registering", "register", "in-service"]),
        (
            "registering",
            "v150",
            ["registering", "deploying", "run", "deployed", "ask", "register", "in-service"],
        ),
    ],
)
def test_a_run_goes_on_where_the_record_allows(state: str, release: str, story: list[str]) -> None:
    _, told = resumed(RecordState(state), release)
    assert told == story


@pytest.mark.rule("I-18")
@pytest.mark.parametrize("state", OPEN)
def test_a_recorded_host_is_walked_first(state: RecordState) -> None:
    scene = Scene()
    last = scene.hosts[2]
    scene.put_record(last, state)
    scene.take_out(last)
    assert next(iter(scene.rerun())) == last.id


@pytest.mark.rule("I-4", "I-5")
@pytest.mark.parametrize("state", OPEN)
def test_a_recorded_host_that_reads_all_healthy_ends_in_service(state: RecordState) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, state)
    results = scene.rerun()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert scene.state(first) == "in-service"


@pytest.mark.rule("I-5")
@pytest.mark.parametrize("state", [RecordState.HELD, RecordState.DEPLOYING])
def test_a_recorded_host_that_serves_is_drained_before_its_command(state: RecordState) -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], state)
    scene.rerun()
    kinds = [entry[0] for entry in scene.history if entry[0] in {"deregister", "run"}]
    assert kinds[0] == "deregister"


@pytest.mark.rule("I-17", "F-43")
def test_a_command_of_an_earlier_run_is_awaited_and_never_doubled() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    scene.transport.running[first.id] = ("aaaaaa-deploy-1-1",)
    scene.clock.at(100.0, scene.transport.running.clear)
    began: list[float] = []
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    assert scene.rerun()[first.id].outcome is Outcome.DEPLOYED
    assert began[0] >= 1100.0


@pytest.mark.rule("I-17", "I-13")
def test_an_earlier_command_that_never_ends_leaves_the_host_out() -> None:
    scene = Scene(settings={"deploy": {"timeout": "1m", "rollback": "back"}})
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    scene.transport.running[first.id] = ("aaaaaa-deploy-1-1",)
    result = scene.rerun()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert "aaaaaa-deploy-1-1" in result.failure.message
    assert not scene.deeds("run")


@pytest.mark.rule("I-17")
def test_an_earlier_command_on_a_host_without_a_record_is_awaited_too() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.running[first.id] = ("aaaaaa-prepare-1-1",)
    scene.clock.at(100.0, scene.transport.running.clear)
    began: list[float] = []
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    scene.roll()
    assert began[0] >= 1100.0


@pytest.mark.rule("T-39", "I-17")
def test_a_host_that_does_not_say_what_runs_on_it_is_not_drained() -> None:
    scene = Scene(settings={"deploy": {"timeout": "1m"}})
    first = scene.hosts[0]
    scene.transport.open_jobs = silent  # type: ignore[method-assign,assignment]
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.SKIPPED
    assert not scene.deeds("record", "deregister")


@pytest.mark.rule("F-39", "I-17")
def test_a_host_that_no_longer_says_what_runs_on_it_is_put_back() -> None:
    scene = Scene(settings={"deploy": {"timeout": "1m"}})
    first = scene.hosts[0]
    scene.ledger.on_write = lambda _record: setattr(scene.transport, "open_jobs", silent)
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.RESTORED
    assert result.failure is not None
    assert result.failure.message == "the line was lost"


def silent(_host: object) -> tuple[str, ...]:
    raise HostUnreachable("the line was lost")


@pytest.mark.rule("T-39", "I-17")
def test_a_command_of_an_earlier_run_is_awaited_before_any_host_is_drained() -> None:
    scene = Scene()
    last = scene.hosts[2]
    scene.transport.running[last.id] = ("aaaaaa-deploy-1-1",)
    scene.clock.at(100.0, scene.transport.running.clear)
    left: list[float] = []
    scene.ledger.on_write = lambda _record: left.append(scene.clock.time)
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}
    assert left[0] >= 1100.0


# --- restore


@pytest.mark.rule("I-4")
@pytest.mark.parametrize(
    ("state", "story"),
    [
        ("held", ["register", "in-service"]),
        ("deployed", ["ask", "registering", "register", "in-service"]),
        ("registering", ["registering", "register", "in-service"]),
    ],
)
def test_restore_does_what_the_record_allows(state: str, story: list[str]) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState(state))
    scene.take_out(first)
    result = scene.restore()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.RESTORED, True)
    assert story_of(scene, 0) == story
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("I-7")
def test_restore_never_registers_a_host_whose_version_nobody_knows() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    result = scene.roll("restore")[first.id]
    assert result.failure is not None
    assert (result.failure.code, result.failure.message) == (
        "not-restorable",
        "its record says deploying: nobody knows what it runs",
    )
    assert not scene.deeds("register", "record")


def test_restore_puts_the_others_back_when_one_fails() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    scene.put_record(first, RecordState.DEPLOYED)
    scene.put_record(second, RecordState.DEPLOYED)
    scene.take_out(first)
    scene.take_out(second)
    scene.sick.add(first.id)
    results = scene.restore()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert results[second.id].outcome is Outcome.RESTORED


@pytest.mark.rule("I-19")
def test_a_second_restore_does_nothing() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], RecordState.HELD)
    scene.take_out(scene.hosts[0])
    scene.restore()
    scene.history.clear()
    scene.restore()
    assert not scene.deeds("register", "deregister", "record")


# --- drained on purpose


def test_a_host_drained_on_purpose_keeps_the_operators_reason_and_until() -> None:
    scene = Scene(why=Why.DRAIN)
    scene.hosts = scene.hosts[:1]
    run = replace(scene.run(), reason="disk swap", until=scene.clock.now())
    scene.run = lambda: run  # type: ignore[method-assign]
    scene.roll("drain")
    record = scene.ledger.kept[scene.hosts[0].id]
    assert (record.why, record.reason, record.until) == (Why.DRAIN, "disk swap", run.until)


def test_a_drain_counts_no_connections_where_the_balancers_word_was_asked_for() -> None:
    scene = Scene(settings={"drain": {"until": "reported"}}, why=Why.DRAIN)
    scene.hosts = scene.hosts[:1]
    assert scene.roll("drain")[scene.hosts[0].id].outcome is Outcome.DRAINED
    assert not scene.deeds("prepare")
    assert scene.clock.time >= 1300.0


def test_a_host_that_cannot_be_reached_is_drained_by_the_balancers_word() -> None:
    scene = Scene(why=Why.DRAIN)
    scene.hosts = scene.hosts[:1]
    scene.transport.refuses[scene.hosts[0].id] = HostUnreachable("no route")
    result = scene.roll("drain")[scene.hosts[0].id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.DRAINED, False, RecordState.HELD)
    assert result.release_after == "v142"
    assert scene.clock.time >= 1300.0
    told = [event for event in scene.sink.events if isinstance(event, events.Warned)]
    assert [(event.code, event.host) for event in told] == [("reported", scene.hosts[0])]
    assert "no route" in told[0].message


def test_a_drain_of_a_host_that_counts_its_connections_waits_for_the_last_one_only() -> None:
    scene = Scene(why=Why.DRAIN)
    scene.hosts = scene.hosts[:1]
    assert scene.roll("drain")[scene.hosts[0].id].outcome is Outcome.DRAINED
    assert scene.clock.time < 1060.0


# --- kinds of pool


@pytest.mark.rule("T10", "F-33")
def test_an_ip_target_goes_back_when_aws_takes_its_address_again() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    scene.transport.traffic = 10_000.0
    scene.balancer.faults = [None, None, *[TargetRefused("still draining")] * 4]
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.RESTORED
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("T11", "F-33")
def test_an_address_that_aws_never_takes_again_keeps_its_record() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    scene.transport.on_run = lambda _host, _job: scene.balancer.faults.extend([TargetRefused("no")] * 9999)
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.record is not None


@pytest.mark.rule("C4", "I-3")
def test_a_classic_balancers_hosts_are_sent_without_a_port() -> None:
    scene = Scene(web=a_pool("web-prod", kind=BalancerKind.CLASSIC))
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    sent = {entry for deed in scene.deeds("deregister", "register") for entry in deed[1:]}
    assert sent == {(entry.id, entry.port) for entry in scene.home}
    assert None in {entry.port for entry in scene.home}
    assert scene.balancer.members() == scene.home


def test_an_address_that_is_no_instance_is_not_looked_up() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    scene.hosts = (replace(scene.hosts[0], state=InstanceState.OUTSIDE), *scene.hosts[1:])
    scene.inventory.hosts.pop(scene.hosts[0].id)
    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.DEPLOYED


def test_an_address_that_is_no_instance_does_not_die() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    scene.hosts = (replace(scene.hosts[0], state=InstanceState.OUTSIDE), *scene.hosts[1:])
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.EXIT, 1)]
    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.LEFT_OUT


# --- verify


@pytest.mark.rule("F-46", "I-7")
def test_a_bad_answer_starts_the_row_of_good_ones_again() -> None:
    scene = Scene()
    answers = iter([True, True, False, True, True, True])
    scene.checks.well = lambda _host: next(answers, True)
    scene.hosts = scene.hosts[:1]
    scene.roll()
    register = [entry[0] for entry in scene.history].index("register")
    assert [entry[0] for entry in scene.history[:register]].count("ask") == 6


def test_without_checks_nobody_is_asked() -> None:
    scene = Scene()
    scene.checks.of = lambda *_asked: ()  # type: ignore[method-assign,assignment]
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}
    assert not scene.deeds("ask")


@pytest.mark.parametrize(("end", "code"), [(JobEnd.TIMED_OUT, "deploy-timeout"), (JobEnd.NOT_RUN, "deploy-not-run")])
def test_each_end_of_a_command_has_its_word(end: JobEnd, code: str) -> None:
    scene = Scene(settings={"deploy": {"commands": ["one", "two"]}})
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [JobResult(JobEnd.EXIT, 0), JobResult(end, cause="because")]
    failure = scene.roll()[first.id].failure
    assert failure is not None
    assert (failure.code, failure.why) == (code, ("because",))
    assert "command 2 of 2" in failure.message


# --- told to leave


def leave_at(scene: Scene, step: Step) -> None:
    moments = {Step.DRAIN: 1.0, Step.DEPLOY: 10.0, Step.VERIFY: 30.0, Step.REGISTER: 40.0, Step.BAKE: 60.0}
    scene.clock.at(moments[step], partial(scene.stop.ask, StopMode.LEAVE))


@pytest.mark.rule("F-54", "I-2", "I-7")
@pytest.mark.parametrize(
    ("step", "record", "registered"),
    [
        (Step.DRAIN, "held", True),
        (Step.VERIFY, "deployed", False),
        (Step.REGISTER, "registering", True),
        (Step.BAKE, "registering", True),
    ],
)
def test_a_run_told_to_leave_ends_within_seconds_and_its_record_is_true(
    step: Step, record: str, registered: bool
) -> None:
    scene = Scene(settings={"pace": {"bake": "5m"}, "verify": {"interval": "4s"}})
    first = scene.hosts[0]
    asked: list[float] = []
    ask = scene.stop.ask
    scene.stop.ask = lambda mode: (asked.append(scene.clock.time), ask(mode))[1]  # type: ignore[method-assign,assignment,func-returns-value]
    leave_at(scene, step)
    results = scene.roll()
    assert scene.clock.time - asked[0] <= 5.0
    assert scene.state(first) == record
    assert bool(scene.members_of(first)) is registered
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert results[first.id].steps[-1].result is Result.CANCELLATION or step is Step.DRAIN
    assert set(results) == {first.id}


@pytest.mark.rule("F-54", "I-17")
def test_a_command_that_is_left_running_leaves_the_record_in_deploying() -> None:
    scene = Scene(settings={"deploy": {"rollback": "back"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: scene.stop.ask(StopMode.LEAVE)
    scene.transport.ends[first.id] = [JobResult(JobEnd.UNKNOWN, cause="it may still run")]
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert (result.failure.code, result.failure.why) == (
        "abandoned",
        ("the line was dropped; the command may still run",),
    )
    assert scene.state(first) == "deploying"
    assert len(scene.deeds("run")) == 1


@pytest.mark.rule("F-54")
def test_a_run_told_to_leave_awaits_no_earlier_command() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    scene.transport.running[first.id] = ("aaaaaa-deploy-1-1",)
    scene.clock.at(50.0, partial(scene.stop.ask, StopMode.LEAVE))
    scene.rerun()
    assert scene.clock.time < 1056.0
    assert scene.state(first) == "deploying"


@pytest.mark.rule("F-54")
def test_a_signal_at_the_guard_leaves_the_host_untouched() -> None:
    scene = Scene()
    scene.balancer.forced[min(scene.places[scene.hosts[1].id])] = TargetState.INITIAL
    scene.clock.at(5.0, partial(scene.stop.ask, StopMode.FINISH))
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.NOT_REACHED
    assert result.failure is not None
    assert result.failure.code == "interrupted"
    assert not scene.deeds("record", "deregister")
