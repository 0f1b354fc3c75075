"""A plan says how long the credentials last, where that matters."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import story
from builders import NOW
from elbroll.core.credentials import warned
from elbroll.model import Validity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.core.planned import RolloutPlan


@pytest.fixture
def plan() -> RolloutPlan:
    """Of 300 seconds."""
    assert (story.PLAN.estimate, story.PLAN.warnings) == (300, ())
    return story.PLAN


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.rule("F-5", "B4")
def test_credentials_that_end_before_the_roll_are_a_warning_with_both_times(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(NOW + timedelta(seconds=299)), NOW).warnings
    assert "in 4:59" in said
    assert "at least 5:00" in said


@pytest.mark.rule("B4")
def test_a_session_token_without_an_end_is_said_to_be_one(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(known=False), NOW).warnings
    assert said == "nobody says when these credentials end: a roll that outlives them stops with its records kept"


@pytest.mark.rule("F-5", "B4")
def test_credentials_that_have_ended_have_no_time_left(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(NOW - timedelta(seconds=1)), NOW).warnings
    assert "in 0:00" in said


@pytest.mark.rule("F-5", "B4")
@pytest.mark.usefixtures("_in_tokyo")
def test_the_end_of_credentials_is_told_in_utc_wherever_the_computer_is(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(NOW), NOW).warnings
    assert said.startswith("the credentials end at 21:30 UTC")


@pytest.mark.rule("B4")
@pytest.mark.parametrize("validity", [Validity(NOW), Validity(known=False)])
def test_where_nobody_is_walked_credentials_are_no_word_worth(plan: RolloutPlan, validity: Validity) -> None:
    idle = replace(plan, hosts=())
    assert warned(idle, validity, NOW) is idle


@pytest.mark.rule("F-5")
@pytest.mark.parametrize("validity", [Validity(), Validity(NOW + timedelta(seconds=300))])
def test_credentials_that_last_are_no_word_worth(plan: RolloutPlan, validity: Validity) -> None:
    assert warned(plan, validity, NOW) is plan
