"""Whatever fails, the rules hold; and once nothing fails any more, one rerun heals all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from scene import Scene

from elbroll.core.guard import Leave
from elbroll.engine import host, leaving, returning, walker
from elbroll.engine.book import HostBook
from elbroll.engine.room import FleetRoom
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import PermissionDenied, Unanswered
from elbroll.model import JobEnd, JobResult, Outcome, Registration
from fakes import AnswerLost, Crash, RecordingSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.events import Event

ENDS = {
    "ok": JobResult(JobEnd.EXIT, 0),
    "exit 1": JobResult(JobEnd.EXIT, 1),
    "limit": JobResult(JobEnd.TIMED_OUT),
    "unknown": JobResult(JobEnd.UNKNOWN),
    "not run": JobResult(JobEnd.NOT_RUN),
}
DEEDS: dict[str, Callable[[], BaseException | None]] = {
    "ok": lambda: None,
    "fails": lambda: Unanswered("throttled"),
    "answer lost": lambda: AnswerLost("the answer was lost"),
    "denied": lambda: PermissionDenied("no", action="elasticloadbalancing:RegisterTargets"),
    "crash": Crash,
}


@dataclass(frozen=True)
class Faults:
    """What goes wrong in one run."""

    deeds: list[str] = field(default_factory=list)
    ends: dict[int, list[str]] = field(default_factory=dict)
    sick_after_deploy: frozenset[int] = frozenset()
    sick_from_the_start: frozenset[int] = frozenset()
    signal: tuple[int, StopMode] | None = None
    crash: tuple[int, str] | None = None
    store_down_at: frozenset[str] = frozenset()
    rollback: bool = False


FAULTS = st.builds(
    Faults,
    deeds=st.lists(st.sampled_from([*DEEDS, "ok", "ok"]), max_size=12),
    ends=st.dictionaries(st.integers(0, 2), st.lists(st.sampled_from(list(ENDS)), max_size=2), max_size=2),
    sick_after_deploy=st.frozensets(st.integers(0, 2), max_size=1),
    sick_from_the_start=st.frozensets(st.integers(0, 2), max_size=1),
    signal=st.none() | st.tuples(st.integers(0, 60), st.sampled_from([StopMode.FINISH, StopMode.LEAVE])),
    crash=st.none() | st.tuples(st.integers(0, 16), st.sampled_from(["before", "after"])),
    store_down_at=st.frozensets(
        st.sampled_from(["held", "deploying", "deployed", "registering", "in-service"]), max_size=1
    ),
    rollback=st.booleans(),
)


def strike(scene: Scene, faults: Faults) -> None:
    """Let these faults wait for the next run."""
    scene.balancer.faults = [DEEDS[name]() for name in faults.deeds]
    for number, ends in faults.ends.items():
        scene.transport.ends[scene.hosts[number].id] = [ENDS[name] for name in ends]
    scene.sick |= {scene.hosts[number].id for number in faults.sick_from_the_start}
    scene.ledger.crashes = dict([faults.crash]) if faults.crash else {}
    scene.ledger.down_at = set(faults.store_down_at)


def watch(scene: Scene, faults: Faults) -> None:
    """Signals come at an event; apps fall sick when their command has begun."""
    told, ran = scene.sink.tell, scene.transport.on_run

    def tell(event: Event) -> None:
        told(event)
        if faults.signal is not None and len(scene.sink.events) == faults.signal[0]:
            scene.stop.ask(faults.signal[1])

    def on_run(one: Any, job: Any) -> None:
        ran(one, job)
        if scene.hosts.index(one) in faults.sick_after_deploy:
            scene.sick.add(one.id)

    scene.sink.tell, scene.transport.on_run = tell, on_run  # type: ignore[method-assign]


def heal(scene: Scene, oracle: Oracle) -> None:
    """Everything works again, an hour later."""
    strike(scene, Faults())
    scene.transport.ends.clear()
    scene.sick.clear()
    scene.sink, scene.transport.on_run = RecordingSink(), oracle.on_run
    scene.stop = Stop()
    scene.clock.sleep(3600.0)


def rolled(faults: Faults) -> tuple[Scene, Oracle]:
    """A run with these faults, to its end or its crash."""
    scene = Scene(settings={"deploy": {"rollback": "back"}} if faults.rollback else {})
    oracle = Oracle(scene)
    strike(scene, faults)
    watch(scene, faults)
    with suppress(Crash):
        scene.roll()
    return scene, oracle


@pytest.mark.rule("I-1", "I-2", "I-3", "I-4", "I-5", "I-7", "I-12", "I-24")
@given(FAULTS)
@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_no_fault_breaks_a_rule_and_one_rerun_heals_all(faults: Faults) -> None:
    scene, oracle = rolled(faults)
    assert oracle.breaches == []
    heal(scene, oracle)
    results = scene.rerun()
    assert oracle.breaches == []
    assert {result.outcome for result in results.values()} <= {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert not [record for record in scene.ledger.kept.values() if record.open]


@pytest.mark.rule("I-4", "I-7", "I-12")
@given(FAULTS)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_restore_puts_back_all_but_hosts_in_the_middle_of_a_deploy(faults: Faults) -> None:
    scene, oracle = rolled(faults)
    heal(scene, oracle)
    scene.restore()
    assert oracle.breaches == []
    left = {record.host for record in scene.ledger.kept.values() if record.open}
    assert all(str(scene.ledger.kept[one].state) == "deploying" for one in left)
    out = {entry for one in scene.hosts if one.id in left for entry in scene.places[one.id]}
    assert scene.balancer.members() == scene.home - out


# --- the rules catch what they are for


def no_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    written = HostBook._write

    def write(book: HostBook, record: Any) -> Any:
        if str(record.state) == "held":
            book.record = record
            return record
        return written(book, record)

    monkeypatch.setattr(HostBook, "_write", write)


def no_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "verify", lambda _walker, _release: None)


def no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FleetRoom, "_judge", lambda _room, _host, _views: Leave())


def no_health_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returning, "await_healthy", lambda one, _limit: one.room.back(one.host))


def no_drain_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving._Drain, "await_end", lambda _drain: None)


def another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    by_pool = walker.Walker.by_pool

    def moved(one: Any, only: Any = None) -> Any:
        return {
            pool: tuple(Registration(entry.pool, entry.id, 80) for entry in entries)
            for pool, entries in by_pool(one, only).items()
        }

    monkeypatch.setattr(walker.Walker, "by_pool", moved)


SICK_SECOND = Faults(sick_from_the_start=frozenset({1}))
SICK_APP = Faults(sick_after_deploy=frozenset({0}))


@pytest.mark.parametrize(
    ("broken", "faults", "rule"),
    [
        (no_hold, Faults(), "I-2"),
        (no_verify, Faults(), "I-7"),
        (no_floor, SICK_SECOND, "I-1"),
        (no_health_wait, Faults(), "I-2"),
        (no_drain_wait, Faults(), "I-5"),
        (another_port, Faults(), "I-3"),
    ],
)
def test_a_broken_engine_is_caught(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], faults: Faults, rule: str
) -> None:
    broken(monkeypatch)
    _, oracle = rolled(faults)
    assert rule in {breach.partition(":")[0] for breach in oracle.breaches}


@pytest.mark.parametrize("faults", [Faults(), SICK_SECOND, SICK_APP])
def test_the_whole_engine_is_not_caught(faults: Faults) -> None:
    _, oracle = rolled(faults)
    assert oracle.breaches == []
