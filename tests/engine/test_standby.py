"""Hosts of an Auto Scaling group stand by while they are out, and every way back brings them back (aws.md 4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from builders import a_pool, a_registration
from elbroll.engine.journal import StepFailed
from elbroll.engine.standby import await_back, enter
from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable, PermissionDenied, StandbyRefused, Unanswered
from elbroll.events import HostStarted, Warned
from elbroll.model import InstanceState, JobEnd, JobResult, Lifecycle, Outcome, RecordState, Step, TargetState
from fake_groups import CrashAfter
from fakes import AnswerLost, Crash, FastClock, RecordingSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.events import Event
    from elbroll.model import Host, HostRecord

STANDBY = {"asg": {"mode": "standby"}}
IGNORE = {"asg": {"mode": "ignore"}}
GROUP = "web-asg"
FAILS = JobResult(JobEnd.EXIT, 1)


def a_scene(**changes: Any) -> Scene:
    """All three hosts belong to `web-asg`, which is attached to web-prod: api-prod and web-2's second port are not."""
    scene = Scene(**{"settings": STANDBY, **changes})
    scene.groups.around(GROUP, scene.hosts, (scene.web,))
    return scene


def at_home(scene: Scene) -> bool:
    """Everybody is where they were, in service of their group, which wants as many as before; no record is open."""
    states = [scene.groups.lifecycle(host) for host in scene.hosts]
    closed = not any(record.open for record in scene.ledger.kept.values())
    whole = scene.groups.kept[GROUP].desired == len(scene.hosts)
    return scene.balancer.members() == scene.home and set(states) == {Lifecycle.IN_SERVICE} and closed and whole


class OnStart(RecordingSink):
    """Does something as soon as a host's walk begins: after the survey, before anything is done."""

    def __init__(self, deed: Callable[[], object]) -> None:
        super().__init__()
        self._deed = deed

    def tell(self, event: Event) -> None:
        super().tell(event)
        if isinstance(event, HostStarted):
            self._deed()


def order(scene: Scene, host: Host, *kinds: str) -> list[str]:
    """The deeds of one host's walk."""
    return [str(kind) for kind, *about in scene.deeds(*kinds) if _about(about, host)]


def _about(about: list[object], host: Host) -> bool:
    return any(host.id in (each if isinstance(each, tuple) else (each,)) for each in about)


# --- the walk ----------------------------------------------------------------------------------------


@pytest.mark.rule("A3", "A4", "I-2", "I-24")
def test_a_host_stands_by_from_its_record_to_its_return() -> None:
    scene = a_scene()
    results = scene.roll()
    first = scene.hosts[0]

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    wanted = ["record", "enter", "deregister", "record", "run", "record", "record", "register", "exit", "record"]
    assert order(scene, first, "record", "enter", "deregister", "run", "register", "exit") == wanted
    assert at_home(scene)


@pytest.mark.rule("A3", "I-3")
def test_pools_and_ports_that_are_not_the_groups_are_left_and_rejoined_by_hand() -> None:
    scene = a_scene()
    scene.roll()
    first, second, _ = scene.hosts

    moved = [about for _, *about in scene.deeds("deregister", "register") if _about(about, first)]
    assert moved == [[(first.id, 9000)], [(first.id, 9000)]]
    moved = [about for _, *about in scene.deeds("deregister", "register") if _about(about, second)]
    assert moved == [[(second.id, 8081)], [(second.id, 8081)]]


@pytest.mark.rule("A3", "I-5")
def test_no_command_runs_before_the_group_says_standby() -> None:
    scene = a_scene()
    scene.groups.lag = 100.0
    seen: list[Lifecycle] = []
    scene.transport.on_run = lambda host, _job: seen.append(scene.groups.lifecycle(host))
    scene.roll()

    assert seen == [Lifecycle.STANDBY] * 3
    assert at_home(scene)


@pytest.mark.rule("A3", "I-2")
def test_the_record_names_the_group_while_the_host_is_out_and_no_longer() -> None:
    scene = a_scene()
    named: list[tuple[str, str | None]] = []
    scene.ledger.on_write = lambda record: named.append((record.state, record.standby_group))
    scene.roll()

    assert named[:5] == [
        ("held", GROUP),
        ("deploying", GROUP),
        ("deployed", GROUP),
        ("registering", GROUP),
        ("in-service", None),
    ]


