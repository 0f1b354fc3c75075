"""A missing permission at any call of a roll: which action, on what, and how things are; nothing is lost (F-6, P3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.demo.lifelike import Detail, Kind
from elbroll.errors import ExitCode
from elbroll.model import Outcome
from weather.whole import Ended, Whole

if TYPE_CHECKING:
    from elbroll.aws import Clients
    from elbroll.demo.lifelike import InProcess
    from elbroll.demo.lifelike.wire import Request

ELB = "elasticloadbalancing"
LOOKS = {
    "DescribeLoadBalancers": (ELB, ""),
    "DescribeLoadBalancerAttributes": (ELB, "loadbalancer/old"),
    "DescribeTargetGroups": (ELB, ""),
    "DescribeTargetGroupAttributes": (ELB, "targetgroup/web-http"),
    "DescribeTargetHealth": (ELB, "targetgroup/web-http"),
    "DescribeInstanceHealth": (ELB, "loadbalancer/old"),
    "DescribeInstances": ("ec2", ""),
    "GetParametersByPath": ("ssm", "/elbroll/v1/host"),
    "GetParameter": ("ssm", "/elbroll/v1/lock/"),
    "PutParameter": ("ssm", "/elbroll/v1/lock/"),
    "GetCallerIdentity": ("sts", ""),
}
"""Without these a roll does not begin: the action's service, and what the message must name."""
DEEDS = {
    "DeregisterTargets": (ELB, "targetgroup/web-http", Outcome.RESTORED),
    "DeregisterInstancesFromLoadBalancer": (ELB, "loadbalancer/old", Outcome.RESTORED),
    "RegisterTargets": (ELB, "targetgroup/web-http", Outcome.LEFT_OUT),
    "RegisterInstancesWithLoadBalancer": (ELB, "loadbalancer/old", Outcome.LEFT_OUT),
}
"""These show at the first host only: what becomes of it then."""
OPTIONAL = {"DescribeNetworkInterfaces"}


@pytest.fixture
def whole(aws: InProcess, clients: Clients) -> Whole:
    return Whole(aws, clients)


def the_rest_is_told_and_true(whole: Whole, ended: Ended) -> None:
    """Every host has its place, and whatever is missing from a pool stands in a record (I-2)."""
    assert set(ended.results) == set(whole.hosts)
    missing = {pool: entries - whole.members()[pool] for pool, entries in whole.home.items()}
    assert all(entries <= whole.recorded()[pool] for pool, entries in missing.items())


@pytest.mark.rule("B4", "P3")
def test_every_action_of_a_roll_is_tried_below(whole: Whole) -> None:
    assert whole.deploy().code is ExitCode.OK
    assert set(whole.calls()) == LOOKS.keys() | DEEDS.keys() | OPTIONAL


@pytest.mark.rule("B4", "P3", "F-6", "I-15")
@pytest.mark.parametrize("action", LOOKS)
def test_what_a_roll_needs_to_begin_is_named_and_nothing_is_changed(whole: Whole, action: str) -> None:
    service, resource = LOOKS[action]
    whole.aws.faults.add(action, Kind.DENY, None)

    ended = whole.deploy()

    assert ended.code is ExitCode.ACCESS, ended.said
    assert f"{service}:{action}" in ended.said
    assert resource in ended.said
    assert "assumed-role/demo/session has no such permission" in ended.said
    whole.aws.faults.clear()
    assert (whole.members(), whole.records(), whole.free()) == (whole.home, {}, True)


@pytest.mark.rule("B4", "P3", "F-6", "I-2", "I-6")
@pytest.mark.parametrize("action", DEEDS)
def test_a_deed_that_is_not_permitted_halts_at_the_first_host_and_keeps_its_record(whole: Whole, action: str) -> None:
    service, resource, outcome = DEEDS[action]
    whole.aws.faults.add(action, Kind.DENY, None)

    ended = whole.deploy()

    first, second = (ended.results[host] for host in plan_order(whole, ended))
    assert ended.code is ExitCode.HALTED, ended.said
    assert f"{service}:{action}" in ended.said
    assert resource in ended.said
    assert (first.outcome, second.outcome) == (outcome, Outcome.NOT_REACHED)
    the_rest_is_told_and_true(whole, ended)
    whole.aws.faults.clear()
    heals(whole)


@pytest.mark.rule("B4", "F-6", "I-2", "I-4")
@pytest.mark.parametrize("action", [*LOOKS, *DEEDS])
def test_a_permission_that_is_taken_away_in_mid_roll_loses_nothing(whole: Whole, action: str) -> None:
    """From the first deregister on; what a roll does not need any more by then does not keep it from its end."""
    left: list[str] = []

    def after_leaving(request: Request) -> bool:
        left.extend([request.action] * request.action.startswith("Deregister"))
        return bool(left) and request.action == action

    whole.aws.faults.add("*", Kind.REFUSE, None, Detail(code_of(action), 403, "not authorized", where=after_leaving))

    ended = whole.deploy()

    assert ended.code in {ExitCode.OK, ExitCode.HALTED, ExitCode.HELP_NEEDED}, ended.said
    assert (ended.code is ExitCode.OK) is (Outcome.NOT_REACHED not in ended.outcomes), ended.outcomes
    assert ended.code is ExitCode.OK or action in ended.said, ended.said
    whole.aws.faults.clear()
    the_rest_is_told_and_true(whole, ended)
    heals(whole)


@pytest.mark.rule("F-21", "I-16")
@pytest.mark.parametrize("action", sorted(OPTIONAL))
def test_an_optional_look_that_is_not_permitted_is_a_warning(whole: Whole, action: str) -> None:
    whole.aws.faults.add(action, Kind.DENY, None)
    ended = whole.deploy()
    assert ended.code is ExitCode.OK
    assert [text for text in ended.warnings if action in text]


def code_of(action: str) -> str:
    """The service's word for it."""
    return "UnauthorizedOperation" if action == "DescribeInstances" else "AccessDeniedException"


def plan_order(whole: Whole, ended: Ended) -> list[str]:
    """The host that was walked, then the other."""
    return sorted(whole.hosts, key=lambda host: ended.results[host].outcome is Outcome.NOT_REACHED)


def heals(whole: Whole) -> None:
    """One unlock and one rerun bring everybody back (I-4)."""
    whole.unlock()
    again = whole.deploy()
    assert again.code is ExitCode.OK, again.said
    assert (whole.members(), set(whole.records().values()), whole.free()) == (whole.home, {"in-service"}, True)
