"""The judge has teeth: variants of elbroll with a bug are found out within the walk of one host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crash.kills import Point, Side, Trial
from crash.site import new_site, new_site_with_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crash.site import Site

DRAINED = Point("deploy", "DeregisterTargets", 1, Side.AFTER)
COMMANDED = Point("deploy", "begin", 0, Side.AFTER)
REGISTERED = Point("deploy", "RegisterTargets", 0, Side.AFTER)


@pytest.fixture
def site() -> Iterator[Site]:
    """One for each test, since a broken variant leaves a broken site."""
    with new_site() as made:
        yield made


@pytest.mark.parametrize(
    ("variant", "point", "rule"),
    [("no-hold", DRAINED, "I-2"), ("no-drain", COMMANDED, "I-5"), ("no-verify", REGISTERED, "I-7")],
)
def test_the_judge_finds_a_seeded_bug(site: Site, variant: str, point: Point, rule: str) -> None:
    breaches = Trial(site, "1", variant).watch(point)

    assert rule in {breach.partition(":")[0] for breach in breaches}, breaches


def test_the_judge_finds_a_host_that_stands_by_without_a_record() -> None:
    with new_site_with_group() as site:
        breaches = Trial(site, "1", "no-group").watch(Point("deploy", "EnterStandby", 0, Side.AFTER))

    assert "A3" in {breach.partition(":")[0] for breach in breaches}, breaches
