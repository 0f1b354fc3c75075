"""The policy holds the calls that are made, and no other; names what it covers, and nothing beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elbroll.aws.actions import Action
from elbroll.core.policy import Bucket, Needs, policy, reading

CODE = Path(__file__).parents[2] / "src/elbroll"
FREE_TO_ALL = {Action.WHO}
"""Calls that AWS answers to everybody, so that a policy need not name them."""
WORD = re.compile(r'"((?:ssm|s3|ec2|elasticloadbalancing|autoscaling|cloudwatch):[A-Z][A-Za-z]+)"')
EVERYTHING = Needs(bucket=Bucket("acme-ops", "elbroll"), secrets=("/web/db",), console=True, standby=("web-asg",))
HERE = Needs("aws-cn", "cn-north-1", "123456789012", ("web-http", "admin"), ("old",))


def actions(document: dict[str, Any]) -> list[str]:
    return [action for statement in document["Statement"] for action in statement["Action"]]


def statement(document: dict[str, Any], sid: str) -> dict[str, Any]:
    (found,) = (each for each in document["Statement"] if each["Sid"] == sid)
    return found


def sids(document: dict[str, Any]) -> list[str]:
    return [each["Sid"] for each in document["Statement"]]


def code(*but: str) -> dict[str, str]:
    """Every module that may call AWS, by its path."""
    rooms = ("aws", "balancers", "inventory", "ledger", "cli")
    paths = (path for room in rooms for path in sorted((CODE / room).rglob("*.py")))
    return {str(path): path.read_text("utf-8") for path in paths if path.name not in but}


def made() -> set[str]:
    """Every call that is made: the known actions, and those that stores and secrets name where they call."""
    words = {word for text in code("actions.py").values() for word in WORD.findall(text)}
    return {action.value for action in Action if action not in FREE_TO_ALL} | words


@pytest.mark.rule("S-6", "P1")
def test_the_whole_policy_allows_the_calls_that_are_made_and_no_other() -> None:
    assert set(actions(policy(EVERYTHING))) == made()


@pytest.mark.rule("S-6")
@pytest.mark.parametrize("action", Action)
def test_every_known_action_is_called_somewhere(action: Action) -> None:
    called = "\n".join(code("actions.py").values())

    assert re.search(rf"\bAction\.{action.name}\b", called) is not None


@pytest.mark.rule("P1")
def test_what_takes_no_narrower_resource_is_allowed_for_all() -> None:
    look = statement(policy(Needs()), "Look")

    assert {key: value for key, value in look.items() if key != "Action"} == {
        "Sid": "Look",
        "Effect": "Allow",
        "Resource": "*",
    }


@pytest.mark.rule("P1", "L2")
def test_the_ledger_is_kept_to_its_prefix_and_nothing_is_made_or_deleted() -> None:
    document = policy(Needs())

    assert statement(document, "Ledger")["Resource"] == [
        "arn:aws:ssm:REGION:ACCOUNT:parameter/elbroll",
        "arn:aws:ssm:REGION:ACCOUNT:parameter/elbroll/*",
    ]
    assert [each for each in actions(policy(EVERYTHING)) if re.search("Delete|Create|Modify|Terminate", each)] == []


@pytest.mark.rule("S-6")
def test_without_a_config_the_policy_has_placeholders_and_nothing_optional_but_the_classic_balancer() -> None:
    document = policy(Needs())

    assert document["Version"] == "2012-10-17"
    assert sids(document) == ["Look", "MoveTargets", "Ledger", "OptionalClassic"]
    assert statement(document, "MoveTargets")["Resource"] == [
        "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/*"
    ]


@pytest.mark.rule("S-6")
def test_every_pool_is_named_in_its_partition_region_and_account() -> None:
    document = policy(HERE)

    assert statement(document, "MoveTargets")["Resource"] == [
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/web-http/*",
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/admin/*",
    ]
    assert statement(document, "OptionalClassic")["Resource"] == [
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/old"
    ]


@pytest.mark.rule("S-6")
def test_what_is_not_there_gets_no_statement() -> None:
    assert sids(policy(replace(HERE, classics=()))) == ["Look", "MoveTargets", "Ledger"]
    assert sids(policy(replace(HERE, groups=()))) == ["Look", "Ledger", "OptionalClassic"]
    assert sids(policy(replace(HERE, parameters=False))) == ["Look", "MoveTargets", "OptionalClassic"]


@pytest.mark.rule("L5")
@pytest.mark.parametrize(
    ("prefix", "below"), [("ops/elbroll", "ops/elbroll/123456789012/cn-north-1/*"), ("", "123456789012/cn-north-1/*")]
)
def test_a_ledger_in_s3_is_read_written_and_listed_below_its_own_place_only(prefix: str, below: str) -> None:
    document = policy(replace(HERE, parameters=False, bucket=Bucket("acme", prefix)))
    listing = statement(document, "OptionalLedgerS3List")

    assert statement(document, "OptionalLedgerS3")["Resource"] == [f"arn:aws-cn:s3:::acme/{below}"]
    assert (listing["Resource"], listing["Condition"]) == (
        ["arn:aws-cn:s3:::acme"],
        {"StringLike": {"s3:prefix": below}},
    )


@pytest.mark.rule("E2", "S-3")
def test_console_keys_and_secrets_are_allowed_where_the_config_asks_for_them() -> None:
    document = policy(replace(HERE, secrets=("/X/db", "plain"), console=True))

    assert statement(document, "OptionalSecrets")["Resource"] == [
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/X/db",
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/plain",
    ]
    assert statement(document, "OptionalConsoleKeys")["Resource"] == [
        "arn:aws-cn:ec2:cn-north-1:123456789012:instance/*"
    ]


@pytest.mark.rule("S-6", "A4")
def test_standby_is_allowed_for_named_groups_where_the_config_asks_for_it() -> None:
    document = policy(replace(HERE, standby=("web-asg",)))

    assert statement(document, "OptionalStandby") == {
        "Sid": "OptionalStandby",
        "Effect": "Allow",
        "Action": ["autoscaling:EnterStandby", "autoscaling:ExitStandby"],
        "Resource": ["arn:aws-cn:autoscaling:cn-north-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web-asg"],
    }


@pytest.mark.rule("S-6", "I-15")
@pytest.mark.parametrize("needs", [Needs(), EVERYTHING, replace(EVERYTHING, parameters=False)])
def test_a_reader_may_look_and_read_the_ledger_and_write_nothing(needs: Needs) -> None:
    allowed = actions(reading(needs))

    assert [each for each in allowed if not re.search(":(Describe|Get|List)", each)] == []
    assert reading(needs)["Version"] == "2012-10-17"
    assert sids(reading(needs))[0] == "Look"
    assert set(sids(reading(needs))) <= {"Look", "Ledger", "OptionalLedgerS3", "OptionalLedgerS3List"}
