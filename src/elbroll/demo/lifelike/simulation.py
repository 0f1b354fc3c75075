"""All registrations, drains and health checks of a lifelike AWS in one object with a clock of its own (aws.md M4)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from elbroll.demo.lifelike.checker import Checker
from elbroll.demo.lifelike.clocks import VirtualClock
from elbroll.demo.lifelike.pools import PoolState, Timing, key_of
from elbroll.demo.lifelike.scalers import GroupStates
from elbroll.demo.lifelike.targets import NOT_REGISTERED, Asked, Life, Member, Row, Shown
from elbroll.demo.lifelike.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.demo.lifelike.pools import Ask, Key
    from elbroll.demo.lifelike.targets import PoolSource, Sickness
    from elbroll.engine.ports import Clock


class Simulation:
    """Registered, checked, draining, gone: keyed by (pool, target id, port), pools by their `PoolId`.

    Until `start` is called, checks are replayed whenever somebody looks (and each time a `VirtualClock` moves);
    from then on a thread asks the apps for real. Safe for many threads.
    """

    def __init__(
        self,
        clock: Clock,
        ask: Ask,
        timeline: Timeline | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.clock = clock
        self.timeline = Timeline() if timeline is None else timeline
        self._ask = ask
        self._timing = timing or Timing()
        self._pools: dict[str, PoolState] = {}
        self._consoles: dict[str, str] = {}
        self.groups = GroupStates()
        self._lock = threading.RLock()
        self._checker = Checker(self.tick)
        if isinstance(clock, VirtualClock):
            clock.watch(self.catch_up)

    # --- what the patched AWS does ---------------------------------------------------------------

    def register(self, pool: str, source: PoolSource, targets: Iterable[Asked]) -> None:
        """Add targets; one that drains comes back at once, one that is there already stays as it is.

        Raises Refusal for an `ip` target that still drains (T10); nothing is registered then.
        """
        with self._lock:
            here = self._settled(pool, source)
            wanted = [here.with_port(target) for target in targets]
            for target in wanted:
                here.refuse_draining_address(target)
            for target in wanted:
                here.add(target, self._now, self._timing)

    def deregister(self, pool: str, source: PoolSource, targets: Iterable[Asked]) -> None:
        """Let exactly these (id, port) begin to drain; strangers and wrong ports are passed over (T5, T6)."""
        with self._lock:
            here = self._settled(pool, source)
            for target in targets:
                here.drain(key_of(here.with_port(target)), self._now)

    def terminated(self, target_ids: Iterable[str]) -> None:
        """What AWS does by itself with instances that were terminated: they leave all pools."""
        gone = frozenset(target_ids)
        with self._lock:
            for here in self._pools.values():
                for key in [key for key in here.members if key[0] in gone]:
                    here.drain(key, self._now)

    def forget(self, pool: str) -> None:
        """The pool was deleted."""
        with self._lock:
            self._pools.pop(pool, None)

    def listing(self, pool: str, source: PoolSource) -> tuple[Row, ...]:
        """All registered and draining targets as AWS shows them now (T2)."""
        with self._lock:
            return self._settled(pool, source).listing(self._now)

    def rows_of(self, pool: str, source: PoolSource, targets: Iterable[Asked]) -> tuple[Row, ...]:
        """A row for each target that was asked for; strangers get `Target.NotRegistered` (T2)."""
        with self._lock:
            here = self._settled(pool, source)
            shown = {key_of(row.target): row for row in here.listing(self._now)}
            asked = [here.with_port(target) for target in targets]
            return tuple(
                shown.get(key_of(target)) or Row(target, here.rules.check_port, NOT_REGISTERED) for target in asked
            )

    def printed(self, instance: str) -> str:
        """The console output of an instance; empty where there is none (any more) (E2)."""
        with self._lock:
            return self._consoles.get(instance, "")

    # --- what tests and the demo ask -------------------------------------------------------------

    def rows(self, pool: str) -> tuple[Row, ...]:
        """What a listing of the pool says now; empty for a pool in which nothing was ever registered."""
        with self._lock:
            here = self._pools.get(pool)
            return self.listing(pool, here.source) if here else ()

    def serving(self, pool: str) -> tuple[Key, ...]:
        """The (id, port) pairs that get new requests now: healthy ones, never draining ones.

        With fewer healthy ones than the group's minimum (1 unless set) it is every registered one (T16, T17); a
        classic balancer then has none. Reads that are made to lag or hide change nothing here.
        """
        with self._lock:
            here = self._known(pool)
            return here.serving(self._now) if here else ()

    def draining(self, pool: str) -> tuple[Key, ...]:
        """The (id, port) pairs that finish old requests only."""
        with self._lock:
            here = self._known(pool)
            members = here.members.items() if here else ()
            return tuple(key for key, member in members if member.life is Life.DRAINING)

    # --- what tests and the demo arrange ---------------------------------------------------------

    def finish_drain(self, pool: str, target_id: str, port: int | None = None) -> None:
        """End a drain early: a classic balancer does once the host is idle (C3), an NLB's API may (T9)."""
        with self._lock:
            self._pools[pool].finish((target_id, port), self._now)

    def force(self, pool: str, target_id: str, port: int | None, shown: Shown) -> None:
        """Show this state for a registered target, whatever is true, until `unforce`."""
        with self._lock:
            self._pools[pool].forced[(target_id, port)] = shown

    def unforce(self, pool: str, target_id: str, port: int | None) -> None:
        """Show the truth about a target again, and show it at all."""
        with self._lock:
            self._pools[pool].forced.pop((target_id, port), None)
            self._pools[pool].hidden.discard((target_id, port))

    def hide(self, pool: str, target_id: str, port: int | None) -> None:
        """Leave a registered target out of all answers, as if its registration had not arrived (T13)."""
        with self._lock:
            self._pools[pool].hidden.add((target_id, port))

    def freeze(self, pool: str) -> None:
        """Answer all reads with what is true now until `thaw`: reads that lag behind writes (T19, Q5)."""
        with self._lock:
            self._pools[pool].frozen = self.rows(pool)

    def thaw(self, pool: str) -> None:
        """Answer reads truly again."""
        with self._lock:
            self._pools[pool].frozen = None

    def print_on_console(self, instance: str, text: str) -> None:
        """From now on this is the instance's console output; an empty text is gone, as AWS's is after an hour (E2)."""
        with self._lock:
            self._consoles[instance] = text

    def reset(self) -> None:
        """Forget all pools, groups, consoles and the time line; the clock goes on."""
        with self._lock:
            self._pools.clear()
            self._consoles.clear()
            self.groups.clear()
            self.timeline.clear()

    # --- time ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Check the apps for real from now on, from a thread of its own; needs a clock that runs by itself."""
        self._checker.start()

    def stop(self) -> None:
        """End the thread of `start`; returns once it is over."""
        self._checker.stop()

    def catch_up(self) -> None:
        """Bring all pools up to the clock."""
        with self._lock:
            for here in self._pools.values():
                self._settle(here)

    def tick(self) -> None:
        """Ask the app of every target whose check is due, once, without holding up anybody else."""
        with self._lock:
            due = [(here, member) for here in self._pools.values() for member in here.due(self._now)]
        for (here, member), sickness in self._checker.ask_all(self._question, due):
            with self._lock:
                here.checked_late(member, sickness, self._now)

    # --- private ---------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self.clock.monotonic()

    def _settled(self, pool: str, source: PoolSource) -> PoolState:
        here = self._pools.setdefault(pool, PoolState(pool, source, source.rules(), self.timeline.add))
        here.source = source
        self._settle(here)
        return here

    def _known(self, pool: str) -> PoolState | None:
        here = self._pools.get(pool)
        if here is not None:
            self._settle(here)
        return here

    def _settle(self, here: PoolState) -> None:
        here.rules = here.source.rules()
        if not self._checker.running:
            here.replay(self._now, self._ask)
        here.expire(self._now)

    def _question(self, due: tuple[PoolState, Member]) -> Sickness | None:
        here, member = due
        return self._ask(member.target.id, here.check_port(member))