@pytest.mark.rule("A1")
def test_with_ignore_the_group_is_told_nothing() -> None:
    scene = a_scene(settings={"asg": {"mode": "ignore"}})
    scene.roll()

    assert scene.deeds("enter", "exit") == []
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("A6")
def test_a_host_whose_group_has_let_it_go_is_taken_out_by_hand() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.sink = OnStart(lambda: scene.groups.places.pop(first.id, None))
    results = scene.roll()

    assert results[scene.hosts[0].id].outcome is Outcome.DEPLOYED
    assert order(scene, scene.hosts[0], "enter", "exit") == []
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("A4", "I-10")
def test_two_hosts_of_a_group_may_stand_by_at_once() -> None:
    scene = a_scene(size=5, max_unavailable=2, clock=FastClock())
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], min_size=3)
    least: list[int] = []
    scene.groups.on_deed = lambda _name, _host: least.append(scene.groups.kept[GROUP].desired)
    results = scene.roll_in_threads()

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert min(least) >= 3
    assert scene.groups.kept[GROUP].desired == 5
    assert scene.balancer.members() == scene.home


# --- the group's word before anything is done --------------------------------------------------------


def shrunk(scene: Scene) -> None:
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], min_size=3)


def refreshing(scene: Scene) -> None:
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], refresh="InProgress")


def suspended(scene: Scene) -> None:
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], suspended=frozenset({"Launch"}))


def terminating(scene: Scene) -> None:
    scene.groups.put(scene.hosts[0], Lifecycle.LEAVING)


def moved_by_somebody(scene: Scene) -> None:
    scene.groups.put(scene.hosts[0], Lifecycle.STANDBY)


def attached_elsewhere(scene: Scene) -> None:
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], pools=frozenset({scene.web.id, scene.api.id}))


def attached_no_more(scene: Scene) -> None:
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], pools=frozenset())


@pytest.mark.rule("A3", "F-16", "I-5", "I-12")
@pytest.mark.parametrize("change", [attached_elsewhere, attached_no_more])
def test_a_group_whose_pools_are_others_by_now_keeps_the_hosts_that_are_left_untouched(
    change: Callable[[Scene], None],
) -> None:
    scene = a_scene()
    first, second, _ = scene.hosts
    scene.transport.on_run = lambda _host, _job: change(scene)
    results = scene.roll()

    assert results[first.id].outcome is Outcome.DEPLOYED
    assert results[second.id].outcome is Outcome.NOT_REACHED
    assert "attached to other pools than when the plan was made" in str(results[second.id].failure)
    assert order(scene, second, "record", "enter", "deregister") == []


@pytest.mark.rule("A4", "A5", "A6", "A7")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (shrunk, "keeps at least 3: 3 wanted - 1 = 2"),
        (refreshing, "an instance refresh is InProgress"),
        (suspended, "Launch process of web-asg is suspended"),
        (terminating, "is Terminating:Wait in web-asg"),
        (moved_by_somebody, "is Standby in web-asg, and not by elbroll"),
    ],
)
def test_what_has_changed_since_the_plan_leaves_the_host_untouched(change: Callable[[Scene], None], says: str) -> None:
    scene = a_scene()
    plan = scene.plan()
    change(scene)
    result = scene.roll(plan=plan)[scene.hosts[0].id]

    assert result.outcome is Outcome.NOT_REACHED
    assert result.failure is not None
    assert says in result.failure.message
    assert scene.deeds("record", "enter", "deregister") == []


@pytest.mark.rule("A6", "A7", "F-20")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (refreshing, "may not be taken out: web-asg is replacing its hosts: an instance refresh is InProgress"),
        (terminating, "is Terminating:Wait in web-asg"),
        (moved_by_somebody, "is Standby in web-asg, and not by elbroll"),
    ],
)
def test_what_the_plan_would_refuse_with_ignore_is_refused_in_mid_roll_too(
    change: Callable[[Scene], None], says: str
) -> None:
    scene = a_scene(settings=IGNORE)
    plan = scene.plan()
    change(scene)
    result = scene.roll(plan=plan)[scene.hosts[0].id]

    assert result.outcome is Outcome.NOT_REACHED
    assert says in str(result.failure)
    assert scene.deeds("record", "deregister") == []


@pytest.mark.rule("A4", "A5")
@pytest.mark.parametrize("change", [shrunk, suspended])
def test_with_ignore_neither_sizes_nor_a_closed_way_back_matter(change: Callable[[Scene], None]) -> None:
    scene = a_scene(settings=IGNORE)
    change(scene)

    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-21")
