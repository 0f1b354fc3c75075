"""What a host's leaving would break, pool by pool: the arithmetic behind the guard, and its words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.names import counted, host_name
from elbroll.core.order import natural
from elbroll.core.tally import floor_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.core.guard import Consent, GuardRules
    from elbroll.core.tally import Tally, Target
    from elbroll.model import Fleet, HostId

SEVERITY = ("all-unhealthy", "fails-open", "last-healthy", "floor", "threshold")
"""Worst first: the first two are beyond consent."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One way in which a pool, or its part in one zone, could not bear the loss."""

    code: str
    """One of `SEVERITY`."""
    message: str
    tally: Tally
    """What was counted: the pool, or its part in a zone."""
    accepts: str = ""
    """What consent to it would mean: `3 of 6`."""


@dataclass(frozen=True, slots=True)
class Question:
    """One host that wants to leave, asked of one pool after another."""

    host: HostId
    fleet: Fleet
    rules: GuardRules
    consent: Consent

    def shortfalls(self, whole: Tally) -> Iterator[Shortfall]:
        """Each way in which the pool could not bear it; none where the host has nothing to leave."""
        own = whole.of(self.host)
        if not any(target.staying for target in own):
            return
        for part, where in self._parts(whole):
            yield from self._fails_open(part, where)
        if whole.sound(self.host):
            yield from self._hosts_left(whole)
        if any(map(whole.well, own)):
            for part, where in self._parts(whole):
                yield from self._targets_left(part, where)

    def warnings(self, whole: Tally) -> Iterator[str]:
        """The host is its zone's only one, and other zones can carry its traffic."""
        zone = whole.zones.get(self.host)
        alone = whole.within(zone).expected == {self.host} and len(whole.expected) > 1
        if alone and whole.pool.cross_zone and whole.sound(self.host):
            yield (
                f"{self._name} is the only host of {whole.pool.name} in {zone}: "
                "while it is out other zones carry its traffic"
            )

    def _parts(self, whole: Tally) -> list[tuple[Tally, str]]:
        """The pool; without cross-zone balancing also the host's zone, which then stands alone (T18)."""
        zone = whole.zones.get(self.host)
        alone = [] if whole.pool.cross_zone else [(whole.within(zone), f" in {zone}")]
        return [(whole, ""), *alone]

    def _fails_open(self, part: Tally, where: str) -> Iterator[Shortfall]:
        healthy, least = part.healthy_with(self.host), part.routing_minimum()
        if healthy < least:
            code = "fails-open" if healthy else "all-unhealthy"
            has = f"{part.pool.name} has {healthy} healthy of {counted(part.registered(), 'target')}{where}"
            yield Shortfall(code, f"{has}: under {least} sick hosts get traffic too, so none may leave", part)

    def _hosts_left(self, whole: Tally) -> Iterator[Shortfall]:
        floor, _ = floor_of(whole.pool, self.fleet, len(whole.expected), self.rules)
        yield from self._keeps(floor, whole, "")
        zone = whole.zones.get(self.host)
        there = whole.within(zone)
        if len(there.expected) > 1 or not whole.pool.cross_zone:
            yield from self._keeps(1, there, f" in {zone}")

    def _keeps(self, least: int, part: Tally, where: str) -> Iterator[Shortfall]:
        total, left = len(part.expected), len(part.capacity() - {self.host})
        if left < self._waived(least):
            last = f"it is the last healthy host of {part.pool.name}{where}"
            end = f"the floor of {part.pool.name} is {least}" if left else last
            says = f"would leave {left} of {total} in service; {end}"
            yield self._short("floor", left, says, part, f"{left} of {total}")

    def _targets_left(self, part: Tally, where: str) -> Iterator[Shortfall]:
        total, left, least = part.registered(), part.healthy_without(self.host), part.threshold()
        if left < self._waived(least):
            wants = f"{part.pool.name} itself wants {least}"
            says = f"would leave {left} healthy of {counted(total, 'target')}{where}; {wants}"
            yield self._short("threshold", left, says, part, f"{left} of {total}")

    def _short(self, code: str, left: int, says: str, part: Tally, accepts: str) -> Shortfall:
        last = left < 1 and not self.consent.last_healthy
        return Shortfall("last-healthy" if last else code, f"draining {self._name} {says}", part, accepts)

    def _waived(self, least: int) -> int:
        """What is still asked for after consent: below the floor leaves the last 1, the last healthy one waives it."""
        asked = 1 if self.consent.below_floor else least
        return 0 if asked == 1 and self.consent.last_healthy else asked

    @property
    def _name(self) -> str:
        return host_name(self.fleet, self.host)


# --- words -------------------------------------------------------------------------------------------

_LINES = 10


def why_short(fleet: Fleet, whole: Tally, leaving: HostId) -> tuple[str, ...]:
    """A line for each host that is missing from capacity, the first ten of them."""
    missing = whole.expected - whole.capacity() - {leaving}
    lines = sorted((f"{host_name(fleet, host)} {_state_of(host, whole)}" for host in missing), key=natural)
    more = (f"and {len(lines) - _LINES} more",) if len(lines) > _LINES else ()
    return (*lines[:_LINES], *more)


def _state_of(host: HostId, whole: Tally) -> str:
    if host in whole.out:
        why = whole.out[host] if isinstance(whole.out, Mapping) else ""
        return f"out {why}".strip()
    if sick := [target for target in whole.of(host) if not whole.well(target)]:
        return _said_of(sick[0])
    return "healthy, but still in slow start" if host in whole.warming else "not registered"


def _said_of(target: Target) -> str:
    row = target.row
    evidence = ", ".join(filter(None, (row.reason, row.said)))
    return f"{row.state}: {evidence}" if evidence else str(row.state)
