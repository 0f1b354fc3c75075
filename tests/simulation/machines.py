"""The hosts and their apps, as a simulated process reaches them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable, PermissionDenied, Unanswered
from elbroll.model import Connection, JobEnd, JobResult, ProbeAnswer
from fakes import Crash, ReadyHost
from simulation.troubles import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from elbroll.engine.stop import Stop
    from elbroll.model import Host, Job, Registration
    from simulation.process import Process


@dataclass
class ProcessTransport:
    """The hosts, one login each."""

    process: Process
    _here: set[str] = field(default_factory=set)

    def prepare(self, host: Host, needs: object) -> ReadyHost:
        self._login(host)
        return ReadyHost()

    def upload(self, host: Host, upload: object, job: str) -> None:
        self._login(host)

    def run(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        process, world = self.process, self.process.world
        try:
            process.reach(Point.DEED)
        except (Unanswered, PermissionDenied) as error:
            raise HostUnreachable(f"{host.name} refused the connection") from error
        self._login(host)
        process.judge.on_command(process, host, job)
        process.did("run", host.id, job.line)
        work = world.begin(host.id, str(job.id), job.line, job.env["ELBROLL_RELEASE"])
        return self._followed(work.ends, work.status)

    def _followed(self, ends: float, status: int) -> JobResult:
        process = self.process
        try:
            process.reach(Point.DONE)
            while process.world.time < ends and process.stop.mode is not StopMode.LEAVE:
                process.clock.sleep(min(2.0, ends - process.world.time))
        except Unanswered:
            return JobResult(JobEnd.UNKNOWN, cause="the line was lost")
        if process.world.time < ends:
            return JobResult(JobEnd.UNKNOWN, cause="told to leave")
        return JobResult(JobEnd.EXIT, status)

    def settle(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        return JobResult(JobEnd.NOT_RUN)

    def open_jobs(self, host: Host) -> tuple[str, ...]:
        self._login(host)
        work = self.process.world.alive(host.id)
        return (work.id,) if work else ()

    def look(self, host: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        self._login(host)
        return JobResult(JobEnd.EXIT, 0)

    @contextmanager
    def watch(self, host: Host, ports: Collection[int]) -> Iterator[ProcessWatch]:
        self._login(host)
        yield ProcessWatch(self.process, host)

    def drop(self, host: Host) -> None:
        pass

    def close(self) -> None:
        pass

    def _login(self, host: Host) -> None:
        world = self.process.world
        if self.process.dead:
            raise Crash
        self.process.judge.on_contact(self.process, host)
        if host.id in world.dead or world.time < world.deaf_until:
            raise HostUnreachable(f"{host.name} does not answer")


@dataclass
class ProcessWatch:
    """The connections of a host."""

    process: Process
    host: Host

    def look(self) -> tuple[Connection, ...] | None:
        world = self.process.world
        if world.time < world.deaf_until or self.host.id in world.dead:
            return None
        self.process.judge.on_count(self.process, self.host)
        if world.time <= world.last_traffic(self.host.id):
            return (Connection("10.0.1.11", 8080, "10.0.9.9", 40000, last_sent=5, last_received=5),)
        return ()


@dataclass
class ProcessChecks:
    """One question to each app."""

    process: Process

    def of(self, host: Host, registrations: Collection[Registration], release: str | None) -> tuple[ProcessProbe, ...]:
        return (ProcessProbe(self.process, host),)


@dataclass
class ProcessProbe:
    """Is the app well?"""

    process: Process
    host: Host
    asks: str = "GET /healthz"

    def look(self) -> ProbeAnswer:
        world = self.process.world
        if world.time < world.deaf_until:
            raise HostUnreachable(f"{self.host.name} does not answer")
        well = world.well(self.host.id)
        self.process.judge.on_asked(self.host.id, well=well)
        return ProbeAnswer(well, "answered 200" if well else "answered 502")