def test_with_ignore_a_group_that_may_not_be_read_any_more_is_done_without() -> None:
    scene = a_scene(settings=IGNORE)
    run = scene.plan()
    scene.sink = OnStart(lambda: setattr(scene.groups, "denied", PermissionDenied("no", action="autoscaling:Describe")))

    assert {result.outcome for result in scene.roll(plan=run).values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("A7", "F-14")
def test_with_ignore_a_group_that_does_not_answer_is_asked_for_a_minute_before_anything_is_written() -> None:
    scene = a_scene(settings=IGNORE)
    scene.sink = OnStart(lambda: setattr(scene.groups, "silent_until", scene.clock.time + 600.0))
    result = scene.roll()[scene.hosts[0].id]

    assert result.outcome is Outcome.NOT_REACHED
    assert scene.deeds("record", "deregister") == []
    assert result.seconds == pytest.approx(60.0, abs=5.0)


@pytest.mark.rule("A1", "A6", "F-34")
@pytest.mark.parametrize("state", ["held", "deployed"])
def test_a_host_that_its_group_terminates_while_it_is_out_is_not_registered_again(state: str) -> None:
    """With `ignore` the group does not know that the host is out, and has left its pools for it already."""
    scene = a_scene(settings=IGNORE)
    first, second, _ = scene.hosts

    def begins_to_end() -> None:
        scene.groups.put(first, Lifecycle.LEAVING)
        scene.sick.update({second.id} if state == "held" else ())

    scene.transport.traffic = 30.0
    scene.clock.at(10.0 if state == "held" else 45.0, begins_to_end)
    result = scene.roll()[first.id]

    assert (result.outcome, scene.state(first)) == (Outcome.LEFT_OUT, state)
    assert "web-1 is Terminating:Wait in web-asg" in f"{result.failure} {result.note}"
    assert scene.deeds("register") == []
    assert scene.members_of(first) == set()


@pytest.mark.rule("A6")
def test_a_host_whose_group_does_not_answer_when_it_goes_back_goes_back() -> None:
    scene = a_scene(settings=IGNORE)
    scene.ledger.on_write = lambda record: setattr(
        scene.groups, "silent_until", scene.clock.time + 600.0 if record.state is RecordState.DEPLOYED else 0.0
    )

    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.DEPLOYED


@pytest.mark.rule("A1", "F-34", "F-20")
@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("refuse", Outcome.NOT_REACHED), ("standby", Outcome.NOT_REACHED), ("ignore", Outcome.DEPLOYED)],
)
def test_a_host_that_has_come_to_a_group_since_the_plan_is_left_untouched_without_a_word_for_it(
    mode: str, outcome: Outcome
) -> None:
    scene = Scene(settings={"asg": {"mode": mode}})
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, group="other-asg")
    result = scene.roll()[first.id]

    assert result.outcome is outcome
    assert (outcome is Outcome.DEPLOYED) is not bool(result.failure and "other-asg" in result.failure.message)
    assert bool(scene.deeds("record")) is (outcome is Outcome.DEPLOYED)


@pytest.mark.rule("I-4")
def test_a_host_that_is_out_and_has_come_to_a_group_meanwhile_still_goes_back() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.inventory.hosts[first.id] = replace(first, group="other-asg")

    assert scene.restore()[first.id].outcome is Outcome.RESTORED


@pytest.mark.rule("F-6", "A6")
def test_a_group_that_may_not_be_read_leaves_the_host_untouched() -> None:
    scene = a_scene()
    plan = scene.plan()
    denied = PermissionDenied("refused", action="autoscaling:DescribeAutoScalingInstances")
    scene.sink = OnStart(lambda: setattr(scene.groups, "denied", denied))
    result = scene.roll(plan=plan)[scene.hosts[0].id]

    assert result.outcome is Outcome.NOT_REACHED
    assert scene.deeds("record", "deregister") == []
    assert result.failure is not None
    assert (result.failure.code, result.failure.access) == (denied.code, True)


@pytest.mark.rule("F-14", "A6")
def test_a_group_that_does_not_answer_is_asked_for_a_minute_before_anything_is_written() -> None:
    scene = a_scene()
    plan = scene.plan()
    scene.sink = OnStart(lambda: setattr(scene.groups, "silent_until", 1e9))
    result = scene.roll(plan=plan)[scene.hosts[0].id]

    assert result.outcome is Outcome.NOT_REACHED
    assert result.seconds == pytest.approx(60.0, abs=1.0)
    assert scene.deeds("record", "deregister") == []


# --- answers that are lost, and words that are not followed ------------------------------------------


