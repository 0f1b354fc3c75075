"""Auto Scaling groups as the account has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.demo.lifelike.timeline import pool_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.demo.lifelike.timeline import Call
    from elbroll.demo.world import World


@dataclass(frozen=True, slots=True)
class Grouped:
    """An Auto Scaling group as it stands."""

    name: str
    sizes: tuple[int, int, int]
    """Minimum, desired, maximum."""
    members: Mapping[str, str]
    """Lifecycle states by instance."""
    pools: tuple[tuple[str, int], ...]
    """Attached ones with their own port."""


def grouped(world: World) -> dict[str, Grouped]:
    """All groups of the account, none of them with a classic balancer."""
    client = world.client("autoscaling")
    rows = client.describe_auto_scaling_instances()["AutoScalingInstances"]
    states = {row["InstanceId"]: row["LifecycleState"] for row in rows}
    return {
        row["AutoScalingGroupName"]: Grouped(
            row["AutoScalingGroupName"],
            (row["MinSize"], row["DesiredCapacity"], row["MaxSize"]),
            {each["InstanceId"]: states[each["InstanceId"]] for each in row["Instances"]},
            tuple((pool_of(arn), _port(world, arn)) for arn in row.get("TargetGroupARNs", ())),
        )
        for row in client.describe_auto_scaling_groups()["AutoScalingGroups"]
    }


def _port(world: World, arn: str) -> int:
    (group,) = world.client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    return int(group["Port"])


def named(call: Call) -> set[str]:
    """Instances that a call to a group names."""
    return {str(value) for key, value in call.parameters.items() if key.startswith("InstanceIds.")}
