"""The crash matrix: elbroll is killed at every changing call of a roll, and a rerun heals everything (safety.md 11).

By default a random sample of points is tried, one of them in `restore`. Its seed is printed, and `ELBROLL_CRASH_SEED`
repeats it. `ELBROLL_CRASH_POINTS` chooses: `20` so many, `all` every one (an hour), `2/6` the second of six shares, for
six processes at once, `deploy/!/17/after,restore/!/3/before` these. `-s` shows what becomes of each.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from crash.kills import Point, Trial
from crash.site import new_site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crash.site import Site

SAMPLE = 4
CHOICE = os.environ.get("ELBROLL_CRASH_POINTS", str(SAMPLE))
SEED = os.environ.get("ELBROLL_CRASH_SEED", "") or str(random.randrange(10**6))


@pytest.mark.timeout(0 if "ELBROLL_CRASH_POINTS" in os.environ else 400)
@pytest.mark.rule("I-2", "I-4", "I-5", "I-7", "I-17", "I-24", "F-8", "F-43", "F-55")
def test_after_a_kill_at_any_call_a_rerun_brings_everything_back() -> None:
    tell(f"\nELBROLL_CRASH_SEED={SEED}")
    tried = [(point, breaches) for point, breaches in trials()]
    assert tried
    assert not [(str(point), breaches) for point, breaches in tried if breaches]


def trials() -> Iterator[tuple[Point, list[str]]]:
    """Each chosen point and what went wrong; a world in which something did is not used again."""
    with new_site() as site:
        left = chosen([point for during in ("deploy", "restore") for point in Trial(site, SEED).record(during)])
        yield from tried_in(site, left)
    while left:
        with new_site() as site:
            yield from tried_in(site, left)


def tried_in(site: Site, left: list[Point]) -> Iterator[tuple[Point, list[str]]]:
    """Points taken off `left` until one went wrong."""
    while left:
        point = left.pop(0)
        trial = Trial(site, f"{SEED}{point}")
        breaches = trial.run(point)
        after = "; ".join(trial.killed) or "never reached"
        tell(f"{point} then {trial.way}: {after}: {breaches or 'healed'}")
        yield point, breaches
        if breaches:
            return


def chosen(points: Sequence[Point]) -> list[Point]:
    """By ELBROLL_CRASH_POINTS, in random order, so that whatever was tried of a long list is a fair sample."""
    points = random.Random(SEED).sample(points, len(points))
    if CHOICE.isdigit():
        return _sample(points, int(CHOICE))
    share, slash, shares = CHOICE.partition("/")
    if slash and share.isdigit() and shares.isdigit():
        return points[int(share) - 1 :: int(shares)]
    return [point for point in points if CHOICE == "all" or str(point) in CHOICE.split(",")]


def _sample(points: Sequence[Point], size: int) -> list[Point]:
    by_command = {during: [point for point in points if point.during == during] for during in ("deploy", "restore")}
    return by_command["deploy"][: size - 1] + by_command["restore"][:1]


def tell(line: str) -> None:
    """At once, for whoever watches the long run."""
    print(line, flush=True)  # noqa: T201 -- the seed must be known when a point fails