@pytest.mark.rule("A5", "F-34", "I-11")
@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("kind", [AnswerLost, Unanswered])
def test_a_lost_standby_answer_is_settled_by_the_state_that_is_read(number: int, kind: type[Exception]) -> None:
    scene = a_scene()
    scene.groups.faults = [*[None] * (number // 2), kind("lost")]
    results = scene.roll()

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert at_home(scene)


@pytest.mark.rule("A6", "F-34")
def test_a_group_that_is_busy_is_asked_again_by_time() -> None:
    scene = a_scene()
    scene.groups.faults = [Unanswered("busy")] * 12
    scene.roll()

    assert at_home(scene)


@pytest.mark.rule("S-14", "I-13", "A6")
@pytest.mark.parametrize(("at_once", "reads"), [(1, 31), (6, 31), (30, 7), (150, 3)])
def test_the_more_hosts_may_be_out_the_less_often_each_asks_its_group(at_once: int, reads: int) -> None:
    """So that all of them together ask three times a second; the last look is at the limit."""
    scene = a_scene(max_unavailable=at_once)
    scene.groups.put(scene.hosts[0], Lifecycle.STANDBY)
    walker = scene.walker(scene.hosts[0])
    before = scene.groups.reads
    with pytest.raises(StepFailed):
        await_back(walker, 60.0)

    assert scene.groups.reads - before == reads


@pytest.mark.rule("A5", "I-6")
@pytest.mark.parametrize("refusal", [StandbyRefused("no"), PermissionDenied("no", action="autoscaling:EnterStandby")])
def test_a_group_that_refuses_leaves_the_host_in_service(refusal: Exception) -> None:
    scene = a_scene()
    scene.groups.faults = [refusal, refusal]
    result = scene.roll()[scene.hosts[0].id]

    assert result.outcome is Outcome.RESTORED
    assert order(scene, scene.hosts[0], "run") == []
    assert result.failure is not None
    assert result.failure.message == str(refusal)
    assert at_home(scene)


@pytest.mark.rule("A3", "I-6", "I-13")
def test_a_group_that_never_obeys_is_given_up_and_the_host_is_put_back() -> None:
    scene = a_scene()
    scene.groups.stuck = True
    result = scene.roll()[scene.hosts[0].id]

    assert result.outcome is Outcome.RESTORED
    assert result.failure is not None
    assert result.failure.message == "web-1 did not come to stand by in web-asg: it is InService"
    assert (result.steps[0].step, int(result.steps[0].seconds)) == (Step.DRAIN, 120)
    assert scene.balancer.members() == scene.home
    assert not any(record.open for record in scene.ledger.kept.values())


@pytest.mark.rule("F-30", "I-5", "I-6")
def test_a_pool_that_the_host_does_not_leave_puts_it_back_out_of_standby() -> None:
    scene = a_scene()
    scene.balancer.deaf = True
    result = scene.roll()[scene.hosts[0].id]

    assert result.outcome is Outcome.RESTORED
    assert order(scene, scene.hosts[0], "run") == []
    assert at_home(scene)


@pytest.mark.rule("F-36", "I-5")
def test_a_host_that_somebody_takes_out_of_standby_meanwhile_is_put_back() -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def taken_back() -> None:
        scene.groups.exit_standby(GROUP, first.id)

    scene.transport.traffic = 60.0
    scene.clock.at(30.0, taken_back)
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.RESTORED
    assert order(scene, first, "run") == []
    assert at_home(scene)


@pytest.mark.rule("A3", "F-27", "I-6")
def test_a_host_that_its_group_lets_go_slowly_is_put_back_once_that_is_over() -> None:
    """A group waits for the delay of its pools, which may be an hour, before it takes a host back."""
    scene = a_scene(web=a_pool("web-prod", deregistration_delay=3600.0))
    first, second, _ = scene.hosts
    scene.groups.lag = 3000.0
    scene.groups.on_deed = lambda name, _host: setattr(scene.groups, "lag", 5.0 if name == "exit" else 3000.0)
    scene.clock.at(30.0, partial(scene.sick.add, second.id))
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.RESTORED, result
    assert at_home(scene)


# --- hosts that fail ---------------------------------------------------------------------------------


@pytest.mark.rule("I-7", "A3")
def test_a_host_that_failed_stays_in_standby_and_its_record_says_so() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [FAILS]
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.LEFT_OUT
    assert result.note == "record kept: api-prod:9000, web-prod:8080; standby in web-asg"
    assert scene.groups.lifecycle(first) is Lifecycle.STANDBY
    assert scene.ledger.kept[first.id].standby_group == GROUP


@pytest.mark.rule("I-4", "A3")
def test_the_next_run_goes_on_with_a_host_that_stands_by() -> None:
    scene = a_scene()
    scene.transport.ends[scene.hosts[0].id] = [FAILS]
    scene.roll()
    results = scene.rerun()

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert len(order(scene, scene.hosts[0], "enter")) == 1
    assert at_home(scene)


@pytest.mark.rule("F-50", "I-7")
def test_a_host_that_never_gets_healthy_is_put_in_standby_again() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.ledger.on_write = lambda record: scene.sick.update(
        {record.host} if record.state is RecordState.REGISTERING else ()
    )
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.LEFT_OUT
    assert order(scene, first, "enter", "exit") == ["enter", "exit", "enter"]
    assert scene.members_of(first) == set()
    by_hand = {entry for _, *entries in scene.deeds("deregister") for entry in entries}
    assert by_hand == {(first.id, scene.api.port)}
    scene.clock.sleep(10)
    assert scene.groups.lifecycle(first) is Lifecycle.STANDBY
    assert scene.state(first) == "deployed"


@pytest.mark.rule("F-50", "A4")
def test_a_host_that_its_group_does_not_let_go_again_is_left_in_and_unknown() -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def never_well_in_a_group_that_can_spare_none(record: HostRecord) -> None:
        if record.state is RecordState.REGISTERING:
            scene.sick.add(record.host)
            shrunk(scene)

    scene.ledger.on_write = never_well_in_a_group_that_can_spare_none
    result = scene.roll()[first.id]

    assert (result.outcome, result.in_service, result.note) == (
        Outcome.UNKNOWN,
        None,
        "left in: web-asg has min-size=3",
    )
    assert scene.members_of(first) == scene.places[first.id]
    assert scene.state(first) == "registering"


@pytest.mark.rule("F-50", "I-1", "A4")
def test_a_group_is_not_told_to_let_a_host_go_again_once_the_others_have_fallen_sick() -> None:
    scene = a_scene()
    first, second, third = scene.hosts

    def others_fall_sick_while_locks_are_proven() -> None:
        if scene.balancer.state(a_registration(scene.web, first)) is TargetState.UNHEALTHY:
            scene.sick.update({second.id, third.id})

    scene.ledger.on_write = lambda record: scene.sick.update(
        {record.host} if record.state is RecordState.REGISTERING else ()
    )
    scene.ledger.on_confirm = others_fall_sick_while_locks_are_proven
    result = scene.roll()[first.id]

    assert (result.outcome, result.note) == (
        Outcome.UNKNOWN,
        "left in: taking it out would leave too little in service",
    )
    assert order(scene, first, "enter") == ["enter"]
    assert scene.members_of(first) == scene.places[first.id]


@pytest.mark.rule("A5", "F-48")
def test_a_way_back_that_is_closed_keeps_the_record_and_serves_where_it_can() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: suspended(scene)
    result = scene.roll()[first.id]

    assert (result.outcome, result.failure and result.failure.message) == (Outcome.LEFT_OUT, "Launch is suspended")
    assert scene.ledger.kept[first.id].standby_group == GROUP
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], suspended=frozenset())
    scene.restore()
    assert at_home(scene)


