"""Before the first drain: every host is reached, proves itself, and does what it can while it still serves (T-39)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.engine.book import HostBook
from elbroll.engine.journal import Journal, StepFailed
from elbroll.engine.lives import died
from elbroll.engine.stop import StopMode
from elbroll.engine.walker import Walker
from elbroll.engine.working import await_earlier_jobs, run_jobs
from elbroll.errors import AccessError, ElbrollError
from elbroll.model import Failure, HostResult, Outcome, Result, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elbroll.core.plan import PlannedHost
    from elbroll.engine.context import Run
    from elbroll.engine.crew import Crew
    from elbroll.engine.room import FleetRoom
    from elbroll.model import HostId, HostRecord, Registration


@dataclass(frozen=True, slots=True)
class HostNeeds:
    """What a host must be able to do for this run."""

    tunnel_to: tuple[tuple[str, int], ...]
    count_ports: frozenset[int]
    sudo: bool


@dataclass(frozen=True, slots=True)
class Readied:
    """A host that is ready; `countable`: its connections can be seen."""

    countable: bool


class Preparation:
    """Tries all hosts side by side; nothing has been taken out of any balancer when it ends."""

    def __init__(self, run: Run, room: FleetRoom, records: Mapping[HostId, HostRecord]) -> None:
        self._run = run
        self._room = room
        self._records = records

    def of_all(
        self, hosts: Sequence[PlannedHost], crew: Crew[Readied | HostResult]
    ) -> tuple[dict[HostId, Readied], dict[HostId, HostResult]]:
        """Those that are ready, and what became of the others (outcome `skipped`, with the failure)."""
        began = self._run.clock.monotonic()
        limit = self._run.settings.deploy.timeout
        self._run.sink.tell(events.StepStarted(None, Step.PREPARE, limit=limit, hosts=len(hosts)))
        for planned in hosts:
            crew.start(planned.host.id, partial(self.of, planned))
        ready: dict[HostId, Readied] = {}
        failed: dict[HostId, HostResult] = {}
        for _ in hosts:
            host, ended = crew.next_done()
            if isinstance(ended, BaseException):
                raise ended
            if isinstance(ended, HostResult):
                failed[host] = ended
            else:
                ready[host] = ended
        result = Result.FAILURE if failed else Result.SUCCESS
        seconds = self._run.clock.monotonic() - began
        self._run.sink.tell(events.StepFinished(None, Step.PREPARE, result, seconds, note=f"{len(ready)} hosts ready"))
        return ready, failed

    def of(self, planned: PlannedHost) -> Readied | HostResult:
        """One host: login, tools, uploads, in-service commands."""
        journal = Journal(planned.host, self._run.sink, self._run.clock)
        if self._run.stop.mode >= StopMode.FINISH:
            not_tried = Failure("interrupted", "a signal has come")
            return self._skipped(planned, journal, StepFailed(Step.PREPARE, not_tried, Result.CANCELLATION))
        try:
            return self._prepared(planned, journal)
        except StepFailed as failure:
            failed = failure
        except ElbrollError as error:
            failed = _not_ready(error)
        if died(self._run.inventory, planned.host):
            return self._gone(planned, journal, failed)
        return self._skipped(planned, journal, failed)

    def counts_connections(self, planned: PlannedHost) -> bool:
        """Whether the host can be asked for its connections; a warning says why not."""
        if self._run.settings.drain.until != "idle":
            return False
        try:
            return self._run.transport.prepare(planned.host, self._needs(planned)).countable
        except ElbrollError as error:
            self._run.sink.tell(
                events.Warned("reported", f"connections cannot be counted: {error.message}", planned.host)
            )
            return False

    def _prepared(self, planned: PlannedHost, journal: Journal) -> Readied:
        host, settings = planned.host, self._run.settings.deploy
        self._run.checks.of(host, _entries(planned), planned.release_after)  # what cannot be asked is refused by now
        ready = self._run.transport.prepare(host, self._needs(planned))
        for sentence in ready.warnings:
            journal.warn("host", sentence)
        for number, upload in enumerate(settings.upload, 1):
            self._run.transport.upload(host, upload, f"{self._run.id}-upload-{number}")
        walker = Walker(self._run, self._room, host, self._book(planned), journal)
        await_earlier_jobs(walker, Step.PREPARE)
        run_jobs(walker, Step.PREPARE, settings.prepare)
        return Readied(ready.countable)

    def _book(self, planned: PlannedHost) -> HostBook:
        return HostBook(planned.host, self._records.get(planned.host.id), self._run)

    def _needs(self, planned: PlannedHost) -> HostNeeds:
        host, settings = planned.host, self._run.settings
        ports: set[int] = set()
        for entry in _entries(planned):
            pool = self._room.pool(entry.pool)
            ports |= {entry.port} if entry.port is not None else set(pool.ports if pool else ())
        address = host.private_ip
        tunnel = tuple((address, port) for port in sorted(ports)) if address and settings.verify.http != "off" else ()
        lines = settings.deploy.prepare + settings.deploy.commands + settings.deploy.rollback
        return HostNeeds(
            tunnel_to=tunnel,
            count_ports=frozenset(ports) if settings.drain.until == "idle" else frozenset(),
            sudo=any("sudo " in line for line in lines),
        )

    def _gone(self, planned: PlannedHost, journal: Journal, failed: StepFailed) -> HostResult:
        """Terminated meanwhile: there is nothing to prepare, and nothing to put back (F-34)."""
        book = self._book(planned)
        if book.record is not None:
            try:
                book.gone()
            except ElbrollError as error:
                journal.warn("record", f"its record stays open: {error.message}")
        before = planned.release_before
        result = HostResult(planned.host.id, Outcome.GONE, in_service=False, release_before=before, record=book.state)
        return self._ended(planned, journal, failed, result)

    def _skipped(self, planned: PlannedHost, journal: Journal, failed: StepFailed) -> HostResult:
        out = planned.record is not None
        result = HostResult(
            host=planned.host.id,
            outcome=Outcome.LEFT_OUT if out else Outcome.SKIPPED,
            in_service=not out and planned.state is TargetState.HEALTHY,
            release_before=planned.release_before,
            release_after=planned.release_before,
            failure=failed.failure,
            seconds=journal.seconds,
            record=planned.record.state if planned.record else None,
        )
        return self._ended(planned, journal, failed, result)

    def _ended(self, planned: PlannedHost, journal: Journal, failed: StepFailed, result: HostResult) -> HostResult:
        seconds = journal.seconds
        journal.tell(events.StepFinished(planned.host, Step.PREPARE, failed.result, seconds, failed.failure))
        journal.tell(events.HostFinished(planned.host, result))
        return result


def _entries(planned: PlannedHost) -> frozenset[Registration]:
    """Where the host serves, or did before it was taken out."""
    recorded = planned.record.registrations if planned.record else frozenset()
    return planned.registrations | {item.registration for item in recorded}


def _not_ready(error: ElbrollError) -> StepFailed:
    access = isinstance(error, AccessError)
    return StepFailed(Step.PREPARE, Failure(error.code, error.message, why=error.why, fix=error.fix, access=access))
