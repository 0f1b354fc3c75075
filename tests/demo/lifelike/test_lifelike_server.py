from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from elbroll.demo.lifelike import FakeApps, Kind, Server, Simulation, VirtualClock, World, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD = """
import boto3
print(boto3.client("sts").get_caller_identity()["Account"], boto3.client("sts").meta.region_name)
"""


def client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name="us-east-1")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Simulation(VirtualClock(), FakeApps())) as made, guarded(made.url):
        yield made


@pytest.mark.rule("M5", "M7")
def test_a_child_process_talks_to_this_aws_and_knows_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env=server.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["123456789012", "us-east-1"]


@pytest.mark.rule("M5")
def test_targets_drain_over_http_as_well(server: Server) -> None:
    world = World(client)
    vpc = world.a_vpc()
    _, groups = world.an_alb_with_groups("web", vpc, {"web": 8080})
    group = groups["web"]
    host = world.launch(vpc, "web-1")
    world.register(group, host, 8081)
    world.elbv2.deregister_targets(TargetGroupArn=group.arn, Targets=[{"Id": host, "Port": 8081}])
    rows = world.elbv2.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
    assert [row["TargetHealth"]["State"] for row in rows] == ["draining"]


@pytest.mark.rule("M5")
def test_a_reset_empties_the_account_the_time_line_and_the_faults(server: Server) -> None:
    world = World(client)
    world.an_alb("web", world.a_vpc())
    server.faults.add("DescribeLoadBalancers", Kind.REFUSE)
    server.reset()
    assert server.simulation.timeline.entries == ()
    assert world.elbv2.describe_load_balancers()["LoadBalancers"] == []


def test_a_server_that_was_stopped_can_be_stopped_again_and_has_no_address(server: Server) -> None:
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.url


def test_a_new_server_has_an_empty_account() -> None:
    with Server(Simulation(VirtualClock(), FakeApps())) as first, guarded(first.url):
        World(client).an_alb("web", World(client).a_vpc())
    with Server(Simulation(VirtualClock(), FakeApps())) as second, guarded(second.url):
        assert client("elbv2").describe_load_balancers()["LoadBalancers"] == []