@pytest.mark.rule("F-34", "I-8")
def test_a_host_that_is_terminated_while_it_stands_by_is_gone() -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def die(host: Host, _job: object) -> None:
        scene.inventory.hosts[host.id] = replace(host, state=InstanceState.TERMINATED)
        scene.groups.places.pop(host.id, None)

    scene.transport.on_run = die
    scene.transport.ends[first.id] = [JobResult(JobEnd.UNKNOWN)]
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.GONE
    assert scene.state(first) == "gone"
    assert order(scene, first, "exit", "register") == []


def said_of(scene: Scene, code: str) -> list[str]:
    return [event.message for event in scene.sink.events if isinstance(event, Warned) and event.code == code]


@pytest.mark.rule("F-34", "A2", "A4")
@pytest.mark.parametrize("when", ["in its roll", "between two runs", "while it is prepared"])
def test_a_group_that_wants_one_host_less_for_a_host_that_died_in_standby_is_named(when: str) -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def die() -> None:
        scene.inventory.hosts[first.id] = replace(first, state=InstanceState.TERMINATED)
        scene.transport.refuses[first.id] = HostUnreachable("no route")
        scene.groups.places.pop(first.id, None)

    scene.transport.on_run = lambda _host, _job: die() if when == "in its roll" else None
    scene.transport.ends[first.id] = [FAILS if when != "in its roll" else JobResult(JobEnd.UNKNOWN)]
    scene.roll()
    if when == "between two runs":
        die()
        scene.hosts = (scene.inventory.hosts[first.id], *scene.hosts[1:])
        scene.roll(plan=replace(scene.plan(), hosts=()))
    elif when == "while it is prepared":
        plan = scene.plan()
        die()
        scene.roll(plan=plan)

    assert scene.state(first) == "gone"
    assert said_of(scene, "standby-lost") == [
        "web-asg wants one host less since web-1 stood by there, unless somebody has let it want as many as before"
    ]


@pytest.mark.rule("A3", "T13", "I-13")
@pytest.mark.parametrize(("takes", "outcome"), [(600.0, Outcome.DEPLOYED), (2000.0, Outcome.LEFT_OUT)])
def test_a_group_may_take_its_time_to_take_a_host_back_but_not_for_ever(takes: float, outcome: Outcome) -> None:
    scene = a_scene()

    def slow(name: str, _host: object) -> None:
        scene.groups.lag = takes if name == "exit" else 5.0

    scene.groups.registers = False
    scene.groups.on_deed = slow

    assert scene.roll()[scene.hosts[0].id].outcome is outcome


