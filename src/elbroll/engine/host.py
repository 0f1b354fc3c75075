"""One host's walk: out of every pool, its deploy, its verify, and back exactly where it was (safety.md 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.begin import held_release
from elbroll.engine.book import HostBook
from elbroll.engine.closing import close, go_back, go_nowhere, return_to_service
from elbroll.engine.journal import Journal, StepFailed, credentials_end, translated
from elbroll.engine.leaving import leave
from elbroll.engine.lives import DEAD
from elbroll.engine.recovering import Aim, Ending
from elbroll.engine.walker import Walker, failed
from elbroll.engine.working import deploy, unless_back, verify
from elbroll.model import InstanceState, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.core.plan import PlannedHost
    from elbroll.engine.context import Run
    from elbroll.engine.room import FleetRoom
    from elbroll.model import Host, HostRecord, HostResult

STILL = frozenset({InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.UNKNOWN})


class HostWalk:
    """Walks one planned host. Each public method is one whole walk and ends with the host's place, never by raising.

    `record` is the host's record as read under the lock, open or closed.
    """

    def __init__(self, run: Run, room: FleetRoom, planned: PlannedHost, record: HostRecord | None) -> None:
        self._run = run
        self._planned = planned
        journal = Journal(planned.host, run.sink, run.clock)
        self._book = HostBook(planned.host, record, run)
        self._walker = Walker(run, room, planned.host, self._book, journal)

    def roll(self, *, countable: bool) -> HostResult:
        """Drain, deploy, verify, register, bake, close; from where an open record lets it go on."""
        aim = Aim(Outcome.DEPLOYED, True, self._planned.release_after, self._run.settings.deploy.rollback)
        return self._walked(aim, lambda: self._walk_from(self._planned.begin, countable=countable))

    def drain(self, *, countable: bool) -> HostResult:
        """Out of every pool until traffic has stopped, on purpose; the record stays `held`."""
        aim = Aim(Outcome.DRAINED, False, self._planned.release_before)
        return self._walked(aim, lambda: self._take_out(countable=countable))

    def restore(self) -> HostResult:
        """Back where the record says: `held` at once, `deployed` after verify, `registering` the rest."""
        if self._book.registrations and not self._walker.pools():
            return self._walked(Aim(Outcome.RESTORED, in_service=False, release=None), lambda: go_nowhere(self._walker))
        release = held_release(self._book.record)
        return self._walked(Aim(Outcome.RESTORED, True, release), lambda: go_back(self._walker, release))

    def _walked(self, aim: Aim, walk: Callable[[], None]) -> HostResult:
        ending = Ending(self._walker, self._planned, aim)
        self._started()
        try:
            self._meet()
            walk()
        except StepFailed as failure:
            return self._finished(ending.after(failure))
        return self._finished(ending.well())

    def _started(self) -> None:
        planned = self._planned
        self._run.sink.tell(events.HostStarted(planned.host, planned.batch, planned.registrations))
        self._run.lease.doing(planned.host.name)

    def _meet(self) -> None:
        """The machine as EC2 sees it now: a dead or stopped one is not walked (F-34)."""
        host = self._planned.host
        if host.state is InstanceState.OUTSIDE:
            return
        with translated(Step.GUARD):
            now = self._run.inventory.instances([host.id])[host.id]
        if now.state in DEAD:
            raise failed(Step.GUARD, "gone", f"the instance is {now.shown_state}")
        if now.state in STILL:
            raise failed(Step.GUARD, "stopped", f"the instance is {now.shown_state}")
        self._in_the_same_group(now)

    def _in_the_same_group(self, now: Host) -> None:
        """A group that the plan did not know may replace a host that it sees leave, whatever was planned (A1)."""
        known = {None, self._planned.host.group}
        if self._book.record is None and now.group not in known and self._run.settings.asg.mode != "ignore":
            says = f"{now.name} has come to the Auto Scaling group {now.group} since the plan was made"
            raise failed(Step.GUARD, "standby", says)

    def _covered(self, work: float) -> None:
        """No host leaves that the credentials might not bring back; `work` is the limit of its commands (F-5)."""
        now, needs = self._run.clock.now(), self._planned.estimate + work
        with translated(Step.GUARD):
            validity = self._run.validity()
        if validity.until is not None and not validity.covers(needs, now):
            raise credentials_end(validity.until, now, needs)

    def _take_out(self, *, countable: bool) -> None:
        self._covered(0.0)
        leave(self._walker, countable=countable)

    def _walk_from(self, begin: Step, *, countable: bool) -> None:
        if begin in {Step.DRAIN, Step.DEPLOY}:
            self._covered(self._run.settings.deploy.timeout)
            look_again = leave(self._walker, countable=countable)
            deploy(self._walker, self._run.settings.deploy.commands, self._planned.release_after, look_again)
        if begin is not Step.REGISTER:
            verify(self._walker, self._planned.release_after)
        if begin in {Step.DRAIN, Step.DEPLOY}:
            unless_back(self._walker, Step.VERIFY)
        return_to_service(self._walker)
        close(self._walker, self._planned.release_after)

    def _finished(self, result: HostResult) -> HostResult:
        self._run.sink.tell(events.HostFinished(self._planned.host, result))
        return result
