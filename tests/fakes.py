"""A whole fake world for the engine, by one fake clock: a balancer that drains and warms up, hosts that obey.

Everything that happens is written into one `history`, so that tests can judge the order of deeds.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from builders import a_row
from elbroll.engine.stop import StopMode
from elbroll.errors import HostUnreachable, Locked, NotFound, PoolGone, StoreDown, Superseded, Unanswered
from elbroll.ledger.moves import check_move
from elbroll.model import (
    Connection,
    Host,
    HostId,
    HostRecord,
    InstanceState,
    Job,
    JobEnd,
    JobResult,
    LockSeen,
    Pool,
    PoolId,
    PoolView,
    ProbeAnswer,
    Registration,
    TargetState,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from elbroll.engine.stop import Stop
    from elbroll.events import Event
    from elbroll.model import Holder, RunId, TargetSeen

DAWN = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


class FakeClock:
    """Time passes only by sleeping; `at` runs something when a moment has come. A computer can be put to sleep."""

    slept = 0.0
    jumped = 0.0

    def __init__(self) -> None:
        self.time = 1000.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self.time

    def boottime(self) -> float:
        return self.time + self.slept

    def now(self) -> datetime:
        return DAWN + timedelta(seconds=self.time - 1000.0 + self.slept + self.jumped)

    def suspend(self, seconds: float) -> None:
        """The computer sleeps: the monotonic clock stands still meanwhile."""
        self.slept += seconds

    def sleep(self, seconds: float) -> None:
        end = self.time + max(seconds, 0.001)
        for moment, deed in sorted(self._due, key=lambda due: due[0]):
            if moment <= end:
                self._due.remove((moment, deed))
                self.time = max(self.time, moment)
                deed()
        self.time = max(self.time, end)

    def at(self, seconds_from_now: float, deed: Callable[[], None]) -> None:
        self._due.append((self.time + seconds_from_now, deed))


class FastClock(FakeClock):
    """Real time for real threads, twenty times as fast: a pause of the computer is not taken for a minute."""

    SPEED = 20.0

    def __init__(self) -> None:
        self._began = time.monotonic()
        super().__init__()

    @property
    def time(self) -> float:
        return 1000.0 + (time.monotonic() - self._began) * self.SPEED

    @time.setter
    def time(self, value: float) -> None:
        """It goes by itself."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.SPEED)


class AnswerLost(Unanswered):
    """A fault that lets the deed take effect."""


class Crash(BaseException):
    """The process dies: nothing that catches errors catches this."""


@dataclass
class Target:
    """One registration in the fake balancer."""

    registered: float
    leaves: float | None = None