@pytest.mark.rule("A3", "I-13")
def test_a_group_that_does_not_take_a_host_back_is_named_with_the_hosts_state_and_the_time() -> None:
    scene = a_scene()
    scene.groups.on_deed = lambda name, _host: setattr(scene.groups, "lag", 2000.0 if name == "exit" else 5.0)
    failure = scene.roll()[scene.hosts[0].id].failure

    assert failure is not None
    assert (failure.code, failure.message) == (
        "standby",
        "its group has not taken it back within 900 s: Pending in web-asg",
    )


@pytest.mark.rule("A3", "F-37")
def test_a_group_that_falls_silent_while_it_takes_a_host_back_is_not_said_to_refuse() -> None:
    scene = a_scene()
    scene.groups.on_deed = lambda name, _host: setattr(scene.groups, "silent_until", 1e9 if name == "exit" else 0.0)
    failure = scene.roll()[scene.hosts[0].id].failure

    assert failure is not None
    assert failure.message == "its group has not taken it back within 900 s: throttled"


@pytest.mark.rule("F-34", "A6")
def test_a_group_that_terminates_a_host_on_its_way_back_is_not_waited_for() -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def terminates(name: str, _host: object) -> None:
        if name == "exit":
            scene.clock.at(3.0, partial(scene.groups.put, first, Lifecycle.LEAVING))

    scene.groups.on_deed = terminates
    result = scene.roll()[first.id]

    assert result.failure is not None
    assert "Terminating:Wait in web-asg" in result.failure.message
    assert result.steps[-1].seconds < 10.0


@pytest.mark.rule("A5", "F-54")
@pytest.mark.parametrize("refusals", [["the last"], ["the first", "the last"]])
def test_what_a_group_said_last_is_told_whenever_a_signal_comes(refusals: list[str]) -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD, standby_group=GROUP)
    scene.groups.faults = [StandbyRefused(words) for words in refusals]
    with pytest.raises(StandbyRefused, match="the last"):
        enter(scene.walker(first), lambda: len(scene.groups.faults) == 0)


@pytest.mark.rule("F-54", "A3")
def test_a_second_signal_ends_the_wait_for_a_group() -> None:
    scene = a_scene()
    scene.groups.on_deed = lambda name, _host: setattr(scene.groups, "lag", 2000.0 if name == "exit" else 5.0)
    scene.transport.on_run = lambda _host, _job: scene.clock.at(100.0, partial(scene.stop.ask, StopMode.LEAVE))
    result = scene.roll()[scene.hosts[0].id]

    assert result.failure is not None
    assert result.failure.code == "abandoned"
    assert scene.state(scene.hosts[0]) == "registering"
    assert scene.clock.time < 1150.0


@pytest.mark.rule("F-54", "F-37")
def test_a_signal_ends_the_wait_for_a_group_that_does_not_answer_before_anything_is_written() -> None:
    scene = a_scene()

    def silent_until_a_signal() -> None:
        scene.groups.silent_until = 1e9
        scene.clock.at(2.0, partial(scene.stop.ask, StopMode.FINISH))

    scene.sink = OnStart(silent_until_a_signal)
    result = scene.roll()[scene.hosts[0].id]
    assert (result.outcome, scene.deeds("record")) == (Outcome.NOT_REACHED, [])
    assert result.seconds < 10.0


@pytest.mark.rule("F-54", "F-37")
def test_a_signal_ends_the_look_before_a_host_stands_by() -> None:
    scene = a_scene()
    scene.put_record(scene.hosts[0], RecordState.HELD, standby_group=GROUP)
    walker = scene.walker(scene.hosts[0])
    scene.groups.silent_until = 1e9
    with pytest.raises(Unanswered):
        enter(walker, lambda: True)
    assert scene.clock.time < 1005.0


@pytest.mark.rule("F-54", "A3")
def test_a_second_signal_ends_the_look_for_what_a_group_has_not_registered() -> None:
    scene = a_scene()
    scene.ledger.on_write = lambda record: setattr(
        scene.balancer, "silent_until", 1e9 if record.state is RecordState.REGISTERING else 0.0
    )
    scene.groups.on_deed = lambda name, _host: (
        scene.clock.at(20.0, partial(scene.stop.ask, StopMode.LEAVE)) if name == "exit" else None
    )
    scene.roll()
    assert scene.clock.time < 1150.0


