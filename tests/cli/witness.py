"""What the account and the hosts say themselves, asked without any of elbroll's code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

NOT_MEMBERS = {"draining", "unused"}


def members(world: World) -> dict[str, Any]:
    """Where everybody is registered, with ids and ports, as boto3 tells it; who drains is not."""
    elbv2, elb = world.client("elbv2"), world.client("elb")
    found: dict[str, Any] = {
        group["TargetGroupName"]: sorted(
            (row["Target"]["Id"], row["Target"]["Port"])
            for row in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
            if row["TargetHealth"]["State"] not in NOT_MEMBERS
        )
        for group in elbv2.describe_target_groups()["TargetGroups"]
    }
    for balancer in elb.describe_load_balancers()["LoadBalancerDescriptions"]:
        found[balancer["LoadBalancerName"]] = sorted(one["InstanceId"] for one in balancer["Instances"])
    return found


def everybody_serves(world: World) -> bool:
    """Whether each balancer calls each of its members healthy."""
    return all(world.in_service(name) == set(pool.ports) for name, pool in world.pools.items())


def states(world: World) -> dict[str, str]:
    """The state in each host's record, by the host's name."""
    names = {host.instance: host.name for host in world.hosts}
    records = _values(world, "/elbroll/v1/host")
    return {names[key.rpartition("/")[2]]: value["state"] for key, value in records.items()}


def locks(world: World) -> set[str]:
    """The states of all locks: {"free"}, or with "held" among them."""
    return {value["state"] for value in _values(world, "/elbroll/v1/lock").values()}


def releases(world: World) -> dict[str, str]:
    """What each host would start now, by its own file."""
    return {host.name: host.release for host in world.hosts}


def deeds(world: World) -> list[str]:
    """The actions of all calls so far that were meant to change something."""
    return [call.action for call in world.simulation.timeline.deeds()]


def moves(world: World) -> list[str]:
    """The deeds that touch the members of a pool."""
    return [action for action in deeds(world) if "egister" in action]


def deploys(host: DemoHost) -> list[str]:
    """What the deploy script has written on the host: `begin` and `end`, in order."""
    kept = host.place.home / "deploys"
    return kept.read_text().split() if kept.exists() else []


def connections(host: DemoHost) -> int:
    """How many clients have reached the host's SSH server so far."""
    return host.sshd.reached


def _values(world: World, path: str) -> dict[str, Any]:
    pages = world.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    return {one["Name"]: json.loads(one["Value"]) for page in pages for one in page["Parameters"]}
