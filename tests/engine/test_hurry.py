"""Readings that hang, and a signal to leave."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from elbroll.clock import SystemClock
from elbroll.engine.hurry import HurriedBalancer, HurriedGroups, HurriedInventory, Hurry
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def hurry(stop: Stop) -> Hurry:
    return Hurry(stop, SystemClock(stop))


@pytest.fixture
def silent() -> Iterator[Callable[[], str]]:
    """A call that gets no answer as long as the test goes on."""
    over = threading.Event()

    def ask() -> str:
        over.wait(60)
        return "late"

    yield ask
    over.set()


def slowly(seconds: float) -> str:
    threading.Event().wait(seconds)
    return "healthy"


def test_a_reading_answers_and_fails_as_it_comes(hurry: Hurry) -> None:
    def fail() -> None:
        raise KeyError("TargetHealth")

    assert hurry.read(lambda: "healthy") == "healthy"
    with pytest.raises(KeyError, match="TargetHealth"):
        hurry.read(fail)


@pytest.mark.rule("F-54", "I-13")
@pytest.mark.parametrize("before", [0.0, 0.3])
def test_a_reading_that_hangs_is_given_up_soon_after_a_signal_to_leave(
    hurry: Hurry, stop: Stop, silent: Callable[[], str], before: float
) -> None:
    threading.Timer(before, stop.ask, [StopMode.LEAVE]).start()
    began = time.monotonic()

    with pytest.raises(Unanswered, match="when a signal came"):
        hurry.read(silent)

    assert 0.7 < time.monotonic() - began < 2.5


@pytest.mark.rule("F-54")
def test_a_reading_has_some_time_even_after_a_signal_to_leave(hurry: Hurry, stop: Stop) -> None:
    stop.ask(StopMode.LEAVE)
    assert hurry.read(lambda: slowly(0.3)) == "healthy"


@pytest.mark.rule("F-54")
def test_a_first_ctrl_c_gives_no_reading_up(hurry: Hurry, stop: Stop) -> None:
    stop.ask(StopMode.FINISH)
    assert hurry.read(lambda: slowly(1.2)) == "healthy"


class Noting:
    """Any port: notes what is asked of it, and in which thread."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.elsewhere: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., str]:
        def noted(*arguments: object) -> str:
            self.asked.append((name, arguments))
            if threading.current_thread() is not threading.main_thread():
                self.elsewhere.add(name)
            return f"answer to {name}"

        return noted


@pytest.mark.rule("I-11", "F-54")
@pytest.mark.parametrize(
    ("wrapped", "reads", "deeds"),
    [
        (HurriedBalancer, {"look": 2, "nodes": 1}, {"follow": 2, "deregister": 2, "register": 2}),
        (HurriedGroups, {"members": 1, "groups": 1}, {"enter_standby": 2, "exit_standby": 2}),
        (HurriedInventory, {"instances": 1, "addresses": 2, "search": 1}, {}),
    ],
)
def test_what_reads_is_hurried_and_what_changes_something_is_awaited(
    hurry: Hurry, wrapped: Callable[..., object], reads: dict[str, int], deeds: dict[str, int]
) -> None:
    port = Noting()
    made = wrapped(port, hurry)
    answers = {name: getattr(made, name)(*range(count)) for name, count in (reads | deeds).items()}

    assert port.asked == [(name, tuple(range(count))) for name, count in (reads | deeds).items()]
    assert port.elsewhere == set(reads)
    assert {name: answers[name] for name in reads} == {name: f"answer to {name}" for name in reads}
