"""One process of elbroll in the simulated world: its clock, its view of everything, and what goes wrong in it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

from builders import a_row
from elbroll import events
from elbroll.balancers.poller import Poller
from elbroll.core.standing import Standing, apply
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import HostUnreachable, PermissionDenied, PoolGone, Unanswered
from elbroll.events import Told
from elbroll.ledger import KeptLedger, Manner
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.model import Connection, HostId, JobEnd, JobResult, PoolId, ProbeAnswer, RunId, TargetState
from fake_groups import FakeGroups
from fakes import DAWN, Crash, FakeInventory, ReadyHost
from ledger.parameters import FakeSsm, silence
from ledger.things import StillBeats
from simulation.troubles import Kind, Point, Trouble, strike

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from elbroll.model import Host, Job, Pool, PoolView, Registration, TargetSeen
    from simulation.judge import Judge
    from simulation.others import Others
    from simulation.world import World

ENDLESS = 20_000
"""Looks, pauses and writes of one run, after which it will never end (I-13)."""


EVERY = 5.0
"""Seconds between two ticks of a run's threads, which here tick while it sleeps."""


class Process:
    """One invocation. Once `dead`, whatever it still tries does not happen."""

    def __init__(self, world: World, judge: Judge, run: RunId, planned: Sequence[Trouble] = ()) -> None:
        self.world = world
        self.judge = judge
        self.run = run
        self.dead = False
        self.stop = Stop()
        self.others: Others
        self.counts: Counter[Point] = Counter()
        self.waiting = list(planned)
        self.struck: set[Kind] = set()
        self.clock = ProcessClock(self)
        self.balancer = ProcessBalancer(self)
        self.transport = ProcessTransport(self)
        self.checks = ProcessChecks(self)
        self.directory = ProcessDirectory(self)
        self.inventory = ProcessInventory(self)
        self.sink = ProcessSink(self)
        self.store = ProcessSsm(self)
        self.groups = FakeGroups(self.clock, [], self.balancer)  # type: ignore[arg-type]
        self.beats = StillBeats()
        self.ticks: Callable[[], None] = lambda: None
        marks = count(1)
        manner = Manner(
            give_up=lambda: self.stop.mode is StopMode.LEAVE,
            beats=lambda: self.beats,
            nonce=lambda: f"{run}-{next(marks)}",
        )
        still = LedgerClock(self)
        self.ledger = KeptLedger(SsmStore(self.store, still), still, manner)  # type: ignore[arg-type]

    def reach(self, point: Point) -> None:
        """Something may go wrong here."""
        if self.dead:
            raise Crash
        self.counts[point] += 1
        if self.counts.total() > ENDLESS:
            self.judge.must(False, "I-13: a run without an end")
            self.dead = True
            raise Crash
        number = self.counts[point]
        due = [one for one in self.waiting if one.point is point and one.nth == number]
        for trouble in due:
            self.waiting.remove(trouble)
            strike(self, trouble)

    def silence(self, point: Point) -> BaseException:
        """How no answer looks at that point."""
        if point in {Point.WRITE, Point.WRITTEN}:
            return silence()
        return Unanswered("no answer") if point in {Point.LOOK, Point.DEED, Point.DONE} else Nothing()

    def refusal(self) -> BaseException:
        """AWS says no."""
        return PermissionDenied("no", action="elasticloadbalancing:RegisterTargets")

    def identity(self) -> None:
        """Who are we?"""
        self.reach(Point.LOOK)
        if self.world.time < self.world.silent_until:
            raise Unanswered("throttled")

    def signal(self, name: str, mode: StopMode) -> None:
        """As the operating system would send it."""
        self.stop.ask(mode)
        self.sink.tell(events.SignalReceived(name, "leave" if mode is StopMode.LEAVE else "finish", (), ()))

    def did(self, *what: object) -> None:
        """Into the history of the world."""
        self.world.history.append((self.run, *what))


class Nothing(Exception):
    """Struck where nothing can go unanswered; `reach` of such points swallows it."""


class ProcessClock:
    """Monotonic time stands still while the computer sleeps; the wall clock goes where it is put."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self.skew = 0.0
        self._slept = 0.0
        self._beaten = process.world.time

    def monotonic(self) -> float:
        return self._world.time - self._slept

    def boottime(self) -> float:
        return self._world.time

    def now(self) -> datetime:
        return DAWN + timedelta(seconds=self._world.time - 1000.0 + self.skew)

    def sleep(self, seconds: float) -> None:
        self.pause(seconds)
        beats = self._process.beats
        if beats.started and not beats.stopped and self._world.time - self._beaten >= EVERY:
            self._beaten = self._world.time
            self._process.ticks()
            beats.started()

    def pause(self, seconds: float) -> None:
        """Sleep without beats."""
        self._world.time += max(seconds, 0.001)
        self._world.log.now = DAWN + timedelta(seconds=self._world.time)
        quietly(self._process, Point.PAUSE)

    def suspend(self, seconds: float) -> None:
        """The computer sleeps."""
        self._world.time += seconds
        self._slept += seconds


class LedgerClock:
    """The same clock for the ledger itself: its beats wait while it writes, as their thread would."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def monotonic(self) -> float:
        return self._process.clock.monotonic()

    def boottime(self) -> float:
        return self._process.clock.boottime()

    def now(self) -> datetime:
        return self._process.clock.now()

    def sleep(self, seconds: float) -> None:
        self._process.clock.pause(seconds)


