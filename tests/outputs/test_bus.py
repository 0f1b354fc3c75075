"""The sink of the engine: no outlet can hold it up or make it fail (I-16, F-57)."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

import story
from demo.eventual import eventually
from elbroll import events as e
from elbroll.clock import SystemClock
from elbroll.model import Secret, Step
from elbroll.outputs import bus as bus_module
from elbroll.outputs.bus import Bus
from elbroll.outputs.ink import Pen
from elbroll.outputs.jsonl import JsonLines, Output
from elbroll.outputs.mask import Masker
from elbroll.outputs.plain import Plain
from elbroll.outputs.streams import Look, unbuffered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.events import Told

HOST = story.host(1)
OUTPUT = e.HostOutput(HOST, Step.DEPLOY, 1, "x")
LOOK = Look(color=False, animate=False, width=None)


class Keeping:
    """An outlet that keeps what it is told."""

    def __init__(self, tick_every: float | None = None) -> None:
        self.tick_every = tick_every
        self.told: list[Told] = []
        self.ticks: list[float] = []
        self.closed = False
        self.ticked = threading.Event()

    def take(self, told: Told) -> None:
        self.told.append(told)

    def tick(self, elapsed: float) -> None:
        self.ticks.append(elapsed)
        self.ticked.set()

    def close(self) -> None:
        self.closed = True


class Stuck(Keeping):
    """An outlet that stops at its first event, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.gate = threading.Event()

    def take(self, told: Told) -> None:
        self.reached.set()
        self.gate.wait(30)
        super().take(told)


class Broken(Keeping):
    """An outlet whose stream is gone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def take(self, told: Told) -> None:
        super().take(told)
        raise self._error


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    outlet = Stuck()
    yield outlet
    outlet.gate.set()


def make(*lines: list[Keeping], masker: Masker | None = None) -> Bus:
    return Bus(story.RUN, "web-prod", SystemClock(), *lines, masker=masker)


def test_events_are_numbered_and_stamped_once_for_all() -> None:
    first, second = Keeping(), Keeping()
    bus = make([first], [second])
    bus.tell(story.capacity(6))
    bus.tell(story.capacity(5))
    bus.close(5)
    assert [told.number for told in first.told] == [1, 2]
    assert first.told == second.told
    assert first.told[0].run == story.RUN
    assert first.told[0].time.utcoffset() is not None
    assert 0 <= first.told[0].elapsed <= first.told[1].elapsed


def test_all_that_was_told_is_taken_before_the_end() -> None:
    outlet = Keeping()
    bus = make([outlet])
    for _ in range(1000):
        bus.tell(OUTPUT)
    bus.close(10)
    assert len(outlet.told) == 1000
    assert outlet.closed


def test_what_comes_after_the_end_is_ignored() -> None:
    outlet = Keeping()
    bus = make([outlet])
    bus.close(5)
    bus.tell(OUTPUT)
    assert outlet.told == []


def test_outlets_of_one_line_are_told_in_order() -> None:
    order: list[str] = []

    class Noting(Keeping):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        def take(self, told: Told) -> None:
            order.append(self._name)

    bus = make([Noting("board"), Noting("summary")])
    bus.tell(OUTPUT)
    bus.close(5)
    assert order == ["board", "summary"]


def test_time_is_told_to_outlets_that_want_it() -> None:
    outlet = Keeping(tick_every=0.01)
    bus = make([outlet])
    assert outlet.ticked.wait(5)
    bus.close(5)


@pytest.mark.rule("I-20")
def test_secrets_are_masked_before_any_outlet() -> None:
    outlet = Keeping()
    bus = make([outlet], masker=Masker([Secret("hunter22")]))
    bus.tell(e.HostOutput(HOST, Step.DEPLOY, 1, "login hunter22"))
    bus.close(5)
    assert outlet.told[0].event == e.HostOutput(HOST, Step.DEPLOY, 1, "login ***")


@pytest.mark.rule("I-16", "F-57")
@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed file"), KeyError("bug")]
)
def test_an_outlet_that_fails_ends_alone(error: Exception) -> None:
    broken, beside, other = Broken(error), Keeping(), Keeping()
    bus = make([broken, beside], [other])
    for _ in range(3):
        bus.tell(OUTPUT)
    bus.close(5)
    assert len(broken.told) == 1
    assert broken.closed
    assert len(beside.told) == len(other.told) == 3


@pytest.mark.rule("I-16", "F-57")
def test_a_stuck_outlet_holds_up_neither_the_engine_nor_the_end(stuck: Stuck) -> None:
    other = Keeping()
    bus = make([stuck], [other])
    began = time.monotonic()
    for _ in range(100):
        bus.tell(OUTPUT)
    eventually(lambda: len(other.told) == 100)
    bus.close(0.1)
    assert time.monotonic() - began < 5


@pytest.mark.rule("I-16", "F-57")
def test_a_slow_outlet_loses_host_output_first(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "ROOM", 10)
    monkeypatch.setattr(bus_module, "HARD_ROOM", 40)
    bus = make([stuck])
    bus.tell(OUTPUT)
    assert stuck.reached.wait(5)
    for _ in range(50):
        bus.tell(OUTPUT)
    for _ in range(20):
        bus.tell(story.capacity(5))
    assert bus.dropped == 40
    stuck.gate.set()
    bus.close(5)
    assert [told.event for told in stuck.told].count(story.capacity(5)) == 20


def test_a_queue_has_an_end_for_all_events(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "HARD_ROOM", 40)
    bus = make([stuck])
    bus.tell(OUTPUT)
    assert stuck.reached.wait(5)
    for _ in range(100):
        bus.tell(story.capacity(5))
    assert bus.dropped == 60


def test_many_threads_may_tell_at_once() -> None:
    outlet = Keeping()
    bus = make([outlet])
    threads = [threading.Thread(target=lambda: [bus.tell(OUTPUT) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.close(10)
    assert [told.number for told in outlet.told] == list(range(1, 801))


@pytest.mark.rule("F-57")
def test_a_reader_that_goes_away_costs_the_roll_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    kept = Keeping()
    with os.fdopen(writing, "w") as pipe:
        bus = make([Plain(Pen(unbuffered(pipe), LOOK)), kept])  # type: ignore[list-item] # any outlets
        for told in story.finish(story.halted()).told:
            bus.tell(told.event)
        bus.close(5)
    assert len(kept.told) == len(story.finish(story.halted()).told)


@pytest.mark.rule("F-57")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110 - a device
def test_a_full_disk_costs_the_roll_nothing() -> None:
    kept = Keeping()
    with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123 - a device
        bus = make([JsonLines(unbuffered(full), Output.INCLUDED), kept])  # type: ignore[list-item] # any outlets
        for told in story.halted().told:
            bus.tell(told.event)
        bus.close(5)
    assert len(kept.told) == len(story.halted().told)


@pytest.mark.rule("F-57")
def test_a_pipe_that_nobody_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as pipe:
        bus = make([JsonLines(unbuffered(pipe), Output.INCLUDED)])  # type: ignore[list-item] # any outlets
        began = time.monotonic()
        for _ in range(500):
            bus.tell(e.HostOutput(HOST, Step.DEPLOY, 1, "x" * 4000))
        bus.close(0.1)
        assert time.monotonic() - began < 5
        os.read(reading, 1)
