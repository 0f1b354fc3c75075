"""The crash matrix: elbroll is killed, or told to end, at every changing call of a roll, and a rerun heals everything
(safety.md 8 and 11).

By default a random sample of points is tried, one of them in another command than `deploy`, one by SIGTERM, and half as
many at the calls to an Auto Scaling group. Its seed is printed, and `ELBROLL_CRASH_SEED` repeats it.
`ELBROLL_CRASH_POINTS` chooses: `20` so many, `all` every one (hours), `2/6` the second of six shares, for six processes
at once, `deploy/!/17/after,restore/!/3/before/term` these, `exec` all of one command (see COMMANDS), `term` or `kill`
all of these. `-s` shows what becomes of each.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from crash.kills import COMMANDS, By, Point, Side, Trial
from crash.site import new_site, new_site_with_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from crash.site import Site

SAMPLE = 4
CHOICE = os.environ.get("ELBROLL_CRASH_POINTS", "")
CALLS = (("deploy", "EnterStandby", 2), ("deploy", "ExitStandby", 2), ("restore", "ExitStandby", 1))
AROUND_STANDBY = [
    Point(during, what, n, side, by)
    for during, what, count in CALLS
    for n in range(count)
    for side in Side
    for by in By
]
"""Each call to the group, of a roll over its two members and of a restore of one."""
SEED = os.environ.get("ELBROLL_CRASH_SEED", "") or str(random.randrange(10**6))


@pytest.mark.timeout(0 if "ELBROLL_CRASH_POINTS" in os.environ else 1200)
@pytest.mark.rule("I-2", "I-4", "I-5", "I-7", "I-17", "I-24", "F-8", "F-43", "F-54", "F-55")
def test_after_an_end_at_any_call_a_rerun_brings_everything_back() -> None:
    nothing_breaks(new_site, recorded, SAMPLE)


@pytest.mark.timeout(0 if "ELBROLL_CRASH_POINTS" in os.environ else 1200)
@pytest.mark.rule("A3", "A4", "A5", "I-1", "I-2", "I-4", "I-7", "F-34", "F-54", "F-55")
def test_after_an_end_around_standby_a_rerun_brings_host_and_group_back() -> None:
    nothing_breaks(new_site_with_group, lambda _site: AROUND_STANDBY, SAMPLE // 2)


def nothing_breaks(
    make: Callable[[], AbstractContextManager[Site]], points: Callable[[Site], Sequence[Point]], sample: int
) -> None:
    tell(f"\nELBROLL_CRASH_SEED={SEED}")
    tried = list(trials(make, points, sample))
    if not tried:
        pytest.skip(f"none of its points is in {CHOICE}")
    assert not [(str(point), breaches) for point, breaches in tried if breaches]


def recorded(site: Site) -> list[Point]:
    """Every point at which a command may die; for a sample those of a roll and one other."""
    return [point for during in commands() for point in Trial(site, SEED).record(during)]


def commands() -> list[str]:
    """Those that are needed for the choice."""
    if not CHOICE or CHOICE.isdigit():
        return ["deploy", random.Random(SEED).choice(COMMANDS[1:])]
    named = {point.partition("/")[0] for point in CHOICE.split(",")} & set(COMMANDS)
    return [during for during in COMMANDS if during in named] or list(COMMANDS)


def trials(
    make: Callable[[], AbstractContextManager[Site]], points: Callable[[Site], Sequence[Point]], sample: int
) -> Iterator[tuple[Point, list[str]]]:
    """Each chosen point and what went wrong; a world in which something did is not used again."""
    with make() as site:
        left = chosen(points(site), sample)
        yield from tried_in(site, left)
    while left:
        with make() as site:
            yield from tried_in(site, left)


def tried_in(site: Site, left: list[Point]) -> Iterator[tuple[Point, list[str]]]:
    """Points taken off `left` until one went wrong."""
    while left:
        point = left.pop(0)
        trial = Trial(site, f"{SEED}{point}")
        breaches = trial.run(point)
        after = "; ".join(trial.killed) or "never reached"
        took = "" if trial.took is None else f" (ended after {trial.took:.2f} s)"
        tell(f"{point} then {trial.way}: {after}{took}: {breaches or 'healed'}")
        yield point, breaches
        if breaches:
            return


def chosen(points: Sequence[Point], sample: int) -> list[Point]:
    """By ELBROLL_CRASH_POINTS, in random order, so that whatever was tried of a long list is a fair sample."""
    points = random.Random(SEED).sample(points, len(points))
    if CHOICE.isdigit() or not CHOICE:
        return _sample(points, int(CHOICE or sample))
    share, slash, shares = CHOICE.partition("/")
    if slash and share.isdigit() and shares.isdigit():
        return points[int(share) - 1 :: int(shares)]
    wanted = {*CHOICE.split(","), *(COMMANDS if CHOICE == "all" else ())}
    return [point for point in points if not wanted.isdisjoint({str(point), point.during, point.by})]


def _sample(points: Sequence[Point], size: int) -> list[Point]:
    kills = [point for point in points if point.by is By.KILL]
    deploys = [point for point in kills if point.during == "deploy"]
    others = [point for point in kills if point.during != "deploy"]
    return deploys[: size - 2] + others[:1] + [point for point in points if point.by is By.TERM][:1]


def tell(line: str) -> None:
    """At once, for whoever watches the long run."""
    print(line, flush=True)  # noqa: T201 -- the seed must be known when a point fails
