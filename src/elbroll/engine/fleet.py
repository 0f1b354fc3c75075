"""The roll: hosts in the plan's order, as many at once as the plan allows, until the end or the first failure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

from elbroll import events
from elbroll.core.decide import Finish, Halt, RollState, Start, WaitForOne, next_move
from elbroll.core.ending import not_reached
from elbroll.engine.host import HostWalk
from elbroll.engine.opening import Opening
from elbroll.engine.preparing import Preparation
from elbroll.engine.stop import StopMode
from elbroll.engine.waiting import patiently
from elbroll.engine.walker import LOOKS_FOR
from elbroll.errors import ElbrollError
from elbroll.model import Failure, HostId, HostResult, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.core.plan import PlannedHost, RolloutPlan
    from elbroll.engine.context import Run
    from elbroll.engine.crew import Crew
    from elbroll.engine.preparing import Readied
    from elbroll.engine.room import FleetRoom
    from elbroll.model import HostRecord


class Roll:
    """Walks a plan's hosts. Each method returns what became of every host it has begun with."""

    def __init__(self, run: Run, plan: RolloutPlan, room: FleetRoom, records: Mapping[HostId, HostRecord]) -> None:
        self._run = run
        self._plan = plan
        self._room = room
        self._records = records
        self._results: dict[HostId, HostResult] = {}
        self._working: dict[HostId, PlannedHost] = {}
        self._waiting = {planned.host.id: planned for planned in plan.hosts}
        self._halted: str | None = None
        self._bug: BaseException | None = None
        self._bears = run.settings.pace.max_failures

    def deploy(self, preparers: Crew[Readied | HostResult], walkers: Crew[HostResult]) -> Mapping[HostId, HostResult]:
        """Prepare all, then roll. A host that cannot be prepared halts the roll before the first drain."""
        self._open()
        preparation = Preparation(self._run, self._room, self._records)
        ready, ended = preparation.of_all(self._plan.hosts, preparers)
        self._results |= ended
        for host in ended:
            self._waiting.pop(host)
        if failed := {host: result for host, result in ended.items() if result.outcome is not Outcome.GONE}:
            return self._halt_before(failed)
        return self._walk_all(lambda host, walk: walk.roll(countable=ready[host].countable), walkers)

    def drain(self, walkers: Crew[HostResult]) -> Mapping[HostId, HostResult]:
        """Take hosts out on purpose. One that cannot be reached is drained by the balancer's word."""
        self._open()
        preparation = Preparation(self._run, self._room, self._records)
        planned = dict(self._waiting)
        return self._walk_all(
            lambda host, walk: walk.drain(countable=preparation.counts_connections(planned[host])), walkers
        )

    def restore(self, walkers: Crew[HostResult]) -> Mapping[HostId, HostResult]:
        """Put hosts back where their records say: one that fails keeps no other one out."""
        self._open()
        self._bears = len(self._waiting)
        return self._walk_all(lambda _host, walk: walk.restore(), walkers)

    def _open(self) -> None:
        """Records that hold nothing any more are closed first; a host that only has to register closes its own."""
        resumed = {planned.host.id for planned in self._plan.hosts if planned.begin is Step.REGISTER}
        self._records = Opening(self._run, self._room, self._records).closed(resumed)
        self._tell_capacity()

    def _walk_all(
        self, walk: Callable[[HostId, HostWalk], HostResult], walkers: Crew[HostResult]
    ) -> Mapping[HostId, HostResult]:
        while True:
            move = next_move(self._state())
            match move:
                case Start(host):
                    if not self._halted_by_the_sick():
                        self._start(host, walk, walkers)
                case Halt(reason):
                    self._halt(reason)
                case WaitForOne():
                    self._collect(walkers)
                case Finish():
                    break
                case _:
                    assert_never(move)
        if self._bug is not None:
            raise self._bug
        self._look_back()
        return self._results

    def _state(self) -> RollState:
        return RollState(
            waiting=tuple(self._waiting),
            working=frozenset(self._working),
            results=self._results,
            max_unavailable=self._plan.max_unavailable,
            max_failures=self._bears,
            stop_mode=self._run.stop.mode,
            canary=frozenset(planned.host.id for planned in self._plan.hosts[: self._plan.canary]),
            halted=self._halted,
        )

    def _halted_by_the_sick(self) -> bool:
        """Finished hosts are judged again before each next one; a sick one counts as a failure (safety.md 5)."""
        try:
            sick = self._sick()
        except ElbrollError:
            return False  # the guard reads again, and patiently
        failed = sum(result.outcome is Outcome.LEFT_OUT for result in self._results.values())
        if not sick or len(sick) + failed <= self._bears:
            return False
        names = ", ".join(planned.host.name for planned in self._plan.hosts if planned.host.id in sick)
        self._halt(f"{names} fell sick after coming back")
        return True

    def _sick(self) -> list[HostId]:
        """Hosts that were in service when their walk ended, and are not well any more."""
        return [host for host in self._room.fell_sick() if host in self._results and self._results[host].in_service]

    def _look_back(self) -> None:
        """Who came back has to be well at the end too (I-9), and of nobody more is claimed than is seen then.

        While nobody answers, what was seen last stands.
        """
        look = partial(patiently, self._seen_at_last, clock=self._run.clock, budget=LOOKS_FOR)
        try:
            sick, serving = look(give_up=lambda: self._run.stop.mode > StopMode.GO)
        except ElbrollError as error:
            self._run.sink.tell(events.Warned("unread", f"nobody could see how all are at the end: {error.message}"))
            return
        for planned in (each for each in self._plan.hosts if each.host.id in sick):
            failure = Failure("fell-sick", "fell sick after coming back")
            result = replace(self._results[planned.host.id], in_service=False, failure=failure)
            self._results[planned.host.id] = result
            self._run.sink.tell(events.HostFinished(planned.host, result))
        for planned in (each for each in self._untouched() if serving[each.host.id] is not True):
            result = replace(self._place(planned), in_service=serving[planned.host.id])
            self._run.sink.tell(events.HostFinished(planned.host, result))

    def _seen_at_last(self) -> tuple[list[HostId], Mapping[HostId, bool | None]]:
        return self._sick(), self._room.serving([planned.host.id for planned in self._untouched()])

    def _untouched(self) -> list[PlannedHost]:
        """Hosts to which nothing was done, and which served when the plan was made."""
        places = ((planned, self._place(planned)) for planned in self._plan.hosts)
        return [planned for planned, place in places if place.outcome is Outcome.NOT_REACHED and place.in_service]

    def _place(self, planned: PlannedHost) -> HostResult:
        return self._results.get(planned.host.id) or not_reached(planned)

    def _start(self, host: HostId, walk: Callable[[HostId, HostWalk], HostResult], walkers: Crew[HostResult]) -> None:
        planned = self._waiting.pop(host)
        self._working[host] = planned
        host_walk = HostWalk(self._run, self._room, planned, self._records.get(host))
        walkers.start(host, partial(walk, host, host_walk))

    def _collect(self, walkers: Crew[HostResult]) -> None:
        host, ended = walkers.next_done()
        planned = self._working.pop(host)
        if isinstance(ended, BaseException):
            self._bug = self._bug or ended
            self._halt(f"elbroll itself failed at {planned.host.name}")
            ended = _broken(planned, ended)
            self._run.sink.tell(events.HostFinished(planned.host, ended))
        self._results[host] = ended
        self._room.bear(sum(result.outcome is Outcome.LEFT_OUT for result in self._results.values()))
        if isinstance(move := next_move(self._state()), Halt):
            self._halt(move.reason)  # before those who wait at the guard see that nobody will come back
        self._room.ended(planned.host)

    def _halt(self, reason: str) -> None:
        if self._halted is None:
            self._halted = reason
            self._room.shut(reason)
            working = tuple(planned.host.name for planned in self._working.values())
            self._run.sink.tell(events.HaltDecided(reason, working))

    def _halt_before(self, failed: Mapping[HostId, HostResult]) -> Mapping[HostId, HostResult]:
        names = ", ".join(planned.host.name for planned in self._plan.hosts if planned.host.id in failed)
        if self._run.stop.mode is StopMode.GO:
            self._halt(f"not ready: {names}")
        return self._results

    def _tell_capacity(self) -> None:
        self._room.tell_capacity(planned.pool.id for planned in self._plan.pools)


def _broken(planned: PlannedHost, error: BaseException) -> HostResult:
    """A bug of ours: nobody knows more than the record does."""
    return HostResult(
        host=planned.host.id,
        outcome=Outcome.UNKNOWN,
        in_service=None,
        release_before=planned.release_before,
        failure=Failure("bug", f"{type(error).__name__} {error}"),
        record=planned.record.state if planned.record else None,
    )
