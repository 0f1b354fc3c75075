"""One host's walk: out of every pool, its deploy, its verify, and back exactly where it was (safety.md 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from elbroll import events
from elbroll.core.decide import Recovery, recovery_for
from elbroll.engine.book import HostBook
from elbroll.engine.journal import Abandoned, Journal, StepFailed, failed_by
from elbroll.engine.leaving import leave, take_out_again
from elbroll.engine.returning import bake, come_back, put_back, send_back
from elbroll.engine.walker import Walker, failed
from elbroll.engine.working import deploy, verify
from elbroll.errors import ElbrollError, Superseded
from elbroll.model import Failure, HostResult, InstanceState, Outcome, RecordState, Step, Why

if TYPE_CHECKING:
    from elbroll.core.plan import PlannedHost
    from elbroll.engine.context import Run
    from elbroll.engine.room import FleetRoom
    from elbroll.model import HostRecord

DEAD = frozenset({InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN, InstanceState.MISSING})
STILL = frozenset({InstanceState.STOPPED, InstanceState.STOPPING})


class HostWalk:
    """Walks one planned host. Each public method is one whole walk and ends with the host's place, never by raising.

    `record` is the host's record as read under the lock, open or closed.
    """

    def __init__(self, run: Run, room: FleetRoom, planned: PlannedHost, record: HostRecord | None) -> None:
        self._run = run
        self._planned = planned
        self._journal = Journal(planned.host, run.sink, run.clock)
        self._book = HostBook(planned.host, record, run)
        self._walker = Walker(run, room, planned.host, self._book, self._journal)
        self._before = planned.release_before
        self._after = self._before if run.why is Why.EXEC and run.release is None else run.release
        """A command that was not called a release leaves the host on the one it runs."""

    def roll(self, *, countable: bool) -> HostResult:
        """Drain, deploy, verify, register, bake, close; from where an open record lets it go on."""
        self._started()
        try:
            self._meet()
            self._walk_from(self._planned.begin, countable=countable)
        except StepFailed as failure:
            return self._finished(self._recover(failure))
        return self._finished(self._ended(Outcome.DEPLOYED, in_service=True, after=self._after))

    def drain(self, *, countable: bool) -> HostResult:
        """Out of every pool until traffic has stopped, on purpose; the record stays `held`."""
        self._started()
        try:
            self._meet()
            leave(self._walker, countable=countable)
        except StepFailed as failure:
            return self._finished(self._recover(failure))
        return self._finished(self._ended(Outcome.DRAINED, in_service=False, after=self._before))

    def restore(self) -> HostResult:
        """Back where the record says: `held` at once, `deployed` after verify, `registering` the rest."""
        self._started()
        release = self._release_on_host()
        try:
            self._meet()
            self._go_back(release)
        except StepFailed as failure:
            return self._finished(self._recover(failure))
        return self._finished(self._ended(Outcome.RESTORED, in_service=True, after=release))

    def _started(self) -> None:
        planned = self._planned
        self._run.sink.tell(events.HostStarted(planned.host, planned.batch, planned.registrations))
        self._run.lease.doing(planned.host.name)

    def _meet(self) -> None:
        """The machine as EC2 sees it now: a dead or stopped one is not walked (F-34)."""
        host = self._planned.host
        if host.state is InstanceState.OUTSIDE:
            return
        try:
            now = self._run.inventory.instances([host.id])[host.id].state
        except ElbrollError as error:
            raise failed_by(Step.GUARD, error) from error
        if now in DEAD:
            raise failed(Step.GUARD, "gone", f"the instance is {now}")
        if now in STILL:
            raise failed(Step.GUARD, "stopped", f"the instance is {now}")

    def _walk_from(self, begin: Step, *, countable: bool) -> None:
        release, lines = self._after, self._run.settings.deploy.commands
        if begin in (Step.DRAIN, Step.DEPLOY):
            leave(self._walker, countable=countable)
            deploy(self._walker, lines, release)
        if begin is not Step.REGISTER:
            verify(self._walker, release)
        come_back(self._walker)
        bake(self._walker)
        self._close(release)

    def _go_back(self, release: str | None) -> None:
        if self._book.state is RecordState.HELD:
            put_back(self._walker)
        else:
            if self._book.state is RecordState.DEPLOYED:
                verify(self._walker, release)
            come_back(self._walker)
            bake(self._walker)
        self._close(release)

    def _close(self, release: str | None) -> None:
        try:
            self._book.in_service(release)
            self._walker.room.tell_capacity(self._walker.room.pools_of(self._planned.host))
        except ElbrollError as error:
            raise failed_by(Step.CLOSE, error) from error

    def _release_on_host(self) -> str | None:
        record = self._book.record
        if record is None:
            return None
        return record.release_before if record.state is RecordState.HELD else record.release_after

    # --- when a step has failed

    def _recover(self, failure: StepFailed) -> HostResult:
        if failure.failure.code == "gone":
            return self._gone(failure)
        if isinstance(failure.__cause__, Superseded):
            return self._left(failure, note="another run has taken over: nothing more was done")
        recovery = recovery_for(failure.step, self._book.state)
        match recovery:
            case Recovery.UNTOUCHED:
                return self._ended(Outcome.NOT_REACHED, in_service=self._serves(), failure=failure)
            case Recovery.PUT_BACK:
                return self._put_back(failure)
            case Recovery.LEAVE_OUT:
                return self._rolled_back(failure) or self._left(failure)
            case Recovery.TAKE_OUT_AGAIN:
                return self._taken_out_again(failure)
            case Recovery.SERVES:
                note = "serves, but its record could not be closed"
                return self._ended(
                    Outcome.DEPLOYED, in_service=True, after=self._after, failure=failure, note=note
                )
            case _:
                assert_never(recovery)

    def _served(self, failure: StepFailed) -> HostResult:
        note = "serves, but its record could not be closed"
        return self._ended(Outcome.DEPLOYED, in_service=True, after=self._after, failure=failure, note=note)

    def _serves(self) -> bool:
        return self._book.state is None

    def _gone(self, failure: StepFailed) -> HostResult:
        if self._book.record is not None:
            try:
                self._book.gone()
            except ElbrollError as error:
                self._journal.warn("record", f"its record stays open: {error.message}")
        return self._ended(Outcome.GONE, in_service=False, failure=failure)

    def _put_back(self, failure: StepFailed) -> HostResult:
        """Exactly as it was; under a second signal the call is sent and not awaited."""
        release = self._release_on_host()
        try:
            if self._walker.leaving_now():
                send_back(self._walker)
                return self._ended(
                    Outcome.LEFT_OUT, in_service=None, failure=failure, note="sent back without waiting, record kept"
                )
            put_back(self._walker)
            self._close(release)
        except StepFailed as second:
            return self._left(failure, note=f"could not be put back: {second.failure.message}")
        except ElbrollError as error:
            return self._left(failure, note=f"could not be put back: {error.message}")
        return self._ended(Outcome.RESTORED, in_service=True, after=release, failure=failure)

    def _rolled_back(self, failure: StepFailed) -> HostResult | None:
        """The operator's own way back: a deploy of the previous release; None where there is none or it failed."""
        lines = self._run.settings.deploy.rollback
        unclear = failure.failure.code == f"{Step.DEPLOY}-unknown"
        if not lines or unclear or isinstance(failure, Abandoned) or self._walker.interrupted():
            return None
        try:
            deploy(self._walker, lines, self._before)
            self._go_back(self._before)
        except StepFailed as second:
            self._journal.warn("rollback", f"rollback failed too: {second.failure.message}")
            return None
        return self._ended(
            Outcome.RESTORED, in_service=True, after=self._before, failure=failure, note="rolled back by its commands"
        )

    def _taken_out_again(self, failure: StepFailed) -> HostResult:
        """Well on the host but not for the balancer: out again, unless that would empty a pool (F-50)."""
        if isinstance(failure, Abandoned):
            return self._left(failure)
        try:
            if not self._walker.room.may_leave_again(self._planned.host):
                note = "left in: taking it out would leave nothing healthy"
                return self._ended(
                    Outcome.UNKNOWN, in_service=None, after=self._after, failure=failure, note=note
                )
            take_out_again(self._walker)
            self._book.deployed(self._after)
        except ElbrollError as error:
            return self._left(failure, note=f"could not be taken out again: {error.message}")
        return self._left(failure)

    def _left(self, failure: StepFailed, note: str | None = None) -> HostResult:
        """Out, or as it is; the record says what was taken out, so nothing is lost."""
        if not isinstance(failure.__cause__, Superseded) and self._book.record is not None:
            try:
                self._book.failed(failure.step, failure.failure.code)
            except ElbrollError as error:
                self._journal.warn("record", f"why it failed could not be noted: {error.message}")
        after = self._after if self._book.state is not RecordState.HELD else self._before
        kept = note or "record kept: " + ", ".join(self._walker.labels())
        in_service = None if self._book.state is RecordState.REGISTERING else False
        return self._ended(Outcome.LEFT_OUT, in_service=in_service, after=after, failure=failure, note=kept)

    def _ended(
        self,
        outcome: Outcome,
        *,
        in_service: bool | None,
        after: str | None = None,
        failure: StepFailed | None = None,
        note: str | None = None,
    ) -> HostResult:
        why: Failure | None = failure.failure if failure else None
        return HostResult(
            host=self._planned.host.id,
            outcome=outcome,
            in_service=in_service,
            release_before=self._before,
            release_after=after,
            steps=tuple(self._journal.steps),
            failure=why,
            seconds=self._journal.seconds,
            record=self._book.state,
            note=note,
        )

    def _finished(self, result: HostResult) -> HostResult:
        self._run.sink.tell(events.HostFinished(self._planned.host, result))
        return result
