"""The guardian cuts what is overdue or silent, once, and nothing else."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from elbroll.transports.guardian import Guardian, Overdue, Silent
from punctual import timed, within

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("no_leftovers")


class Line:
    """Something that can be cut, and that hears when told to."""

    def __init__(self) -> None:
        self.heard = 0
        self.cuts = 0
        self.was_cut = threading.Event()
        self.guardian = Guardian(self.cut, lambda: self.heard, tick=0.02)

    def cut(self) -> None:
        self.cuts += 1
        self.was_cut.set()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.guardian.close()


@timed
@pytest.mark.rule("H9", "T-2")
def test_an_overdue_stage_is_cut_within_a_fraction_of_a_second() -> None:
    line, began = Line(), time.monotonic()
    with closing(line.guardian), within(0.5), line.guardian.stage("login", 0.1):
        assert line.was_cut.wait(20)
    assert time.monotonic() - began >= 0.1
    assert line.guardian.fate == Overdue("login", 0.1)
    assert str(line.guardian.fate) == "login did not end within 0.1s"


@pytest.mark.rule("H9", "T-2")
def test_a_limit_that_has_begun_earlier_is_told_whole(line: Line) -> None:
    with line.guardian.stage("connecting", 0.05, 10):
        assert line.was_cut.wait(20)
    assert str(line.guardian.fate) == "connecting did not end within 10s"


@pytest.mark.rule("H9")
def test_a_stage_that_ends_in_time_is_forgotten(line: Line) -> None:
    for _ in range(3):
        with line.guardian.stage("exec", 0.5):
            pass
    assert not line.was_cut.wait(0.7)


def test_the_nearest_of_several_deadlines_counts(line: Line) -> None:
    with line.guardian.stage("long", 10), line.guardian.stage("short", 0.05):
        assert line.was_cut.wait(9)
    assert line.guardian.fate == Overdue("short", 0.05)


def test_a_stage_that_fails_is_forgotten_too(line: Line) -> None:
    with pytest.raises(ZeroDivisionError), line.guardian.stage("exec", 0.5):
        _ = 1 / 0
    assert not line.was_cut.wait(0.7)


@pytest.mark.rule("T-5", "H10")
def test_silence_is_cut_and_named(line: Line) -> None:
    line.guardian.watch_silence(0.1)
    assert line.was_cut.wait(20)
    assert line.guardian.fate == Silent(0.1)
    assert line.cuts == 1


@pytest.mark.rule("T-5")
def test_any_sign_of_life_begins_the_silence_anew(line: Line) -> None:
    line.guardian.watch_silence(1.0)
    for _ in range(25):
        line.heard += 1
        assert not line.was_cut.wait(0.06)


@pytest.mark.rule("T-5")
def test_a_process_that_stood_still_has_not_listened_in_between() -> None:
    line = Line()
    line.guardian.close()
    line.guardian.watch_silence(10)
    line.guardian._last = (0, time.monotonic() - 3600)
    assert line.guardian._fallen_silent() is None
    assert line.guardian._silent < 1


def test_a_closed_guardian_cuts_nothing(line: Line) -> None:
    with line.guardian.stage("exec", 0.5):
        line.guardian.close()
        assert not line.was_cut.wait(0.7)