@pytest.mark.rule("A3", "I-13")
def test_a_group_that_never_lets_a_host_go_is_not_asked_to_take_it_back_for_ever() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD, standby_group=GROUP)
    scene.groups.put(first, Lifecycle.ENTERING)
    result = scene.restore()[first.id]
    assert (result.outcome, result.failure and result.failure.message) == (
        Outcome.LEFT_OUT,
        "web-1 is still EnteringStandby in web-asg",
    )
    assert result.seconds < 900.0 + 300.0 + 60.0


@pytest.mark.rule("A3", "I-6")
def test_a_host_that_its_group_counts_in_again_is_put_back_though_no_pool_shows_it() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.groups.lag = 30.0
    scene.clock.at(20.0, lambda: scene.groups.put(first, Lifecycle.IN_SERVICE))
    result = scene.roll()[first.id]

    assert result.failure is not None
    assert "somebody else has moved it" in result.failure.message
    assert order(scene, first, "run") == []
    assert at_home(scene)


@pytest.mark.rule("F-34", "I-7", "A6")
def test_a_host_that_its_group_begins_to_terminate_is_left_to_it() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.transport.on_run = lambda host, _job: scene.groups.put(host, Lifecycle.LEAVING)
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert "web-1 is Terminating:Wait in web-asg" in result.failure.message
    assert order(scene, first, "exit") == []


@pytest.mark.rule("F-34", "A3", "A6")
@pytest.mark.parametrize(
    ("when", "state", "commands"),
    [("held", "held", []), ("deployed", "deployed", ["run"]), ("registering", "deployed", ["run"])],
)
def test_a_host_that_its_group_begins_to_terminate_is_in_no_other_pool_either(
    when: str, state: str, commands: list[str]
) -> None:
    """`api-prod` is none of the group's: nobody would take the host out of it before its machine ends."""
    scene = a_scene()
    first = scene.hosts[0]

    def begins_to_end(_name: object = None, _host: object = None) -> None:
        scene.groups.put(first, Lifecycle.LEAVING)
        scene.take_out(first, [a_registration(scene.web, first)])

    if when == "registering":
        scene.groups.on_deed = lambda name, _host: name == "exit" and scene.clock.at(3.0, begins_to_end)
    else:
        scene.ledger.on_write = lambda record: begins_to_end() if str(record.state) == when else None
    result = scene.roll()[first.id]

    assert (result.outcome, scene.state(first)) == (Outcome.LEFT_OUT, state)
    assert scene.members_of(first) == set()
    assert order(scene, first, "run") == commands
    assert bool(scene.deeds("register")) is (when == "registering")


@pytest.mark.rule("A6", "F-26")
@pytest.mark.parametrize("state", ["deployed", "registering"])
@pytest.mark.parametrize("lifecycle", [Lifecycle.LEAVING, Lifecycle.UNKNOWN])
def test_a_host_in_a_state_that_is_not_ours_is_not_brought_back(lifecycle: Lifecycle, state: str) -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.ledger.on_write = lambda record: scene.groups.put(first, lifecycle) if str(record.state) == state else None
    result = scene.roll()[first.id]

    assert result.outcome is Outcome.LEFT_OUT
    assert "in web-asg" in str(result.failure)
    assert order(scene, first, "exit") == []


@pytest.mark.rule("A5")
def test_a_refused_return_of_a_host_that_is_back_already_is_no_failure() -> None:
    scene = a_scene()
    first = scene.hosts[0]

    def first_to_come(name: str, host: object) -> None:
        if name == "exit" and host == first.id:
            scene.groups.put(first, Lifecycle.IN_SERVICE)

    scene.groups.on_deed = first_to_come
    results = scene.roll()

    assert results[first.id].outcome is Outcome.DEPLOYED
    assert at_home(scene)


@pytest.mark.rule("A2", "A3", "I-2")
def test_what_a_group_does_not_register_is_registered_by_hand() -> None:
    scene = a_scene()
    scene.groups.registers = False
    results = scene.roll()
    first = scene.hosts[0]

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert (first.id, 8080) in [entry for _, *entries in scene.deeds("register") for entry in entries]
    assert at_home(scene)


@pytest.mark.rule("F-36", "A3", "I-5")
def test_a_host_that_stands_by_and_was_registered_by_hand_leaves_by_hand() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [FAILS]
    scene.roll()
    scene.clock.sleep(400)
    scene.balancer.add(a_registration(scene.web, first), long_ago=True)
    results = scene.rerun()

    assert results[first.id].outcome is Outcome.DEPLOYED
    assert len(order(scene, first, "enter")) == 1
    assert at_home(scene)


@pytest.mark.rule("F-37")
def test_an_outage_right_after_the_group_took_the_host_back_is_waited_out() -> None:
    scene = a_scene()

    def fall_silent(name: str, _host: object) -> None:
        scene.balancer.silent_until = scene.clock.time + (300.0 if name == "exit" else 0.0)

    scene.groups.on_deed = fall_silent

    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.DEPLOYED


