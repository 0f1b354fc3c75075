"""The fleet's next move and the recovery of one host, as tables and properties."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import an_id
from elbroll.core.decide import (
    Finish,
    Halt,
    Recovery,
    RollState,
    Start,
    WaitForOne,
    next_move,
    recovery_for,
)
from elbroll.engine.stop import StopMode
from elbroll.model import Failure, HostId, HostResult, Outcome, RecordState, Step

A, B, C, D = map(an_id, range(1, 5))
BAD = Failure("verify-http", "answered 502")


def a_result(host: HostId, outcome: Outcome = Outcome.DEPLOYED, failure: Failure | None = None) -> HostResult:
    return HostResult(host, outcome, in_service=True, failure=failure)


def a_roll(**changes: Any) -> RollState:
    told: dict[str, Any] = {
        "waiting": (A, B, C),
        "working": frozenset(),
        "results": {},
        "max_unavailable": 1,
        "max_failures": 0,
        "stop_mode": StopMode.GO,
    }
    return RollState(**(told | changes))


def test_the_first_host_in_order_starts_first() -> None:
    assert next_move(a_roll()) == Start(A)


def test_no_host_starts_while_as_many_are_in_work_as_may_be_out() -> None:
    state = a_roll(waiting=(C,), working=frozenset({A, B}), max_unavailable=2)
    assert next_move(state) == WaitForOne()


def test_a_roll_that_allows_none_at_once_still_moves_one() -> None:
    assert next_move(a_roll(max_unavailable=0)) == Start(A)


def test_a_roll_with_nothing_left_to_start_awaits_those_in_work() -> None:
    assert next_move(a_roll(waiting=(), working=frozenset({A}))) == WaitForOne()


def test_a_roll_with_nothing_left_is_finished() -> None:
    assert next_move(a_roll(waiting=(), results={A: a_result(A)})) == Finish()


@pytest.mark.rule("I-18")
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.LEFT_OUT, "1 host was left out"),
        (Outcome.RESTORED, "answered 502"),
        (Outcome.NOT_REACHED, "answered 502"),
        (Outcome.SKIPPED, "answered 502"),
        (Outcome.DEPLOYED, "answered 502"),
        (Outcome.UNKNOWN, "a host's state is unknown"),
    ],
)
def test_a_failed_host_halts_the_roll_and_the_reason_is_told(outcome: Outcome, reason: str) -> None:
    assert next_move(a_roll(waiting=(B,), results={A: a_result(A, outcome, BAD)})) == Halt(reason)


@pytest.mark.parametrize(
    "outcome", [Outcome.DEPLOYED, Outcome.DRAINED, Outcome.RESTORED, Outcome.SKIPPED, Outcome.GONE]
)
def test_a_host_that_ended_well_or_is_gone_halts_nothing(outcome: Outcome) -> None:
    assert next_move(a_roll(waiting=(B,), results={A: a_result(A, outcome)})) == Start(B)


def test_an_instance_that_was_terminated_halts_nothing_although_its_walk_failed() -> None:
    gone = a_result(A, Outcome.GONE, Failure("gone", "the instance is terminated"))
    assert next_move(a_roll(waiting=(B,), results={A: gone})) == Start(B)


def test_the_last_hosts_failure_is_a_halt_too() -> None:
    state = a_roll(waiting=(), results={A: a_result(A, Outcome.LEFT_OUT, BAD)})
    assert isinstance(next_move(state), Halt)


def test_left_out_hosts_are_borne_up_to_max_failures_and_no_further() -> None:
    one = {A: a_result(A, Outcome.LEFT_OUT, BAD)}
    two = one | {B: a_result(B, Outcome.LEFT_OUT, BAD)}
    assert next_move(a_roll(waiting=(C,), results=one, max_failures=1)) == Start(C)
    assert next_move(a_roll(waiting=(C,), results=two, max_failures=1)) == Halt(
        "2 hosts were left out, and max_failures is 1"
    )


def test_without_max_failures_the_reason_does_not_speak_of_it() -> None:
    two = {host: a_result(host, Outcome.LEFT_OUT, BAD) for host in (A, B)}
    assert next_move(a_roll(waiting=(C,), results=two)) == Halt("2 hosts were left out")


def test_max_failures_does_not_bear_a_host_that_had_to_be_put_back() -> None:
    results = {A: a_result(A, Outcome.RESTORED, BAD)}
    assert next_move(a_roll(waiting=(B,), results=results, max_failures=5)) == Halt("answered 502")


def test_a_halt_is_answered_once_then_those_in_work_are_awaited() -> None:
    results = {A: a_result(A, Outcome.LEFT_OUT, BAD)}
    halting = a_roll(waiting=(C,), working=frozenset({B}), results=results, max_unavailable=2)
    halted = a_roll(waiting=(C,), working=frozenset({B}), results=results, max_unavailable=2, halted="A failed")
    assert isinstance(next_move(halting), Halt)
    assert next_move(halted) == WaitForOne()


def test_a_halted_roll_without_hosts_in_work_is_finished() -> None:
    assert next_move(a_roll(halted="an alarm turned red")) == Finish()


@pytest.mark.rule("F-54")
@pytest.mark.parametrize("mode", [StopMode.FINISH, StopMode.LEAVE])
def test_a_signal_halts_the_roll(mode: StopMode) -> None:
    assert next_move(a_roll(stop_mode=mode)) == Halt("a signal has come")


def test_the_canary_batch_ends_before_any_other_host_starts() -> None:
    canary = frozenset({A})
    going = a_roll(waiting=(B, C), working=frozenset({A}), max_unavailable=3, canary=canary)
    ended = a_roll(waiting=(B, C), results={A: a_result(A)}, max_unavailable=3, canary=canary)
    assert next_move(going) == WaitForOne()
    assert next_move(ended) == Start(B)


def test_canary_hosts_start_side_by_side() -> None:
    state = a_roll(waiting=(B, C), working=frozenset({A}), max_unavailable=2, canary=frozenset({A, B}))
    assert next_move(state) == Start(B)


@given(
    hosts=st.integers(1, 12),
    at_once=st.integers(1, 4),
    bearable=st.integers(0, 2),
    canary=st.integers(0, 3),
    data=st.data(),
)
@pytest.mark.rule("I-10", "I-18")
def test_a_roll_keeps_order_and_limits_and_starts_no_host_after_too_many_failures(
    hosts: int, at_once: int, bearable: int, canary: int, data: st.DataObject
) -> None:
    order = [an_id(number) for number in range(1, hosts + 1)]
    started, working, results, halted = _walk(order, at_once, bearable, order[:canary], data)
    assert started == order[: len(started)]
    assert not working
    assert set(results) == set(started)
    assert len(started) == hosts or halted is not None


def _walk(
    order: list[HostId], at_once: int, bearable: int, canary: list[HostId], data: st.DataObject
) -> tuple[list[HostId], set[HostId], dict[HostId, HostResult], str | None]:
    """Drive a roll to its end, hosts ending well or badly at random, and judge every move on the way."""
    started: list[HostId] = []
    working: set[HostId] = set()
    results: dict[HostId, HostResult] = {}
    halted: str | None = None
    for _ in range(10 * len(order) + 10):
        waiting = tuple(host for host in order if host not in started)
        canary_here = frozenset(canary) & frozenset(order)
        state = RollState(waiting, frozenset(working), results, at_once, bearable, StopMode.GO, canary_here, halted)
        match next_move(state):
            case Start(host):
                failures = sum(result.outcome is Outcome.LEFT_OUT for result in results.values())
                assert failures <= bearable
                assert host in canary_here or canary_here <= results.keys()
                started.append(host)
                working.add(host)
                assert len(working) <= at_once
            case WaitForOne():
                ended = data.draw(st.sampled_from(sorted(working)))
                outcome = data.draw(st.sampled_from([Outcome.DEPLOYED, Outcome.DEPLOYED, Outcome.LEFT_OUT]))
                working.discard(ended)
                results[ended] = a_result(ended, outcome)
            case Halt(reason):
                assert halted is None
                halted = reason
            case Finish():
                return started, working, results, halted
    raise AssertionError("the roll never ends")


# --- recovery ----------------------------------------------------------------------------------------

HELD, DEPLOYING, DEPLOYED = RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED
REGISTERING, IN_SERVICE = RecordState.REGISTERING, RecordState.IN_SERVICE


@pytest.mark.rule("I-6", "I-7")
@pytest.mark.parametrize(
    ("step", "record", "wanted"),
    [
        (Step.PREPARE, None, Recovery.UNTOUCHED),
        (Step.PREPARE, DEPLOYED, Recovery.UNTOUCHED),
        (Step.GUARD, None, Recovery.UNTOUCHED),
        (Step.GUARD, HELD, Recovery.UNTOUCHED),
        (Step.DRAIN, None, Recovery.UNTOUCHED),
        (Step.DRAIN, IN_SERVICE, Recovery.UNTOUCHED),
        (Step.DRAIN, RecordState.GONE, Recovery.UNTOUCHED),
        (Step.DRAIN, RecordState.UNREADABLE, Recovery.UNTOUCHED),
        (Step.DRAIN, HELD, Recovery.PUT_BACK),
        (Step.DRAIN, REGISTERING, Recovery.PUT_BACK),
        (Step.DRAIN, DEPLOYING, Recovery.LEAVE_OUT),
        (Step.DRAIN, DEPLOYED, Recovery.LEAVE_OUT),
        (Step.DEPLOY, HELD, Recovery.PUT_BACK),
        (Step.DEPLOY, DEPLOYING, Recovery.LEAVE_OUT),
        (Step.DEPLOY, DEPLOYED, Recovery.LEAVE_OUT),
        (Step.VERIFY, DEPLOYED, Recovery.LEAVE_OUT),
        (Step.REGISTER, DEPLOYED, Recovery.LEAVE_OUT),
        (Step.REGISTER, REGISTERING, Recovery.TAKE_OUT_AGAIN),
        (Step.BAKE, REGISTERING, Recovery.TAKE_OUT_AGAIN),
        (Step.CLOSE, REGISTERING, Recovery.SERVES),
    ],
)
def test_a_failed_step_leaves_its_host_where_the_record_allows(
    step: Step, record: RecordState | None, wanted: Recovery
) -> None:
    assert recovery_for(step, record) is wanted


@pytest.mark.rule("I-7")
@pytest.mark.parametrize("step", Step)
def test_a_host_of_unknown_or_unproven_version_is_never_put_back(step: Step) -> None:
    assert recovery_for(step, DEPLOYING) is not Recovery.PUT_BACK
    assert recovery_for(step, DEPLOYED) is not Recovery.PUT_BACK
