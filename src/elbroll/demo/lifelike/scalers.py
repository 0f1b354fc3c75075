"""Building Auto Scaling groups around instances that are there already, and what a test may do to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elbroll.demo.lifelike.world import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from elbroll.demo.lifelike.simulation import Simulation
    from elbroll.demo.lifelike.world import Group, Vpc


@dataclass(slots=True)
class GroupStates:
    """What a simulation keeps of groups beside what moto keeps."""

    refreshes: dict[str, str] = field(default_factory=dict)
    """The status of a group's instance refresh, by the group's name."""
    moving: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By instance: the state on the way, and until when it is shown."""
    joined: set[tuple[str, str]] = field(default_factory=set)
    """(pool, instance) that a group has registered; what is taken out by hand is not registered again."""
    lag: float = 1.0
    """Seconds from one lifecycle state to the next."""

    def clear(self) -> None:
        """Forget everything."""
        self.refreshes.clear()
        self.moving.clear()
        self.joined.clear()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a group; desired is as many as it was given."""

    at_least: int = 1
    at_most: int = 10
    health_check: str = "EC2"


class Scalers:
    """Makes and moves groups; `client` gives a boto3 client for a service's name."""

    def __init__(self, client: Callable[[str], Any], simulation: Simulation) -> None:
        self._client = client("autoscaling")
        self._ec2 = client("ec2")
        self._simulation = simulation

    def around(
        self,
        name: str,
        vpc: Vpc,
        instances: Sequence[str],
        groups: Collection[Group] = (),
        classics: Collection[str] = (),
        sizes: Sizes | None = None,
    ) -> None:
        """A group of these instances, attached to these pools on the pools' own ports."""
        wanted = sizes or Sizes()
        config = f"{name}-launch"
        self._client.create_launch_configuration(LaunchConfigurationName=config, ImageId=IMAGE, InstanceType="t3.micro")
        self._client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName=config,
            MinSize=0,
            MaxSize=wanted.at_most,
            DesiredCapacity=0,
            VPCZoneIdentifier=",".join(vpc.subnets.values()),
            HealthCheckType=wanted.health_check,
        )
        self._client.attach_instances(AutoScalingGroupName=name, InstanceIds=list(instances))
        self._client.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=wanted.at_least)
        if groups:
            arns = [group.arn for group in groups]
            self._client.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=arns)
        if classics:
            self._client.attach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=list(classics))

    def sizes(self, name: str) -> tuple[int, int, int]:
        """Minimum, desired, maximum now."""
        row = self._row(name)
        return row["MinSize"], row["DesiredCapacity"], row["MaxSize"]

    def members(self, name: str) -> dict[str, str]:
        """Lifecycle state by instance."""
        ids = [each["InstanceId"] for each in self._row(name)["Instances"]]
        rows = self._client.describe_auto_scaling_instances(InstanceIds=ids)["AutoScalingInstances"] if ids else []
        return {row["InstanceId"]: row["LifecycleState"] for row in rows}

    def grow(self, name: str) -> str:
        """One host more is wanted; answers the id of the one that was launched."""
        before = self.members(name)
        desired = self.sizes(name)[1] + 1
        self._client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=desired)
        (fresh,) = self.members(name).keys() - before.keys()
        return str(fresh)

    def suspend(self, name: str, *processes: str) -> None:
        """Suspend processes of a group."""
        self._client.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=list(processes))

    def resume(self, name: str) -> None:
        """Resume all of them."""
        self._client.resume_processes(AutoScalingGroupName=name)

    def refresh(self, name: str, status: str) -> None:
        """As if somebody had started an instance refresh that has come to this."""
        self._simulation.groups.refreshes[name] = status

    def replace_unwell(self, name: str) -> tuple[str, ...]:
        """One round of the group's health checks, which AWS makes by itself: terminates and replaces; answers whom."""
        from elbroll.demo.lifelike.scaling import ScalingGroups  # noqa: PLC0415 - imports moto

        sick = ScalingGroups(self._simulation).unwell(name)
        if sick:
            self._ec2.terminate_instances(InstanceIds=list(sick))
        return sick

    def _row(self, name: str) -> Any:
        return self._client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
