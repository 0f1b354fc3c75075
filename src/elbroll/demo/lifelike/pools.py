"""One pool with its members: who is checked, who drains, what a listing says. Time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elbroll.demo.lifelike.targets import Asked, Life, Member, PoolRules, Row, Shown, shown_of
from elbroll.demo.lifelike.timeline import Moved
from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.demo.lifelike.targets import PoolSource, Sickness

    Key = tuple[str, int | None]
    Ask = Callable[[str, int | None], Sickness | None]
    """Is the app on (target id, check port) well? None means yes."""

RUNNING = frozenset({None, "running"})
"""EC2's states of instances, and of addresses, that may be healthy."""


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
class PoolState:
    """Changed by the simulation only, under its lock."""

    id: str
    source: PoolSource
    rules: PoolRules
    """As last looked up."""
    tell: Callable[[Moved], None]
    members: dict[Key, Member] = field(default_factory=dict)
    forced: dict[Key, Shown] = field(default_factory=dict)
    hidden: set[Key] = field(default_factory=set)
    frozen: tuple[Row, ...] | None = None

    # --- coming and leaving ----------------------------------------------------------------------

    def refuse_draining_address(self, target: Asked) -> None:
        """Raises Refusal for an `ip` target that must wait out its delay (T10)."""
        member = self.members.get(key_of(target))
        if self.rules.target_type is TargetType.IP and member is not None and member.life is Life.DRAINING:
            raise Refusal("InvalidTarget", f"The target '{target.id}' is still being deregistered")

    def add(self, target: Asked, now: float, timing: Timing) -> None:
        """Register; what is registered already stays as it is, what drains starts afresh."""
        known = self.members.get(key_of(target))
        if known is not None and known.life is not Life.DRAINING:
            return
        wait = timing.nlb_registers_in if self.rules.kind is BalancerKind.NLB else 0.0
        first = now + wait + self.rules.interval * timing.first_check
        self.members[key_of(target)] = Member(target, now + wait, first)
        self._moved(target, Life.INITIAL, now)

    def drain(self, key: Key, now: float) -> None:
        """Begin to leave; strangers are passed over, and who leaves already keeps its time."""
        member = self.members.get(key)
        if member is None or member.life is Life.DRAINING:
            return
        member.life, member.leaves_at = Life.DRAINING, now + self.rules.delay
        self._moved(member.target, Life.DRAINING, now)
        self.expire(now)

    def finish(self, key: Key, now: float) -> None:
        """End a drain now."""
        member = self.members.get(key)
        if member is not None and member.leaves_at is not None:
            member.leaves_at = now
            self.expire(now)

    def expire(self, now: float) -> None:
        """Let go of those whose delay is over."""
        for key, member in list(self.members.items()):
            if member.leaves_at is not None and member.leaves_at <= now:
                del self.members[key]
                self._moved(member.target, "gone", member.leaves_at)

    # --- checks ----------------------------------------------------------------------------------

    def due(self, now: float) -> list[Member]:
        """Who should have been checked by now, longest overdue first."""
        if not self.rules.checks_enabled:
            return []
        waiting = [one for one in self.members.values() if one.life is not Life.DRAINING and one.next_check <= now]
        return sorted(waiting, key=lambda one: one.next_check)

    def replay(self, now: float, ask: Ask) -> None:
        """Make all checks that fell due since the last look, each as of its own moment."""
        while due := self.due(now):
            member = due[0]
            self.checked(member, ask(member.target.id, self.check_port(member)), member.next_check)

    def checked(self, member: Member, sickness: Sickness | None, at: float) -> None:
        """Note the result of one check and plan the next."""
        before = member.life
        if self.rules.kind is None or self.source.instance_state(member.target.id) not in RUNNING:
            member.start_again()
        else:
            member.checked(sickness, self.rules)
        member.next_check = at + self.rules.interval
        if member.life is not before:
            self._moved(member.target, member.life, at)

    def checked_late(self, member: Member, sickness: Sickness | None, now: float) -> None:
        """Note a real check that took its time, unless the target has left or begun to leave meanwhile."""
        if member.life is not Life.DRAINING and self.members.get(key_of(member.target)) is member:
            self.checked(member, sickness, now)

    def check_port(self, member: Member) -> int | None:
        """Where the checks of this member go (T15)."""
        return self.rules.check_port or member.target.port

    # --- answers ---------------------------------------------------------------------------------

    def rows(self, now: float) -> tuple[Row, ...]:
        """Every member, in the state that is true or forced."""
        return tuple(self._row(key, member, now) for key, member in self.members.items())

    def listing(self, now: float) -> tuple[Row, ...]:
        """What the API shows: not what is hidden, and frozen rows if there are any."""
        if self.frozen is not None:
            return self.frozen
        return tuple(row for row in self.rows(now) if key_of(row.target) not in self.hidden)

    def serving(self, now: float) -> tuple[Key, ...]:
        """Who gets new requests (T16, T17)."""
        rows = [row for row in self.rows(now) if row.shown.state != Life.DRAINING]
        well = [row for row in rows if row.carries_traffic]
        served = rows if self._fails_open(len(well), len(rows)) else well
        return tuple(key_of(row.target) for row in served)

    def with_port(self, target: Asked) -> Asked:
        """The target as registered: the group's port where none was given."""
        if target.port is not None or self.rules.port is None:
            return target
        return Asked(target.id, self.rules.port, target.zone, target.quic_server_id)

    def _row(self, key: Key, member: Member, now: float) -> Row:
        truth = shown_of(member, self.rules, self.source.instance_state(member.target.id), now)
        return Row(member.target, self.rules.check_port, self.forced.get(key, truth))

    def _fails_open(self, healthy: int, registered: int) -> bool:
        if registered == 0 or self.rules.kind in {None, BalancerKind.CLASSIC}:
            return False
        share = 100.0 * healthy / registered
        return healthy < max(1, self.rules.fail_open_count) or share < self.rules.fail_open_percent

    def _moved(self, target: Asked, state: str, at: float) -> None:
        self.tell(Moved(at, self.id, target.id, target.port, str(state)))


def key_of(target: Asked) -> Key:
    """What tells targets of one pool apart."""
    return (target.id, target.port)
