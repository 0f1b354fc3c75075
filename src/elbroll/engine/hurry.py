"""Readings of AWS that hang hold nobody up after a signal to leave: a host that drains is sent back all the same."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from elbroll.engine.stop import StopMode
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from elbroll.engine.ports import Balancer, Clock, Groups, Inventory
    from elbroll.engine.stop import Stop
    from elbroll.model import Host, HostId, Member, Pool, PoolId, PoolView, Registration, ScalingGroup

T = TypeVar("T")

LEFT = 0.8
"""Seconds that a reading may still take once a signal to leave has come, or if it begins after that."""
GLANCE = 0.1
"""Seconds between two looks at whether one has come."""


@dataclass(frozen=True, slots=True)
class Hurry:
    """Waits for readings, and gives up those that take too long after a signal to leave (safety.md 8).

    Only for calls that change nothing: what became of a deed must be known before the next one (I-11).
    """

    stop: Stop
    clock: Clock

    def read(self, call: Callable[[], T]) -> T:
        """What `call` answers or raises; Unanswered for one that is given up, whose answer then nobody hears."""
        reading = _Reading(call)
        left_at: float | None = None
        while not reading.over.wait(GLANCE):
            if self.stop.mode >= StopMode.LEAVE:
                left_at = self.clock.monotonic() if left_at is None else left_at
                if self.clock.monotonic() - left_at >= LEFT:
                    raise Unanswered("AWS had not answered when a signal came")
        return reading.outcome()


class _Reading(Generic[T]):
    """One call in a thread of its own, which does not keep a finished process alive."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.over = threading.Event()
        self._call = call
        self._found: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="reading", daemon=True).start()

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._found[0]

    def _run(self) -> None:
        try:
            self._found.append(self._call())
        except BaseException as error:
            self._error = error
        finally:
            self.over.set()


@dataclass(frozen=True, slots=True)
class HurriedBalancer:
    """See `engine.ports.Balancer`."""

    balancer: Balancer
    hurry: Hurry

    def look(self, pool: Pool, max_age: float) -> PoolView:
        """See `Balancer.look`."""
        return self.hurry.read(partial(self.balancer.look, pool, max_age))

    def nodes(self, pool: Pool) -> frozenset[str] | None:
        """See `Balancer.nodes`."""
        return self.hurry.read(partial(self.balancer.nodes, pool))

    def follow(self, pool: PoolId, registrations: Collection[Registration]) -> None:
        """See `Balancer.follow`."""
        self.balancer.follow(pool, registrations)

    def deregister(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """See `Balancer.deregister`."""
        self.balancer.deregister(pool, registrations)

    def register(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """See `Balancer.register`."""
        self.balancer.register(pool, registrations)


@dataclass(frozen=True, slots=True)
class HurriedGroups:
    """See `engine.ports.Groups`."""

    inner: Groups
    hurry: Hurry

    def members(self, hosts: Collection[HostId]) -> Mapping[HostId, Member]:
        """See `Groups.members`."""
        return self.hurry.read(partial(self.inner.members, hosts))

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """See `Groups.groups`."""
        return self.hurry.read(partial(self.inner.groups, names))

    def enter_standby(self, group: str, host: HostId) -> None:
        """See `Groups.enter_standby`."""
        self.inner.enter_standby(group, host)

    def exit_standby(self, group: str, host: HostId) -> None:
        """See `Groups.exit_standby`."""
        self.inner.exit_standby(group, host)


@dataclass(frozen=True, slots=True)
class HurriedInventory:
    """See `engine.ports.Inventory`."""

    inventory: Inventory
    hurry: Hurry

    def instances(self, ids: Collection[str]) -> Mapping[HostId, Host]:
        """See `Inventory.instances`."""
        return self.hurry.read(partial(self.inventory.instances, ids))

    def addresses(self, vpc: str | None, addresses: Collection[str]) -> Mapping[str, Host]:
        """See `Inventory.addresses`."""
        return self.hurry.read(partial(self.inventory.addresses, vpc, addresses))

    def search(self, word: str) -> tuple[Host, ...]:
        """See `Inventory.search`."""
        return self.hurry.read(partial(self.inventory.search, word))
