"""Throttled, 5xx, lost answers, cut lines at every changing call of a roll, longer than the SDK's own patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.demo.lifelike import ANY, Detail, Kind
from elbroll.errors import ExitCode
from weather.whole import Whole

if TYPE_CHECKING:
    from elbroll.aws import Clients
    from elbroll.demo.lifelike import InProcess
    from elbroll.demo.lifelike.wire import Request

DEEDS = (
    "DeregisterTargets",
    "DeregisterInstancesFromLoadBalancer",
    "RegisterTargets",
    "RegisterInstancesWithLoadBalancer",
    "PutParameter",
)
UNCLEAR = (Kind.THROTTLE, Kind.LOSE_ANSWER, Kind.CUT_BEFORE)
MORE_THAN_THE_SDK_TRIES = 7


@pytest.fixture(autouse=True)
def _no_pause_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own retries sleep for real; ours go by the clock of the test."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


@pytest.fixture
def whole(aws: InProcess, clients: Clients) -> Whole:
    return Whole(aws, clients)


def all_is_well(whole: Whole) -> None:
    assert (whole.members(), set(whole.records().values()), whole.free()) == (whole.home, {"in-service"}, True)


@pytest.mark.rule("B2", "B3", "I-11", "F-9", "F-29", "F-48", "F-12")
@pytest.mark.parametrize("kind", UNCLEAR)
@pytest.mark.parametrize("action", DEEDS)
def test_a_roll_outlasts_a_bad_spell_at_any_of_its_deeds(whole: Whole, action: str, kind: Kind) -> None:
    whole.aws.faults.add(action, kind, MORE_THAN_THE_SDK_TRIES)

    ended = whole.deploy()

    assert ended.code is ExitCode.OK, ended.said
    all_is_well(whole)


@pytest.mark.rule("B2", "I-11", "F-37")
@pytest.mark.parametrize("kind", [Kind.REFUSE, Kind.CUT])
@pytest.mark.parametrize("moment", ["DeregisterTargets", "RegisterTargets"])
def test_a_roll_outlasts_five_minutes_without_the_region(whole: Whole, moment: str, kind: Kind) -> None:
    """Everything fails from a deed on, the ledger too; the guard is asked anew before the deed comes through."""
    until: list[float] = []

    def in_the_outage(request: Request) -> bool:
        if request.action == moment and not until:
            until.append(whole.aws.clock.monotonic() + 300.0)
        return bool(until) and whole.aws.clock.monotonic() < until[0]

    whole.aws.faults.add(ANY, kind, None, Detail(where=in_the_outage))

    ended = whole.deploy()

    assert ended.code is ExitCode.OK, ended.said
    all_is_well(whole)
