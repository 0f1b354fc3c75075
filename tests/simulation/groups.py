"""An Auto Scaling group of the simulated world, how a process gets through to it, and who judges that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builders import a_registration
from elbroll.errors import StandbyRefused, Unanswered
from elbroll.model import Lifecycle, Member, ScalingGroup
from simulation.troubles import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from elbroll.model import HostId, Registration
    from simulation.judge import Judge
    from simulation.process import Process
    from simulation.world import World

NAME = "web-asg"
LEAST = 1
"""The group's minimum: while one of its hosts stands by, no other may."""
LAG = 4.0
"""Seconds for which a host is shown on its way."""
ON_THE_WAY = {Lifecycle.STANDBY: Lifecycle.ENTERING, Lifecycle.IN_SERVICE: Lifecycle.COMING}


@dataclass
class Place:
    """Where a host stands, once it has arrived there."""

    lifecycle: Lifecycle = Lifecycle.IN_SERVICE
    arrives: float = 0.0
    by_hand: float | None = None
    """When somebody else has brought it there."""


class SimulatedGroup:
    """Attached to the first pool on its own port; it launches nobody, and forgets the dead."""

    def __init__(self, world: World, hosts: Collection[HostId]) -> None:
        self._world = world
        self._places = {host: Place() for host in hosts}
        self._lost: set[HostId] = set()
        """Whom it has let go while they stood by, and does not want any more."""
        self.desired = len(hosts)

    @property
    def places(self) -> dict[HostId, Place]:
        """Those of living members."""
        return {host: place for host, place in self._places.items() if host not in self._world.dead}

    @property
    def entries(self) -> dict[HostId, Registration]:
        """What the group itself takes out and puts back."""
        return {host: a_registration(self._world.web, self._world.hosts[host]) for host in self._places}

    def shown(self, host: HostId) -> Lifecycle:
        """As AWS would say now."""
        place = self._places[host]
        moving = self._world.time < place.arrives
        return ON_THE_WAY.get(place.lifecycle, place.lifecycle) if moving else place.lifecycle

    def whole(self) -> bool:
        """Every living member is in service, and wanted."""
        lost = len(self._places) - len(self.places)
        shown = {self.shown(host) for host in self.places}
        return shown <= {Lifecycle.IN_SERVICE} and len(self.places) <= self.desired <= len(self.places) + lost

    def enter(self, host: HostId) -> None:
        """Raises StandbyRefused, Unanswered."""
        self._must_be(host, Lifecycle.IN_SERVICE)
        if self.desired - 1 < LEAST:
            raise StandbyRefused(f"{NAME} has min-size={LEAST}")
        self._move(host, Lifecycle.STANDBY, -1)
        self._world.leave(self.entries[host])

    def exit(self, host: HostId) -> None:
        """Raises StandbyRefused, Unanswered."""
        self._must_be(host, Lifecycle.STANDBY)
        self._move(host, Lifecycle.IN_SERVICE, 1)
        self._world.join(self.entries[host])

    def let_go(self, which: int) -> None:
        """It takes the host out of its pool, and ends its machine after that."""
        host = self._member(which)
        if self._places[host].lifecycle is Lifecycle.STANDBY:
            self._lost.add(host)
        self._places[host] = Place(Lifecycle.LEAVING, by_hand=self._world.time)
        self._world.leave(self.entries[host])

    def leaving(self) -> set[HostId]:
        """Whom it is about to terminate."""
        return {host for host, place in self.places.items() if place.lifecycle is Lifecycle.LEAVING}

    def taken_back(self, which: int) -> None:
        """Somebody calls ExitStandby, if the host stands by."""
        host = self._member(which)
        if host in self.places and self.shown(host) is Lifecycle.STANDBY:
            self._move(host, Lifecycle.IN_SERVICE, 1)
            self._places[host].by_hand = self._world.time
            self._world.join(self.entries[host], by_hand=True)

    def _member(self, which: int) -> HostId:
        return sorted(self._places)[which % len(self._places)]

    def want_the_lost_again(self) -> None:
        """By hand: who died while it stood by is not wanted any more, and the minimum counts who is wanted."""
        for host, place in list(self._places.items()):
            if host in self._world.dead and (place.lifecycle is Lifecycle.STANDBY or host in self._lost):
                self._move(host, Lifecycle.IN_SERVICE, 1)
                self._lost.discard(host)

    def _must_be(self, host: HostId, wanted: Lifecycle) -> None:
        if host not in self.places:
            raise StandbyRefused(f"{host} is not part of {NAME}")
        if self.shown(host) in {Lifecycle.ENTERING, Lifecycle.COMING}:
            raise Unanswered("busy")
        if self.shown(host) is not wanted:
            raise StandbyRefused(f"{host} is not in {wanted}")

    def _move(self, host: HostId, to: Lifecycle, more: int) -> None:
        self._places[host] = Place(to, self._world.time + LAG)
        self.desired += more


