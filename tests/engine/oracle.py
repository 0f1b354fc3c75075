"""Judges what reaches a scene's world, while it happens, by none of the engine's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.model import RecordState, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scene import Scene

    from elbroll.model import Host, HostId, HostRecord, Job, Pool, Registration

GOOD_IN_A_ROW = 3
SETTLE = 5.0


class Oracle:
    """Watches a scene from now on; `breaches` are the rules that were broken, by number."""

    def __init__(self, scene: Scene) -> None:
        self.breaches: list[str] = []
        self._scene = scene
        self._row: dict[HostId, int] = {}
        """Good answers of each app since its last command."""
        self._deregister, self._register = scene.balancer.deregister, scene.balancer.register
        self._well = scene.checks.well
        scene.balancer.deregister = self._on_deregister  # type: ignore[method-assign,assignment]
        scene.balancer.register = self._on_register  # type: ignore[method-assign,assignment]
        scene.transport.on_run = self.on_run
        scene.checks.well = self._on_ask
        scene.ledger.on_write = self._on_write

    def _on_deregister(self, pool: Pool, entries: Sequence[Registration]) -> None:
        for entry in entries:
            record = self._record_of(entry)
            held = {item.registration for item in record.registrations} if record and record.open else set()
            self._must(entry in held, "I-2: deregistered without a record")
            self._must(entry in self._scene.home, "I-3: deregistered what was never there")
            if record is not None and self._state(entry) is TargetState.HEALTHY:
                self._must(self._others_healthy(pool, entry) >= self._floor(pool), "I-1: below the floor")
        self._deregister(pool, entries)

    def _on_register(self, pool: Pool, entries: Sequence[Registration]) -> None:
        for entry in entries:
            record = self._record_of(entry)
            state = record.state if record else None
            self._must(entry in self._scene.home, "I-12: registered where it never was")
            self._must(state in {RecordState.HELD, RecordState.REGISTERING}, f"I-7: registered in state {state}")
            good = self._row.get(self._owner(entry).id, GOOD_IN_A_ROW)
            self._must(good >= GOOD_IN_A_ROW, "I-7: registered unproven")
        self._register(pool, entries)

    def on_run(self, host: Host, job: Job) -> None:
        """A command begins on a host."""
        if job.id.step is Step.DEPLOY:
            self._row[host.id] = 0
            targets = [target for entry, target in self._scene.balancer.targets.items() if host.owns(entry)]
            self._must(all(target.leaves is not None for target in targets), "I-5: a command on a registered host")
            delays = [pool.deregistration_delay for pool in self._scene.pools]
            left = [target.leaves - min(delays) for target in targets if target.leaves is not None]
            self._must(max(left) + SETTLE <= self._scene.clock.time, "I-5: a command before traffic had stopped")

    def _on_ask(self, host: str) -> bool:
        well = self._well(host)
        known = next(one.id for one in self._scene.hosts if one.id == host)
        if known in self._row:
            self._row[known] = self._row[known] + 1 if well else 0
        return well

    def _on_write(self, record: HostRecord) -> None:
        before = self._scene.ledger.kept.get(record.host)
        if record.state is RecordState.IN_SERVICE and before is not None:
            states = {self._state(item.registration) for item in before.registrations}
            self._must(states <= {TargetState.HEALTHY}, "I-2: closed before it was seen healthy")

    def _floor(self, pool: Pool) -> int:
        hosts = {
            host.id for host in self._scene.hosts for entry in self._scene.places[host.id] if entry.pool == pool.id
        }
        return max(1, len(hosts) - self._scene.max_unavailable)

    def _others_healthy(self, pool: Pool, entry: Registration) -> int:
        own = self._owner(entry)
        others = [host for host in self._scene.hosts if host != own]
        places = [[each for each in self._scene.places[host.id] if each.pool == pool.id] for host in others]
        return sum(bool(each) and all(self._state(one) is TargetState.HEALTHY for one in each) for each in places)

    def _state(self, entry: Registration) -> TargetState:
        return self._scene.balancer.state(entry)

    def _owner(self, entry: Registration) -> Host:
        return next(host for host in self._scene.hosts if host.owns(entry))

    def _record_of(self, entry: Registration) -> HostRecord | None:
        return self._scene.ledger.kept.get(self._owner(entry).id)

    def _must(self, holds: bool, rule: str) -> None:
        if not holds:
            self.breaches.append(rule)
