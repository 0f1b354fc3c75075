"""One host's walk: who is walked at all, and what is known of it at its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from elbroll.engine.host import HostWalk
from elbroll.model import InstanceState, JobEnd, JobResult, Outcome, RecordState, Step, TargetState, Why

if TYPE_CHECKING:
    from elbroll.model import HostResult


def walked(scene: Scene, **kinds: bool) -> HostResult:
    """A roll of the first host alone, outside of any fleet's opening and preparing."""
    first, run = scene.hosts[0], scene.run()
    walk = HostWalk(run, scene.room(run), scene.planned(first), scene.ledger.kept.get(first.id))
    return walk.roll(**{"countable": True, **kinds})


@pytest.mark.rule("F-34", "I-8")
@pytest.mark.parametrize("state", [InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN, InstanceState.MISSING])
def test_a_dead_machine_is_gone_and_nothing_is_done_to_it(state: InstanceState) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, state=state)
    result = walked(scene)
    assert (result.outcome, result.in_service, result.release_before) == (Outcome.GONE, False, "v142")
    assert result.failure is not None
    assert result.failure.message == f"the instance is {state}"
    assert not scene.history


@pytest.mark.rule("F-34", "F-26")
@pytest.mark.parametrize(
    ("state", "said"),
    [(InstanceState.STOPPED, None), (InstanceState.STOPPING, None), (InstanceState.UNKNOWN, "hibernating")],
)
def test_a_machine_that_stands_still_is_not_reached_and_keeps_its_place(state: InstanceState, said: str | None) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, state=state, said=said)
    result = walked(scene)
    assert (result.outcome, result.in_service, result.release_after) == (Outcome.NOT_REACHED, True, "v142")
    assert result.failure is not None
    assert (result.failure.code, result.failure.message) == ("stopped", f"the instance is {said or state}")
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("I-9")
@pytest.mark.parametrize(("state", "recorded"), [(TargetState.UNHEALTHY, False), (TargetState.HEALTHY, True)])
def test_a_host_that_was_not_reached_serves_only_if_it_was_well_and_held_by_no_record(
    state: TargetState, recorded: bool
) -> None:
    scene = Scene()
    first, run = scene.hosts[0], scene.run()
    scene.inventory.hosts[first.id] = replace(first, state=InstanceState.STOPPED)
    record = scene.put_record(first, RecordState.HELD) if recorded else None
    planned = replace(scene.planned(first), state=state)
    result = HostWalk(run, scene.room(run), planned, record).roll(countable=True)
    assert (result.outcome, result.in_service) == (Outcome.NOT_REACHED, False)


def test_the_lock_says_which_host_is_worked_on() -> None:
    scene = Scene()
    doing: list[str] = []
    run = scene.run()
    run.lease.doing = doing.append  # type: ignore[method-assign]
    HostWalk(run, scene.room(run), scene.planned(scene.hosts[1]), None).roll(countable=True)
    assert doing == ["web-2"]


@pytest.mark.rule("I-5", "T8")
def test_a_host_whose_connections_cannot_be_counted_waits_for_the_balancers_word() -> None:
    scene = Scene()
    walked(scene, countable=False)
    assert scene.clock.time >= 1300.0


def test_a_host_drained_on_purpose_is_out_with_the_release_it_had() -> None:
    scene = Scene(why=Why.DRAIN)
    scene.hosts = scene.hosts[:1]
    result = scene.roll("drain")[scene.hosts[0].id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.DRAINED, False, RecordState.HELD)
    assert (result.release_before, result.release_after) == ("v142", "v142")
    assert [step.step for step in result.steps] == [Step.DRAIN]


@pytest.mark.rule("I-7")
@pytest.mark.parametrize(
    ("state", "release"),
    [(RecordState.HELD, "v142"), (RecordState.DEPLOYED, "v143"), (RecordState.REGISTERING, "v143")],
)
def test_a_restored_host_runs_what_its_record_says(state: RecordState, release: str) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, state, release_before="v142", release_after="v143")
    scene.take_out(first)
    result = scene.restore()[first.id]
    assert (result.outcome, result.in_service, result.release_after) == (Outcome.RESTORED, True, release)
    assert scene.ledger.kept[first.id].release_after == release


def asked_releases(scene: Scene) -> list[str | None]:
    """Which release each question to an app is about, as they are put together."""
    asked: list[str | None] = []
    of = scene.checks.of
    scene.checks.of = lambda *about: (asked.append(about[2]), of(*about))[1]  # type: ignore[method-assign,func-returns-value]
    return asked


@pytest.mark.rule("F-46", "I-7")
def test_a_rolled_host_is_asked_for_the_release_that_its_record_then_tells() -> None:
    scene = Scene()
    asked = asked_releases(scene)
    assert walked(scene).outcome is Outcome.DEPLOYED
    assert (asked, scene.ledger.kept[scene.hosts[0].id].release_after) == (["v143"], "v143")


@pytest.mark.rule("F-46", "I-7")
def test_the_app_of_a_restored_host_is_asked_for_the_release_of_its_record() -> None:
    scene = Scene(release=None)
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYED, release_after="v141")
    scene.take_out(first)
    asked = asked_releases(scene)
    assert scene.restore()[first.id].outcome is Outcome.RESTORED
    assert asked == ["v141"]


@pytest.mark.rule("I-7")
def test_a_host_left_out_by_its_command_runs_nobody_knows_what() -> None:
    scene = Scene()
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.EXIT, 1)]
    result = walked(scene)
    assert (result.outcome, result.in_service, result.record) == (Outcome.LEFT_OUT, False, RecordState.DEPLOYING)
    assert (result.release_before, result.release_after) == ("v142", None)
    assert result.note == "record kept: api-prod:9000, web-prod:8080"
    kept = scene.ledger.kept[scene.hosts[0].id]
    assert (kept.step, kept.error) == ("deploy", "deploy-exit")


def test_a_host_that_was_put_back_runs_what_it_ran() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], RecordState.IN_SERVICE, release_after="v142")
    scene.transport.traffic = 10_000.0
    result = walked(scene)
    assert (result.outcome, result.in_service, result.release_after) == (Outcome.RESTORED, True, "v142")
    assert (result.record, result.note) == (None, None)
    assert scene.ledger.kept[scene.hosts[0].id].release_after == "v142"
