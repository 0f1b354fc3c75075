"""What is told of a host's steps: their limits, their progress and their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from scene import Scene

from builders import a_pool
from elbroll import events
from elbroll.errors import HostUnreachable
from elbroll.model import JobEnd, JobResult, Outcome, Result, Step, TargetState

if TYPE_CHECKING:
    from elbroll.model import HostResult

E = TypeVar("E", bound=events.Event)
BAKED = {"deploy": {"commands": ["one", "two"], "timeout": "7m"}, "pace": {"bake": "2m"}}


def told(scene: Scene, kind: type[E]) -> list[E]:
    return [event for event in scene.sink.events if isinstance(event, kind)]


def first_rolled(scene: Scene) -> HostResult:
    """The first of several hosts, alone."""
    scene.hosts = scene.hosts[:1]
    return scene.roll()[scene.hosts[0].id]


def test_each_step_begins_with_its_limit_and_what_it_is_about() -> None:
    scene = Scene(settings=BAKED)
    first = scene.hosts[0]
    first_rolled(scene)
    places = ("api-prod:9000", "web-prod:8080")
    asks = ("GET 10.0.1.11:8080/healthz",)
    assert told(scene, events.StepStarted) == [
        events.StepStarted(None, Step.PREPARE, limit=420.0, hosts=1),
        events.StepStarted(first, Step.DRAIN, limit=360.0, pools=places, until="idle"),
        events.StepStarted(first, Step.DEPLOY, limit=420.0, commands=2),
        events.StepStarted(first, Step.VERIFY, limit=120.0, checks=asks, consecutive=3),
        events.StepStarted(first, Step.REGISTER, limit=120.0, pools=places),
        events.StepStarted(first, Step.BAKE, limit=120.0),
    ]


def test_a_host_that_is_put_back_tells_where_it_goes_and_for_how_long_it_is_waited_for() -> None:
    scene = Scene()
    scene.transport.traffic = 10_000.0
    first_rolled(scene)
    places = ("api-prod:9000", "web-prod:8080")
    back = events.StepStarted(scene.hosts[0], Step.REGISTER, limit=120.0, pools=places)
    assert [event for event in told(scene, events.StepStarted) if event.step is Step.REGISTER] == [back]


def test_each_step_that_ended_well_is_told_and_summed_up_with_its_time() -> None:
    scene = Scene(settings=BAKED)
    result = first_rolled(scene)
    ends = [event for event in told(scene, events.StepFinished) if event.host]
    steps = [Step.DRAIN, Step.DEPLOY, Step.VERIFY, Step.REGISTER, Step.BAKE]
    assert [(end.step, end.result, end.failure) for end in ends] == [(step, Result.SUCCESS, None) for step in steps]
    assert [(step.step, step.result, step.seconds) for step in result.steps] == [
        (end.step, end.result, end.seconds) for end in ends
    ]
    assert ends[1].seconds == pytest.approx(40.0, abs=1.0)
    assert ends[4].seconds == pytest.approx(120.0, abs=6.0)
    assert result.seconds == pytest.approx(sum(step.seconds for step in result.steps), abs=2.0)


@pytest.mark.parametrize(
    ("ended", "told_as"),
    [
        (JobResult(JobEnd.TIMED_OUT, cause="it took too long"), Result.TIMEOUT),
        (JobResult(JobEnd.EXIT, 7), Result.FAILURE),
    ],
)
def test_a_step_that_failed_is_told_with_its_failure(ended: JobResult, told_as: Result) -> None:
    scene = Scene()
    scene.transport.ends[scene.hosts[0].id] = [ended]
    result = first_rolled(scene)
    end = told(scene, events.StepFinished)[-1]
    assert (end.host, end.step, end.result, end.failure) == (
        scene.hosts[0],
        Step.DEPLOY,
        told_as,
        result.failure,
    )
    assert [(step.step, step.result) for step in result.steps] == [
        (Step.DRAIN, Result.SUCCESS),
        (Step.DEPLOY, told_as),
    ]


def test_a_step_that_an_error_ended_is_told_with_its_reason_and_its_cure() -> None:
    scene = Scene()

    def lost(*_asked: object) -> None:
        raise HostUnreachable("no route", why=("port 22 is filtered",), fix=("open port 22",))

    scene.transport.look = lost  # type: ignore[method-assign,assignment]
    failure = first_rolled(scene).failure
    assert failure is not None
    assert (failure.message, failure.why, failure.fix) == ("no route", ("port 22 is filtered",), ("open port 22",))
    ends = [event for event in told(scene, events.StepFinished) if event.step is Step.DEPLOY]
    assert [(end.result, end.failure) for end in ends] == [(Result.ERROR, failure)]


def test_lines_of_a_hosts_commands_are_numbered_through_all_of_them() -> None:
    scene = Scene(settings=BAKED)
    first = scene.hosts[0]
    first_rolled(scene)
    assert told(scene, events.HostOutput) == [
        events.HostOutput(first, Step.DEPLOY, 1, "running one"),
        events.HostOutput(first, Step.DEPLOY, 2, "running two"),
    ]


def test_a_drain_tells_its_connections_while_there_are_any() -> None:
    scene = Scene()
    first_rolled(scene)
    looks = [event for event in told(scene, events.StepProgress) if event.step is Step.DRAIN]
    assert {look.host for look in looks} == {scene.hosts[0]}
    assert {look.connections for look in looks} == {0, 1}
    assert all(look.text for look in looks)


def test_a_registration_tells_each_state_once_with_all_places() -> None:
    scene = Scene()
    first_rolled(scene)
    looks = [event for event in told(scene, events.StepProgress) if event.step is Step.REGISTER]
    assert [dict(look.states) for look in looks] == [
        {"api-prod:9000": TargetState.INITIAL, "web-prod:8080": TargetState.INITIAL},
        {"api-prod:9000": TargetState.HEALTHY, "web-prod:8080": TargetState.HEALTHY},
    ]
    assert "web-prod:8080 initial" in (looks[0].text or "")


def test_an_app_that_is_not_well_yet_tells_its_last_answer() -> None:
    scene = Scene(settings={"verify": {"timeout": "30s"}})
    scene.transport.on_run = lambda host, _job: scene.sick.add(host.id)
    result = first_rolled(scene)
    looks = [event for event in told(scene, events.StepProgress) if event.step is Step.VERIFY]
    assert {(look.host, look.text) for look in looks} == {(scene.hosts[0], "answered 502")}
    assert result.failure is not None
    assert result.steps[-1].result is Result.TIMEOUT
    assert (result.failure.code, result.failure.message) == (
        "verify-http",
        "GET 10.0.1.11:8080/healthz answered 502 for 0:30",
    )


def test_a_walk_begins_and_ends_with_the_host_and_where_it_serves() -> None:
    scene = Scene()
    first = scene.hosts[0]
    result = first_rolled(scene)
    assert told(scene, events.HostStarted) == [events.HostStarted(first, 1, frozenset(scene.places[first.id]))]
    assert told(scene, events.HostFinished) == [events.HostFinished(first, result)]
    assert (result.host, result.outcome, result.in_service) == (first.id, Outcome.DEPLOYED, True)
    assert (result.release_before, result.release_after, result.record) == ("v142", "v143", None)
    assert (result.failure, result.note) == (None, None)


@pytest.mark.rule("F-27")
def test_capacity_is_told_when_a_host_has_left_and_when_it_is_back() -> None:
    scene = Scene()
    first_rolled(scene)
    counts = [event for event in told(scene, events.CapacityChanged) if event.name == "web-prod"]
    assert [(count.in_service, count.floor, count.total) for count in counts] == [(2, 2, 3), (3, 2, 3)]
    assert {count.pool for count in counts} == {scene.web.id}


@pytest.mark.rule("T14")
def test_a_bake_lasts_as_long_as_the_slowest_slow_start() -> None:
    scene = Scene(web=a_pool("web-prod", slow_start=90.0))
    first_rolled(scene)
    bake = told(scene, events.StepStarted)[-1]
    assert (bake.step, bake.limit) == (Step.BAKE, 90.0)
