"""Whatever fails around standby, the rules hold; and once nothing fails any more, everybody comes home."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import GOOD_IN_A_ROW, Oracle
from scene import Scene
from test_walk_properties import FAULTS, Faults, heal, strike, watch

from builders import a_registration
from elbroll.engine import host, leaving
from elbroll.engine.book import HostBook
from elbroll.errors import StandbyRefused, Unanswered
from elbroll.model import Lifecycle, Outcome, RecordState, Step
from fake_groups import CrashAfter
from fakes import AnswerLost, Crash

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.model import Host, HostId, Job

GROUP = "web-asg"
DEEDS: dict[str, Callable[[], BaseException | None]] = {
    "ok": lambda: None,
    "busy": lambda: Unanswered("busy"),
    "answer lost": lambda: AnswerLost("the answer was lost"),
    "refused": lambda: StandbyRefused("no"),
    "crash": Crash,
    "crash after": CrashAfter,
}
CALM = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


class GroupOracle:
    """Judges what is asked of the groups, into the breaches of the scene's oracle."""

    def __init__(self, scene: Scene, oracle: Oracle) -> None:
        self._scene = scene
        self._oracle = oracle
        self._run = oracle.on_run
        oracle.on_run = scene.transport.on_run = self.on_run  # type: ignore[method-assign]
        scene.groups.on_deed = self.on_deed

    def on_deed(self, name: str, one: HostId) -> None:
        record = self._scene.ledger.kept.get(one)
        held = record is not None and record.open and record.standby_group == GROUP
        self._oracle._must(held, f"A3: {name} without a record")
        if name == "exit" and record is not None:
            ready = record.state in {RecordState.HELD, RecordState.REGISTERING}
            self._oracle._must(ready, f"I-7: back in state {record.state}")
            self._oracle._must(self._oracle._row.get(one, GOOD_IN_A_ROW) >= GOOD_IN_A_ROW, "I-7: back unproven")
        if name == "enter":
            self._judge_capacity(one)

    def on_run(self, one: Host, job: Job) -> None:
        if job.id.step is Step.DEPLOY:
            standing = self._scene.groups.lifecycle(one) is Lifecycle.STANDBY
            self._oracle._must(standing, "A3: a command before Standby")
        self._run(one, job)

    def _judge_capacity(self, one: HostId) -> None:
        entry = a_registration(self._scene.web, next(each for each in self._scene.hosts if each.id == one))
        if self._oracle._state(entry) == "healthy":
            enough = self._oracle._others_healthy(self._scene.web, entry) >= self._oracle._floor(self._scene.web)
            self._oracle._must(enough, "I-1: below the floor")


def rolled(faults: Faults, deeds: list[str], lag: float = 5.0) -> tuple[Scene, Oracle]:
    """A run in which all hosts belong to a group, with these faults, to its end or its crash."""
    table = {"asg": {"mode": "standby"}, **({"deploy": {"rollback": "back"}} if faults.rollback else {})}
    scene = Scene(settings=table)
    scene.groups.around(GROUP, scene.hosts, (scene.web,), min_size=2)
    scene.groups.lag = lag
    oracle = Oracle(scene)
    GroupOracle(scene, oracle)
    strike(scene, faults)
    scene.groups.faults = [DEEDS[name]() for name in deeds]
    watch(scene, faults)
    with suppress(Crash):
        scene.roll()
    return scene, oracle


def healed(scene: Scene, oracle: Oracle) -> None:
    scene.groups.faults = []
    heal(scene, oracle)


STANDBY_DEEDS = st.lists(st.sampled_from([*DEEDS, "ok", "ok"]), max_size=6)
LAGS = st.sampled_from([0.0, 5.0, 45.0])


@pytest.mark.rule("A3", "A5", "I-1", "I-2", "I-4", "I-5", "I-7", "I-12", "F-34")
@given(FAULTS, STANDBY_DEEDS, LAGS)
@CALM
def test_no_fault_breaks_a_rule_and_one_rerun_brings_everybody_home(
    faults: Faults, deeds: list[str], lag: float
) -> None:
    scene, oracle = rolled(faults, deeds, lag)
    assert oracle.breaches == []
    healed(scene, oracle)
    results = scene.rerun()

    assert oracle.breaches == []
    assert {result.outcome for result in results.values()} <= {Outcome.DEPLOYED}
    assert scene.balancer.members() == scene.home
    assert {scene.groups.lifecycle(one) for one in scene.hosts} == {Lifecycle.IN_SERVICE}
    assert scene.groups.kept[GROUP].desired == 3
    assert not [record for record in scene.ledger.kept.values() if record.open or record.standby_group]


@pytest.mark.rule("A3", "I-4", "I-7")
@given(FAULTS, STANDBY_DEEDS, LAGS)
@CALM
def test_restore_brings_back_all_but_hosts_in_the_middle_of_a_deploy(
    faults: Faults, deeds: list[str], lag: float
) -> None:
    scene, oracle = rolled(faults, deeds, lag)
    healed(scene, oracle)
    scene.restore()
    left = {record.host for record in scene.ledger.kept.values() if record.open}

    assert oracle.breaches == []
    assert all(str(scene.ledger.kept[one].state) == "deploying" for one in left)
    standing = {one.id for one in scene.hosts if scene.groups.lifecycle(one) is Lifecycle.STANDBY}
    assert standing <= left
    assert scene.groups.kept[GROUP].desired == 3 - len(standing)


# --- the rules catch what they are for


def forgotten_group(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = HostBook.hold
    monkeypatch.setattr(HostBook, "hold", lambda book, seen, *_: hold(book, seen))
    monkeypatch.setattr(leaving, "enter", lambda one, *_: one.run.groups.enter_standby(GROUP, one.host.id) or set())


def no_wait_for_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "stands_by", lambda _walker: None)


def no_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "verify", lambda _walker, _release: None)


@pytest.mark.parametrize(("broken", "rule"), [(forgotten_group, "A3"), (no_wait_for_standby, "A3"), (no_verify, "I-7")])
def test_a_broken_engine_is_caught(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], rule: str
) -> None:
    broken(monkeypatch)
    _, oracle = rolled(Faults(), [], lag=60.0)

    assert rule in {breach.partition(":")[0] for breach in oracle.breaches}


def test_the_whole_engine_is_not_caught() -> None:
    _, oracle = rolled(Faults(), [], lag=60.0)

    assert oracle.breaches == []
