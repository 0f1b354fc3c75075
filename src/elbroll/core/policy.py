"""The smallest IAM policy that works, from what it has to cover (S-6, P1). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Statement = dict[str, Any]

LOOK = (
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeInstanceHealth",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeInstanceRefreshes",
)
MOVE_TARGETS = ("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets")
MOVE_CLASSIC = (
    "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
    "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
)
STAND_BY = ("autoscaling:EnterStandby", "autoscaling:ExitStandby")
READ_PARAMETERS = ("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParametersByPath")
WRITE_PARAMETERS = ("ssm:PutParameter",)
READ_OBJECTS = ("s3:GetObject",)
WRITE_OBJECTS = ("s3:PutObject",)
LIST_OBJECTS = ("s3:ListBucket",)
READ_SECRETS = ("ssm:GetParameter",)
READ_CONSOLE = ("ec2:GetConsoleOutput",)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where an S3 ledger lies; `prefix` without slashes around it, perhaps empty."""

    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a policy has to cover. The defaults are placeholders, for those who have no config yet."""

    partition: str = "aws"
    region: str = "REGION"
    account: str = "ACCOUNT"
    groups: tuple[str, ...] = ("NAME",)
    """Names of target groups, other pools among them (T20)."""
    classics: tuple[str, ...] = ("NAME",)
    """Names of classic balancers."""
    standby: tuple[str, ...] = ()
    """Names of Auto Scaling groups whose hosts stand by while they are out."""
    parameters: bool = True
    """The ledger is in Parameter Store."""
    bucket: Bucket | None = None
    """The ledger is in S3."""
    secrets: tuple[str, ...] = ()
    """Parameters that `ssm:` secrets name."""
    console: bool = False
    """Host keys are compared with the console output."""


def policy(needs: Needs) -> dict[str, Any]:
    """The policy document; a statement without a resource to name is left out."""
    return {"Version": "2012-10-17", "Statement": list(_statements(needs))}


def reading(needs: Needs) -> dict[str, Any]:
    """The policy for `plan`, `status` and the like: `Look` and `Ledger`, and no right to write."""
    kept = _statements(replace(needs, groups=(), classics=(), standby=(), secrets=(), console=False))
    writes = {*WRITE_PARAMETERS, *WRITE_OBJECTS}
    return {"Version": "2012-10-17", "Statement": [_without(statement, writes) for statement in kept]}


def _without(statement: Statement, actions: set[str]) -> Statement:
    return {**statement, "Action": [action for action in statement["Action"] if action not in actions]}


def _statements(needs: Needs) -> Iterator[Statement]:
    yield {"Sid": "Look", "Effect": "Allow", "Action": list(LOOK), "Resource": "*"}  # P1: they take nothing narrower
    if needs.groups:
        named = [_arn(needs, "elasticloadbalancing", f"targetgroup/{name}/*") for name in needs.groups]
        yield _allow("MoveTargets", MOVE_TARGETS, named)
    if needs.parameters:
        path = _arn(needs, "ssm", "parameter/elbroll")
        yield _allow("Ledger", (*READ_PARAMETERS, *WRITE_PARAMETERS), [path, f"{path}/*"])
    if needs.classics:
        named = [_arn(needs, "elasticloadbalancing", f"loadbalancer/{name}") for name in needs.classics]
        yield _allow("OptionalClassic", MOVE_CLASSIC, named)
    if needs.standby:
        named = [
            _arn(needs, "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}") for name in needs.standby
        ]
        yield _allow("OptionalStandby", STAND_BY, named)
    if needs.bucket:
        yield from _in_bucket(needs, needs.bucket)
    if needs.secrets:
        named = [_arn(needs, "ssm", f"parameter/{name.lstrip('/')}") for name in needs.secrets]
        yield _allow("OptionalSecrets", READ_SECRETS, named)
    if needs.console:
        yield _allow("OptionalConsoleKeys", READ_CONSOLE, [_arn(needs, "ec2", "instance/*")])


def _in_bucket(needs: Needs, bucket: Bucket) -> Iterator[Statement]:
    """Below the account's and region's own place; who may not list is told "forbidden" of what is missing (L5)."""
    below = "/".join(filter(None, (bucket.prefix, needs.account, needs.region, "*")))
    arn = f"arn:{needs.partition}:s3:::{bucket.name}"
    yield _allow("OptionalLedgerS3", (*READ_OBJECTS, *WRITE_OBJECTS), [f"{arn}/{below}"])
    listing = _allow("OptionalLedgerS3List", LIST_OBJECTS, [arn])
    yield {**listing, "Condition": {"StringLike": {"s3:prefix": below}}}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _arn(needs: Needs, service: str, resource: str) -> str:
    return f"arn:{needs.partition}:{service}:{needs.region}:{needs.account}:{resource}"
