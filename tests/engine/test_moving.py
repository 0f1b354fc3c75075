"""The world moves while a roll is under way: hosts, pools, zones and people do as they like (safety.md 4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from builders import a_pool, a_registration
from elbroll import events
from elbroll.errors import HostUnreachable, StoreDown, TargetRefused, Unanswered
from elbroll.model import BalancerKind, InstanceState, JobEnd, JobResult, Outcome, RecordState, TargetState, TargetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.model import Host, HostRecord

EXIT_1 = JobResult(JobEnd.EXIT, 1)


def warnings(scene: Scene) -> list[str]:
    return [event.code for event in scene.sink.events if isinstance(event, events.Warned)]


def told_last(scene: Scene, host: Host) -> bool | str | None:
    """Whether the host is in service, by the last word about it."""
    told = [event.result.in_service for event in scene.sink.events if isinstance(event, events.HostFinished)
            and event.host.id == host.id]  # fmt: skip
    return told[-1] if told else "nothing was said"


def at_record(scene: Scene, state: str, deed: Callable[[], object]) -> None:
    """Once, when a record with this state is being written."""

    def written(record: HostRecord) -> None:
        if str(record.state) == state:
            scene.ledger.on_write = lambda _record: None
            deed()

    scene.ledger.on_write = written


def shift(scene: Scene, *hosts: Host) -> None:
    for host in hosts:
        scene.balancer.forced |= dict.fromkeys(scene.places[host.id], TargetState.SHIFTED)


def ends(scene: Scene, host: Host, state: InstanceState = InstanceState.TERMINATED) -> None:
    """As EC2 does: the machine answers nobody any more, and leaves its pools."""
    scene.inventory.hosts[host.id] = replace(host, state=state)
    scene.transport.refuses[host.id] = HostUnreachable("no route")
    scene.take_out(host)


# --- a zone is shifted away


@pytest.mark.rule("F-26", "T3", "I-1")
def test_a_zonal_shift_in_mid_run_finishes_the_host_in_work_and_lets_no_other_leave() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.on_run = lambda _host, _job: shift(scene, first, third)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.DEPLOYED
    assert scene.state(first) == "in-service"
    failure = results[second.id].failure
    assert failure is not None
    assert "zonal shift" in failure.message
    assert {entry[1] for entry in scene.deeds("record")} == {first.id}
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-26", "F-27", "I-6")
def test_a_zonal_shift_while_a_host_drains_puts_it_back() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    scene.transport.traffic = 60.0
    scene.clock.at(20.0, partial(shift, scene, second))
    results = scene.roll()
    assert results[first.id].outcome is Outcome.RESTORED
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home
    assert set(results) == {first.id}


# --- capacity drops


@pytest.mark.rule("F-27", "I-1", "I-6")
@pytest.mark.parametrize("seconds", [2.0, 20.0])
def test_a_host_that_falls_sick_while_another_drains_has_it_put_back_at_once(seconds: float) -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    scene.transport.traffic = 200.0
    scene.clock.at(seconds, partial(scene.sick.add, second.id))
    results = scene.roll()
    failure = results[first.id].failure
    assert (results[first.id].outcome, failure and failure.code) == (Outcome.RESTORED, "capacity-dropped")
    assert scene.clock.time < 1000.0 + seconds + 15.0
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home
    assert scene.state(first) == "in-service"


@pytest.mark.rule("F-27", "F-51")
def test_once_its_deploy_has_begun_a_host_is_finished_although_another_falls_sick() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.on_run = lambda _host, _job: scene.sick.add(second.id)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.DEPLOYED
    assert scene.members_of(first) == scene.places[first.id]
    assert third.id not in scene.ledger.kept


@pytest.mark.rule("F-27")
def test_a_host_that_was_out_before_is_not_put_back_for_another_ones_sake() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.clock.at(2.0, partial(scene.sick.add, second.id))
    assert scene.roll()[first.id].outcome is Outcome.DEPLOYED


# --- traffic comes back


@pytest.mark.rule("F-32", "I-5")
def test_a_connection_that_outlives_the_balancers_gone_is_waited_for() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.balancer.delays = dict.fromkeys((scene.web.id, scene.api.id), 1.0)
    scene.transport.traffic = 60.0
    began: list[float] = []
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    assert scene.roll()[first.id].outcome is Outcome.DEPLOYED
    assert began[0] >= 1065.0


@pytest.mark.rule("F-32", "I-5")
@pytest.mark.parametrize("when", ["after the drain", "after the record"])
def test_a_connection_that_comes_before_the_command_starts_the_settle_time_anew(when: str) -> None:
    scene = Scene()
    first = scene.hosts[0]
    look, began = scene.transport.look, []

    def connect() -> None:
        scene.transport.latecomers.setdefault(first.id, scene.clock.time + 30.0)

    def look_and_connect(*asked: Any) -> JobResult:
        connect()
        return look(*asked)

    hooks = {
        "after the drain": lambda: setattr(scene.transport, "look", look_and_connect),
        "after the record": lambda: at_record(scene, "deploying", connect),
    }
    hooks[when]()
    scene.transport.on_run = lambda _host, _job: began.append(scene.clock.time)
    assert scene.roll()[first.id].outcome is Outcome.DEPLOYED
    assert began[0] >= scene.transport.latecomers[first.id] + 5.0


@pytest.mark.rule("F-32", "I-6")
def test_connections_that_never_end_after_the_drain_put_the_host_back_at_its_limit() -> None:
    scene = Scene()
    first = scene.hosts[0]
    look = scene.transport.look

    def look_and_connect(*asked: Any) -> JobResult:
        scene.transport.latecomers[first.id] = 1e9
        return look(*asked)

    scene.transport.look = look_and_connect  # type: ignore[method-assign]
    result = scene.roll()[first.id]
    failure = result.failure
    assert (result.outcome, failure and failure.code) == (Outcome.RESTORED, "drain-limit")
    assert 1360.0 <= scene.clock.time < 1400.0
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home


# --- put-backs of addresses


@pytest.mark.rule("F-33", "T10", "I-6")
def test_an_address_that_is_refused_is_tried_until_its_delay_is_over_and_stays_recorded() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    first = scene.hosts[0]
    scene.transport.traffic = 10_000.0
    refused: list[float] = []
    register = scene.balancer.register

    def refuse(pool: Any, entries: Any) -> None:
        if pool.id == scene.web.id:
            refused.append(scene.clock.time)
            raise TargetRefused("the address is in use")
        register(pool, entries)

    scene.balancer.register = refuse  # type: ignore[method-assign]
    result = scene.roll()[first.id]
    assert (result.outcome, result.record, scene.state(first)) == (Outcome.LEFT_OUT, RecordState.HELD, "held")
    assert refused[-1] - refused[0] == pytest.approx(360.0, abs=15.0)
    assert len(refused) < 80


# --- machines that end


def terminated(scene: Scene) -> partial[None]:
    return partial(ends, scene, scene.hosts[0])


def while_preparing(scene: Scene) -> None:
    ends(scene, scene.hosts[0])


def while_draining(scene: Scene) -> None:
    scene.transport.traffic = 60.0
    scene.clock.at(20.0, terminated(scene))
    blind_once_dead(scene)


def before_its_command(scene: Scene) -> None:
    scene.transport.traffic = 0.0
    scene.clock.at(5.0, terminated(scene))


def in_its_command(scene: Scene) -> None:
    scene.transport.on_run = lambda _host, _job: ends(scene, scene.hosts[0])
    scene.transport.ends[scene.hosts[0].id] = [JobResult(JobEnd.UNKNOWN, cause="the line was lost")]


def in_verify(scene: Scene) -> None:
    at_record(scene, "deployed", terminated(scene))
    scene.checks.well = lambda target: target != scene.hosts[0].id  # type: ignore[assignment]


def while_registering(scene: Scene) -> None:
    at_record(scene, "registering", terminated(scene))
    register = scene.balancer.register

    def refuse(pool: Any, entries: Any) -> None:
        if entries[0].id in scene.transport.refuses:
            raise TargetRefused("not in a running state")
        register(pool, entries)

    scene.balancer.register = refuse  # type: ignore[method-assign]


def in_bake(scene: Scene) -> None:
    scene.settings = {**scene.settings, "pace": {**scene.settings.get("pace", {}), "bake": "5m"}}
    scene.transport.on_run = lambda _host, _job: scene.clock.at(120.0, terminated(scene))


def blind_once_dead(scene: Scene) -> None:
    """What cannot be reached cannot count its connections."""
    watch = scene.transport.watch

    class Blind:
        def __init__(self, seeing: Any) -> None:
            self._seeing = seeing

        def look(self) -> Any:
            return None if scene.hosts[0].id in scene.transport.refuses else self._seeing.look()

    class Watching:
        def __init__(self, *asked: Any) -> None:
            self._inner = watch(*asked)

        def __enter__(self) -> Blind:
            return Blind(self._inner.__enter__())

        def __exit__(self, *ended: Any) -> None:
            self._inner.__exit__(*ended)

    scene.transport.watch = Watching  # type: ignore[method-assign,assignment]


def leave_api(scene: Scene) -> None:
    """A pool of two bears no loss: here nobody is in it."""
    for host in scene.hosts:
        there = {entry for entry in scene.places[host.id] if entry.pool == scene.api.id}
        scene.take_out(host, there)
        scene.places[host.id] -= there


@pytest.mark.rule("F-34", "I-8", "I-2")
@pytest.mark.parametrize(
    ("fate", "recorded"),
    [
        (while_preparing, None),
        (while_draining, "gone"),
        (before_its_command, "gone"),
        (in_its_command, "gone"),
        (in_verify, "gone"),
        (while_registering, "gone"),
        (in_bake, "gone"),
    ],
)
def test_a_host_that_is_terminated_is_gone_and_the_roll_goes_on_where_the_floor_allows(
    fate: Callable[[Scene], None], recorded: str | None
) -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 2}, "deploy": {"rollback": "back"}})
    first, *others = scene.hosts
    leave_api(scene)
    fate(scene)
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.GONE, False)
    assert results[first.id].release_after is None
    assert scene.state(first) == recorded
    assert {results[other.id].outcome for other in others} == {Outcome.DEPLOYED}
    assert ("run", first.id, "back") not in scene.history


def in_its_rollback(scene: Scene) -> None:
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1, JobResult(JobEnd.UNKNOWN, cause="the line was lost")]

    def ends_in_the_second(_host: Host, job: Any) -> None:
        if job.line == "back":
            ends(scene, first)

    scene.transport.on_run = ends_in_the_second


def while_it_is_put_back(scene: Scene) -> None:
    first = scene.hosts[0]
    scene.transport.traffic = 4000.0
    register = scene.balancer.register

    def refuse(pool: Any, entries: Any) -> None:
        if entries[0].id != first.id:
            return register(pool, entries)
        scene.transport.traffic = 0.0
        ends(scene, first)
        raise TargetRefused("not in a running state")

    scene.balancer.register = refuse  # type: ignore[method-assign]


def while_it_is_taken_out_again(scene: Scene) -> None:
    """It never got well, and its machine ends as it leaves once more."""
    first = scene.hosts[0]
    at_record(scene, "registering", lambda: scene.sick.add(first.id))
    deregister = scene.balancer.deregister

    def leave(pool: Any, entries: Any) -> None:
        deregister(pool, entries)
        if first.id in scene.sick:
            ends(scene, first)

    scene.balancer.deregister = leave  # type: ignore[method-assign]


@pytest.mark.rule("F-34", "I-8", "I-2", "I-18")
@pytest.mark.parametrize("fate", [in_its_rollback, while_it_is_put_back, while_it_is_taken_out_again])
def test_a_failed_host_that_is_terminated_while_it_is_recovered_halts_and_has_its_record_closed(
    fate: Callable[[Scene], None],
) -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 2}, "deploy": {"rollback": "back"}})
    first = scene.hosts[0]
    leave_api(scene)
    fate(scene)
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.LEFT_OUT, False)
    assert results[first.id].note == "its machine was terminated meanwhile"
    assert (results[first.id].release_after, results[first.id].record) == (None, None)
    assert scene.state(first) == "gone"
    assert set(results) == {first.id}


@pytest.mark.rule("F-34", "I-8")
def test_a_terminated_host_makes_the_floor_no_lower() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    while_draining(scene)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.GONE
    assert results[second.id].outcome is Outcome.NOT_REACHED
    assert not [entry for entry in scene.deeds("deregister") if second.id in str(entry)]


@pytest.mark.rule("F-34", "I-8")
def test_a_host_that_is_terminated_while_it_drains_is_not_called_again() -> None:
    scene = Scene()
    first = scene.hosts[0]
    while_draining(scene)
    calls: list[str] = []
    look = scene.transport.look
    scene.transport.look = lambda host, *rest: (calls.append(host.id), look(host, *rest))[1]  # type: ignore[method-assign,func-returns-value]
    scene.roll()
    assert first.id not in calls
    assert scene.clock.time < 1030.0


@pytest.mark.rule("F-34", "I-2", "I-6")
def test_a_host_that_is_stopped_while_it_drains_halts_the_roll_with_its_record_kept() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.traffic = 60.0
    scene.clock.at(20.0, partial(ends, scene, first, InstanceState.STOPPED))

    def refuse(_pool: Any, _entries: Any) -> None:
        raise TargetRefused("not in a running state")

    scene.balancer.register = refuse  # type: ignore[method-assign]
    results = scene.roll()
    assert (results[first.id].outcome, scene.state(first)) == (Outcome.LEFT_OUT, "held")
    assert set(results) == {first.id}
    assert not scene.deeds("run")


@pytest.mark.rule("F-34", "I-2", "I-7")
def test_a_host_that_is_stopped_in_its_command_stays_out_with_its_record_and_halts() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.on_run = lambda _host, _job: ends(scene, first, InstanceState.STOPPED)
    scene.transport.ends[first.id] = [JobResult(JobEnd.UNKNOWN)]
    results = scene.roll()
    assert (results[first.id].outcome, scene.state(first)) == (Outcome.LEFT_OUT, "deploying")
    assert set(results) == {first.id}
    assert not scene.deeds("register")


# --- pools that end


@pytest.mark.rule("F-35", "I-1")
def test_a_pool_deleted_before_a_host_leaves_keeps_it_in() -> None:
    scene = Scene()
    scene.transport.on_run = lambda _host, _job: scene.balancer.deleted.add(scene.api.id)
    scene.places[scene.hosts[0].id] = {a_registration(scene.web, scene.hosts[0])}
    scene.take_out(scene.hosts[0], [a_registration(scene.api, scene.hosts[0])])
    results = scene.roll()
    assert results[scene.hosts[0].id].outcome is Outcome.DEPLOYED
    assert results[scene.hosts[1].id].outcome is Outcome.DEPLOYED
    last = results[scene.hosts[2].id]
    assert (last.outcome, last.failure and last.failure.code) == (Outcome.NOT_REACHED, "floor")


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_right_before_the_call_puts_the_host_back_in_the_others() -> None:
    scene = Scene()
    first = scene.hosts[0]
    at_record(scene, "held", partial(scene.balancer.deleted.add, scene.api.id))
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].record) == (Outcome.RESTORED, RecordState.HELD)
    marked = {item.registration.pool for item in scene.ledger.kept[first.id].registrations if item.unresolvable}
    assert marked == {scene.api.id}
    assert {entry.pool for entry in scene.members_of(first)} >= {scene.web.id}
    assert not scene.deeds("run")
    assert set(results) == {first.id}


def counts(scene: Scene) -> dict[str, tuple[int, int]]:
    """In service and expected, as told last of each pool."""
    told = [event for event in scene.sink.events if isinstance(event, events.CapacityChanged)]
    return {event.name: (event.in_service, event.total) for event in told}


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("state", ["held", "deployed"])
def test_once_a_pool_is_deleted_nobody_is_counted_there_and_those_who_came_back_are_counted_elsewhere(
    state: str,
) -> None:
    scene = Scene()
    at_record(scene, state, partial(scene.balancer.deleted.add, scene.api.id))
    scene.roll()
    assert counts(scene) == {"web-prod": (3, 3), "api-prod": (0, 0)}


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_in_bake_keeps_the_record_open_and_halts() -> None:
    scene = Scene(settings={"pace": {"bake": "5m"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda _h, _j: scene.clock.at(120.0, partial(scene.balancer.deleted.add, scene.api.id))
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].record) == (Outcome.DEPLOYED, RecordState.REGISTERING)
    assert set(results) == {first.id}


# --- people who register and take out


@pytest.mark.rule("F-36", "I-5", "I-7")
def test_a_host_registered_by_hand_during_a_good_deploy_is_taken_out_once_and_halts() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    scene.transport.on_run = lambda _host, _job: scene.balancer.add(entry, long_ago=True)
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.LEFT_OUT, False)
    assert scene.state(first) == "deployed"
    assert not scene.members_of(first)
    assert len(scene.deeds("deregister")) == 4  # both pools, twice
    assert "registered" in warnings(scene)
    assert not scene.deeds("ask", "register")
    assert set(results) == {first.id}


@pytest.mark.rule("F-36", "I-7")
def test_a_host_registered_by_hand_while_it_is_verified_is_taken_out_once_and_halts() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    at_record(scene, "deployed", lambda: scene.clock.at(1.0, partial(scene.balancer.add, entry, long_ago=True)))
    results = scene.roll()
    assert (results[first.id].outcome, scene.state(first)) == (Outcome.LEFT_OUT, "deployed")
    assert not scene.members_of(first)
    assert not scene.deeds("register")


@pytest.mark.rule("F-36", "I-5")
def test_no_further_command_goes_to_a_host_that_somebody_has_registered() -> None:
    scene = Scene(settings={"deploy": {"commands": ["one", "two"]}})
    first = scene.hosts[0]
    entry = min(scene.places[first.id])
    scene.transport.on_run = lambda _host, _job: scene.balancer.add(entry, long_ago=True)
    result = scene.roll()[first.id]
    assert [run[2] for run in scene.deeds("run")] == ["one"]
    assert (result.outcome, scene.state(first)) == (Outcome.LEFT_OUT, "deploying")
    assert not scene.members_of(first)


@pytest.mark.rule("F-36", "I-2", "I-3")
def test_a_place_where_the_host_never_was_is_recorded_before_it_is_taken_out_there() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.transport.ends[first.id] = [EXIT_1]
    stray = a_registration(scene.web, first, 9999)
    scene.transport.on_run = lambda _host, _job: scene.balancer.add(stray, long_ago=True)
    scene.roll()
    assert stray in {item.registration for item in scene.ledger.kept[first.id].registrations}
    assert not scene.members_of(first)


@pytest.mark.rule("F-36", "F-50", "I-1")
def test_a_host_registered_by_hand_stays_in_where_the_guard_forbids_to_take_it_out() -> None:
    scene = Scene()
    first, second, third = scene.hosts

    def meddle(_host: object, _job: object) -> None:
        for entry in scene.places[first.id]:
            scene.balancer.add(entry, long_ago=True)
        scene.sick.update({second.id, third.id})

    scene.transport.on_run = meddle
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.UNKNOWN, None)
    assert scene.members_of(first) == scene.places[first.id]


@pytest.mark.rule("F-36", "I-8", "I-1")
def test_a_host_that_somebody_takes_out_stays_expected_and_the_guard_refuses() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.on_run = lambda _host, _job: scene.take_out(third)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.DEPLOYED
    failure = results[second.id].failure
    assert (results[second.id].outcome, failure and failure.code) == (Outcome.NOT_REACHED, "floor")
    assert scene.state(second) is None
    assert third.id not in scene.ledger.kept


def leaves_by_hand(scene: Scene, host: Host) -> None:
    """Somebody calls deregister; the delay is still to come."""
    scene.balancer.deregister(scene.web, sorted(entry for entry in scene.places[host.id]))


@pytest.mark.rule("F-36", "F-17", "I-2", "I-9")
@pytest.mark.parametrize("countable", [True, False])
@pytest.mark.parametrize(
    ("meddle", "code", "says"),
    [
        (Scene.take_out, "not-registered", "registered in no pool any more"),
        (leaves_by_hand, "unsettled", "is leaving web-prod, and not by elbroll"),
    ],
)
def test_a_host_that_somebody_takes_out_before_its_turn_gets_neither_a_record_nor_a_command(
    meddle: Callable[[Scene, Host], None], code: str, says: str, countable: bool
) -> None:
    scene = Scene(size=6, settings={"pace": {"floor": 2}})
    scene.transport.countable = countable
    leave_api(scene)
    first, second, *_ = scene.hosts
    plan = scene.plan()
    scene.transport.on_run = lambda _host, _job: meddle(scene, second)
    results = scene.roll(plan=plan)
    failure = results[second.id].failure
    assert results[first.id].outcome is Outcome.DEPLOYED
    assert results[second.id].outcome is Outcome.NOT_REACHED
    assert (failure and failure.code, says in str(failure)) == (code, True)
    assert scene.state(second) is None
    assert [run[1] for run in scene.deeds("run")] == [first.id]
    assert results[second.id].in_service is False


def falls_sick(scene: Scene, host: Host) -> None:
    scene.sick.add(host.id)


def unseen(scene: Scene, host: Host) -> None:
    """No row shows it any more, whoever asks; its machine is still there."""
    for entry in scene.places[host.id]:
        del scene.balancer.targets[entry]


def unlisted(scene: Scene, host: Host) -> None:
    """Only whoever asks for it by id and port is told that it is gone (T2)."""
    unseen(scene, host)
    scene.balancer.follow = lambda _pool, entries: scene.take_out(host, entries)  # type: ignore[method-assign]


@pytest.mark.rule("F-22", "F-36", "F-34")
@pytest.mark.parametrize(
    ("meddle", "serves"),
    [
        (falls_sick, False),
        (Scene.take_out, False),
        (leaves_by_hand, False),
        (ends, False),
        (unseen, None),
        (unlisted, False),
    ],
)
def test_of_a_host_that_was_not_reached_no_more_is_claimed_than_is_seen_at_the_end(
    meddle: Callable[[Scene, Host], None], serves: bool | None
) -> None:
    scene = Scene()
    leave_api(scene)
    first, second, third = scene.hosts
    plan = scene.plan()
    scene.transport.on_run = lambda _host, _job: meddle(scene, third)
    results = scene.roll(plan=plan)
    assert results[second.id].outcome is Outcome.NOT_REACHED
    assert third.id not in results
    assert [told_last(scene, host) for host in (first, second, third)] == [True, True, serves]


@pytest.mark.rule("F-14", "T2")
def test_a_host_that_one_answer_lacks_is_looked_for_again_before_it_is_called_taken_out() -> None:
    scene = Scene()
    first = scene.hosts[0]
    entries = {entry: scene.balancer.targets.pop(entry) for entry in scene.places[first.id]}
    scene.clock.at(3.0, lambda: scene.balancer.targets.update(entries))
    plan = replace(scene.plan(), hosts=scene.plan().hosts[:1])
    assert scene.roll(plan=plan)[first.id].outcome is Outcome.DEPLOYED


# --- registering


@pytest.mark.rule("F-48", "I-2", "I-11")
@pytest.mark.parametrize("fault", ["never answered", "answer lost"])
def test_a_pool_that_never_takes_the_host_has_it_taken_out_of_all(fault: str) -> None:
    scene = Scene()
    first = scene.hosts[0]
    register = scene.balancer.register

    def one_refuses(pool: Any, entries: Any) -> None:
        if pool.id == scene.api.id:
            raise Unanswered(fault)
        register(pool, entries)

    scene.balancer.register = one_refuses  # type: ignore[method-assign]
    results = scene.roll()
    assert results[first.id].outcome is Outcome.LEFT_OUT
    assert scene.clock.time >= 1900.0
    assert (scene.state(first), scene.members_of(first)) == ("deployed", set())
    kept = {item.registration for item in scene.ledger.kept[first.id].registrations}
    assert kept == scene.places[first.id]
    assert set(results) == {first.id}


@pytest.mark.rule("F-48", "I-11")
def test_a_register_whose_answer_is_lost_is_settled_by_reading() -> None:
    scene = Scene()
    at_record(scene, "registering", lambda: setattr(scene.balancer, "lost_answers", 2))
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home


def move_to(scene: Scene, port: int, *hosts: Host) -> None:
    """People give these hosts another port in web-prod."""
    for host in hosts:
        scene.take_out(host, [each for each in scene.places[host.id] if each.pool == scene.web.id])
        scene.balancer.add(a_registration(scene.web, host, port), long_ago=True)


@pytest.mark.rule("F-49", "I-3", "I-12")
def test_a_port_that_some_have_left_is_restored_as_recorded_with_a_warning() -> None:
    scene = Scene()
    first, _, third = scene.hosts
    scene.transport.on_run = lambda _host, _job: move_to(scene, 9090, third)
    result = scene.roll()[first.id]
    assert result.outcome is Outcome.DEPLOYED
    assert scene.members_of(first) == scene.places[first.id]
    told = [each.message for each in scene.sink.events if isinstance(each, events.Warned) and each.code == "port-moved"]
    assert len(told) == 1
    assert "9090" in told[0]
    assert "back to 8080" in told[0]


@pytest.mark.rule("F-49", "I-3", "I-12", "I-7")
def test_a_port_that_all_have_left_is_refused_and_the_host_stays_recorded() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.on_run = lambda _host, _job: move_to(scene, 9090, second, third)
    results = scene.roll()
    failure = results[first.id].failure
    assert (results[first.id].outcome, failure and failure.code) == (Outcome.LEFT_OUT, "port-moved")
    assert scene.state(first) == "deployed"
    assert not scene.deeds("register")
    assert set(results) == {first.id}


@pytest.mark.rule("F-49")
def test_a_restore_long_afterwards_refuses_a_port_that_all_have_left() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    move_to(scene, 9090, second, third)
    result = scene.roll("restore")[first.id]
    assert (result.outcome, scene.state(first)) == (Outcome.LEFT_OUT, "held")
    assert not scene.deeds("register")


# --- the store


@pytest.mark.rule("F-12", "I-6", "I-24")
def test_a_deploying_write_that_lands_after_all_puts_the_host_back_and_claims_no_more() -> None:
    scene = Scene()
    first = scene.hosts[0]

    def late(record: HostRecord) -> None:
        if record.state is RecordState.DEPLOYING:
            scene.ledger.kept[first.id] = record
            raise StoreDown("no answer for 15 minutes")

    scene.ledger.on_write = late
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.RESTORED, True)
    assert scene.members_of(first) == scene.places[first.id]
    assert not scene.deeds("run")
    assert scene.state(first) == "deploying"
    assert set(results) == {first.id}


# --- the end


@pytest.mark.rule("I-9", "F-51")
def test_a_host_that_is_sick_at_the_end_keeps_the_run_from_being_a_success() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    scene.transport.on_run = lambda host, _job: scene.sick.add(first.id) if host == third else None
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.DEPLOYED, False)
    assert results[first.id].failure is not None
    assert results[first.id].failure.code == "fell-sick"
    assert results[second.id].failure is None
    last = [event for event in scene.sink.events if isinstance(event, events.HostFinished)][-1]
    assert last == events.HostFinished(first, results[first.id])


@pytest.mark.rule("C2", "F-34", "I-9")
@pytest.mark.parametrize(("state", "serves"), [(InstanceState.TERMINATED, False), (InstanceState.RUNNING, True)])
def test_a_finished_host_that_the_answers_lack_serves_unless_its_machine_is_gone(
    state: InstanceState, serves: bool
) -> None:
    scene = Scene()
    first, _, third = scene.hosts

    def vanish(host: Any, _job: object) -> None:
        if host == third:
            scene.inventory.hosts[first.id] = replace(first, state=state)
            for entry in scene.places[first.id]:
                scene.balancer.targets.pop(entry)

    scene.transport.on_run = vanish
    result = scene.roll()[first.id]
    assert (result.outcome, result.in_service) == (Outcome.DEPLOYED, serves)
    assert (result.failure is None) is serves


@pytest.mark.rule("I-9")
def test_an_end_that_nobody_can_see_is_told() -> None:
    scene = Scene()
    last = scene.hosts[2]
    told = scene.sink.tell

    def fall_silent(event: Any) -> None:
        told(event)
        if isinstance(event, events.HostFinished) and event.host == last:
            scene.balancer.silent_until = 1e9

    scene.sink.tell = fall_silent  # type: ignore[method-assign]
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    assert "unread" in warnings(scene)
    assert scene.clock.time < 2000.0


# --- every place, and every way of not leaving it


@pytest.mark.rule("F-16", "I-3", "I-5")
def test_a_host_leaves_every_pool_kind_and_port_and_comes_back_to_each() -> None:
    scene = Scene(api=a_pool("api-prod", kind=BalancerKind.CLASSIC, port=9000))
    first, second, _ = scene.hosts
    scene.roll()
    sent = {name: [entry for deed in scene.deeds(name) for entry in deed[1:]] for name in ("deregister", "register")}
    home = {(entry.id, entry.port) for entry in scene.home}
    assert set(sent["deregister"]) == set(sent["register"]) == home
    assert {(first.id, 8080), (first.id, None), (second.id, 8080), (second.id, 8081)} <= home
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-31", "C1", "I-5", "I-6")
@pytest.mark.parametrize("kind", [BalancerKind.ALB, BalancerKind.CLASSIC])
def test_a_target_that_never_stops_draining_is_put_back_at_the_limit(kind: BalancerKind) -> None:
    scene = Scene(api=a_pool("api-prod", kind=kind, port=9000), settings={"drain": {"until": "reported"}})
    first = scene.hosts[0]
    scene.balancer.delays[scene.api.id] = 10_000.0
    result = scene.roll()[first.id]
    failure = result.failure
    assert (result.outcome, failure and failure.code) == (Outcome.RESTORED, "drain-limit")
    assert "draining: api-prod" in (failure.message if failure else "")
    assert scene.clock.time >= 1360.0
    assert not scene.deeds("run")
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-25", "I-1")
def test_a_neighbour_that_is_warming_up_is_waited_for_before_a_host_leaves() -> None:
    scene = Scene()
    first, second, third = scene.hosts
    entry = min(scene.places[second.id])
    scene.balancer.forced[entry] = TargetState.INITIAL
    scene.clock.at(50.0, lambda: scene.balancer.forced.pop(entry))
    left: list[float] = []
    scene.ledger.on_write = lambda _record: left.append(scene.clock.time)
    results = scene.roll()
    assert {results[host.id].outcome for host in (first, second, third)} == {Outcome.DEPLOYED}
    assert 1050.0 <= left[0] < 1060.0
