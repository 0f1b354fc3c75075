"""A host's own work: what its commands are told, and what is said of an app that is not well."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from builders import a_registration
from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable
from elbroll.model import JobEnd, JobResult, OnLoss, Outcome, RecordState

if TYPE_CHECKING:
    from elbroll.model import Failure


def failure_of(scene: Scene) -> Failure:
    """The first host's."""
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    return result.failure


@pytest.mark.rule("F-46", "I-7")
def test_an_app_that_could_not_be_asked_is_told_from_one_that_is_ill() -> None:
    scene = Scene(settings={"verify": {"timeout": "121s"}})

    def lost(_host: object) -> bool:
        raise HostUnreachable("the line was lost")

    scene.checks.well = lost
    failure = failure_of(scene)
    assert failure.message == "the app could not be asked for 2:01: the line was lost"
    assert scene.state(scene.hosts[0]) == "deployed"


@pytest.mark.rule("F-46")
def test_an_app_that_got_well_too_late_is_said_to_be_well_but_not_for_long_enough() -> None:
    scene = Scene(settings={"verify": {"timeout": "20s", "interval": "5s"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda host, _job: scene.sick.add(host.id)
    scene.transport.takes = 10.0
    scene.clock.at(10.0 + 10.0 + 18.0, partial(scene.sick.discard, first.id))
    failure = failure_of(scene)
    assert "GET 10.0.1.11:8080/healthz answered 200 in the end" in failure.message
    assert "0:20" in failure.message
    assert "looks, none of them well for long enough" in failure.why[0]


# --- commands


@pytest.mark.rule("T-31", "T-34", "F-40")
def test_every_command_has_an_id_of_its_own_and_what_is_left_of_the_time() -> None:
    deploy = {"commands": ["one", "two"], "timeout": "50s", "workdir": "/opt/app", "env": {"COLOUR": "blue"}}
    scene = Scene(settings={"deploy": deploy})
    first = scene.hosts[0]
    scene.roll()
    jobs = scene.transport.jobs[:2]
    assert [str(job.id) for job in jobs] == ["7f3a9c-deploy-1-1", "7f3a9c-deploy-1-2"]
    assert [(job.line, job.limit, job.on_loss) for job in jobs] == [
        ("one", 50.0, OnLoss.KEEP),
        ("two", 30.0, OnLoss.KEEP),
    ]
    assert {job.workdir for job in jobs} == {"/opt/app"}
    assert jobs[0].env == {
        "COLOUR": "blue",
        "ELBROLL_RELEASE": "v143",
        "ELBROLL_HOST": "web-1",
        "ELBROLL_INSTANCE_ID": first.id,
        "ELBROLL_LB": "web-prod",
        "ELBROLL_RUN": "7f3a9c",
    }


def test_without_a_release_the_variable_is_empty() -> None:
    scene = Scene(release=None)
    scene.roll()
    assert scene.transport.jobs[0].env["ELBROLL_RELEASE"] == ""


@pytest.mark.rule("I-17")
def test_a_second_attempt_has_ids_of_its_own() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING, attempt=4)
    scene.take_out(first)
    scene.rerun()
    assert str(scene.transport.jobs[0].id) == "7f3a9c-deploy-5-1"


@pytest.mark.rule("F-42", "F-43")
@pytest.mark.parametrize(
    ("ended", "code", "says"),
    [
        (JobResult(JobEnd.EXIT, 7), "deploy-exit", "command 2 of 2 exited 7"),
        (JobResult(JobEnd.TIMED_OUT, seconds=20.4), "deploy-timeout", "command 2 of 2 was stopped after 20 s"),
        (JobResult(JobEnd.NOT_RUN), "deploy-not-run", "command 2 of 2 did not run"),
        (JobResult(JobEnd.UNKNOWN), "deploy-unknown", "nobody knows how command 2 of 2 ended"),
    ],
)
def test_a_command_that_failed_is_named_with_its_end_cause_and_output(ended: JobResult, code: str, says: str) -> None:
    scene = Scene(settings={"deploy": {"commands": ["one", "two"]}})
    told = replace(ended, cause="because", tail=("last words",), lines=12)
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.EXIT, 0), told]
    failure = failure_of(scene)
    assert (failure.code, failure.message) == (code, says)
    assert (failure.why, failure.tail, failure.lines) == (("because",), ("last words",), 12)


