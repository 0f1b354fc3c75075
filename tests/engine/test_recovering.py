"""What becomes of a host whose step has failed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from elbroll import events
from elbroll.engine.out_again import take_out_again
from elbroll.engine.permit import JUDGED
from elbroll.engine.stop import StopMode
from elbroll.errors import PermissionDenied, RecordTooBig, Superseded, Unanswered
from elbroll.model import InstanceState, JobEnd, JobResult, Outcome, RecordState, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.model import Pool, PoolView

EXIT_1 = JobResult(JobEnd.EXIT, 1, tail=("bind: address already in use",), lines=1)
ROLLBACK = {"deploy": {"rollback": "back"}}


def warnings(scene: Scene) -> list[str]:
    return [event.code for event in scene.sink.events if isinstance(event, events.Warned)]


def at_event(scene: Scene, meant: Callable[[events.Event], bool], deed: Callable[[], object]) -> None:
    """Does something once such an event was told."""
    tell = scene.sink.tell

    def tell_and_act(event: events.Event) -> None:
        tell(event)
        if meant(event):
            deed()

    scene.sink.tell = tell_and_act  # type: ignore[method-assign]


def wrote(state: RecordState) -> Callable[[events.Event], bool]:
    return lambda event: isinstance(event, events.RecordWritten) and event.state is state


def signal_in(scene: Scene, seconds: float) -> None:
    """A second signal."""
    scene.clock.at(seconds, partial(scene.stop.ask, StopMode.LEAVE))


# --- the record cannot be written


@pytest.mark.rule("F-12", "I-2")
def test_without_a_record_no_host_is_drained() -> None:
    scene = Scene()
    scene.ledger.down_at = {"held"}
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.NOT_REACHED
    assert not scene.deeds("deregister", "run")


@pytest.mark.rule("F-28")
@pytest.mark.parametrize(
    ("error", "in_service", "note"),
    [
        (RecordTooBig("over 4096 bytes"), True, None),
        (PermissionDenied("no", action="ssm:PutParameter"), True, None),
        (Superseded("taken"), None, "another run has taken over: nothing more was done"),
    ],
)
def test_a_record_that_is_refused_leaves_the_host_untouched_at_once(
    error: Exception, in_service: bool | None, note: str | None
) -> None:
    scene = Scene()
    scene.ledger.refuses = error
    results = scene.roll()
    result = results[scene.hosts[0].id]
    assert (result.outcome, result.in_service, result.note) == (Outcome.NOT_REACHED, in_service, note)
    assert result.release_after == "v142"
    assert result.failure is not None
    assert result.failure.message == str(error)
    assert scene.clock.time < 1010.0
    assert not scene.deeds("deregister", "run")
    assert set(results) == {scene.hosts[0].id}


@pytest.mark.rule("F-12", "I-6")
def test_a_store_that_fails_before_the_deploy_puts_the_host_back() -> None:
    scene = Scene()
    scene.ledger.down_at = {"deploying"}
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home
    assert scene.state(scene.hosts[0]) == "in-service"


@pytest.mark.rule("F-12", "I-7")
@pytest.mark.parametrize(("state", "kept"), [("deployed", "deploying"), ("registering", "deployed")])
def test_a_store_that_fails_after_the_deploy_leaves_the_host_out(state: str, kept: str) -> None:
    scene = Scene(settings=ROLLBACK)
    scene.ledger.down_at = {state}
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    assert scene.state(scene.hosts[0]) == kept
    assert not scene.deeds("register")
    assert len(scene.deeds("run")) == 1


@pytest.mark.rule("F-52", "F-12")
def test_a_record_that_cannot_be_closed_halts_the_roll_while_the_host_serves() -> None:
    scene = Scene()
    scene.ledger.down_at = {"in-service"}
    results = scene.roll()
    result = results[scene.hosts[0].id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.DEPLOYED, True, RecordState.REGISTERING)
    assert (result.release_after, result.note) == ("v143", "serves, but its record could not be closed")
    assert result.failure is not None
    assert scene.balancer.members() == scene.home
    assert set(results) == {scene.hosts[0].id}


@pytest.mark.rule("F-52", "I-4")
def test_the_run_after_an_unclosed_record_closes_it_without_a_drain() -> None:
    scene = Scene()
    scene.ledger.down_at = {"in-service"}
    scene.roll()
    scene.ledger.down_at.clear()
    scene.history.clear()
    scene.rerun()
    first = scene.hosts[0]
    assert scene.state(first) == "in-service"
    assert not [deed for deed in scene.deeds("deregister", "run") if first.id in str(deed)]


@pytest.mark.rule("F-12", "F-14", "I-24")
def test_what_could_not_be_noted_or_read_of_a_host_that_is_left_out_is_told() -> None:
    scene = Scene()
    scene.transport.ends[scene.hosts[0].id] = [EXIT_1]

    def fall_silent(_host: object, _job: object) -> None:
        scene.ledger.down = True
        scene.balancer.silent_until = 1e9

    scene.transport.on_run = fall_silent
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.LEFT_OUT, "deploy-exit")
    told = [(event.code, event.message) for event in scene.sink.events if isinstance(event, events.Warned)]
    assert told == [
        ("unread", "whether it is out could not be read: throttled"),
        ("record", "why it failed could not be noted: the store is down"),
        ("unread", "nobody could see how all are at the end: throttled"),
    ]


def test_a_host_that_was_put_back_says_so_although_its_record_stays_open() -> None:
    scene = Scene()
    scene.transport.traffic = 10_000.0
    scene.ledger.down_at = {"in-service"}
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.RESTORED, True, RecordState.HELD)
    assert "could not be closed" in (result.note or "")


@pytest.mark.rule("I-16")
def test_a_count_that_nobody_answers_fails_no_step() -> None:
    scene = Scene()

    def fall_silent() -> None:
        scene.balancer.silent_until = scene.clock.time + 1.0

    at_event(scene, wrote(RecordState.IN_SERVICE), fall_silent)
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}


# --- locks


@pytest.mark.rule("I-10")
def test_a_call_that_is_repeated_confirms_the_lock_anew() -> None:
    scene = Scene()
    scene.balancer.faults = [Unanswered("throttled")] * 3
    scene.roll()
    first = scene.history.index(("deregister", *sent_first(scene)))
    assert len([deed for deed in scene.history[:first] if deed == ("confirm",)]) >= 4


def sent_first(scene: Scene) -> tuple[object, ...]:
    return scene.deeds("deregister")[0][1:]


@pytest.mark.rule("F-10", "I-10")
def test_a_run_superseded_between_two_tries_does_not_try_again() -> None:
    scene = Scene()
    scene.balancer.faults = [Unanswered("throttled")] * 50
    scene.clock.at(4.0, partial(setattr, scene.ledger, "superseded", True))
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.LEFT_OUT
    assert scene.state(scene.hosts[0]) == "held"
    assert not scene.deeds("register", "run")


# --- rollback


@pytest.mark.rule("I-7")
def test_a_rollback_after_a_bad_verify_records_the_release_it_went_back_to() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.put_record(first, RecordState.IN_SERVICE, release_after="v142")
    scene.transport.on_run = lambda host, job: (scene.sick.discard if job.line == "back" else scene.sick.add)(host.id)
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.release_after) == (Outcome.RESTORED, True, "v142")
    assert result.note == "rolled back by its commands"
    assert result.failure is not None
    assert result.failure.code == "verify-http"
    assert scene.ledger.kept[first.id].release_after == "v142"
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("I-7")
def test_a_rollback_that_fails_too_leaves_the_host_out() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1, EXIT_1]
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.release_after is None
    assert scene.state(first) == "deploying"
    assert "rollback" in warnings(scene)
    assert not scene.deeds("register")


@pytest.mark.rule("I-1", "F-50")
def test_a_rolled_back_host_that_is_never_healthy_is_taken_out_again() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.balancer.warm_up = 10_000.0
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert scene.state(first) == "deployed"
    assert not scene.members_of(first)
    assert "registered" not in warnings(scene)


def test_a_rolled_back_host_serves_although_its_record_cannot_be_closed() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.put_record(first, RecordState.IN_SERVICE, release_after="v142")
    scene.ledger.down_at = {"in-service"}
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.RESTORED, True, RecordState.REGISTERING)
    assert (result.release_after, result.failure and result.failure.code) == ("v142", "deploy-exit")
    assert scene.ledger.kept[first.id].release_after == "v142"
    assert "could not be closed" in (result.note or "")


@pytest.mark.rule("F-54", "I-2")
def test_a_second_signal_while_a_rolled_back_host_registers_leaves_it_registered() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.balancer.warm_up = 10_000.0
    at_event(scene, wrote(RecordState.REGISTERING), lambda: signal_in(scene, 10.0))
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, None)
    assert (scene.state(first), scene.members_of(first)) == ("registering", scene.places[first.id])


@pytest.mark.rule("I-17", "F-43")
def test_no_rollback_runs_beside_a_command_whose_end_nobody_knows() -> None:
    scene = Scene(settings=ROLLBACK)
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.UNKNOWN)]
    scene.roll()
    assert [deed[2] for deed in scene.deeds("run")] == ["deploy it"]


@pytest.mark.rule("F-54")
def test_after_a_first_signal_no_rollback_begins() -> None:
    scene = Scene(settings=ROLLBACK)
    scene.transport.ends[scene.hosts[0].id] = [EXIT_1]
    scene.transport.on_run = lambda _host, _job: scene.stop.ask(StopMode.FINISH)
    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.LEFT_OUT
    assert [deed[2] for deed in scene.deeds("run")] == ["deploy it"]


@pytest.mark.rule("I-10")
def test_a_run_superseded_in_its_rollback_does_nothing_more() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    scene.transport.on_run = lambda _host, job: setattr(scene.ledger, "superseded", job.line == "back")
    result = scene.roll()[first.id]
    assert (result.outcome, result.note) == (Outcome.LEFT_OUT, "another run has taken over: nothing more was done")
    assert not scene.deeds("register")


@pytest.mark.rule("I-5")
def test_a_drain_that_fails_on_a_recorded_host_runs_no_rollback() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.transport.traffic = 10_000.0
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert not scene.deeds("run")


@pytest.mark.rule("I-5", "I-7")
@pytest.mark.parametrize("state", [RecordState.HELD, RecordState.DEPLOYED, RecordState.REGISTERING])
def test_restore_never_runs_a_command(state: RecordState) -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.put_record(first, state)
    scene.take_out(first)
    scene.sick.add(first.id)
    result = scene.restore()[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert not scene.deeds("run")


# --- machines and pools that go away


@pytest.mark.rule("F-34", "I-8")
def test_an_instance_that_is_terminated_in_its_deploy_is_gone_and_not_contacted_again() -> None:
    scene = Scene(settings=ROLLBACK)
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    dead = replace(first, state=InstanceState.TERMINATED)
    scene.transport.on_run = lambda host, _job: scene.inventory.hosts.update({host.id: dead})
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.GONE
    assert (result.in_service, result.failure and result.failure.code) == (False, "deploy-exit")
    assert scene.state(first) == "gone"
    assert [deed[2] for deed in scene.deeds("run") if deed[1] == first.id] == ["deploy it"]


@pytest.mark.rule("F-34", "F-12")
def test_a_terminated_hosts_record_that_cannot_be_closed_stays_open_and_is_told() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.ledger.down_at = {"gone"}
    scene.transport.ends[first.id] = [EXIT_1]
    dead = replace(first, state=InstanceState.TERMINATED)
    scene.transport.on_run = lambda host, _job: scene.inventory.hosts.update({host.id: dead})
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.record) == (Outcome.GONE, False, RecordState.DEPLOYING)
    assert warnings(scene) == ["record"]


@pytest.mark.rule("F-34")
def test_a_stopped_instance_halts_the_roll_untouched() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, state=InstanceState.STOPPED)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.NOT_REACHED
    assert set(results) == {first.id}


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_while_its_host_drains_halts_and_the_others_are_restored() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.traffic = 60.0
    scene.clock.at(20.0, partial(scene.balancer.deleted.add, scene.api.id))
    results = scene.roll()
    result = results[first.id]
    assert (result.outcome, result.record) == (Outcome.RESTORED, RecordState.HELD)
    assert {entry.pool for entry in scene.members_of(first)} >= {scene.web.id}
    marked = {item.registration.pool for item in scene.ledger.kept[first.id].registrations if item.unresolvable}
    assert marked == {scene.api.id}
    assert set(results) == {first.id}
    assert "pool-gone" in warnings(scene)


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_during_the_deploy_keeps_the_record_open() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: scene.balancer.deleted.add(scene.api.id)
    result = scene.roll()[first.id]
    assert (result.outcome, result.record) == (Outcome.DEPLOYED, RecordState.REGISTERING)
    assert result.failure is not None
    assert result.failure.code == "pool-gone"
    assert "--give-up api-prod" in result.failure.message


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("word", ["api-prod", "id"])
def test_a_pool_that_was_given_up_by_name_lets_the_record_close(word: str) -> None:
    scene = Scene()
    scene.give_up = frozenset({scene.api.id if word == "id" else word})
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.balancer.deleted.add(scene.api.id)
    result = scene.roll("restore")[first.id]
    assert (result.outcome, result.record) == (Outcome.RESTORED, None)
    assert scene.state(first) == "in-service"


# --- somebody else


@pytest.mark.rule("F-36", "I-5")
def test_a_draining_host_that_somebody_registers_is_put_back_and_halts() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.traffic = 60.0
    entry = min(scene.places[first.id])
    scene.clock.at(20.0, partial(scene.balancer.add, entry, long_ago=True))
    results = scene.roll()
    assert results[first.id].outcome is Outcome.RESTORED
    assert results[first.id].failure is not None
    assert results[first.id].failure.code == "undone"
    assert not scene.deeds("run")
    assert set(results) == {first.id}


@pytest.mark.rule("F-36", "I-5")
def test_a_host_that_somebody_registers_right_before_its_deploy_is_put_back() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    look = scene.transport.look

    def look_and_register(*asked: object) -> JobResult:
        scene.balancer.add(entry, long_ago=True)
        return look(*asked)  # type: ignore[arg-type]

    scene.transport.look = look_and_register  # type: ignore[method-assign,assignment]
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.RESTORED
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-36", "I-1")
def test_a_host_registered_by_hand_during_a_failing_deploy_is_taken_out_once() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    entry = min(scene.places[first.id])
    scene.transport.on_run = lambda _host, _job: scene.balancer.add(entry, long_ago=True)
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, False)
    assert scene.state(first) == "deploying"
    assert not scene.members_of(first)
    assert "registered" in warnings(scene)


# --- register and bake


@pytest.mark.rule("F-50", "F-23")
def test_a_host_whose_leaving_would_empty_its_pool_is_left_in_and_unknown() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.balancer.warm_up = 10_000.0
    scene.clock.at(60.0, lambda: scene.sick.update({second.id, third.id}))
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service, result.release_after) == (Outcome.UNKNOWN, None, "v143")
    assert scene.members_of(first) == scene.places[first.id]
    assert result.failure is not None
    assert result.failure.code == "never-healthy"
    assert result.note == "left in: taking it out would leave too little in service"


@pytest.mark.rule("F-50", "I-1", "F-27")
def test_a_host_leaves_again_by_a_reading_that_still_holds_and_is_seen_to_leave_by_new_ones() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.REGISTERING)
    ages: list[float] = []
    look = scene.balancer.look
    scene.balancer.look = lambda pool, age: (ages.append(age), look(pool, age))[1]  # type: ignore[method-assign,func-returns-value]
    assert take_out_again(scene.walker(first))
    assert list(dict.fromkeys(ages)) == [JUDGED, 0.0]


@pytest.mark.rule("F-54", "F-50")
def test_a_second_signal_ends_the_wait_for_a_guard_that_nobody_answers() -> None:
    scene = Scene()
    scene.balancer.warm_up = 10_000.0

    silent_since: list[float] = []

    def fall_silent() -> None:
        silent_since.append(scene.clock.time)
        scene.balancer.silent_until = 1e9
        signal_in(scene, 30.0)

    at_event(scene, lambda event: isinstance(event, events.StepFinished) and event.failure is not None, fall_silent)
    scene.roll()
    assert scene.clock.time <= silent_since[0] + 50.0


@pytest.mark.rule("I-11", "F-50")
def test_taking_out_again_that_nobody_sees_happen_is_not_called_done() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.balancer.warm_up = 10_000.0
    scene.transport.on_run = lambda _host, _job: setattr(scene.balancer, "deaf", True)
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, None)
    assert scene.state(first) == "registering"
    assert result.note == "could not be taken out again: nobody saw web-1 leave"


@pytest.mark.rule("F-51", "I-1")
def test_a_host_that_falls_sick_in_bake_is_taken_out_again() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: scene.clock.at(90.0, partial(scene.sick.add, first.id))
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert results[first.id].failure is not None
    assert results[first.id].failure.code == "bake-unhealthy"
    assert scene.state(first) == "deployed"
    assert not scene.members_of(first)


@pytest.mark.rule("F-51", "I-9")
def test_one_sick_look_in_a_bake_is_enough_though_the_next_is_well() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    first = scene.hosts[0]
    look = scene.balancer.look

    def sick_for_one_look(pool: Pool, max_age: float) -> PoolView:
        view = look(pool, max_age)
        if first.id in {row.registration.id for row in view.rows if row.state is TargetState.UNHEALTHY}:
            scene.sick.discard(first.id)
        return view

    scene.balancer.look = sick_for_one_look  # type: ignore[method-assign]
    scene.transport.on_run = lambda _host, _job: scene.clock.at(90.0, partial(scene.sick.add, first.id))
    failure = scene.roll()[first.id].failure
    assert failure is not None
    assert failure.code == "bake-unhealthy"


@pytest.mark.rule("I-9")
def test_a_bake_whose_end_nobody_could_see_is_looked_at_once_more() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    first = scene.hosts[0]

    def fall_silent_and_sick() -> None:
        scene.sick.add(first.id)
        scene.balancer.silent_until = scene.clock.time + 300.0

    scene.transport.on_run = lambda _host, _job: scene.clock.at(90.0, fall_silent_and_sick)
    assert scene.roll()[first.id].outcome is Outcome.LEFT_OUT


@pytest.mark.rule("F-54", "F-37")
def test_a_second_signal_ends_the_wait_for_a_last_look_at_a_bake() -> None:
    scene = Scene(settings={"pace": {"bake": "2m"}})
    ends: list[float] = []

    def fall_silent() -> None:
        ends.append(scene.clock.time + 120.0)
        scene.balancer.silent_until = 1e9
        signal_in(scene, 150.0)

    at_event(scene, lambda event: isinstance(event, events.StepStarted) and event.step is Step.BAKE, fall_silent)
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.in_service, scene.state(scene.hosts[0])) == (Outcome.LEFT_OUT, None, "registering")
    assert scene.clock.time <= ends[0] + 50.0


@pytest.mark.rule("F-37")
def test_an_outage_of_aws_after_the_register_is_waited_out() -> None:
    scene = Scene()
    registered = scene.balancer.register

    def register(*sent: object) -> None:
        registered(*sent)  # type: ignore[arg-type]
        scene.balancer.silent_until = max(scene.balancer.silent_until, scene.clock.time + 600.0)
        scene.balancer.register = registered  # type: ignore[method-assign]

    scene.balancer.register = register  # type: ignore[method-assign,assignment]
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-37", "I-4")
def test_an_outage_that_never_ends_leaves_the_host_as_recorded() -> None:
    scene = Scene()
    scene.transport.on_run = lambda _host, _job: setattr(scene.balancer, "silent_until", 1e9)
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, None)
    assert scene.state(scene.hosts[0]) == "registering"


@pytest.mark.rule("F-29", "I-6")
def test_one_pool_that_refuses_keeps_a_host_out_of_no_other() -> None:
    scene = Scene()
    first = scene.hosts[0]
    denied = PermissionDenied("no", action="elasticloadbalancing:RegisterTargets")
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.balancer.faults = [denied, None]
    result = scene.roll("restore")[first.id]
    assert result.outcome is Outcome.LEFT_OUT
    assert {entry.pool for entry in scene.members_of(first)} == {scene.web.id}


def test_a_host_that_could_not_be_put_back_says_why() -> None:
    scene = Scene()
    scene.transport.traffic = 10_000.0
    scene.balancer.faults = [None, None, PermissionDenied("no", action="elasticloadbalancing:RegisterTargets")]
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.note) == (Outcome.LEFT_OUT, "could not be put back: no")


@pytest.mark.rule("T21")
def test_a_target_that_no_check_will_ever_reach_is_given_up_after_a_minute() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    scene.transport.on_run = lambda _host, _job: scene.balancer.forced.update({entry: TargetState.UNUSED})
    result = scene.roll()[first.id]
    assert result.failure is not None
    assert "unused" in result.failure.message
    assert result.outcome is Outcome.LEFT_OUT


def test_a_second_signal_while_a_host_goes_back_says_that_nobody_saw_it_serve() -> None:
    scene = Scene()
    scene.transport.traffic = 60.0
    scene.balancer.warm_up = 50.0
    scene.clock.at(10.0, lambda: scene.stop.ask(StopMode.FINISH))
    scene.clock.at(20.0, lambda: scene.stop.ask(StopMode.LEAVE))
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, result.in_service) == (Outcome.LEFT_OUT, None)
    assert scene.balancer.members() == scene.home
    assert scene.state(scene.hosts[0]) == "held"


@pytest.mark.rule("I-7")
def test_a_restored_host_that_is_never_healthy_is_taken_out_again_with_its_release_known() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYED)
    scene.take_out(first)
    scene.balancer.warm_up = 10_000.0
    result = scene.restore()[first.id]
    assert (result.outcome, result.release_after, result.record) == (Outcome.LEFT_OUT, "v143", RecordState.DEPLOYED)
    assert not scene.members_of(first)
