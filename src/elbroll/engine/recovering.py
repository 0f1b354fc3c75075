"""What becomes of a host whose step has failed, and how every walk is summed up (safety.md 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from elbroll.core.begin import held_release, release_behind
from elbroll.core.decide import Recovery, recovery_for
from elbroll.engine.closing import close, go_back
from elbroll.engine.healthy import OUTAGE
from elbroll.engine.journal import Abandoned, StepFailed
from elbroll.engine.lives import died
from elbroll.engine.out_again import take_out_again
from elbroll.engine.returning import put_back, send_back
from elbroll.engine.waiting import patiently
from elbroll.engine.working import deploy
from elbroll.errors import ElbrollError, StandbyRefused, Superseded
from elbroll.model import HostResult, JobEnd, Outcome, RecordState, Step, TargetState

if TYPE_CHECKING:
    from elbroll.core.plan import PlannedHost
    from elbroll.engine.walker import Walker
    from elbroll.model import Registration

UNSETTLED = frozenset({f"{Step.DEPLOY}-{JobEnd.UNKNOWN}", "job-still-runs", "undone"})
"""Failures after which a command may still be alive on the host, or traffic be sent to it."""
ALREADY_OUT = frozenset({"not-registered", "unsettled"})
"""Refusals of the guard by which somebody else has taken the host out."""
LEFT = frozenset({Outcome.LEFT_OUT, Outcome.UNKNOWN})
"""Ends of a recovery that has failed: its machine may have ended meanwhile."""
UNCLOSED = "serves, but its record could not be closed"
ENDED = "its machine was terminated meanwhile"
TAKEN_OVER = "another run has taken over: nothing more was done"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a walk is for: how it ends if all goes well, and what the host runs then."""

    outcome: Outcome
    in_service: bool
    release: str | None
    rollback: tuple[str, ...] = ()
    """Commands for a host whose deploy or verify has failed; only a roll has any."""


