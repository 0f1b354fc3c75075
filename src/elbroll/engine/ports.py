"""What the engine needs of the world, in the engine's words. Rooms implement these; fakes do in tests.

Every method may raise the errors named in its docstring, all from `elbroll.errors`, and no others: each room
translates foreign exceptions at one door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from elbroll.config.schema import Upload
    from elbroll.engine.stop import Stop
    from elbroll.events import Event
    from elbroll.model import (
        Connection,
        Holder,
        Host,
        HostId,
        HostRecord,
        Job,
        JobResult,
        LockSeen,
        Member,
        Pool,
        PoolId,
        PoolView,
        ProbeAnswer,
        Registration,
        RunId,
        ScalingGroup,
    )


class Clock(Protocol):
    """Time. Limits go by `monotonic`; ages by `boottime`, as what was seen before a sleep is old; dates by `now`."""

    def monotonic(self) -> float:
        """Seconds since some point; never goes back."""
        ...

    def boottime(self) -> float:
        """As `monotonic`, with the time that the computer slept (F-56)."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`, or earlier when a signal has come."""
        ...


class Balancer(Protocol):
    """The pools' health and membership. Safe to call from several threads."""

    def look(self, pool: Pool, max_age: float) -> PoolView:
        """A complete reading at most `max_age` seconds old, shared by all callers: one call a pool and tick.

        Raises Unanswered, PermissionDenied, CredentialsError, PoolGone.
        """
        ...

    def follow(self, pool: PoolId, registrations: Collection[Registration]) -> None:
        """From now on `look` has a row for each of these, even once they are gone (T2); makes no call itself.

        Without it only entries sent through this object are followed: those of earlier runs' records are not.
        """
        ...

    def deregister(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Send exactly these entries. Returning proves nothing (T6); raising Unanswered neither.

        Raises Unanswered, PermissionDenied, CredentialsError, PoolGone.
        """
        ...

    def register(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Send exactly these entries; harmless when repeated.

        Raises TargetRefused besides what `deregister` raises.
        """
        ...

    def nodes(self, pool: Pool) -> frozenset[str] | None:
        """Private addresses of the balancers' nodes now; None where they tell nothing (E3).

        An optional read. Raises Unanswered, PermissionDenied, CredentialsError.
        """
        ...


class Directory(Protocol):
    """Which pools exist. Reads only; complete answers or an error (F-15)."""

    def find(self, name: str, target_groups: Sequence[str]) -> tuple[Pool, ...]:
        """The pools of a balancer or target group by its AWS name, narrowed to `target_groups` if any.

        Raises NotFound with near names, Refused for types that are not ours (T21).
        """
        ...

    def serving(self, hosts: Collection[Host], known: Collection[PoolId]) -> tuple[Pool, ...]:
        """All other pools of the region in which one of the hosts is registered or draining (T20)."""
        ...

    def by_id(self, pools: Collection[PoolId]) -> Mapping[PoolId, Pool]:
        """The pools of these ids; those that no longer exist are missing from the answer."""
        ...

    def names(self) -> tuple[str, ...]:
        """Names of all balancers of the region that have pools of ours, and of groups without one, sorted."""
        ...


class Groups(Protocol):
    """Auto Scaling groups, and the place of hosts in them. Safe to call from several threads.

    Every method raises Unanswered, PermissionDenied, CredentialsError.
    """

    def members(self, hosts: Collection[HostId]) -> Mapping[HostId, Member]:
        """Those of the hosts that belong to a group now."""
        ...

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """Those of these names that exist."""
        ...

    def enter_standby(self, group: str, host: HostId) -> None:
        """Out of all attached pools, and one host less wanted. Returning proves nothing, raising neither (A5).

        Raises StandbyRefused too.
        """
        ...

    def exit_standby(self, group: str, host: HostId) -> None:
        """Into all attached pools, and one host more wanted. Proves as little; raises StandbyRefused too."""
        ...


class Inventory(Protocol):
    """Which machines stand behind ids and addresses. Reads only, and asks nobody about none."""

    def instances(self, ids: Collection[str]) -> Mapping[HostId, Host]:
        """Every id gets an answer; one that EC2 does not know has the state MISSING."""
        ...

    def addresses(self, vpc: str | None, addresses: Collection[str]) -> Mapping[str, Host]:
        """The host behind each address in that VPC; an address without an instance is its own host (T21)."""
        ...

    def search(self, word: str) -> tuple[Host, ...]:
        """Hosts whose id, Name tag or address matches `word`, which may be a glob. Running or stopped ones."""
        ...


class Ledger(Protocol):
    """What was taken out of where, and who holds which pool (safety.md 2, 3)."""

    def records(self) -> Mapping[HostId, HostRecord]:
        """All records, open and closed, to the last page. Raises StoreDown, PermissionDenied."""
        ...

    def locks(self) -> Mapping[PoolId, LockSeen]:
        """All locks that are not free. Raises StoreDown, PermissionDenied."""
        ...

    def pools(self) -> frozenset[PoolId]:
        """All pools that a run has ever locked, free by now or not. Raises StoreDown, PermissionDenied."""
        ...

    def acquire(self, pools: Collection[PoolId], holder: Holder) -> Lease:
        """Take all or none, in key order. Raises Locked (nothing is held then), StoreDown."""
        ...

    def unlock(self, pools: Collection[PoolId], run: RunId) -> tuple[LockSeen, ...]:
        """Free those of the pools that `run` holds, epoch raised; answers what was freed. Raises StoreDown."""
        ...


class Lease(Protocol):
    """A run's hold on its pools. Beats by itself until released."""

    def seal(self, records: Iterable[HostRecord]) -> None:
        """Rewrite open records under our epoch, so that a former holder can move none of them (3.4)."""
        ...

    def confirm(self, pools: Collection[PoolId]) -> None:
        """Prove by won writes, at most 5 s old, that these pools are still ours; before every deed (3.5).

        Raises Superseded, StoreDown.
        """
        ...

    def write(self, record: HostRecord) -> None:
        """Return once the store has shown the record to be effective (2.3).

        Raises IllegalMove and RecordTooBig before anything is written, Superseded, StoreDown.
        """
        ...

    def check_size(self, record: HostRecord) -> None:
        """Raises RecordTooBig if `write` would."""
        ...

    def doing(self, text: str) -> None:
        """What the run is working on, shown with the lock from the next beat on."""
        ...

    def release(self) -> bool:
        """Stop beating and free all pools; never raises. False where one may still be held, as nobody answered."""
        ...


class ConnectionWatch(Protocol):
    """Looks at a host's connections, again and again, without a login for each."""

    def look(self) -> tuple[Connection, ...] | None:
        """Established connections on the watched ports now; None: cannot be told (any more), so believe the
        balancer's word instead. Waits at most 15 s for a fresh count."""
        ...


class Transport(Protocol):
    """Reaches hosts and runs commands there. Safe for several hosts at once from several threads."""

    def prepare(self, host: Host, needs: Needs) -> Ready:
        """Connect, log in, prove identity and tools (T-39). Raises HostAccessError, HostUnreachable, Refused."""
        ...

    def upload(self, host: Host, upload: Upload, job: str) -> None:
        """Whole file or none. Raises HostUnreachable, Refused."""
        ...

    def run(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        """Run a command to its end, through lost lines (T-35). `heard` gets each line of output.

        Never raises for what became of the command: that is the result. Raises HostUnreachable or
        HostAccessError only when the job was proven not to have begun. Ends within 1 s once `stop` says LEAVE
        (the result is UNKNOWN and says that the command may still run).
        """
        ...

    def settle(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        """What became of a job that an earlier run began: asks, follows it if it still runs; starts nothing.

        NOT_RUN if it never began (and then never will).
        """
        ...

    def open_jobs(self, host: Host) -> tuple[str, ...]:
        """Ids of commands of ours that are still running on the host (I-17)."""
        ...

    def look(self, host: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        """A harmless question as a shell line (`verify.command`, version); stopped when the line is lost."""
        ...

    def watch(self, host: Host, ports: Collection[int]) -> AbstractContextManager[ConnectionWatch]:
        """Count established connections whose local port is one of `ports` (aws.md E3)."""
        ...

    def drop(self, host: Host) -> None:
        """Close the connection to the host, if there is one."""
        ...

    def close(self) -> None:
        """Close everything; never raises."""
        ...


class Needs(Protocol):
    """What `prepare` has to prove beside login, wrapper and disk."""

    @property
    def tunnel_to(self) -> tuple[tuple[str, int], ...]:
        """(address, port) that probes will ask through the tunnel."""
        ...

    @property
    def count_ports(self) -> frozenset[int]:
        """Traffic ports whose connections must be countable."""
        ...

    @property
    def sudo(self) -> bool:
        """A command line names sudo."""
        ...


class Ready(Protocol):
    """What `prepare` has found."""

    @property
    def countable(self) -> bool:
        """`ss` sees connections to the traffic ports."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for people."""
        ...


class Probe(Protocol):
    """One question to the app on its own host."""

    @property
    def asks(self) -> str:
        """What is asked, for people: `GET 10.0.1.11:8080/healthz`."""
        ...

    def look(self) -> ProbeAnswer:
        """Ask once, within the check's own time limit. Raises HostUnreachable when the line is lost."""
        ...


class Checks(Protocol):
    """Makes the probes of a host from the pools' checks and `[verify]`."""

    def of(self, host: Host, registrations: Collection[Registration], release: str | None) -> tuple[Probe, ...]:
        """At least one, unless verify is off. Duplicates (two pools, same check) are asked once."""
        ...


class Sink(Protocol):
    """Where events go. Never raises, never blocks."""

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        ...
