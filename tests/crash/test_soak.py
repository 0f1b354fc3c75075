"""Rolls in which one call to AWS in twenty fails, with real SSH servers, judged by the crash matrix (safety.md 11).

`ELBROLL_SOAK=200 python -m pytest -n 0 -s tests/crash/test_soak.py` makes so many; by default it is one.
`ELBROLL_CRASH_SEED` repeats the seed that is printed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from crash.kills import Trial
from crash.site import new_site
from crash.test_matrix import SEED, tell

if TYPE_CHECKING:
    from crash.site import Site

ROLLS = int(os.environ.get("ELBROLL_SOAK", "1"))
SHARE = 0.05
"""Of all calls to AWS."""


@pytest.mark.timeout(0 if "ELBROLL_SOAK" in os.environ else 400)
@pytest.mark.rule("I-1", "I-2", "I-4", "I-11", "F-14", "F-29", "F-48")
def test_in_bad_weather_nobody_is_forgotten_and_no_floor_is_broken() -> None:
    tell(f"\nELBROLL_CRASH_SEED={SEED}")
    with new_site() as site:
        assert not [breach for number in range(ROLLS) for breach in rolled(site, number)]


def rolled(site: Site, number: int) -> list[str]:
    """All breaches of one roll, told at once."""
    trial = Trial(site, f"{SEED}/{number}")
    breaches = trial.weather(SHARE)
    end = "came through" if trial.came_through else "halted, and the next one healed it"
    tell(f"roll {number + 1}: {len(trial.failed)} calls failed, {end}: {breaches or 'nothing broken'}")
    return breaches
