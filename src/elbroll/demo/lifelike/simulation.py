"""All registrations, drains and health checks of a lifelike AWS in one object with a clock of its own (aws.md M4)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elbroll.demo.lifelike.checker import Checker
from elbroll.demo.lifelike.clocks import VirtualClock
from elbroll.demo.lifelike.targets import NOT_REGISTERED, Asked, Life, Member, PoolRules, Row, Shown, shown_of
from elbroll.demo.lifelike.timeline import Moved, Timeline
from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from elbroll.demo.lifelike.targets import PoolSource, Sickness
    from elbroll.engine.ports import Clock

    Key = tuple[str, int | None]
    Ask = Callable[[str, int | None], Sickness | None]
    """Is the app on (target id, check port) well? None means yes."""


class Refusal(Exception):
    """AWS says no to a registration; `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Timing:
    """What AWS leaves open about time."""

    first_check: float = 0.5
    """When a new target is first checked, as a share of the interval."""
    nlb_registers_in: float = 0.0
    """Seconds until an NLB begins to check a new target; minutes in real life (T13)."""


@dataclass(slots=True)
class _Pool:
    source: PoolSource
    rules: PoolRules
    """As last seen; still good for the moment in which the pool is deleted."""
    members: dict[Key, Member] = field(default_factory=dict)
    forced: dict[Key, Shown] = field(default_factory=dict)
    hidden: set[Key] = field(default_factory=set)
    frozen: tuple[Row, ...] | None = None


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
        self.timeline = timeline or Timeline()
        self._ask = ask
        self._timing = timing or Timing()
        self._pools: dict[str, _Pool] = {}
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
            wanted = [_with_port(target, here.rules) for target in targets]
            for target in wanted:
                _refuse_draining_address(here, target)
            for target in wanted:
                self._add(pool, here, target)

    def deregister(self, pool: str, source: PoolSource, targets: Iterable[Asked]) -> None:
        """Let exactly these (id, port) begin to drain; strangers and wrong ports are passed over (T5, T6)."""
        with self._lock:
            here = self._settled(pool, source)
            for target in targets:
                member = here.members.get(_key(_with_port(target, here.rules)))
                if member is not None:
                    self._drain(pool, here, member)

    def terminated(self, target_ids: Iterable[str]) -> None:
        """What AWS does by itself with instances that were terminated: they leave all pools."""
        gone = frozenset(target_ids)
        with self._lock:
            for pool, here in self._pools.items():
                for member in [one for one in here.members.values() if one.target.id in gone]:
                    self._drain(pool, here, member)

    def forget(self, pool: str) -> None:
        """The pool was deleted."""
        with self._lock:
            self._pools.pop(pool, None)

    def listing(self, pool: str, source: PoolSource) -> tuple[Row, ...]:
        """All registered and draining targets as AWS would show them now (T2)."""
        with self._lock:
            here = self._settled(pool, source)
            if here.frozen is not None:
                return here.frozen
            return tuple(self._row(here, key) for key in here.members if key not in here.hidden)

    def rows_of(self, pool: str, source: PoolSource, targets: Iterable[Asked]) -> tuple[Row, ...]:
        """A row for each target that was asked for; strangers get `Target.NotRegistered` (T2)."""
        shown = {_key(row.target): row for row in self.listing(pool, source)}
        with self._lock:
            rules = self._pools[pool].rules
        asked = [_with_port(target, rules) for target in targets]
        return tuple(shown.get(_key(target)) or Row(target, rules.check_port, NOT_REGISTERED) for target in asked)

    # --- what tests and the demo do --------------------------------------------------------------

    def rows(self, pool: str) -> tuple[Row, ...]:
        """What a listing of the pool says now; empty for a pool in which nothing was ever registered."""
        with self._lock:
            here = self._pools.get(pool)
            return self.listing(pool, here.source) if here else ()

    def serving(self, pool: str) -> tuple[Key, ...]:
        """The (id, port) pairs that get new requests now: healthy ones, never draining ones.

        With fewer healthy ones than the group's minimum (1 unless set) it is every registered one (T16, T17); a
        classic balancer then has none.
        """
        rows = [row for row in self.rows(pool) if row.shown.state != Life.DRAINING]
        well = [row for row in rows if row.carries_traffic]
        if self._fails_open(pool, len(well), len(rows)):
            well = rows
        return tuple(_key(row.target) for row in well)

    def draining(self, pool: str) -> tuple[Key, ...]:
        """The (id, port) pairs that finish old requests only."""
        return tuple(_key(row.target) for row in self.rows(pool) if row.shown.state == Life.DRAINING)

    def finish_drain(self, pool: str, target_id: str, port: int | None = None) -> None:
        """End a drain early: a classic balancer does once the host is idle (C3), an NLB's API may (T9)."""
        with self._lock:
            here = self._pools[pool]
            member = here.members.get((target_id, port))
            if member is not None and member.leaves_at is not None:
                member.leaves_at = self.clock.monotonic()
                self._expire(pool, here)

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

    def reset(self) -> None:
        """Forget all pools and the time line; the clock goes on."""
        with self._lock:
            self._pools.clear()
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
            for pool, here in list(self._pools.items()):
                self._settle(pool, here)

    def tick(self) -> None:
        """Ask the app of every target whose check is due, once, without holding up anybody else."""
        now = self.clock.monotonic()
        with self._lock:
            due = [
                (pool, member.target)
                for pool, here in self._pools.items()
                for member in here.members.values()
                if self._is_due(here, member, now)
            ]
        for (pool, target), sickness in self._checker.ask_all(self._question, due):
            self._note_answer(pool, target, sickness)

    # --- private ---------------------------------------------------------------------------------

    def _settled(self, pool: str, source: PoolSource) -> _Pool:
        rules = source.rules()
        if rules is None:
            raise Refusal("TargetGroupNotFound", "One or more target groups not found")
        here = self._pools.setdefault(pool, _Pool(source, rules))
        here.source = source
        self._settle(pool, here)
        return here

    def _settle(self, pool: str, here: _Pool) -> None:
        here.rules = here.source.rules() or here.rules
        if not self._checker.running:
            self._replay(pool, here)
        self._expire(pool, here)

    def _add(self, pool: str, here: _Pool, target: Asked) -> None:
        known = here.members.get(_key(target))
        if known is not None and known.life is not Life.DRAINING:
            return
        now = self.clock.monotonic()
        slow = here.rules.kind is BalancerKind.NLB
        ready = now + (self._timing.nlb_registers_in if slow else 0.0)
        first = ready + here.rules.interval * self._timing.first_check
        here.members[_key(target)] = Member(target, ready, first)
        self._moved(pool, target, Life.INITIAL, now)

    def _drain(self, pool: str, here: _Pool, member: Member) -> None:
        now = self.clock.monotonic()
        if member.life is not Life.DRAINING:
            self._moved(pool, member.target, Life.DRAINING, now)
        member.drain_until(now + here.rules.delay)
        self._expire(pool, here)

    def _expire(self, pool: str, here: _Pool) -> None:
        now = self.clock.monotonic()
        for key, member in list(here.members.items()):
            if member.leaves_at is not None and member.leaves_at <= now:
                del here.members[key]
                self._moved(pool, member.target, "gone", member.leaves_at)

    def _replay(self, pool: str, here: _Pool) -> None:
        now = self.clock.monotonic()
        due = [member for member in here.members.values() if self._is_due(here, member, now)]
        while due:
            member = min(due, key=lambda one: one.next_check)
            self._check(pool, here, member, member.next_check)
            due = [one for one in due if self._is_due(here, one, now)]

    def _is_due(self, here: _Pool, member: Member, now: float) -> bool:
        return here.rules.checks_enabled and member.life is not Life.DRAINING and member.next_check <= now

    def _check(self, pool: str, here: _Pool, member: Member, at: float) -> None:
        self._note(pool, here, member, self._question((pool, member.target)), at)
        member.next_check = at + here.rules.interval

    def _question(self, asked: tuple[str, Asked]) -> Sickness | None:
        pool, target = asked
        here = self._pools.get(pool)
        check_port = here.rules.check_port if here else None
        return self._ask(target.id, check_port or target.port)

    def _note_answer(self, pool: str, target: Asked, sickness: Sickness | None) -> None:
        with self._lock:
            here = self._pools.get(pool)
            member = here.members.get(_key(target)) if here else None
            if here is not None and member is not None and member.life is not Life.DRAINING:
                now = self.clock.monotonic()
                self._note(pool, here, member, sickness, now)
                member.next_check = now + here.rules.interval

    def _note(self, pool: str, here: _Pool, member: Member, sickness: Sickness | None, at: float) -> None:
        before = member.life
        if here.rules.kind is None or here.source.instance_state(member.target.id) not in {None, "running"}:
            member.start_again()
        else:
            member.checked(sickness, here.rules)
        if member.life is not before:
            self._moved(pool, member.target, member.life, at)

    def _row(self, here: _Pool, key: Key) -> Row:
        member = here.members[key]
        truth = shown_of(member, here.rules, here.source.instance_state(member.target.id), self.clock.monotonic())
        return Row(member.target, here.rules.check_port, here.forced.get(key, truth))

    def _fails_open(self, pool: str, healthy: int, registered: int) -> bool:
        with self._lock:
            here = self._pools.get(pool)
        if here is None or here.rules.kind in {None, BalancerKind.CLASSIC}:
            return False
        share = 100.0 * healthy / registered if registered else 100.0
        return healthy < max(1, here.rules.fail_open_count) or share < here.rules.fail_open_percent

    def _moved(self, pool: str, target: Asked, state: str, at: float) -> None:
        self.timeline.add(Moved(at, pool, target.id, target.port, str(state)))


def _key(target: Asked) -> Key:
    return (target.id, target.port)


def _with_port(target: Asked, rules: PoolRules) -> Asked:
    if target.port is not None or rules.port is None:
        return target
    return Asked(target.id, rules.port, target.zone, target.quic_server_id)


def _refuse_draining_address(here: _Pool, target: Asked) -> None:
    member = here.members.get(_key(target))
    if here.rules.target_type is TargetType.IP and member is not None and member.life is Life.DRAINING:
        raise Refusal("InvalidTarget", f"The target '{target.id}' is still being deregistered")