def quietly(process: Process, point: Point) -> None:
    """A point at which nobody waits for an answer."""
    with suppress(Nothing):
        process.reach(point)


class ProcessSink:
    """Adds up what is told, as the command line does."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.standing = Standing()
        self.events: list[events.Event] = []

    def tell(self, event: events.Event) -> None:
        process = self._process
        if process.dead:
            return
        self.events.append(event)
        if not isinstance(event, events.StepProgress):
            told = Told(
                len(self.events), process.clock.now(), process.clock.monotonic(), process.run, "web-prod", event
            )
            self.standing = apply(self.standing, told)
            process.judge.on_event(process, event)
            quietly(process, Point.EVENT)


class ProcessBalancer:
    """The world's pools through a poller of our own."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._poller = Poller(self._read, process.clock)
        self._followed: dict[PoolId, set[Registration]] = {}

    def look(self, pool: Pool, max_age: float) -> PoolView:
        return self._poller.look(pool, max_age)

    def follow(self, pool: PoolId, registrations: Collection[Registration]) -> None:
        known = self._followed.setdefault(pool, set())
        if not known.issuperset(registrations):
            known.update(registrations)
            self._poller.forget(pool)

    def deregister(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        self._deed("deregister", pool, registrations, self._world.leave)

    def register(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        self._deed("register", pool, registrations, self._world.join)

    def nodes(self, pool: Pool) -> frozenset[str] | None:
        return None

    def _read(self, pool: Pool) -> tuple[TargetSeen, ...]:
        self._process.did("look", pool.id)
        self._process.reach(Point.LOOK)
        self._answers(pool)
        world = self._world
        mine = [entry for entry in world.members if entry.pool == pool.id]
        followed = self._followed.get(pool.id, set())
        shown = [(entry, world.state(entry)) for entry in sorted(mine, key=_order)]
        rows = [(entry, state) for entry, state in shown if state is not TargetState.GONE or entry in followed]
        self._process.judge.on_answer(self._process, pool.id, dict(rows))
        return tuple(a_row(entry, state) for entry, state in rows)

    def _answers(self, pool: Pool) -> None:
        if pool.id in self._world.deleted:
            raise PoolGone(f"{pool.name} does not exist")
        if self._world.time < self._world.silent_until:
            raise Unanswered("throttled")

    def _deed(
        self, name: str, pool: Pool, registrations: Sequence[Registration], one: Callable[[Registration], None]
    ) -> None:
        process = self._process
        self.follow(pool.id, registrations)
        process.reach(Point.DEED)
        self._answers(pool)
        process.judge.on_deed(process, name, pool, tuple(registrations))
        process.did(name, *registrations)
        for entry in registrations:
            one(entry)
        self._poller.forget(pool.id)
        process.reach(Point.DONE)


@dataclass
class ProcessInventory:
    """EC2."""

    process: Process

    def instances(self, ids: Collection[str]) -> Mapping[HostId, Host]:
        self._ask()
        return {HostId(one): self.process.world.described(HostId(one)) for one in ids}

    def addresses(self, vpc: str | None, addresses: Collection[str]) -> Mapping[str, Host]:
        return {}

    def search(self, word: str) -> tuple[Host, ...]:
        return FakeInventory(self.process.world.hosts).search(word)

    def _ask(self) -> None:
        self.process.reach(Point.LOOK)
        if self.process.world.time < self.process.world.silent_until:
            raise Unanswered("throttled")


@dataclass
class ProcessDirectory:
    """The pools there are; the fleet's balancer has two of them."""

    process: Process

    def find(self, name: str, target_groups: Sequence[str]) -> tuple[Pool, ...]:
        return (self.process.world.web,)

    def serving(self, hosts: Collection[Host], known: Collection[PoolId]) -> tuple[Pool, ...]:
        world = self.process.world
        mine = {
            entry.pool
            for entry in world.members
            if world.owners[entry] in hosts and world.state(entry) is not TargetState.GONE
        }
        return tuple(self._there(pool) for pool in sorted(mine - set(known) - world.deleted))

    def by_id(self, pools: Collection[PoolId]) -> Mapping[PoolId, Pool]:
        return {pool: self._there(pool) for pool in sorted(pools) if pool not in self.process.world.deleted}

    def names(self) -> tuple[str, ...]:
        return ("web-prod-lb",)

    def _there(self, pool: PoolId) -> Pool:
        return self.process.world.pools[pool]


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


class ProcessSsm(FakeSsm):
    """Parameter Store, as this process gets through to it."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world.log)
        self._process = process

    def put_parameter(self, **asked: object) -> dict[str, object]:
        self._process.reach(Point.WRITE)
        key = str(asked["Name"])
        before = len(self.log.written.get(key, ()))
        answer = super().put_parameter(**asked)
        if len(self.log.written[key]) > before:
            self._process.did("write", key)
            self._process.judge.on_put(self._process, key)
        self._process.reach(Point.WRITTEN)
        return answer

    def _called(self, name: str, asked: dict[str, object]) -> None:
        world = self._process.world
        if self._process.dead:
            raise Crash
        if world.time < world.store_down_until:
            raise silence()


def _order(entry: Registration) -> tuple[str, str, int]:
    return (entry.pool, entry.id, entry.port or 0)
