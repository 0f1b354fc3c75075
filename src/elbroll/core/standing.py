"""What all events so far add up to: each host's place, capacity, halt, signals. Pure; told once per event.

Outputs draw from a `Standing`; the engine asks `exit_code_of` and `next_commands` when a run ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import TYPE_CHECKING

from elbroll.core.ending import exit_code_of, next_commands, results_of
from elbroll.events import (
    CapacityChanged,
    Event,
    HaltDecided,
    HostFinished,
    HostOutput,
    HostStarted,
    LockWaiting,
    PlanMade,
    RecordWritten,
    RunFinished,
    RunStarted,
    SignalReceived,
    StepFinished,
    StepProgress,
    StepStarted,
    Warned,
)
from elbroll.model import Step, StepResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from elbroll.core.plan import RolloutPlan
    from elbroll.events import Told
    from elbroll.model import Host, HostId, HostResult, PoolId, RecordState

__all__ = ["Count", "Standing", "Work", "apply", "exit_code_of", "next_commands", "results_of"]

HARMLESS = frozenset({Step.PREPARE, Step.GUARD})
"""Steps that change nothing about a host's place."""


@dataclass(frozen=True, slots=True)
class Work:
    """A host whose walk is under way. Times are seconds since the run began."""

    host: Host
    began: float
    step: StepStarted | None = None
    since: float = 0.0
    """When the step began."""
    progress: StepProgress | None = None
    """The step's last look that was not yet its end."""
    line: str | None = None
    """The last line the host has printed in this step; untrusted."""
    done: tuple[StepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """Hosts in service, as the tightest of the fleet's own pools has it."""

    in_service: int
    floor: int
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything known about a run. Mappings keep the order in which things became known."""

    run: str = ""
    lb: str = ""
    elapsed: float = 0.0
    """Of the last event, in seconds since the run began."""
    started: RunStarted | None = None
    started_at: datetime | None = None
    plan: RolloutPlan | None = None
    lock: LockWaiting | None = None
    prepare: StepStarted | None = None
    """While all hosts are prepared."""
    prepare_since: float = 0.0
    hosts: Mapping[HostId, Host] = field(default_factory=dict)
    working: Mapping[HostId, Work] = field(default_factory=dict)
    results: Mapping[HostId, HostResult] = field(default_factory=dict)
    """Of hosts whose walk has ended; `results_of` has every planned one."""
    records: Mapping[HostId, RecordState] = field(default_factory=dict)
    kept: Mapping[HostId, frozenset[PoolId]] = field(default_factory=dict)
    """Pools that a host's record named when it was written last."""
    places: Mapping[HostId, tuple[str, ...]] = field(default_factory=dict)
    """`name:port` of what a host was taken out of or put back into in this run."""
    capacity: Mapping[PoolId, CapacityChanged] = field(default_factory=dict)
    halt: HaltDecided | None = None
    signals: tuple[SignalReceived, ...] = ()
    warnings: tuple[Warned, ...] = ()
    touched: bool = False
    """A record was written or a host's walk went past the guard: from here on the fleet may differ."""
    finished: RunFinished | None = None

    @property
    def count(self) -> Count | None:
        """The newest capacity, else the plan's; None before either is known."""
        own = {planned.pool.id for planned in self.plan.pools if planned.own} if self.plan else set(self.capacity)
        seen = [each for each in self.capacity.values() if each.pool in own]
        if there := [each for each in seen if each.total] or seen:
            tightest = min(there, key=lambda each: each.in_service - each.floor)
            return Count(tightest.in_service, tightest.floor, tightest.total)
        return Count(self.plan.in_service, self.plan.floor, self.plan.total) if self.plan else None


def apply(standing: Standing, told: Told) -> Standing:
    """The standing after one more event. Unknown events change nothing but the time."""
    base = replace(standing, run=told.run, lb=told.lb, elapsed=told.elapsed)
    return _take(told.event, base, told)


@singledispatch
def _take(_event: Event, standing: Standing, _told: Told) -> Standing:
    return standing


@_take.register(RunStarted)
def _run_started(event: RunStarted, standing: Standing, told: Told) -> Standing:
    return replace(standing, started=event, started_at=told.time)


@_take.register(PlanMade)
def _plan_made(event: PlanMade, standing: Standing, _told: Told) -> Standing:
    planned = [each.host for each in event.plan.hosts] + [each.host for each in event.plan.skipped]
    known = {**standing.hosts, **{host.id: host for host in planned}}
    return replace(standing, plan=event.plan, lock=None, hosts=known)


@_take.register(LockWaiting)
def _lock_waiting(event: LockWaiting, standing: Standing, _told: Told) -> Standing:
    return replace(standing, lock=event)


@_take.register(HostStarted)
def _host_started(event: HostStarted, standing: Standing, told: Told) -> Standing:
    return _with_work(standing, Work(event.host, began=told.elapsed, since=told.elapsed))


@_take.register(StepStarted)
def _step_started(event: StepStarted, standing: Standing, told: Told) -> Standing:
    if event.step not in HARMLESS:
        standing = replace(standing, touched=True)
    if event.host is None:
        return replace(standing, lock=None, prepare=event, prepare_since=told.elapsed)
    if event.step is Step.PREPARE:
        return standing
    if event.pools:
        standing = replace(standing, places={**standing.places, event.host.id: event.pools})
    work = standing.working.get(event.host.id) or Work(event.host, began=told.elapsed)
    return _with_work(standing, replace(work, step=event, since=told.elapsed, progress=None, line=None))


@_take.register(StepProgress)
def _step_progress(event: StepProgress, standing: Standing, _told: Told) -> Standing:
    work = standing.working.get(event.host.id)
    return standing if work is None else _with_work(standing, replace(work, progress=event))


@_take.register(HostOutput)
def _host_output(event: HostOutput, standing: Standing, _told: Told) -> Standing:
    work = standing.working.get(event.host.id)
    return standing if work is None else _with_work(standing, replace(work, line=event.text))


@_take.register(StepFinished)
def _step_finished(event: StepFinished, standing: Standing, _told: Told) -> Standing:
    if event.host is None:
        return replace(standing, prepare=None)
    work = standing.working.get(event.host.id)
    if work is None:
        return standing
    done = (*work.done, StepResult(event.step, event.result, event.seconds))
    return _with_work(standing, replace(work, done=done))


@_take.register(HostFinished)
def _host_finished(event: HostFinished, standing: Standing, _told: Told) -> Standing:
    return replace(
        standing,
        hosts={**standing.hosts, event.host.id: event.host},
        working={key: work for key, work in standing.working.items() if key != event.host.id},
        results={**standing.results, event.host.id: event.result},
    )


@_take.register(RecordWritten)
def _record_written(event: RecordWritten, standing: Standing, _told: Told) -> Standing:
    known = {**standing.hosts, event.host.id: event.host}
    records = {**standing.records, event.host.id: event.state}
    kept = {**standing.kept, event.host.id: frozenset(entry.pool for entry in event.registrations)}
    return replace(standing, touched=True, hosts=known, records=records, kept=kept)


@_take.register(CapacityChanged)
def _capacity_changed(event: CapacityChanged, standing: Standing, _told: Told) -> Standing:
    return replace(standing, capacity={**standing.capacity, event.pool: event})


@_take.register(HaltDecided)
def _halt_decided(event: HaltDecided, standing: Standing, _told: Told) -> Standing:
    return replace(standing, halt=standing.halt or event)


@_take.register(SignalReceived)
def _signal_received(event: SignalReceived, standing: Standing, _told: Told) -> Standing:
    return replace(standing, signals=(*standing.signals, event))


@_take.register(Warned)
def _warned(event: Warned, standing: Standing, _told: Told) -> Standing:
    return replace(standing, warnings=(*standing.warnings, event))


@_take.register(RunFinished)
def _run_finished(event: RunFinished, standing: Standing, _told: Told) -> Standing:
    return replace(standing, finished=event, prepare=None, results={**standing.results, **event.results})


def _with_work(standing: Standing, work: Work) -> Standing:
    hosts = {**standing.hosts, work.host.id: work.host}
    return replace(standing, hosts=hosts, working={**standing.working, work.host.id: work})
