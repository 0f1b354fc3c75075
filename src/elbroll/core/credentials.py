"""What a plan says about how long the credentials last (B4, F-5). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from elbroll.core.names import clock_time

if TYPE_CHECKING:
    from datetime import datetime

    from elbroll.core.planned import RolloutPlan
    from elbroll.model import Validity


def warned(plan: RolloutPlan, validity: Validity, now: datetime) -> RolloutPlan:
    """The plan, with a warning where the credentials end too soon or nobody says when they do."""
    said = _sentence(plan, validity, now) if plan.hosts else None
    return plan if said is None else replace(plan, warnings=(*plan.warnings, said))


def _sentence(plan: RolloutPlan, validity: Validity, now: datetime) -> str | None:
    if not validity.known:
        return "nobody says when these credentials end: a roll that outlives them stops with its records kept"
    if validity.until is None or validity.covers(plan.estimate, now):
        return None
    left = max(0.0, (validity.until - now).total_seconds())
    end = f"the credentials end at {validity.until.astimezone(UTC):%H:%M} UTC, in {clock_time(left)}"
    return f"{end}, and the roll takes at least {clock_time(plan.estimate)}: hosts that they do not cover are not begun"
