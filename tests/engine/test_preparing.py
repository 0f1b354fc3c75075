"""Before the first drain: what every host proves, and does while it still serves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from builders import a_pool
from elbroll import events
from elbroll.engine.preparing import Preparation
from elbroll.engine.stop import StopMode
from elbroll.errors import HostAccessError, HostUnreachable, Refused
from elbroll.model import (
    BalancerKind,
    HostResult,
    InstanceState,
    JobEnd,
    JobResult,
    Outcome,
    RecordState,
    Result,
    Step,
    TargetState,
)

if TYPE_CHECKING:
    from elbroll.engine.preparing import HostNeeds

PREPARE = {"deploy": {"prepare": "fetch", "upload": [{"from": "web.tgz", "to": "/opt/web.tgz"}]}}


def needs(scene: Scene, number: int = 0) -> HostNeeds:
    scene.roll()
    return scene.transport.needs[scene.hosts[number].id]  # type: ignore[return-value]


@pytest.mark.rule("S-7", "F-47", "I-6")
def test_a_question_that_can_never_be_asked_is_found_while_every_host_serves() -> None:
    scene = Scene()
    scene.checks.refuses = Refused("169.254.169.254 is not asked", code="forbidden-address")
    results = scene.roll()

    assert {result.outcome for result in results.values()} == {Outcome.SKIPPED}
    assert {result.failure.code for result in results.values() if result.failure} == {"forbidden-address"}
    assert not {entry[0] for entry in scene.history} & {"record", "deregister", "run", "upload"}


@pytest.mark.rule("F-38", "I-6")
def test_uploads_and_prepare_commands_run_on_every_host_before_the_first_drain() -> None:
    scene = Scene(settings=PREPARE)
    scene.roll()
    first = next(index for index, entry in enumerate(scene.history) if entry[0] == "record")
    before = [entry[0] for entry in scene.history[:first]]
    assert (before.count("upload"), before.count("run")) == (3, 3)


def test_a_hosts_upload_comes_before_its_prepare_command() -> None:
    scene = Scene(settings=PREPARE)
    scene.roll()
    first = scene.hosts[0].id
    kinds = [entry[0] for entry in scene.history if len(entry) > 1 and entry[1] == first]
    assert kinds[:3] == ["prepare", "upload", "run"]


@pytest.mark.rule("I-17")
def test_a_prepare_command_waits_for_a_command_of_an_earlier_run() -> None:
    scene = Scene(settings=PREPARE)
    scene.transport.running[scene.hosts[0].id] = ("aaaaaa-deploy-1-1",)
    scene.clock.at(50.0, scene.transport.running.clear)
    scene.roll()
    began = next(entry for entry in scene.history if entry[0] == "run")
    assert began == ("run", scene.hosts[0].id, "fetch")
    assert scene.clock.time >= 1050.0


@pytest.mark.rule("F-54", "I-17")
def test_a_first_signal_ends_the_wait_of_a_serving_host_for_an_earlier_command() -> None:
    scene = Scene(settings=PREPARE)
    scene.transport.running = {host.id: ("aaaaaa-deploy-1-1",) for host in scene.hosts}
    scene.clock.at(5.0, partial(scene.stop.ask, StopMode.FINISH))
    scene.roll()
    assert scene.clock.time < 1010.0


@pytest.mark.rule("F-38")
@pytest.mark.parametrize(
    ("error", "access"),
    [(HostAccessError("login refused"), True), (HostUnreachable("no route"), False), (Refused("disk full"), False)],
)
def test_a_host_that_is_not_ready_is_skipped_with_the_reason(error: Exception, access: bool) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.refuses[first.id] = error
    results = scene.roll()
    failure = results[first.id].failure
    assert failure is not None
    assert (results[first.id].outcome, failure.message, failure.access) == (Outcome.SKIPPED, str(error), access)
    assert set(results) == {first.id}
    assert not scene.deeds("record", "deregister")


@pytest.mark.rule("F-38", "I-6")
def test_a_prepare_command_that_fails_halts_before_the_first_drain() -> None:
    scene = Scene(settings=PREPARE)
    scene.transport.ends[scene.hosts[1].id] = [JobResult(JobEnd.EXIT, 7)]
    results = scene.roll()
    failure = results[scene.hosts[1].id].failure
    assert failure is not None
    assert (failure.code, results[scene.hosts[1].id].seconds) == ("prepare-exit", scene.transport.takes)
    assert not scene.deeds("record", "deregister")


def test_the_halt_before_the_first_drain_names_the_hosts_that_are_not_ready() -> None:
    scene = Scene()
    for host in scene.hosts[1:]:
        scene.transport.refuses[host.id] = HostUnreachable("no route")
    scene.roll()
    halts = [event.reason for event in scene.sink.events if isinstance(event, events.HaltDecided)]
    assert halts == ["not ready: web-2, web-3"]


def test_a_recorded_host_that_is_not_ready_stays_out_and_says_so() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.transport.refuses[first.id] = HostUnreachable("no route")
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.LEFT_OUT, False, RecordState.HELD)
    assert (result.release_before, result.release_after) == ("v142", "v142")


def test_a_host_that_is_not_ready_still_serves_what_it_served() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.refuses[first.id] = Refused("disk full", why=("/ has 3 MiB",), fix=("free some",))
    result = scene.roll()[first.id]
    assert (result.host, result.in_service, result.record) == (first.id, True, None)
    assert (result.release_before, result.release_after) == ("v142", "v142")
    assert result.failure is not None
    assert (result.failure.why, result.failure.fix) == (("/ has 3 MiB",), ("free some",))
    ends = [event for event in scene.sink.events if isinstance(event, events.StepFinished | events.HostFinished)]
    about = [event for event in ends if event.host == first]
    assert isinstance(about[0], events.StepFinished)
    assert (about[0].step, about[0].result, about[0].failure) == (Step.PREPARE, Result.FAILURE, result.failure)
    assert about[1] == events.HostFinished(first, result)


@pytest.mark.rule("F-54")
def test_a_host_that_a_signal_kept_from_being_tried_says_so() -> None:
    scene = Scene()
    scene.stop.ask(StopMode.FINISH)
    result = scene.roll()[scene.hosts[0].id]
    ends = [event for event in scene.sink.events if isinstance(event, events.StepFinished) and event.host]
    assert {end.result for end in ends} == {Result.CANCELLATION}
    assert result.failure is not None
    assert result.failure.code == "interrupted"


def test_each_upload_has_a_name_of_its_own() -> None:
    upload = [{"from": "web.tgz", "to": "/opt/web.tgz"}, {"from": "web.conf", "to": "/etc/web.conf"}]
    scene = Scene(settings={"deploy": {"upload": upload}})
    scene.roll()
    assert [deed[2] for deed in scene.deeds("upload")][:2] == ["7f3a9c-upload-1", "7f3a9c-upload-2"]


@pytest.mark.rule("I-17")
def test_a_prepare_command_is_numbered_after_the_attempt_that_a_record_tells() -> None:
    scene = Scene(settings=PREPARE)
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING, attempt=3)
    scene.take_out(first)
    scene.roll()
    assert str(scene.transport.jobs[0].id) == "7f3a9c-prepare-3-1"


def test_warnings_of_a_host_are_told() -> None:
    scene = Scene()
    scene.transport.warnings = ("its clock is 40 s off",)
    scene.roll()
    told = [event.message for event in scene.sink.events if isinstance(event, events.Warned)]
    assert told == ["its clock is 40 s off"] * 3


def test_the_end_of_preparing_says_how_many_are_ready() -> None:
    scene = Scene()
    scene.transport.refuses[scene.hosts[2].id] = HostUnreachable("no route")
    scene.roll()
    ends = [event for event in scene.sink.events if isinstance(event, events.StepFinished) and event.host is None]
    assert [(event.step, event.result, event.note) for event in ends] == [
        (Step.PREPARE, Result.FAILURE, "2 hosts ready")
    ]


def test_preparing_takes_as_long_as_its_hosts() -> None:
    scene = Scene(settings=PREPARE)
    scene.roll()
    end = next(event for event in scene.sink.events if isinstance(event, events.StepFinished))
    assert (end.host, end.result, end.note) == (None, Result.SUCCESS, "3 hosts ready")
    assert end.seconds == pytest.approx(60.0, abs=1.0)


# --- needs


def test_every_traffic_port_must_be_countable_and_reachable_for_probes() -> None:
    wanted = needs(Scene())
    assert wanted.count_ports == {8080, 9000}
    assert wanted.tunnel_to == (("10.0.1.11", 8080), ("10.0.1.11", 9000))
    assert not wanted.sudo


@pytest.mark.rule("F-17")
def test_a_host_that_is_out_needs_the_ports_of_its_record() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.hosts = tuple(replace(host) for host in scene.hosts)
    assert needs(scene).count_ports == {8080, 9000}


@pytest.mark.rule("C4")
def test_a_classic_balancers_ports_are_those_of_its_listeners() -> None:
    pool = a_pool("web-prod", kind=BalancerKind.CLASSIC, ports=(8080, 8443))
    assert needs(Scene(web=pool)).count_ports == {8080, 8443, 9000}


def test_the_balancers_word_alone_needs_no_counting() -> None:
    assert needs(Scene(settings={"drain": {"until": "reported"}})).count_ports == frozenset()


def test_without_http_checks_no_tunnel_is_needed() -> None:
    assert needs(Scene(settings={"verify": {"http": "off"}})).tunnel_to == ()


@pytest.mark.parametrize("kind", ["prepare", "commands", "rollback"])
def test_a_command_with_sudo_needs_it(kind: str) -> None:
    assert needs(Scene(settings={"deploy": {kind: "sudo systemctl restart web"}})).sudo


@pytest.mark.rule("F-47")
def test_questions_are_tried_for_the_release_that_will_be_deployed() -> None:
    scene = Scene()
    asked: list[str | None] = []
    of = scene.checks.of
    scene.checks.of = lambda *about: (asked.append(about[2]), of(*about))[1]  # type: ignore[method-assign,func-returns-value]
    scene.roll()
    assert set(asked) == {"v143"}


def test_a_sick_host_that_is_not_ready_is_not_called_in_service() -> None:
    scene = Scene()
    first, run = scene.hosts[0], scene.run()
    scene.transport.refuses[first.id] = HostUnreachable("no route")
    planned = replace(scene.planned(first), state=TargetState.UNHEALTHY)
    result = Preparation(run, scene.room(run), {}).of(planned)
    assert isinstance(result, HostResult)
    assert (result.outcome, result.in_service) == (Outcome.SKIPPED, False)


@pytest.mark.rule("F-34", "F-12")
def test_a_host_found_dead_while_preparing_is_gone_although_its_record_cannot_be_closed() -> None:
    scene = Scene(settings=PREPARE)
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.transport.refuses[first.id] = HostUnreachable("no route")
    scene.inventory.hosts[first.id] = replace(first, state=InstanceState.TERMINATED)
    scene.ledger.down_at = {"gone"}
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.GONE, False, RecordState.HELD)
    assert (result.host, result.release_before) == (first.id, "v142")
    told = {(event.code, event.message) for event in scene.sink.events if isinstance(event, events.Warned)}
    assert ("record", "its record stays open: gone could not be written") in told
