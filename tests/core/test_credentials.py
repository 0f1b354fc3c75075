"""A plan says how long the credentials last, where that matters."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import story
from builders import NOW
from elbroll.core.credentials import warned
from elbroll.model import Validity

if TYPE_CHECKING:
    from elbroll.core.planned import RolloutPlan


@pytest.fixture
def plan() -> RolloutPlan:
    """Of 300 seconds."""
    assert (story.PLAN.estimate, story.PLAN.warnings) == (300, ())
    return story.PLAN


@pytest.mark.rule("F-5", "B4")
def test_credentials_that_end_before_the_roll_are_a_warning_with_both_times(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(NOW + timedelta(seconds=299)), NOW).warnings
    assert "in 4:59" in said
    assert "at least 5:00" in said


@pytest.mark.rule("B4")
def test_a_session_token_without_an_end_is_said_to_be_one(plan: RolloutPlan) -> None:
    (said,) = warned(plan, Validity(known=False), NOW).warnings
    assert "nobody says when these credentials end" in said


@pytest.mark.rule("F-5")
@pytest.mark.parametrize("validity", [Validity(), Validity(NOW + timedelta(seconds=300))])
def test_credentials_that_last_are_no_word_worth(plan: RolloutPlan, validity: Validity) -> None:
    assert warned(plan, validity, NOW) is plan
