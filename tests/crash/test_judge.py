"""The judge has teeth: variants of elbroll with a bug are found out within the walk of one host or two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from crash.kills import By, Point, Side, Trial, Way
from crash.site import new_site, new_site_with_group
from elbroll.demo.lifelike import DEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crash.site import Site

DRAINED = Point("deploy", "DeregisterTargets", 1, Side.AFTER)
COMMANDED = Point("deploy", "begin", 0, Side.AFTER)
REGISTERED = Point("deploy", "RegisterTargets", 0, Side.AFTER)
SECOND_DRAINED = Point("deploy", "DeregisterTargets", 3, Side.AFTER)
"""The first host is done, the second has left both target groups."""


@pytest.fixture
def site() -> Iterator[Site]:
    """One for each test, since a broken variant leaves a broken site."""
    with new_site() as made:
        yield made


@pytest.mark.parametrize(
    ("variant", "point", "rules"),
    [
        ("no-hold", DRAINED, {"I-2"}),
        ("no-proof", DRAINED, {"I-10"}),
        ("no-drain", COMMANDED, {"I-5"}),
        ("late-word", COMMANDED, {"I-24"}),
        ("no-verify", REGISTERED, {"I-7"}),
        ("no-health", SECOND_DRAINED, {"I-2"}),
        ("no-return", SECOND_DRAINED, {"I-1", "I-2"}),
    ],
)
def test_the_judge_finds_a_seeded_bug(site: Site, variant: str, point: Point, rules: set[str]) -> None:
    assert rules <= rules_of(Trial(site, "1", variant).watch(point))


def test_the_judge_finds_a_command_beside_a_request(site: Site) -> None:
    site.stragglers.linger = 60.0

    assert "I-5" in rules_of(Trial(site, "1", "no-wait").watch(COMMANDED))


def test_the_judge_finds_a_command_of_a_rerun_beside_one_that_is_still_alive(site: Site) -> None:
    trial = Trial(site, "1", "no-question")
    trial.outlives = 60.0

    assert "I-17" in rules_of(trial.run(COMMANDED, Way.DEPLOY))


def test_the_judge_finds_a_rerun_that_brings_back_a_version_that_nobody_knows(site: Site) -> None:
    assert "I-7" in rules_of(Trial(site, "1", "too-kind").run(COMMANDED, Way.RESTORE))


def test_the_judge_finds_a_host_that_stands_by_without_a_record() -> None:
    with new_site_with_group() as site:
        entered = Point("deploy", "EnterStandby", 0, Side.AFTER)

        assert "A3" in rules_of(Trial(site, "1", "no-group").watch(entered))


@pytest.mark.parametrize(
    ("variant", "point", "rule"),
    [
        ("deaf", replace(DRAINED, by=By.TERM), "F-54"),
        ("no-release", replace(DRAINED, by=By.TERM), "I-4"),
        ("modest", Point("unlock", DEEDS, 0, Side.AFTER, By.TERM), "I-9"),
    ],
)
def test_the_judge_finds_a_seeded_bug_of_a_cancelled_run(site: Site, variant: str, point: Point, rule: str) -> None:
    assert rule in rules_of(Trial(site, "1", variant).watch(point))


def rules_of(breaches: list[str]) -> set[str]:
    """Their numbers."""
    return {breach.partition(":")[0] for breach in breaches}
