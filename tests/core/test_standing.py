"""What events add up to, which exit code follows, and which commands lead on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import story
from builders import a_record
from elbroll import events as e
from elbroll.core.ending import LOCK_LEFT
from elbroll.core.plan import Skipped, SkipReason
from elbroll.core.standing import Count, Standing, exit_code_of, next_commands, results_of
from elbroll.errors import ExitCode, PermissionDenied, Refused, StoreDown, Superseded, TimedOut
from elbroll.model import Failure, HostResult, Outcome, PoolId, RecordState, Result, Step, TargetState


def outcome(number: int, what: Outcome, **others: object) -> e.HostFinished:
    host = story.host(number)
    result = HostResult(host.id, what, in_service=what is not Outcome.LEFT_OUT)
    return e.HostFinished(host, replace(result, **others))  # type: ignore[arg-type]


def only(*numbers: int, command: str = "deploy") -> story.Story:
    hosts = tuple(each for each in story.PLAN.hosts if each.host in [story.host(number) for number in numbers])
    return story.Story().tell(story.started(command), e.PlanMade(replace(story.PLAN, hosts=hosts, skipped=())))


# --- adding up ---------------------------------------------------------------------------------------


def test_a_standing_knows_its_run_its_balancer_and_how_long_it_has_gone_on() -> None:
    standing = story.first_batch().standing
    assert (standing.run, standing.lb, standing.elapsed) == (story.RUN, "web-prod", 105)


def test_hosts_that_no_plan_names_are_known_once_their_walk_begins() -> None:
    nine = story.host(9)
    assert story.Story().tell(e.HostStarted(nine, 1, frozenset())).standing.hosts == {nine.id: nine}


def test_what_is_told_of_a_host_that_is_not_in_work_changes_nothing() -> None:
    nine = story.host(9)
    before = story.opening()
    told = (
        e.StepProgress(nine, Step.DRAIN, connections=3),
        e.HostOutput(nine, Step.DEPLOY, 1, "late words"),
        story.ended(nine, Step.DRAIN, 2),
        e.StepStarted(nine, Step.PREPARE),
    )
    assert before.standing == story.opening().tell(*told).standing


def test_a_lock_that_was_waited_for_is_told_until_the_run_goes_on() -> None:
    waiting = e.LockWaiting(story.POOL.id, story.HOLDER, 12.0)
    told = story.Story().tell(story.started(), waiting)
    assert told.standing.lock == waiting
    assert told.tell(e.PlanMade(story.PLAN)).standing.lock is None


def test_an_event_that_adds_nothing_up_changes_only_the_time() -> None:
    before = story.opening().standing
    assert story.opening().at(99).tell(e.Event()).standing == replace(before, elapsed=99)


def test_warnings_and_signals_are_kept_in_their_order() -> None:
    warnings, signals = (e.Warned("one", "first"), e.Warned("two", "then")), (e.SignalReceived("SIGINT", "finish"),)
    standing = story.opening().tell(*warnings, *signals).standing
    assert (standing.warnings, standing.signals) == (warnings, signals)


def test_a_host_in_work_has_its_step_its_start_and_its_last_look() -> None:
    standing = story.second_batch().standing
    draining = standing.working[story.host(4).id]
    assert draining.step is not None
    assert draining.step.step is Step.DRAIN
    assert draining.since == 105
    assert draining.progress is not None
    assert draining.progress.connections == 3


def test_the_last_line_of_a_host_is_forgotten_with_the_step() -> None:
    told = story.second_batch()
    assert told.standing.working[story.host(3).id].line == "Switching to v143"
    assert told.tell(story.verify(story.host(3))).standing.working[story.host(3).id].line is None


def test_a_finished_host_is_no_longer_in_work() -> None:
    standing = story.first_batch().standing
    assert not standing.working
    assert [result.outcome for result in standing.results.values()] == [Outcome.DEPLOYED] * 2


def test_capacity_is_the_plans_until_a_fresh_count_comes() -> None:
    before = story.Story().tell(story.started(), e.PlanMade(story.PLAN)).standing
    assert before.count == Count(6, 4, 6)
    assert story.first_batch().tell(story.capacity(3)).standing.count == Count(3, 4, 6)


@pytest.mark.rule("F-35")
def test_a_pool_that_no_longer_exists_is_counted_only_where_there_is_no_other() -> None:
    gone = e.CapacityChanged(PoolId("tg/gone"), "gone", 0, 0, 0)
    assert Standing().count is None
    one = story.Story().tell(gone)
    assert one.standing.count == Count(0, 0, 0)
    assert one.tell(e.CapacityChanged(PoolId("tg/web"), "web", 5, 4, 6)).standing.count == Count(5, 4, 6)


def test_without_a_plan_and_a_count_nothing_is_claimed() -> None:
    assert Standing().count is None


def test_the_first_reason_to_halt_is_kept() -> None:
    standing = story.halted().tell(e.HaltDecided("another")).standing
    assert standing.halt is not None
    assert standing.halt.reason == "web-4 failed in verify"


def test_prepare_changes_nothing_and_a_drain_does() -> None:
    assert not story.opening().standing.touched
    assert story.first_batch().standing.touched


def test_every_planned_host_has_a_place_at_the_end() -> None:
    places = [result.outcome.value for result in results_of(story.halted().standing).values()]
    assert places == ["deployed", "deployed", "deployed", "left-out", "not-reached", "skipped"]


@pytest.mark.rule("F-54")
@pytest.mark.parametrize(
    ("record", "outcome", "in_service"),
    [
        (RecordState.HELD, Outcome.LEFT_OUT, None),
        (RecordState.DEPLOYING, Outcome.LEFT_OUT, False),
        (RecordState.REGISTERING, Outcome.LEFT_OUT, None),
        (RecordState.IN_SERVICE, Outcome.UNKNOWN, None),
    ],
)
def test_a_host_that_is_cut_off_in_mid_walk_is_where_its_record_says(
    record: RecordState, outcome: Outcome, in_service: bool | None
) -> None:
    three = story.host(3)
    told = story.second_batch().tell(story.deploy(three), e.RecordWritten(three, record))
    result = results_of(told.standing)[three.id]
    assert (result.outcome, result.in_service, result.record) == (outcome, in_service, record)
    assert (result.steps[-1].step, result.steps[-1].result) == (Step.DEPLOY, Result.CANCELLATION)
    assert result.note == "record kept: web-prod-http:8080"


@pytest.mark.rule("F-54")
def test_a_host_that_is_cut_off_is_recorded_in_every_one_of_its_pools() -> None:
    three = story.host(3)
    drain = replace(story.drain(three), pools=("web-prod-http:8080", "api:9000"))
    told = story.second_batch().tell(drain, e.RecordWritten(three, RecordState.HELD))
    result = results_of(told.standing)[three.id]
    assert result.note == "record kept: web-prod-http:8080, api:9000"


@pytest.mark.rule("F-54")
@pytest.mark.parametrize(("record", "release"), [(RecordState.HELD, "v142"), (RecordState.DEPLOYING, "v143")])
def test_a_host_that_is_cut_off_keeps_its_times_and_releases(record: RecordState, release: str) -> None:
    three = story.host(3)
    result = results_of(story.second_batch().at(120).tell(e.RecordWritten(three, record)).standing)[three.id]
    assert (result.release_before, result.release_after) == ("v142", release)
    assert [(each.step, each.seconds) for each in result.steps] == [(Step.DRAIN, 2), (Step.DEPLOY, 120 - 107)]
    assert result.seconds == 120 - 105


def test_a_host_that_is_cut_off_between_steps_has_none_under_way() -> None:
    four = story.host(4)
    told = only(4).tell(e.HostStarted(four, 1, frozenset()), e.RecordWritten(four, RecordState.HELD))
    assert results_of(told.standing)[four.id].steps == ()


def test_a_host_that_is_in_work_without_a_record_is_not_reached() -> None:
    four = story.host(4)
    told = only(4).tell(e.HostStarted(four, 1, frozenset()))
    assert results_of(told.standing)[four.id].outcome is Outcome.NOT_REACHED


@pytest.mark.parametrize("state", [TargetState.HEALTHY, TargetState.UNHEALTHY, TargetState.GONE])
def test_a_host_that_was_not_reached_is_as_it_was_found(state: TargetState) -> None:
    four = story.host(4)
    record = a_record(four, state=RecordState.HELD)
    plan = replace(story.PLAN, hosts=(replace(story.planned(four, 1), state=state, record=record),), skipped=())
    result = results_of(story.Story().tell(e.PlanMade(plan)).standing)[four.id]
    healthy = state is TargetState.HEALTHY
    assert result == HostResult(four.id, Outcome.NOT_REACHED, healthy, "v142", "v142", record=RecordState.HELD)


@pytest.mark.parametrize(
    ("reason", "out", "in_service"),
    [(SkipReason.CURRENT, False, True), (SkipReason.DRAINED, True, False), (SkipReason.GONE, False, False)],
)
def test_a_host_that_was_skipped_keeps_its_release_and_its_place(
    reason: SkipReason, out: bool, in_service: bool
) -> None:
    plan = replace(story.PLAN, skipped=(Skipped(story.host(6), reason, "v143", out),))
    result = results_of(story.Story().tell(e.PlanMade(plan)).standing)[story.host(6).id]
    assert (result.in_service, result.release_before, result.release_after) == (in_service, "v143", "v143")


def test_a_host_that_aws_has_terminated_is_gone_not_skipped() -> None:
    plan = replace(story.PLAN, skipped=(Skipped(story.host(6), SkipReason.GONE),))
    standing = story.Story().tell(e.PlanMade(plan)).standing
    assert results_of(standing)[story.host(6).id].outcome is Outcome.GONE


# --- the exit code -----------------------------------------------------------------------------------


@pytest.mark.rule("I-9")
def test_all_planned_hosts_deployed_is_success() -> None:
    assert exit_code_of(story.good_end().standing) is ExitCode.OK


@pytest.mark.rule("I-9")
@pytest.mark.parametrize("what", [Outcome.LEFT_OUT, Outcome.RESTORED, Outcome.NOT_REACHED])
def test_even_the_last_host_failing_is_no_success(what: Outcome) -> None:
    told = only(1, 2).tell(outcome(1, Outcome.DEPLOYED), story.drain(story.host(2)), outcome(2, what))
    assert exit_code_of(told.standing) is ExitCode.HALTED


def test_a_planned_host_that_was_never_heard_of_is_no_success() -> None:
    told = only(1, 2).tell(story.drain(story.host(1)), outcome(1, Outcome.DEPLOYED))
    assert exit_code_of(told.standing) is ExitCode.HALTED


@pytest.mark.rule("F-34", "I-9")
def test_a_host_that_aws_has_terminated_is_no_failure() -> None:
    told = only(1, 2).tell(story.drain(story.host(1)), outcome(1, Outcome.DEPLOYED), outcome(2, Outcome.GONE))
    assert exit_code_of(told.standing) is ExitCode.OK


def test_a_halted_roll_over_the_floor_is_four() -> None:
    assert exit_code_of(story.halted().standing) is ExitCode.HALTED


def test_a_restored_host_is_what_restore_is_for() -> None:
    told = only(4, command="restore").tell(story.register(story.host(4)), outcome(4, Outcome.RESTORED))
    assert exit_code_of(told.standing) is ExitCode.OK


def test_unknown_calls_for_a_person() -> None:
    told = only(4).tell(story.drain(story.host(4)), outcome(4, Outcome.UNKNOWN, in_service=None))
    assert exit_code_of(told.standing) is ExitCode.HELP_NEEDED


def test_in_service_below_the_floor_calls_for_a_person() -> None:
    assert exit_code_of(story.halted().tell(story.capacity(3)).standing) is ExitCode.HELP_NEEDED


def test_a_fleet_that_was_below_its_floor_before_is_not_our_alarm() -> None:
    weak = replace(story.PLAN, pools=(replace(story.PLANNED_POOL, capacity=3),), hosts=story.PLAN.hosts[:1])
    told = story.Story().tell(story.started(), e.PlanMade(weak), story.capacity(3), outcome(1, Outcome.DEPLOYED))
    assert exit_code_of(told.standing) is ExitCode.OK


def test_a_host_drained_on_purpose_is_success_even_below_the_floor() -> None:
    plan = replace(story.PLAN, pools=(replace(story.PLANNED_POOL, capacity=4),), hosts=story.PLAN.hosts[:1], skipped=())
    told = story.Story().tell(story.started("drain"), e.PlanMade(plan), story.drain(story.host(1)))
    told.tell(story.capacity(3), outcome(1, Outcome.DRAINED, in_service=False))
    assert exit_code_of(told.standing) is ExitCode.OK


def test_refused_by_the_guard_with_nothing_done_is_refused() -> None:
    told = only(1).tell(e.HaltDecided("the floor"), outcome(1, Outcome.NOT_REACHED))
    assert exit_code_of(told.standing) is ExitCode.REFUSED


@pytest.mark.parametrize("code", ["floor", "standby"])
def test_a_host_that_the_guard_or_its_group_kept_in_service_is_refused_if_nothing_was_done(code: str) -> None:
    floor = Failure(code, "draining web-1 would leave 3 of 6 in service")
    told = only(1).tell(outcome(1, Outcome.NOT_REACHED, failure=floor), e.HaltDecided("the floor"))
    assert exit_code_of(told.standing) is ExitCode.REFUSED
    assert exit_code_of(told.tell(story.drain(story.host(2))).standing) is ExitCode.HALTED


@pytest.mark.rule("F-10")
def test_a_host_that_another_run_took_from_us_before_any_change_is_locked() -> None:
    lost = Failure("superseded", "run 81cc02 has the fleet")
    told = only(1, 2).tell(outcome(1, Outcome.NOT_REACHED, failure=lost))
    told.tell(outcome(2, Outcome.NOT_REACHED, failure=Failure("floor", "3 of 6")))
    assert exit_code_of(told.standing) is ExitCode.LOCKED
    assert exit_code_of(told.tell(story.drain(story.host(2))).standing) is ExitCode.HALTED


@pytest.mark.rule("I-9")
def test_a_host_that_serves_with_an_open_record_is_no_success() -> None:
    open_record = Failure("store-down", "its record could not be closed")
    told = only(1).tell(story.drain(story.host(1)), outcome(1, Outcome.DEPLOYED, failure=open_record))
    assert exit_code_of(told.standing) is ExitCode.HALTED


def test_a_host_that_refuses_us_before_any_change_is_access() -> None:
    refused = Failure("ssh-access", "the host key is not known", access=True)
    told = only(1, 2).tell(outcome(1, Outcome.SKIPPED, failure=refused))
    assert exit_code_of(told.standing) is ExitCode.ACCESS


def test_a_host_that_refuses_us_after_a_change_is_a_halt() -> None:
    refused = Failure("ssh-access", "the host key has changed", access=True)
    told = only(1, 2).tell(story.drain(story.host(1)), outcome(1, Outcome.RESTORED, failure=refused))
    assert exit_code_of(told.standing) is ExitCode.HALTED


def test_prepare_failing_otherwise_is_a_halt() -> None:
    told = only(1, 2).tell(outcome(1, Outcome.SKIPPED, failure=Failure("prepare-exit", "exit 1")))
    assert exit_code_of(told.standing) is ExitCode.HALTED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no"), ExitCode.REFUSED),
        (PermissionDenied("no", action="ssm:GetParameter"), ExitCode.ACCESS),
        (StoreDown("gone"), ExitCode.HALTED),
        (Superseded("lost"), ExitCode.LOCKED),
        (TimedOut("late"), ExitCode.TIMEOUT),
        (KeyError("TargetHealth"), ExitCode.BUG),
    ],
)
def test_an_error_that_ends_the_run_brings_its_code(error: BaseException, code: ExitCode) -> None:
    assert exit_code_of(only(1).standing, error) is code


@pytest.mark.parametrize(
    "error", [Refused("no"), PermissionDenied("no", action="elasticloadbalancing:RegisterTargets"), Superseded("lost")]
)
def test_codes_that_promise_no_change_become_a_halt_once_something_changed(error: Exception) -> None:
    told = only(1).tell(story.drain(story.host(1)))
    assert exit_code_of(told.standing, error) is ExitCode.HALTED


ALARMS = {
    ExitCode.INTERRUPT: lambda told: told.tell(e.SignalReceived("SIGINT", "finish")),
    ExitCode.HELP_NEEDED: lambda told: told.tell(outcome(2, Outcome.UNKNOWN)),
    ExitCode.HALTED: lambda told: told.tell(outcome(1, Outcome.LEFT_OUT)),
}
RANK = [ExitCode.INTERRUPT, ExitCode.HELP_NEEDED, ExitCode.BUG, ExitCode.TIMEOUT, ExitCode.HALTED]


@given(st.sets(st.sampled_from(list(ALARMS))), st.sampled_from([None, TimedOut("late"), KeyError("x")]))
def test_of_several_codes_the_gravest_wins(alarms: set[ExitCode], error: Exception | None) -> None:
    told = only(1, 2).tell(story.drain(story.host(1)), outcome(1, Outcome.DEPLOYED), outcome(2, Outcome.DEPLOYED))
    for alarm in alarms:
        ALARMS[alarm](told)
    apply = alarms | ({getattr(error, "exit_code", ExitCode.BUG)} if error else set())
    wanted = next((code for code in RANK if code in apply), ExitCode.OK)
    assert exit_code_of(told.standing, error) is wanted


@pytest.mark.parametrize(("name", "code"), [("SIGHUP", 129), ("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_is_128_plus_its_number(name: str, code: int) -> None:
    assert exit_code_of(story.halted().tell(e.SignalReceived(name, "leave")).standing) == code


# --- the way on --------------------------------------------------------------------------------------


def commands(told: story.Story) -> list[tuple[str, str]]:
    standing = told.standing
    return list(next_commands(standing, standing.plan))


def test_a_halted_roll_names_the_rerun_and_the_restore() -> None:
    assert commands(story.halted()) == [
        ("elbroll deploy --lb web-prod --release v143", "web-4 again, then web-5"),
        ("elbroll restore web-4", "verify again, then put back"),
    ]


def test_a_failed_host_without_others_to_do_is_named_alone() -> None:
    told = only(4).tell(e.RecordWritten(story.host(4), RecordState.DEPLOYED), outcome(4, Outcome.LEFT_OUT))
    assert commands(told)[0] == ("elbroll deploy --lb web-prod --release v143", "web-4 again")


def test_a_saved_plan_and_a_file_of_events_are_not_used_again() -> None:
    line = "elbroll deploy --lb web-prod --plan saved.json --release v143 --events='of this run.jsonl' --yes"
    told = only(4).tell(story.started(line=line), outcome(4, Outcome.LEFT_OUT))
    assert commands(told)[0][0] == "elbroll deploy --lb web-prod --release v143 --yes"


@pytest.mark.parametrize(
    ("planned", "release", "command"),
    [
        (True, "v144", "elbroll deploy --lb 'old prod' --release v143"),
        (False, "v144", "elbroll deploy --lb 'old prod' --release v144"),
        (False, None, "elbroll deploy --lb 'old prod'"),
    ],
)
def test_a_deploy_whose_line_is_not_known_is_put_together_again(
    planned: bool, release: str | None, command: str
) -> None:
    told = only(4).tell(story.started(line="", release=release), outcome(4, Outcome.LEFT_OUT))
    standing = replace(told.standing, lb="old prod")
    assert next_commands(standing, story.PLAN if planned else None) == ((command, "web-4 again"),)


@pytest.mark.rule("I-4", "F-8")
def test_a_lock_that_could_not_be_freed_comes_before_every_other_way_on() -> None:
    told = story.halted().tell(e.Warned(LOCK_LEFT, "the ledger does not answer"))
    assert commands(told) == [
        ("elbroll unlock web-prod 7f3a9c", "the lock could not be freed"),
        *commands(story.halted()),
    ]


def test_a_run_that_nobody_heard_begin_names_no_rerun() -> None:
    standing = story.Story().tell(e.PlanMade(story.PLAN), outcome(4, Outcome.LEFT_OUT)).standing
    assert next_commands(standing, story.PLAN) == ()


def test_a_drain_that_failed_is_run_again_for_the_hosts_it_missed() -> None:
    told = only(4, 5, command="drain").tell(outcome(4, Outcome.RESTORED, failure=Failure("drain", "late")))
    assert commands(told) == [("elbroll drain web-4 web-5", "web-4 again, then web-5")]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("elbroll exec --lb web-prod -- sh -c 'a -- b'", ["elbroll exec --lb web-prod --only web-4 -- sh -c 'a -- b'"]),
        ("elbroll exec --lb web-prod", []),
    ],
)
def test_an_exec_is_repeated_with_its_whole_command_or_not_at_all(line: str, command: list[str]) -> None:
    told = only(4).tell(story.started("exec", line=line), outcome(4, Outcome.LEFT_OUT))
    assert [each for each, _ in commands(told)] == command


def test_hosts_that_go_back_at_once_are_one_command_and_those_to_be_verified_another() -> None:
    told = only(1, 2, 3, 4)
    states = (RecordState.HELD, RecordState.REGISTERING, RecordState.DEPLOYED, RecordState.IN_SERVICE)
    for number, state in enumerate(states, 1):
        told.tell(e.RecordWritten(story.host(number), state), outcome(number, Outcome.LEFT_OUT))
    assert commands(told)[1:] == [
        ("elbroll restore web-3", "verify again, then put back"),
        ("elbroll restore web-1 web-2", "put back"),
    ]


@pytest.mark.rule("F-35", "I-26")
@pytest.mark.parametrize("state", [RecordState.HELD, RecordState.REGISTERING, RecordState.DEPLOYED])
def test_a_host_whose_record_names_a_deleted_pool_is_offered_to_give_it_up(state: RecordState) -> None:
    first, second = story.host(1), story.host(2)
    ours = story.registration(first)
    lost = replace(ours, pool=PoolId("tg/old-api/0f"))
    told = only(1, 2).tell(
        e.RecordWritten(first, state, frozenset({ours, lost})),
        e.RecordWritten(second, RecordState.HELD, frozenset({story.registration(second)})),
        outcome(1, Outcome.LEFT_OUT),
        outcome(2, Outcome.LEFT_OUT),
    )
    assert commands(told)[1:] == [
        ("elbroll restore web-1 --give-up old-api", "give up what no longer exists"),
        ("elbroll restore web-2", "put back"),
    ]


@pytest.mark.rule("F-35")
def test_a_pool_that_is_deleted_in_mid_run_is_offered_to_be_given_up() -> None:
    first = story.host(1)
    told = only(1).tell(
        e.RecordWritten(first, RecordState.HELD, frozenset({story.registration(first)})),
        e.CapacityChanged(story.POOL.id, story.POOL.name, 0, 0, 0),
        outcome(1, Outcome.LEFT_OUT),
    )
    assert commands(told)[1][0] == f"elbroll restore web-1 --give-up {story.POOL.name}"


def test_a_record_that_an_earlier_run_left_open_is_restored_too_but_not_that_of_a_skipped_host() -> None:
    told = only(3, 4).tell(outcome(3, Outcome.LEFT_OUT, record=RecordState.HELD))
    told.tell(outcome(4, Outcome.SKIPPED, record=RecordState.HELD))
    assert commands(told)[1:] == [("elbroll restore web-3", "put back")]


def test_after_a_good_end_nothing_is_left_to_do() -> None:
    assert commands(story.good_end()) == []


def test_a_host_whose_deploy_broke_off_is_not_offered_to_restore() -> None:
    host = story.host(1)
    told = only(1).tell(e.RecordWritten(host, RecordState.DEPLOYING), outcome(1, Outcome.LEFT_OUT))
    assert [command for command, _ in commands(told)] == ["elbroll deploy --lb web-prod --release v143"]


def test_a_drained_host_is_put_back_by_restore() -> None:
    host = story.host(4)
    told = only(4, command="drain").tell(e.RecordWritten(host, RecordState.HELD))
    told.tell(outcome(4, Outcome.DRAINED, in_service=False))
    assert commands(told) == [("elbroll restore web-4", "")]


def test_an_exec_is_repeated_for_the_hosts_it_missed() -> None:
    run = story.started("exec", line="elbroll exec --lb web-prod -- sudo systemctl restart web")
    told = story.halted()
    told.tell(run)
    assert commands(told)[0] == (
        "elbroll exec --lb web-prod --only web-4 --only web-5 -- sudo systemctl restart web",
        "web-4 again, then web-5",
    )


def test_an_unknown_host_is_looked_at_first() -> None:
    told = only(4, 5).tell(outcome(4, Outcome.UNKNOWN, in_service=None))
    assert commands(told) == [
        ("elbroll status --lb web-prod", "find out about web-4"),
        ("elbroll deploy --lb web-prod --release v143", "web-5"),
    ]


@pytest.mark.rule("I-26")
@pytest.mark.parametrize("name", ["web 1", "$(reboot)", "-rf", "a;b", "", "wéb", "a\nb"])
def test_a_name_that_a_shell_might_read_is_replaced_by_the_id(name: str) -> None:
    host = replace(story.host(4), name=name)
    told = only(4).tell(e.RecordWritten(host, RecordState.DEPLOYED))
    told.tell(e.HostFinished(host, HostResult(host.id, Outcome.LEFT_OUT, in_service=False)))
    assert commands(told)[1] == (f"elbroll restore {host.id}", "verify again, then put back")


def test_two_hosts_of_one_name_are_told_apart_by_id() -> None:
    twin = replace(story.host(5), name="web-4")
    told = only(4).tell(e.RecordWritten(twin, RecordState.IN_SERVICE))
    told.tell(e.RecordWritten(story.host(4), RecordState.HELD), outcome(4, Outcome.LEFT_OUT))
    assert commands(told)[1][0] == f"elbroll restore {story.host(4).id}"


def test_many_hosts_are_counted() -> None:
    told = story.Story().tell(story.started(), e.PlanMade(replace(story.PLAN, skipped=())))
    assert commands(told) == [("elbroll deploy --lb web-prod --release v143", "web-1, web-2, web-3, web-4, 1 more")]


def test_a_run_that_is_over_keeps_its_results() -> None:
    standing = story.finish(story.halted()).standing
    assert standing.finished is not None
    assert standing.finished.result is Result.FAILURE
    assert standing.finished.exit_code == 4
    assert len(standing.results) == 6