def test_the_only_command_is_not_numbered() -> None:
    scene = Scene()
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.EXIT, 3)]
    failure = failure_of(scene)
    assert (failure.message, failure.why) == ("the command exited 3", ())


@pytest.mark.rule("I-17")
def test_an_earlier_command_that_never_ends_is_named() -> None:
    scene = Scene(settings={"deploy": {"timeout": "60s"}})
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    scene.ledger.on_write = lambda _record: scene.transport.running.update({first.id: ("aaaaaa-deploy-1-1",)})
    failure = failure_of(scene)
    assert failure.code == "job-still-runs"
    assert "aaaaaa-deploy-1-1" in failure.message


@pytest.mark.rule("F-36", "I-5")
def test_a_host_that_somebody_has_registered_is_named_with_the_place() -> None:
    scene = Scene(settings={"deploy": {"commands": ["one", "two"]}})
    entry = a_registration(scene.web, scene.hosts[0])
    scene.transport.on_run = lambda _host, _job: scene.balancer.add(entry, long_ago=True)
    failure = failure_of(scene)
    assert (failure.code, failure.message) == ("undone", "registered again by somebody else: web-prod:8080")


@pytest.mark.rule("F-39")
def test_a_host_that_runs_no_commands_says_why_or_that_it_gave_no_reason() -> None:
    scene = Scene()
    scene.transport.look = lambda *_asked: JobResult(JobEnd.NOT_RUN)  # type: ignore[method-assign,assignment]
    failure = scene.roll()[scene.hosts[0].id].failure
    assert failure is not None
    assert (failure.message, failure.why) == ("web-1 does not run commands", ("no reason given",))


def test_a_host_gets_a_quarter_of_a_minute_to_answer_before_its_first_command() -> None:
    scene = Scene()
    asked: list[tuple[object, ...]] = []
    look = scene.transport.look
    scene.transport.look = lambda *about: (asked.append(about), look(*about))[1]  # type: ignore[method-assign,func-returns-value]
    scene.roll()
    assert asked[0] == (scene.hosts[0], ":", {}, 15.0)


@pytest.mark.rule("T-31")
def test_a_command_for_which_no_time_is_left_gets_a_second() -> None:
    scene = Scene(settings={"deploy": {"commands": ["one", "two"], "timeout": "30s"}})
    scene.transport.takes = 40.0
    scene.roll()
    assert [job.limit for job in scene.transport.jobs[:2]] == [30.0, 1.0]


@pytest.mark.rule("F-54", "I-17")
def test_a_first_signal_puts_no_drained_host_back_while_an_earlier_command_runs_on_it() -> None:
    scene = Scene()
    first = scene.hosts[0]
    look = scene.transport.look

    def earlier_command_and_signal(*about: object) -> JobResult:
        scene.transport.running[first.id] = ("aaaaaa-deploy-1-1",)
        scene.clock.at(5.0, partial(scene.stop.ask, StopMode.FINISH))
        scene.clock.at(30.0, scene.transport.running.clear)
        return look(*about)  # type: ignore[arg-type]

    scene.transport.look = earlier_command_and_signal  # type: ignore[method-assign,assignment]
    result = scene.roll()[first.id]
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.RESTORED, "interrupted")


@pytest.mark.rule("F-54", "I-7")
def test_a_command_that_failed_just_before_a_second_signal_has_failed() -> None:
    scene = Scene()

    def fails(*_about: object) -> JobResult:
        scene.stop.ask(StopMode.LEAVE)
        return JobResult(JobEnd.EXIT, 1)

    scene.transport.run = fails  # type: ignore[method-assign,assignment]
    assert failure_of(scene).code == "deploy-exit"