class Ending:
    """The end of one host's walk; never raises for what AWS, the store or the host does."""

    def __init__(self, walker: Walker, planned: PlannedHost, aim: Aim) -> None:
        self._walker = walker
        self._planned = planned
        self._aim = aim
        self._book = walker.book

    def well(self) -> HostResult:
        """Everything went as planned."""
        return self._ended(self._aim.outcome, in_service=self._aim.in_service, after=self._aim.release)

    def after(self, failure: StepFailed) -> HostResult:
        """Recover by the rules, and say what is known."""
        if isinstance(failure.__cause__, Superseded):
            return self._left(failure, note=TAKEN_OVER)
        if failure.failure.code == "gone" or self._died():
            return self._gone(failure)
        ended = self._recovered(failure)
        return self._lost(failure) if ended.outcome in LEFT and self._died() else ended

    def _recovered(self, failure: StepFailed) -> HostResult:
        recovery = recovery_for(failure.step, self._book.state)
        match recovery:
            case Recovery.UNTOUCHED:
                found_well = self._book.record is None and self._planned.state is TargetState.HEALTHY
                in_service = found_well and failure.failure.code not in ALREADY_OUT
                before = self._planned.release_before
                return self._ended(Outcome.NOT_REACHED, in_service=in_service, after=before, failure=failure)
            case Recovery.PUT_BACK:
                return self._put_back(failure)
            case Recovery.LEAVE_OUT:
                return self._rolled_back(failure) or self._left_out(failure)
            case Recovery.TAKE_OUT_AGAIN:
                return self._left(failure) if isinstance(failure, Abandoned) else self._out_again(failure)
            case Recovery.SERVES:
                return self._ended(
                    self._aim.outcome, in_service=True, after=self._aim.release, failure=failure, note=UNCLOSED
                )
            case _:
                assert_never(recovery)

    # --- the machine is no more

    def _died(self) -> bool:
        """Whether EC2 says so by now (F-34); without an answer, or without time for one, it is taken to live."""
        return not self._walker.leaving_now() and died(self._walker.run.inventory, self._planned.host)

    def _gone(self, failure: StepFailed) -> HostResult:
        self._bury()
        return self._ended(Outcome.GONE, in_service=False, after=None, failure=failure)

    def _lost(self, failure: StepFailed) -> HostResult:
        """It had failed before its machine ended, and so halts the roll as any other."""
        self._bury()
        return self._ended(Outcome.LEFT_OUT, in_service=False, after=None, failure=failure, note=ENDED)

    def _bury(self) -> None:
        if self._book.record is not None:
            try:
                self._book.gone()
            except ElbrollError as error:
                self._walker.journal.warn("record", f"its record stays open: {error.message}")

    # --- back as it was

    def _put_back(self, failure: StepFailed) -> HostResult:
        """Exactly as it was; under a second signal the call is sent and not awaited."""
        release = held_release(self._book.record)
        try:
            if not self._is_back():
                send_back(self._walker)
                return self._left(failure, note="sent back without waiting, record kept")
        except (StepFailed, ElbrollError) as second:
            return self._left(failure, note=f"could not be put back: {second}")
        return self._closed(failure, release, note=None)

    def _is_back(self) -> bool:
        """Whether it was awaited to be healthy everywhere; false where a signal leaves no time for that."""
        if self._walker.leaving_now():
            return False
        try:
            put_back(self._walker)
        except Abandoned:
            return False
        return True

    def _closed(self, failure: StepFailed, release: str | None, note: str | None) -> HostResult:
        """It serves again as before; whether its record can be closed changes nothing about that."""
        try:
            close(self._walker, release)
        except StepFailed as second:
            note = f"{UNCLOSED}: {second}"
        return self._ended(Outcome.RESTORED, in_service=True, after=release, failure=failure, note=note)

    # --- the operator's own way back

    def _rolled_back(self, failure: StepFailed) -> HostResult | None:
        """A deploy of the previous release; None where there is none or it has failed too."""
        if not self._may_roll_back(failure) or self._book.record is None:
            return None
        release = release_behind(self._planned)
        try:
            deploy(self._walker, self._aim.rollback, release)
            go_back(self._walker, release)
        except StepFailed as second:
            self._walker.journal.warn("rollback", f"rollback failed too: {second}")
            return self._half_rolled_back(failure, second, release)
        return self._ended(
            Outcome.RESTORED, in_service=True, after=release, failure=failure, note="rolled back by its commands"
        )

    def _may_roll_back(self, failure: StepFailed) -> bool:
        """Only from a step that has run its course: never beside a command whose end nobody knows (I-17)."""
        ended = failure.__cause__ is None and failure.failure.code not in UNSETTLED
        of_the_host = failure.step in {Step.DEPLOY, Step.VERIFY} and not isinstance(failure, Abandoned)
        return bool(self._aim.rollback) and ended and of_the_host and not self._walker.interrupted()

    def _half_rolled_back(self, failure: StepFailed, second: StepFailed, release: str | None) -> HostResult | None:
        if isinstance(second.__cause__, Superseded):
            return self._left(failure, note=TAKEN_OVER)
        if second.step is Step.CLOSE:
            return self._ended(Outcome.RESTORED, in_service=True, after=release, failure=failure, note=UNCLOSED)
        if self._book.state is RecordState.REGISTERING:
            return self._left(failure) if isinstance(second, Abandoned) else self._out_again(failure)
        return None

    # --- out

    def _left_out(self, failure: StepFailed) -> HostResult:
        """It stays out; where somebody has registered it meanwhile, it is taken out once (F-36)."""
        if self._book.state is RecordState.HELD or self._walker.leaving_now():
            return self._left(failure)
        try:
            registered = self._walker.seen_registered()
        except ElbrollError as error:
            self._walker.journal.warn("unread", f"whether it is out could not be read: {error.message}")
            return self._left(failure)
        if not registered:
            return self._left(failure)
        self._walker.journal.warn("registered", f"registered by somebody else: {self._walker.named(registered)}")
        return self._out_again(failure, registered)

    def _out_again(self, failure: StepFailed, seen: frozenset[Registration] = frozenset()) -> HostResult:
        """Out of every pool, unless that would empty one (F-50); what was `seen` elsewhere is recorded first (2.4)."""
        try:
            if seen - self._book.registrations:
                self._book.hold(seen)
            may = patiently(
                self._may_leave, clock=self._walker.run.clock, budget=OUTAGE, give_up=self._walker.leaving_now
            )
            if not may or not take_out_again(self._walker):
                return self._left_in(failure, "taking it out would leave too little in service")
            if self._book.record is not None and self._book.state is RecordState.REGISTERING:
                self._book.deployed(self._book.record.release_after)
        except StandbyRefused as error:
            return self._left_in(failure, error.message)
        except ElbrollError as error:
            return self._left(failure, note=f"could not be taken out again: {error.message}")
        return self._left(failure)

    def _left_in(self, failure: StepFailed, why: str) -> HostResult:
        """Traffic may reach it, and it has not proven itself: somebody has to look (F-50)."""
        after = held_release(self._book.record)
        return self._ended(Outcome.UNKNOWN, in_service=None, after=after, failure=failure, note=f"left in: {why}")

    def _may_leave(self) -> bool:
        return self._walker.room.may_leave_again(self._walker.host)

    def _left(self, failure: StepFailed, note: str | None = None) -> HostResult:
        """As it is; the record says what was taken out, so nothing is lost."""
        if self._book.record is None:
            before = self._planned.release_before
            return self._ended(Outcome.NOT_REACHED, in_service=None, after=before, failure=failure, note=note)
        if not isinstance(failure.__cause__, Superseded):
            self._note_why(failure)
        standing = f"; standby in {self._book.standby_group}" if self._book.standby_group else ""
        kept = note or "record kept: " + ", ".join(self._walker.labels()) + standing
        out = self._book.state in {RecordState.DEPLOYING, RecordState.DEPLOYED}
        after = held_release(self._book.record)
        return self._ended(Outcome.LEFT_OUT, in_service=False if out else None, after=after, failure=failure, note=kept)

    def _note_why(self, failure: StepFailed) -> None:
        try:
            self._book.failed(failure.step, failure.failure.code)
        except ElbrollError as error:
            self._walker.journal.warn("record", f"why it failed could not be noted: {error.message}")

    def _ended(
        self,
        outcome: Outcome,
        *,
        in_service: bool | None,
        after: str | None,
        failure: StepFailed | None = None,
        note: str | None = None,
    ) -> HostResult:
        return HostResult(
            host=self._planned.host.id,
            outcome=outcome,
            in_service=in_service,
            release_before=self._planned.release_before,
            release_after=after,
            steps=tuple(self._walker.journal.steps),
            failure=failure.failure if failure else None,
            seconds=self._walker.journal.seconds,
            record=self._book.state,
            note=note,
        )