class ProcessGroups:
    """The group, if the world has one."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    def members(self, hosts: Collection[HostId]) -> Mapping[HostId, Member]:
        self._ask()
        group = self._world.group
        shown = {host: group.shown(host) for host in hosts if group and host in group.places}
        self._process.judge.of(self._process).asked |= dict.fromkeys(hosts, self._world.time)
        return {host: Member(host, NAME, state, str(state)) for host, state in shown.items()}

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        self._ask()
        group = self._world.group
        if group is None or NAME not in names:
            return {}
        size = len(group.entries)
        made = ScalingGroup(
            NAME, LEAST, group.desired, size, pools=frozenset({self._world.web.id}), hosts=frozenset(group.places)
        )
        return {NAME: made}

    def enter_standby(self, group: str, host: HostId) -> None:
        self._deed("enter", group, host)

    def exit_standby(self, group: str, host: HostId) -> None:
        self._deed("exit", group, host)

    def _ask(self) -> None:
        self._process.reach(Point.LOOK)
        self._answers()

    def _answers(self) -> None:
        if self._world.time < self._world.silent_until:
            raise Unanswered("throttled")

    def _deed(self, name: str, group: str, host: HostId) -> None:
        process, there = self._process, self._world.group
        process.reach(Point.DEED)
        self._answers()
        if there is None or group != NAME:
            raise StandbyRefused(f"there is no {group}")
        process.judge.standby.on_deed(process, name, host)
        process.did(name, host)
        acts: dict[str, Callable[[HostId], None]] = {"enter": there.enter, "exit": there.exit}
        acts[name](host)
        process.reach(Point.DONE)


class StandbyJudge:
    """Judges what is asked of the group, and that nobody is forgotten in standby."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._world = judge.world

    def on_deed(self, process: Process, name: str, host: HostId) -> None:
        """A host is about to stand by or to come back, if its group lets it."""
        judge, record, group = self._judge, self._judge.records.get(host), self._world.group
        judge.must(record is not None and record.open and record.standby == NAME, f"I-2: {name} without a record")
        judge.may_do(process, host, name)
        if group is None or host not in group.places:
            return
        entry, shown = group.entries[host], group.shown(host)
        if name == "enter" and shown is Lifecycle.IN_SERVICE:
            judge.must(group.desired - 1 >= LEAST, "A4: below the group's minimum")
            judge.leaves(process, self._world.web, entry, host)
        if name == "exit" and shown is Lifecycle.STANDBY:
            judge.comes_back(entry, host)

    def on_command(self, process: Process, host: HostId) -> None:
        """A deploy command begins on a host; what somebody else did since its group was asked is no breach."""
        record, group = self._judge.records.get(host), self._world.group
        if group is not None and host in group.places:
            standing = group.shown(host) is Lifecycle.STANDBY or self._unseen(process, group.places[host], host)
            self._judge.must(standing, "A3: a command on a host that does not stand by")
            self._judge.must(record is not None and record.standby == NAME, "A3: no group in the record")

    def on_closed(self, process: Process, host: HostId) -> None:
        """A record says `in-service`."""
        group = self._world.group
        if group is not None and host in group.places:
            shown = group.shown(host)
            there = shown is Lifecycle.IN_SERVICE or self._unseen(process, group.places[host], host)
            self._judge.must(there, f"A3: closed while its group says {shown}")

    def _unseen(self, process: Process, place: Place, host: HostId) -> bool:
        """Whether somebody else has moved the host since the run asked its group."""
        return place.by_hand is not None and place.by_hand >= self._judge.of(process).asked.get(host, -1e9)

    def after(self) -> None:
        """What holds at every moment."""
        for host, place in self._world.group.places.items() if self._world.group else ():
            record = self._judge.records.get(host)
            known = record is not None and record.open and record.standby == NAME
            forgotten = place.lifecycle is Lifecycle.STANDBY and not known
            self._judge.must(not forgotten, f"I-2: {host} stands by and is forgotten")
