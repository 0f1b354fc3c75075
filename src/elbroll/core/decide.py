"""The next move of a roll, and what becomes of a host whose step has failed. Pure (safety.md 4, I-18)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from elbroll.model import Outcome, RecordState, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.engine.stop import StopMode
    from elbroll.model import HostId, HostResult


@dataclass(frozen=True, slots=True)
class RollState:
    """A roll between two moves."""

    waiting: tuple[HostId, ...]
    """Hosts not yet begun, in the plan's order."""
    working: frozenset[HostId]
    results: Mapping[HostId, HostResult]
    max_unavailable: int
    max_failures: int
    stop_mode: StopMode
    canary: frozenset[HostId] = frozenset()
    """Hosts of the first batch, which must all have ended (their bake included) before any other starts."""
    halted: str | None = None
    """The reason of the `Halt` that was answered before, or one from outside (a red alarm, the canary's judge)."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin this host's walk: the first of those waiting."""

    host: HostId


@dataclass(frozen=True, slots=True)
class WaitForOne:
    """Nothing can begin before a host in work has ended; there is always one in work."""


@dataclass(frozen=True, slots=True)
class Halt:
    """No new host starts from here on. Answered once: put the reason into `halted` and ask again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is in work and nothing more will begin."""


Move = Start | WaitForOne | Halt | Finish


def next_move(state: RollState) -> Move:
    """What the roll does now. Hosts start in order, never after a reason to halt (I-18)."""
    if state.halted is None and (reason := _reason_to_halt(state)) is not None:
        return Halt(reason)
    if state.halted is not None or not state.waiting:
        return WaitForOne() if state.working else Finish()
    return Start(state.waiting[0]) if _room(state) else WaitForOne()


def _reason_to_halt(state: RollState) -> str | None:
    if state.stop_mode > 0:
        return "a signal has come"
    for result in state.results.values():
        if (reason := _halts_alone(result)) is not None:
            return reason
    left_out = sum(result.outcome is Outcome.LEFT_OUT for result in state.results.values())
    if left_out > state.max_failures:
        return _too_many(left_out, state.max_failures)
    return None


def _too_many(left_out: int, borne: int) -> str:
    hosts = "1 host was" if left_out == 1 else f"{left_out} hosts were"
    return f"{hosts} left out" + (f", and max_failures is {borne}" if borne else "")


def _halts_alone(result: HostResult) -> str | None:
    """`max_failures` bears hosts that were left out, no other failure (safety.md 4)."""
    match result.outcome:
        case Outcome.UNKNOWN:
            return "a host's state is unknown"
        case Outcome.LEFT_OUT | Outcome.GONE:
            return None
        case Outcome.DEPLOYED | Outcome.DRAINED | Outcome.RESTORED | Outcome.SKIPPED | Outcome.NOT_REACHED:
            return None if result.failure is None else result.failure.message
        case _:
            assert_never(result.outcome)


def _room(state: RollState) -> bool:
    if len(state.working) >= max(1, state.max_unavailable):
        return False
    canary_ended = state.canary <= state.results.keys()
    return canary_ended or state.waiting[0] in state.canary


class Recovery(Enum):
    """What becomes of a host whose step has failed (safety.md 4)."""

    UNTOUCHED = "untouched"
    """Nothing was done to it: it stays as it was found."""
    PUT_BACK = "put-back"
    """Register at once what the record says: its version is the one it served with."""
    LEAVE_OUT = "leave-out"
    """It stays out and its record stays open."""
    TAKE_OUT_AGAIN = "take-out-again"
    """Deregister what is back, if the guard lets it; record `deployed`."""
    SERVES = "serves"
    """It is in service; only its record could not be closed, which is harmless (F-52)."""


def recovery_for(step: Step, record: RecordState | None) -> Recovery:
    """The rule for a failure in `step` while the record is *confirmed* in that state; None: no record."""
    match step:
        case Step.PREPARE | Step.GUARD:
            return Recovery.UNTOUCHED
        case Step.DRAIN | Step.DEPLOY:
            return _before_any_command(record)
        case Step.VERIFY:
            return Recovery.LEAVE_OUT
        case Step.REGISTER | Step.BAKE:
            return Recovery.TAKE_OUT_AGAIN if record is RecordState.REGISTERING else Recovery.LEAVE_OUT
        case Step.CLOSE:
            return Recovery.SERVES
        case _:
            assert_never(step)


def _before_any_command(record: RecordState | None) -> Recovery:
    """The record tells whether a command has touched the host: `held` and `registering` have a proven version."""
    match record:
        case None | RecordState.IN_SERVICE | RecordState.GONE | RecordState.UNREADABLE:
            return Recovery.UNTOUCHED
        case RecordState.HELD | RecordState.REGISTERING:
            return Recovery.PUT_BACK
        case RecordState.DEPLOYING | RecordState.DEPLOYED:
            return Recovery.LEAVE_OUT
        case _:
            assert_never(record)