@dataclass
class FakeBalancer:
    """Initial for `warm_up` seconds, then as well as the app; draining for the pool's delay, then gone."""

    clock: FakeClock
    history: list[tuple[object, ...]]
    well: Callable[[str], bool]
    warm_up: float = 10.0
    targets: dict[Registration, Target] = field(default_factory=dict)
    faults: list[BaseException | None] = field(default_factory=list)
    """Raised by the next deeds, in order; None lets one pass."""
    lost_answers: int = 0
    """So many deeds take effect and raise Unanswered."""
    delays: dict[PoolId, float] = field(default_factory=dict)
    forced: dict[Registration, TargetState] = field(default_factory=dict)
    odd: set[Registration] = field(default_factory=set)
    """Their answers are unlike those of the others."""
    deaf: bool = False
    """Answers deregister calls and does nothing (T6)."""
    silent_until: float = 0.0
    """No look gets an answer before that time."""
    deleted: set[PoolId] = field(default_factory=set)

    def look(self, pool: Pool, max_age: float) -> PoolView:
        self._there(pool)
        if self.clock.time < self.silent_until:
            raise Unanswered("throttled")
        mine = [entry for entry in self.targets if entry.pool == pool.id]
        rows = tuple(self._row(entry) for entry in sorted(mine, key=str))
        return PoolView(pool.id, self.clock.monotonic(), rows)

    def follow(self, pool: PoolId, registrations: Collection[Registration]) -> None:
        """This balancer always has a row for what it once knew."""

    def deregister(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        self._there(pool)
        self._deed("deregister", registrations, lambda entry: self._leave(pool, entry))

    def register(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        self._there(pool)
        self._deed("register", registrations, self.add)

    def nodes(self, pool: Pool) -> frozenset[str] | None:
        return None

    def add(self, entry: Registration, *, long_ago: bool = False) -> None:
        known = self.targets.get(entry)
        if known is None or known.leaves is not None:
            self.targets[entry] = Target(self.clock.time - (100_000.0 if long_ago else 0.0))

    def moved_by_group(self, pool: Pool, entry: Registration, *, joins: bool) -> None:
        """An Auto Scaling group has done it, not we."""
        if joins:
            self.add(entry)
        else:
            self._leave(pool, entry)

    def members(self) -> frozenset[Registration]:
        """What is registered, leaving entries left out."""
        return frozenset(
            entry for entry in self.targets if self.state(entry) not in (TargetState.GONE, TargetState.DRAINING)
        )

    def _row(self, entry: Registration) -> TargetSeen:
        return replace(a_row(entry, self.state(entry)), anomalous=entry in self.odd)

    def _there(self, pool: Pool) -> None:
        if pool.id in self.deleted:
            raise PoolGone(f"{pool.name} does not exist")

    def _deed(self, name: str, registrations: Sequence[Registration], one: Callable[[Registration], None]) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not isinstance(fault, AnswerLost):
            raise fault
        self.history.append((name, *((entry.id, entry.port) for entry in registrations)))
        for entry in registrations:
            one(entry)
        if fault is not None:
            raise fault
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unanswered("the answer was lost")

    def _leave(self, pool: Pool, entry: Registration) -> None:
        target = self.targets.get(entry)
        if target is not None and target.leaves is None and not self.deaf:
            delay = self.delays.get(pool.id, pool.deregistration_delay)
            self.targets[entry] = Target(target.registered, self.clock.time + delay)

    def state(self, entry: Registration) -> TargetState:
        """What a look would show; an entry that never was there is gone."""
        target = self.targets.get(entry)
        if target is None:
            return TargetState.GONE
        if target.leaves is not None:
            return TargetState.DRAINING if self.clock.time < target.leaves else TargetState.GONE
        if entry in self.forced:
            return self.forced[entry]
        if self.clock.time - target.registered < self.warm_up:
            return TargetState.INITIAL
        return TargetState.HEALTHY if self.well(entry.id) else TargetState.UNHEALTHY


@dataclass
class FakeInventory:
    """Knows its hosts; tests may replace one."""

    hosts: dict[HostId, Host]

    def instances(self, ids: Collection[str]) -> Mapping[HostId, Host]:
        return {HostId(one): self.hosts.get(HostId(one), missing(one)) for one in ids}

    def addresses(self, vpc: str | None, addresses: Collection[str]) -> Mapping[str, Host]:
        return {str(host.private_ip): host for host in self._in(vpc) if host.private_ip in addresses}

    def _in(self, vpc: str | None) -> list[Host]:
        return [host for host in self.hosts.values() if host.vpc == vpc]

    def search(self, word: str) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts.values() if word in (host.id, host.name, host.private_ip))


@dataclass(frozen=True)
class ReadyHost:
    """What prepare finds."""

    countable: bool = True
    warnings: tuple[str, ...] = ()


@dataclass
class FakeTransport:
    """Runs every command at once, successfully, unless `ends` says how a host's commands end.

    After a deregister a host's last connection lasts for `traffic` more seconds.
    """

    clock: FakeClock
    history: list[tuple[object, ...]]
    ends: dict[HostId, list[JobResult]] = field(default_factory=dict)
    refuses: dict[HostId, Exception] = field(default_factory=dict)
    takes: float = 20.0
    traffic: float = 3.0
    countable: bool = True
    warnings: tuple[str, ...] = ()
    on_run: Callable[[Host, Job], None] = lambda _host, _job: None
    running: dict[HostId, tuple[str, ...]] = field(default_factory=dict)
    """Commands of earlier runs."""
    needs: dict[HostId, object] = field(default_factory=dict)
    busy_until: dict[tuple[HostId, int], float] = field(default_factory=dict)
    """When the last connection ends, by host and the number of its drain."""
    latecomers: dict[HostId, float] = field(default_factory=dict)
    """Until when somebody is connected who came after the others had gone."""
    jobs: list[Job] = field(default_factory=list)

    def prepare(self, host: Host, needs: object) -> ReadyHost:
        self._reach(host)
        self.needs[host.id] = needs
        self.history.append(("prepare", host.id))
        return ReadyHost(self.countable, self.warnings)

    def upload(self, host: Host, upload: object, job: str) -> None:
        self._reach(host)
        self.history.append(("upload", host.id, job))

    def run(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        self._reach(host)
        self.jobs.append(job)
        self.history.append(("run", host.id, job.line))
        self.on_run(host, job)
        heard(f"running {job.line}")
        end = self.clock.time + self.takes
        while self.clock.time < end and stop.mode is not StopMode.LEAVE:
            self.clock.sleep(end - self.clock.time)
        if stop.mode is StopMode.LEAVE:
            return JobResult(JobEnd.UNKNOWN, cause="the line was dropped; the command may still run")
        ends = self.ends.get(host.id)
        return ends.pop(0) if ends else JobResult(JobEnd.EXIT, 0, seconds=self.takes)

    def settle(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        return JobResult(JobEnd.NOT_RUN)

    def open_jobs(self, host: Host) -> tuple[str, ...]:
        return self.running.get(host.id, ())

    def look(self, host: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        self._reach(host)
        return JobResult(JobEnd.EXIT, 0)

    @contextmanager
    def watch(self, host: Host, ports: Collection[int]) -> Iterator[FakeWatch]:
        self._reach(host)
        until = self.busy_until.setdefault((host.id, self._drains_of(host)), self.clock.time + self.traffic)
        yield FakeWatch(self, host, until)

    def drop(self, host: Host) -> None:
        pass

    def close(self) -> None:
        pass

    def _drains_of(self, host: Host) -> int:
        """How often it was taken out so far."""
        sent = (entry[1:] for entry in self.history if entry[0] == "deregister")
        return sum(any(one[0] in {host.id, host.private_ip} for one in entries) for entries in sent)  # type: ignore[index]

    def _reach(self, host: Host) -> None:
        if host.id in self.refuses:
            raise self.refuses[host.id]


@dataclass
class FakeWatch:
    """One connection from a balancer until `until`, then none but latecomers."""

    transport: FakeTransport
    host: Host
    until: float

    def look(self) -> tuple[Connection, ...] | None:
        if self.transport.clock.time < max(self.until, self.transport.latecomers.get(self.host.id, 0.0)):
            return (Connection("10.0.1.11", 8080, "10.0.9.9", 40000, last_sent=5, last_received=5),)
        return ()


@dataclass
class FakeProbe:
    """Asks whether the app is well."""

    host: Host
    checks: FakeChecks

    @property
    def asks(self) -> str:
        return f"GET {self.host.private_ip}:8080/healthz"

    def look(self) -> ProbeAnswer:
        self.checks.history.append(("ask", self.host.id))
        well = self.checks.well(self.host.id)
        return ProbeAnswer(well, "answered 200" if well else "answered 502")


@dataclass
class FakeChecks:
    """One probe a host."""

    history: list[tuple[object, ...]]
    well: Callable[[str], bool]
    refuses: Exception | None = None
    """Raised where a question cannot be asked at all."""

    def of(self, host: Host, registrations: Collection[Registration], release: str | None) -> tuple[FakeProbe, ...]:
        if self.refuses:
            raise self.refuses
        return (FakeProbe(host, self),)


@dataclass
class FakeLedger:
    """Keeps records in memory; a lease can be superseded or its store made to fail."""

    history: list[tuple[object, ...]]
    kept: dict[HostId, HostRecord] = field(default_factory=dict)
    held_by: Holder | None = None
    down: bool = False
    down_at: set[str] = field(default_factory=set)
    """States that cannot be written."""
    refuses: Exception | None = None
    """Raised by every write."""
    crashes: dict[int, str] = field(default_factory=dict)
    """The number of a write, from 0 on, and whether the process dies `before` or `after` it."""
    writes: int = 0
    on_write: Callable[[HostRecord], None] = lambda _record: None
    on_confirm: Callable[[], object] = lambda: None
    superseded: bool = False
    freed: bool = False
    never_locked: set[PoolId] = field(default_factory=set)

    def records(self) -> Mapping[HostId, HostRecord]:
        return dict(self.kept)

    def locks(self) -> Mapping[PoolId, LockSeen]:
        return {}

    def pools(self) -> frozenset[PoolId]:
        """Those that a record names, since runs lock before they write."""
        named = {item.registration.pool for record in self.kept.values() for item in record.registrations}
        return frozenset(named - self.never_locked)

    def acquire(self, pools: Collection[PoolId], holder: Holder) -> FakeLease:
        if self.held_by is not None:
            raise Locked(f"locked by run {self.held_by.run}")
        return FakeLease(self)

    def unlock(self, pools: Collection[PoolId], run: RunId) -> tuple[LockSeen, ...]:
        return ()


@dataclass
class FakeLease:
    """A hold on the fake ledger."""

    ledger: FakeLedger

    def seal(self, records: Iterable[HostRecord]) -> None:
        pass

    def confirm(self, pools: Collection[PoolId]) -> None:
        self._alive()
        self.ledger.on_confirm()
        self.ledger.history.append(("confirm",))

    def write(self, record: HostRecord) -> None:
        self._alive()
        if str(record.state) in self.ledger.down_at:
            raise StoreDown(f"{record.state} could not be written")
        if self.ledger.refuses is not None:
            raise self.ledger.refuses
        check_move(self.ledger.kept.get(record.host), record)
        self._crash("before")
        self.ledger.on_write(record)
        self.ledger.history.append(("record", record.host, str(record.state)))
        self.ledger.kept[record.host] = record
        self._crash("after")
        self.ledger.writes += 1

    def check_size(self, record: HostRecord) -> None:
        pass

    def doing(self, text: str) -> None:
        pass

    def release(self) -> bool:
        self.ledger.freed = True
        return True

    def _crash(self, when: str) -> None:
        if self.ledger.crashes.get(self.ledger.writes) == when:
            raise Crash

    def _alive(self) -> None:
        if self.ledger.superseded:
            raise Superseded("another run has taken over")
        if self.ledger.down:
            raise StoreDown("the store is down")


class RecordingSink:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def missing(one: str) -> Host:
    return Host(HostId(one), one, InstanceState.MISSING)


def unreachable(host: Host) -> HostUnreachable:
    return HostUnreachable(f"{host.name} refused the connection")


@dataclass
class FakeDirectory:
    """Knows its pools by the name of their balancer, and who is registered from the balancer itself."""

    pools: tuple[Pool, ...]
    balancer: FakeBalancer

    def find(self, name: str, target_groups: Sequence[str]) -> tuple[Pool, ...]:
        found = tuple(pool for pool in self.pools if name in {*pool.balancers, pool.name})
        if not found:
            raise NotFound(f'no balancer is called "{name}"')
        return tuple(pool for pool in found if not target_groups or pool.name in target_groups)

    def serving(self, hosts: Collection[Host], known: Collection[PoolId]) -> tuple[Pool, ...]:
        taken = {
            entry.pool
            for entry in self.balancer.targets
            if self.balancer.state(entry) is not TargetState.GONE and any(host.owns(entry) for host in hosts)
        }
        return tuple(pool for pool in self.pools if pool.id in taken and pool.id not in known)

    def by_id(self, pools: Collection[PoolId]) -> Mapping[PoolId, Pool]:
        return {pool.id: pool for pool in self.pools if pool.id in pools}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({name for pool in self.pools for name in pool.balancers}))
