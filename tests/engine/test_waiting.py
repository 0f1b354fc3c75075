"""The one waiting function, and patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.engine.waiting import Pace, patiently, wait_until
from elbroll.errors import HostUnreachable, PermissionDenied, StoreDown, Unanswered
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

SILENCE = Unanswered("throttled")
DENIED = PermissionDenied("no", action="elasticloadbalancing:DescribeTargetHealth")


class Answers:
    """Says these things in turn, and the last one for good; an exception is raised."""

    def __init__(self, *said: object) -> None:
        self._said = list(said)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, Exception):
            raise said
        return str(said)


class Watched(FakeClock):
    """Remembers every sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        super().sleep(seconds)


def is_well(said: str) -> bool:
    return said == "well"


def test_a_wait_without_time_looks_once_all_the_same() -> None:
    look, clock = Answers("well"), Watched()
    wait = wait_until(look, is_well, clock=clock, limit=0.0, pace=Pace(5.0))
    assert (wait.reached, wait.looks, clock.sleeps) == (True, 1, [])


@pytest.mark.rule("I-13")
def test_a_wait_never_sleeps_past_its_limit_and_looks_once_more_there() -> None:
    look, clock = Answers("ill"), Watched()
    wait = wait_until(look, is_well, clock=clock, limit=12.0, pace=Pace(5.0))
    assert not wait.reached
    assert (clock.sleeps, look.asked, wait.seconds) == ([5.0, 5.0, 2.0], 4, 12.0)


def test_a_bad_look_starts_the_row_again() -> None:
    look = Answers("well", "well", "ill", "well", "well", "well")
    wait = wait_until(look, is_well, clock=Watched(), limit=60.0, pace=Pace(1.0, good_looks=3))
    assert (wait.reached, look.asked) == (True, 6)


@pytest.mark.parametrize("silence", [SILENCE, StoreDown("down"), HostUnreachable("lost")])
def test_silence_breaks_no_row_and_ends_no_wait(silence: Exception) -> None:
    look = Answers("well", silence, "well")
    wait = wait_until(look, is_well, clock=Watched(), limit=60.0, pace=Pace(1.0, good_looks=2))
    assert (wait.reached, wait.looks, look.asked) == (True, 2, 3)


def test_a_good_look_is_repeated_sooner_than_a_bad_one() -> None:
    clock = Watched()
    wait_until(Answers("ill", "well"), is_well, clock=clock, limit=60.0, pace=Pace(10.0, again=0.5, good_looks=2))
    assert clock.sleeps == [10.0, 0.5]


def test_a_wait_that_was_never_answered_says_so() -> None:
    wait = wait_until(Answers(SILENCE), is_well, clock=Watched(), limit=3.0, pace=Pace(1.0))
    assert (wait.reached, wait.last, wait.looks, wait.silence) == (False, None, 0, SILENCE)


def test_the_last_thing_seen_outlives_the_silence_after_it() -> None:
    wait = wait_until(Answers("ill", SILENCE), is_well, clock=Watched(), limit=3.0, pace=Pace(1.0))
    assert (wait.last, wait.silence) == ("ill", SILENCE)


def test_what_cannot_heal_ends_the_wait_at_once() -> None:
    wait = wait_until(
        Answers("ill", "dead"),
        is_well,
        clock=Watched(),
        limit=60.0,
        pace=Pace(1.0),
        give_up=lambda said: said == "dead",
    )
    assert (wait.reached, wait.last, wait.seconds) == (False, "dead", 1.0)


def test_silence_after_a_hopeless_word_is_not_hopeless_itself() -> None:
    look = Answers(SILENCE, "well")
    wait = wait_until(look, is_well, clock=Watched(), limit=9.0, pace=Pace(1.0), give_up=lambda _: True)
    assert wait.reached


def test_a_signal_ends_the_wait_after_the_look_that_is_under_way() -> None:
    wait = wait_until(Answers("ill"), is_well, clock=Watched(), limit=60.0, pace=Pace(1.0), stopped=lambda: True)
    assert (wait.reached, wait.looks, wait.seconds) == (False, 1, 0.0)


def test_other_errors_pass_through_a_wait() -> None:
    with pytest.raises(PermissionDenied):
        wait_until(Answers(DENIED), is_well, clock=Watched(), limit=60.0, pace=Pace(1.0))


@pytest.mark.rule("F-14")
def test_patience_pauses_longer_each_time_and_jitters_by_a_quarter() -> None:
    clock = Watched()
    assert patiently(Answers(*[SILENCE] * 7, "well"), clock=clock, budget=900.0) == "well"
    for slept, about in zip(clock.sleeps, [1, 2, 4, 8, 15, 15, 15], strict=True):
        assert 0.75 * about <= slept <= 1.25 * about


@pytest.mark.rule("I-13", "F-37")
@pytest.mark.parametrize("silence", [SILENCE, StoreDown("down")])
def test_patience_ends_with_its_budget_and_the_last_error(silence: Exception) -> None:
    clock = Watched()
    with pytest.raises(type(silence)):
        patiently(Answers(silence), clock=clock, budget=30.0)
    assert sum(clock.sleeps) == pytest.approx(30.0)


def test_without_a_budget_there_is_one_try() -> None:
    look = Answers(SILENCE)
    with pytest.raises(Unanswered):
        patiently(look, clock=Watched(), budget=0.0)
    assert look.asked == 1


def test_patience_is_given_up_when_told() -> None:
    look = Answers(SILENCE)
    with pytest.raises(Unanswered):
        patiently(look, clock=Watched(), budget=900.0, give_up=lambda: look.asked == 3)
    assert look.asked == 3


@pytest.mark.parametrize("error", [DENIED, HostUnreachable("lost")])
def test_patience_is_only_for_calls_that_got_no_answer(error: Exception) -> None:
    look: Callable[[], str] = Answers(error)
    with pytest.raises(type(error)):
        patiently(look, clock=Watched(), budget=900.0)


@pytest.mark.rule("S-14", "Q1")
@pytest.mark.parametrize(("spent", "pause"), [(0.0, 0.25), (2.0, 0.25), (20.0, 2.0), (49.0, 4.9), (900.0, 5.0)])
def test_a_long_wait_is_looked_at_less_often_and_ends_late_by_a_tenth_at_most(spent: float, pause: float) -> None:
    pauses = [Pace(0.25, slowest=5.0).pause(0, spent) for _ in range(50)]
    assert all(max(0.25, 0.8 * pause) <= each <= pause for each in pauses)


def test_a_good_look_that_wants_another_gets_it_soon_however_long_the_wait() -> None:
    assert Pace(0.25, again=0.5, good_looks=2, slowest=5.0).pause(1, 900.0) == 0.5
