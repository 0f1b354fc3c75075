"""`iam-policy`: offline with placeholders, or with the account's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.witness import deeds
from cli.worlds import small_world, variant
from elbroll.core.policy import Needs, policy, reading
from elbroll.demo.lifelike import ACCOUNT, REGION
from elbroll.demo.settings import PoolPlan
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.shell import Shell
    from elbroll.demo.world import World

HERE = f"{REGION}:{ACCOUNT}"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A host that another balancer's pool and a classic one share."""
    pools = (
        PoolPlan(),
        PoolPlan(name="extra", members=(0,), lb="side"),
        PoolPlan(name="old", kind=BalancerKind.CLASSIC),
    )
    with small_world(1, pools) as made:
        yield made


def resources(document: dict[str, Any], sid: str) -> list[str]:
    return [each for statement in document["Statement"] if statement["Sid"] == sid for each in statement["Resource"]]


@pytest.mark.rule("S-6")
def test_without_a_config_everything_is_a_placeholder_and_nothing_is_contacted(elbroll: Shell, tmp_path: Path) -> None:
    here = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None, "ELBROLL_CONFIG": str(tmp_path / "elbroll.toml")}
    offline = {**here, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    (tmp_path / "elbroll.toml").write_text("")

    assert elbroll("iam-policy", **offline).document == policy(Needs())
    assert elbroll("iam-policy", "--read-only", "--json", **offline).document == reading(Needs())


@pytest.mark.rule("S-6")
def test_without_a_balancer_the_config_names_what_it_can(elbroll: Shell, world: World) -> None:
    config = variant(
        world, "wishful", {'store = "ssm"': 'store = "s3://acme/elbroll"', "[ssh]": '[ssh]\nhost_keys = "console"'}
    )
    secret = '\n[defaults.deploy]\nsecrets = { DB = "ssm:/web/db", X = "env:X" }\n'
    with open(config, "a") as file:  # noqa: PTH123 - a path as the command line takes it
        file.write(secret)
    document = elbroll("iam-policy", "--config", config).document

    assert resources(document, "MoveTargets") == [f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/NAME/*"]
    assert resources(document, "Ledger") == []
    assert resources(document, "OptionalLedgerS3") == [f"arn:aws:s3:::acme/elbroll/{ACCOUNT}/{REGION}/*"]
    assert resources(document, "OptionalSecrets") == [f"arn:aws:ssm:{HERE}:parameter/web/db"]
    assert resources(document, "OptionalConsoleKeys") == [f"arn:aws:ec2:{HERE}:instance/*"]


@pytest.mark.parametrize(
    ("region", "start"),
    [("cn-north-1", "arn:aws-cn:"), ("us-gov-west-1", "arn:aws-us-gov:"), ("eu-west-1", "arn:aws:")],
)
def test_a_region_of_another_partition_is_named_by_it_offline_too(elbroll: Shell, region: str, start: str) -> None:
    document = elbroll("iam-policy", "--region", region).document

    assert all(name.startswith(f"{start}ssm:{region}:") for name in resources(document, "Ledger"))


@pytest.mark.rule("S-6", "T20", "I-15")
def test_with_a_balancer_every_pool_that_its_hosts_serve_is_named(elbroll: Shell, world: World) -> None:
    done = deeds(world)
    printed = elbroll("iam-policy", "--lb", "demo")

    assert printed.code == 0, printed.err
    assert resources(printed.document, "MoveTargets") == [
        f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/{name}/*" for name in ("demo", "extra")
    ]
    assert resources(printed.document, "OptionalClassic") == [f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/old"]
    assert deeds(world) == done


def test_an_unknown_balancer_is_refused(elbroll: Shell) -> None:
    refused = elbroll("iam-policy", "--lb", "demmo")

    assert (refused.code, refused.out) == (5, "")
