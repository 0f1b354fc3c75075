"""A fleet as it truly is: who is registered where, what runs on each host, what the ledger holds; one time for all.

Nothing here knows how elbroll works. Hosts differ on purpose: in ports, pools and zones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from builders import a_pool, a_registration, hosts
from elbroll.model import BalancerKind, HostId, InstanceState, TargetState
from ledger.parameters import ParameterLog
from simulation.groups import NAME, SimulatedGroup

if TYPE_CHECKING:
    from elbroll.model import Host, Pool, PoolId, Registration

WARM_UP = 2.0
"""Seconds until a new target is healthy, if its app is well."""
TRAFFIC = 1.5
"""Seconds for which the last connection lives after its host has left a pool."""
TAKES = 8.0
"""Seconds of a command."""


@dataclass
class Member:
    """One registration; `left` is when it began to leave."""

    since: float
    left: float | None = None
    by_hand: bool = False
    """Registered last by somebody else."""


@dataclass
class Work:
    """A command on a host. It goes on by itself, whoever has started it."""

    id: str
    ends: float
    status: int
    release: str


@dataclass
class App:
    """What a host runs."""

    release: str = "A"
    half: bool = False
    """In the middle of a command, or after one that failed."""
    sick: bool = False
    work: Work | None = None
    before: str = "A"
    """What it ran whole before the last command."""


@dataclass
class World:
    """Three hosts, two of them in one zone; two target groups and a classic balancer, which no two share alike."""

    simulated: ClassVar[int] = 0
    """Runs in all worlds so far, for reports."""

    time: float = 1000.0
    web: Pool = field(default_factory=lambda: a_pool("web-prod"))
    api: Pool = field(default_factory=lambda: a_pool("api-prod", port=9000))
    old: Pool = field(default_factory=lambda: a_pool("old", kind=BalancerKind.CLASSIC))
    broken: set[str] = field(default_factory=set)
    """Releases whose app never gets well."""
    failing: set[str] = field(default_factory=set)
    """Releases whose command exits 1."""
    silent_until: float = 0.0
    """AWS answers nothing before that time."""
    store_down_until: float = 0.0
    deaf_until: float = 0.0
    """Hosts cannot be reached before that time."""
    grouped: bool = False
    """The second and third host belong to an Auto Scaling group."""

    def __post_init__(self) -> None:
        self.pools = {pool.id: pool for pool in (self.web, self.api, self.old)}
        self.hosts = {host.id: host for host in hosts(3)}
        self.group = self._grouped() if self.grouped else None
        self.apps = {host: App() for host in self.hosts}
        self.dead: set[HostId] = set()
        self.deleted: set[PoolId] = set()
        self.log = ParameterLog()
        self.taken: set[Registration] = set()
        """Deregistered by somebody else, and not seen since."""
        self.history: list[tuple[object, ...]] = []
        self.count: Counter[str] = Counter()
        self.home = set(self._homes())
        self.members = {entry: Member(self.time - 100_000.0) for entry in self.home}
        self.owners = {entry: host for entry in self.home for host in self.hosts.values() if host.owns(entry)}

    def _grouped(self) -> SimulatedGroup:
        two, three = list(self.hosts)[1:]
        self.hosts |= {host: replace(self.hosts[host], group=NAME) for host in (two, three)}
        return SimulatedGroup(self, (two, three))

    def _homes(self) -> list[Registration]:
        one, two, three = self.hosts.values()
        return [
            *(a_registration(self.web, one), a_registration(self.web, one, 8081), a_registration(self.old, one)),
            *(a_registration(self.web, two), a_registration(self.api, two)),
            *(a_registration(self.web, three), a_registration(self.api, three, 9001), a_registration(self.old, three)),
        ]

    # --- balancers

    def state(self, entry: Registration) -> TargetState:
        """What AWS would show."""
        member = self.members.get(entry)
        if member is None:
            return TargetState.GONE
        if member.left is not None:
            delay = self.pools[entry.pool].deregistration_delay
            return TargetState.DRAINING if self.time - member.left < delay else TargetState.GONE
        if self.owners[entry].id in self.dead:
            return TargetState.UNUSED
        if self.time - member.since < WARM_UP:
            return TargetState.INITIAL
        return TargetState.HEALTHY if self.well(self.owners[entry].id) else TargetState.UNHEALTHY

    def join(self, entry: Registration, *, by_hand: bool = False) -> None:
        """Registered, unless it was."""
        member = self.members.get(entry)
        self.owners.setdefault(entry, self.hosts[HostId(entry.id)])
        self.taken.discard(entry)
        if member is None or member.left is not None:
            self.members[entry] = Member(self.time, by_hand=by_hand)

    def leave(self, entry: Registration) -> None:
        """On its way out, unless it was."""
        member = self.members.get(entry)
        if member is not None and member.left is None:
            member.left = self.time

    def registered(self, host: HostId) -> set[Registration]:
        """Where the host is registered and not leaving."""
        return {entry for entry, one in self.members.items() if one.left is None and self._counts(entry, host)}

    def whole(self, host: HostId) -> bool:
        """Registered in every place that is its own."""
        return {entry for entry in self.home if self._counts(entry, host)} <= self.registered(host)

    def _counts(self, entry: Registration, host: HostId) -> bool:
        return self.owners[entry].id == host and entry.pool not in self.deleted

    def lives(self, entry: Registration) -> bool:
        """AWS forgets targets of the dead in time."""
        return self.owners[entry].id not in self.dead and entry.pool not in self.deleted

    def last_traffic(self, host: HostId) -> float:
        """When the host carries or carried its last connection."""
        mine = [one for entry, one in self.members.items() if self._counts(entry, host)]
        return max((self.time if one.left is None else one.left + TRAFFIC for one in mine), default=0.0)

    # --- hosts

    def app(self, host: HostId) -> App:
        """What the host runs by now."""
        app = self.apps[host]
        if app.work is not None and app.work.ends <= self.time:
            app.release, app.half = app.work.release, app.work.status != 0
            app.work = None
        return app

    def well(self, host: HostId) -> bool:
        """Whether its app answers."""
        app = self.app(host)
        return host not in self.dead and not (app.sick or app.half) and app.release not in self.broken

    def begin(self, host: HostId, job: str, line: str, release: str) -> Work:
        """A command starts, and the app is down until it has ended well."""
        app = self.app(host)
        if not app.half and line != "back":
            app.before = app.release
        makes = app.before if line == "back" else release
        app.work = Work(job, self.time + TAKES, int(makes in self.failing and line != "back"), makes)
        app.half = True
        return app.work

    def alive(self, host: HostId) -> Work | None:
        """The command that is running there."""
        return self.app(host).work

    def described(self, host: HostId) -> Host:
        """As EC2 shows it."""
        one = self.hosts[host]
        return replace(one, state=InstanceState.TERMINATED) if host in self.dead else one

    # --- what others do

    def falls_sick(self, which: int) -> None:
        """An app stops answering."""
        self.apps[self._host(which)].sick = True

    def terminate(self, which: int) -> None:
        """One instance at most, as more than one would be no fleet; whom its group lets go is the one."""
        if not self.dead:
            self.dead |= self._let_go() or {self._host(which)}

    def let_go(self, which: int) -> None:
        """The group begins to terminate a host, and a hook of its keeps the machine up until all is well again."""
        if self.group is not None and not self.dead | self._let_go():
            self.group.let_go(which)

    def _let_go(self) -> set[HostId]:
        return self.group.leaving() if self.group is not None else set()

    def taken_back(self, which: int) -> None:
        """Somebody brings a host out of standby."""
        if self.group is not None:
            self.group.taken_back(which)

    def delete(self, which: int) -> None:
        """One pool at most, and never the fleet's own; its members are forgotten."""
        if not self.deleted:
            pool = (self.api, self.old)[which % 2].id
            self.deleted.add(pool)
            self.home = {entry for entry in self.home if entry.pool != pool}

    def joined_by_hand(self, which: int) -> None:
        """Somebody registers a host in one of its own places."""
        entry = self._own(which)
        if entry is not None:
            self.join(entry, by_hand=True)

    def taken_by_hand(self, which: int) -> None:
        """Somebody takes a host out of one of its places, for good unless elbroll has it recorded."""
        entry = self._own(which)
        if entry in self.members and self.members[entry].left is None:
            self.leave(entry)
            self.taken.add(entry)

    def taken_out(self, which: int) -> None:
        """Somebody takes a host out of all its places."""
        for entry in sorted(self.registered(self._host(which)), key=str):
            self.leave(entry)
            self.taken.add(entry)

    def _host(self, which: int) -> HostId:
        return list(self.hosts)[which % len(self.hosts)]

    def _own(self, which: int) -> Registration | None:
        host = self._host(which)
        return min((entry for entry in self.home if self._counts(entry, host)), default=None)

    # --- healing

    def heal(self) -> None:
        """Everything works again, an hour later, and what others did has settled."""
        self.broken.clear()
        self.failing.clear()
        self.silent_until = self.store_down_until = self.deaf_until = 0.0
        for app in self.apps.values():
            app.sick = False
        self.dead |= self._let_go()
        self.members = {entry: one for entry, one in self.members.items() if self.lives(entry)}
        self.time += 3600.0