# --- on purpose, and back ----------------------------------------------------------------------------


@pytest.mark.rule("A3")
def test_a_drain_leaves_the_host_in_standby_and_restore_brings_it_back() -> None:
    scene = a_scene()
    scene.roll("drain", plan=replace(scene.plan(), hosts=scene.plan().hosts[:1]))
    first = scene.hosts[0]
    out = (scene.groups.lifecycle(first), scene.members_of(first), scene.state(first))
    scene.restore()

    assert out == (Lifecycle.STANDBY, set(), "held")
    assert at_home(scene)


@pytest.mark.rule("A3", "I-4")
def test_the_record_not_the_config_says_that_a_host_stands_by() -> None:
    scene = a_scene()
    scene.roll("drain", plan=replace(scene.plan(), hosts=scene.plan().hosts[:1]))
    scene.settings = {"asg": {"mode": "refuse"}}
    scene.restore()

    assert at_home(scene)


@pytest.mark.rule("S-5")
def test_a_record_that_names_another_group_moves_nobody() -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.groups.around("other-asg", scene.hosts[1:], (scene.api,))
    scene.put_record(first, RecordState.HELD, standby_group="other-asg")
    scene.groups.put(first, Lifecycle.STANDBY)
    scene.take_out(first)
    result = scene.restore()[first.id]

    assert result.outcome is Outcome.LEFT_OUT
    assert scene.deeds("exit") == []


@pytest.mark.rule("A6", "I-4")
@pytest.mark.parametrize("state", ["held", "deploying"])
def test_a_host_that_was_moved_to_another_group_comes_home_once_it_belongs_to_none(state: str) -> None:
    scene = a_scene()
    first = scene.hosts[0]
    scene.groups.kept[GROUP] = replace(scene.groups.kept[GROUP], min_size=1)
    scene.transport.ends[first.id] = [FAILS] if state == "deploying" else []
    scene.roll("deploy" if state == "deploying" else "drain", plan=replace(scene.plan(), hosts=scene.plan().hosts[:1]))
    scene.groups.around("other-asg", scene.hosts[:1], (scene.api,))
    refused = [refusal.code for refusal in scene.made_plan().refusals]
    del scene.groups.places[first.id]
    result = (scene.rerun() if state == "deploying" else scene.restore())[first.id]

    assert "lifecycle" in refused
    assert result.outcome is (Outcome.DEPLOYED if state == "deploying" else Outcome.RESTORED)
    assert scene.members_of(first) == scene.places[first.id]
    assert scene.state(first) == "in-service"


# --- signals and crashes -----------------------------------------------------------------------------


@pytest.mark.rule("F-54", "I-6")
@pytest.mark.parametrize("seconds", [0.5, 3.0, 6.0])
def test_a_first_signal_in_the_drain_brings_the_host_back(seconds: float) -> None:
    scene = a_scene()
    scene.transport.traffic = 60.0
    scene.clock.at(seconds, lambda: scene.stop.ask(StopMode.FINISH))
    scene.roll()

    assert at_home(scene)


@pytest.mark.rule("F-54", "I-4")
@pytest.mark.parametrize("seconds", [0.5, 3.0, 6.0, 25.0])
def test_a_second_signal_leaves_at_once_and_a_restore_or_rerun_finishes(seconds: float) -> None:
    scene = a_scene()
    scene.transport.traffic = 12.0
    scene.clock.at(seconds, lambda: scene.stop.ask(StopMode.LEAVE))
    scene.roll()
    scene.stop = type(scene.stop)()
    scene.rerun()

    assert at_home(scene)


@pytest.mark.rule("F-55", "I-2", "I-4")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(5))
@pytest.mark.parametrize("then", ["rerun", "restore"])
def test_after_a_crash_at_any_write_everybody_comes_home(moment: str, write: int, then: str) -> None:
    scene = a_scene()
    scene.ledger.crashes = {write: moment}
    with pytest.raises(Crash):
        scene.roll()
    scene.ledger.crashes = {}
    scene.clock.sleep(10)
    getattr(scene, then)()
    scene.rerun()

    assert at_home(scene)


@pytest.mark.rule("F-55", "I-2", "I-4", "A5")
@pytest.mark.parametrize("death", [Crash, CrashAfter])
@pytest.mark.parametrize("deed", [0, 1])
def test_after_a_crash_at_any_standby_call_everybody_comes_home(death: type[Crash], deed: int) -> None:
    scene = a_scene()
    scene.groups.faults = [*[None] * deed, death()]
    with pytest.raises(Crash):
        scene.roll()
    scene.rerun()

    assert at_home(scene)
