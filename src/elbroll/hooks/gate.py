"""The gate: asked before the first drain, and the only hook whose answer counts (F-58)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.errors import Refused
from elbroll.hooks.command import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.engine.ports import Clock
    from elbroll.hooks.command import Hook


def ask(gate: Hook, plan: str, variables: Mapping[str, str], clock: Clock, cut_short: Callable[[], bool]) -> None:
    """Give it the plan on stdin; only exit 0 within its limit lets the run begin. Raises Refused."""
    ended = run(gate, plan, variables, clock, cut_short)
    if not ended.well:
        raise Refused(
            f"the gate refuses: {gate.words[0]} {ended.said}",
            why=ended.output,
            now="nothing was changed",
            fix=("[hooks] gate in elbroll.toml names it; it is asked again each time",),
            code="gate",
        )
