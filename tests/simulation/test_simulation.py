"""Thousands of runs in a simulated world, with everything going wrong; and that the judge would notice a bug.

`ELBROLL_SIMULATION=5000x30` runs as many examples of so many steps from a fresh seed, which is printed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from simulation.judge import Judge
from simulation.machine import Anything, FaultsThatStop
from simulation.others import Others, Wish
from simulation.troubles import Kind, Point, Trouble
from simulation.world import World

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

ASKED = os.environ.get("ELBROLL_SIMULATION")
TESTS = Path(__file__).parents[1]
FIXED = settings(
    stateful_step_count=12, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False,
)  # fmt: skip


def simulate(machine: type[RuleBasedStateMachine], examples: int, asked: str | None = ASKED) -> None:
    """As `asked`, from a seed that is said; else so many examples, the same every time."""
    if asked is None:
        run_state_machine_as_test(machine, settings=settings(FIXED, max_examples=examples))
        return
    wanted, _, steps = asked.partition("x")
    number = random.randrange(2**32)
    sys.stderr.write(f"{machine.__name__}: seed {number}\n")
    much = settings(FIXED, derandomize=False, max_examples=int(wanted), stateful_step_count=int(steps))
    run_state_machine_as_test(seed(number)(machine), settings=much)


@pytest.mark.timeout(7200 if ASKED else 400)
@pytest.mark.rule(
    "A3", "A4", "I-1", "I-2", "I-3", "I-5", "I-6", "I-7", "I-8", "I-10", "I-12", "I-13", "I-17", "I-18", "I-24"
)
def test_whatever_goes_wrong_no_rule_is_broken() -> None:
    simulate(Anything, examples=110)


@pytest.mark.timeout(7200 if ASKED else 400)
@pytest.mark.rule("I-4", "I-9", "I-13", "I-19")
def test_once_faults_stop_one_rerun_brings_all_home() -> None:
    simulate(FaultsThatStop, examples=85)


# --- the same world again ----------------------------------------------------------------------------

TROUBLED = (
    Trouble(Point.WRITE, 9, Kind.NO_ANSWER),
    Trouble(Point.DONE, 3, Kind.NO_ANSWER),
    Trouble(Point.LOOK, 25, Kind.AWS_DOWN, 1),
    Trouble(Point.PAUSE, 40, Kind.SICK, 2),
)


def history(number: int) -> list[tuple[object, ...]]:
    """Everything that reached a fresh world in one troubled roll and the next."""
    random.seed(number)
    world = World()
    others = Others(world, Judge(world))
    others.invoke(Wish(release="B", rollback=True), TROUBLED)
    others.unlock()
    others.invoke(Wish(release="B"))
    return [(round(world.time, 3), *entry) for entry in world.history]


@pytest.mark.rule("I-22")
def test_the_same_world_and_seed_give_the_same_calls() -> None:
    assert history(7) == history(7)


@pytest.mark.rule("I-22")
def test_no_call_depends_on_the_order_in_which_a_set_is_walked() -> None:
    say = "from simulation.test_simulation import history; print(history(7))"
    told = {
        subprocess.run(
            [sys.executable, "-c", say],
            env={
                **os.environ,
                "PYTHONHASHSEED": hashing,
                "PYTHONPATH": f"{TESTS}{os.pathsep}{os.pathsep.join(sys.path)}",
            },
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for hashing in ("1", "2", "3")
    }
    assert len(told) == 1
