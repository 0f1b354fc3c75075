"""What the matrix has found once."""

from __future__ import annotations

import pytest

from crash.kills import Point, Side, Trial
from crash.past import LOCKS, effective
from crash.site import new_site
from elbroll.demo.lifelike import DEEDS

LOCKED = Point("deploy", DEEDS, 2, Side.AFTER)
"""All three pools are locked, and nothing else has been done."""
LB = ("deploy", "--lb", "demo", "--yes", "--release")


@pytest.mark.rule("I-4", "F-8")
def test_a_deploy_with_nothing_left_to_do_names_the_lock_of_a_dead_run() -> None:
    with new_site() as site:
        assert site.start(*LB, "v2").end().code == 0
        Trial(site, "1").watch(LOCKED)

        refused = site.start(*LB, "v2").end()

        assert refused.code == 6, refused.said
        run = refused.said.partition("elbroll unlock legacy ")[2].split()[0]
        assert site.start("unlock", "legacy", run, "--yes").end().code == 0
        assert site.start(*LB, "v2").end().code == 0
        assert {lock["state"] for lock in effective(site.world, LOCKS).values()} == {"free"}
