"""AWS as a simulated process gets through to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builders import a_row
from elbroll.balancers.poller import Poller
from elbroll.errors import PoolGone, Unanswered
from elbroll.model import HostId, PoolId, TargetState
from fakes import FakeInventory
from simulation.troubles import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from elbroll.model import Host, Pool, PoolView, Registration, TargetSeen
    from simulation.process import Process


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


def _order(entry: Registration) -> tuple[str, str, int]:
    return (entry.pool, entry.id, entry.port or 0)
