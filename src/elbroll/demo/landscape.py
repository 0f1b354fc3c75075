"""The account of a world: network, instances, balancers and pools, made with ordinary AWS calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elbroll.demo.lifelike import REGION, pool_of
from elbroll.demo.settings import Ledger, PoolPlan
from elbroll.model import BalancerKind, PoolId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from elbroll.demo.host import DemoHost

_ZONES = ("a", "b")
_FRONT = 80


@dataclass(frozen=True, slots=True)
class MadePool:
    """A pool as it stands in the account."""

    plan: PoolPlan
    id: PoolId
    arn: str | None
    """None for a classic balancer."""
    ports: Mapping[str, int]
    """The traffic port of each host that has one here, by instance id."""
    nodes: tuple[str, ...]
    """The addresses from which its balancer connects."""


class Landscape:
    """Makes everything in the order in which AWS wants it."""

    def __init__(self, client: Callable[[str], Any], network: str) -> None:
        self._ec2 = client("ec2")
        self._elbv2 = client("elbv2")
        self._elb = client("elb")
        self._s3 = client("s3")
        self._network = network
        self._balancers: dict[str, str] = {}
        self._nodes: dict[str, tuple[str, ...]] = {}
        self._vpc = ""
        self._subnets: list[str] = []

    def make_network(self) -> None:
        """A VPC with a subnet in each of two zones, on loopback addresses."""
        self._vpc = self._ec2.create_vpc(CidrBlock=f"{self._network}.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate(_ZONES, 1):
            made = self._ec2.create_subnet(
                VpcId=self._vpc, CidrBlock=f"{self._network}.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )
            self._subnets.append(made["Subnet"]["SubnetId"])

    def make_instance(self, host: DemoHost) -> str:
        """An instance with the host's name and address: its id."""
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": host.name}]}]
        made = self._ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=self._subnets[zones().index(host.place.zone)],
            PrivateIpAddress=host.address,
            TagSpecifications=tags,
        )
        return str(made["Instances"][0]["InstanceId"])

    def make_pool(self, plan: PoolPlan, ports: Mapping[str, int]) -> MadePool:
        """The pool with its balancer; every host of `ports` that belongs to it is registered."""
        if plan.kind is BalancerKind.CLASSIC:
            return self._make_classic(plan, ports)
        return self._make_group(plan, ports)

    def make_store(self, ledger: Ledger) -> None:
        """The bucket, where the ledger wants one."""
        if ledger is Ledger.S3:
            self._s3.create_bucket(Bucket=ledger.value.removeprefix("s3://").partition("/")[0])

    def _make_group(self, plan: PoolPlan, ports: Mapping[str, int]) -> MadePool:
        made = self._elbv2.create_target_group(
            Name=plan.name,
            Protocol="HTTP",
            Port=next(iter(ports.values())) if plan.one_port else _FRONT,
            VpcId=self._vpc,
            TargetType="instance",
            HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=plan.interval,
            HealthCheckTimeoutSeconds=plan.check_limit,
            HealthyThresholdCount=plan.healthy_threshold,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        )
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(plan.delay)}
        self._elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        self._listen(plan, arn)
        targets = [{"Id": instance, "Port": port} for instance, port in ports.items()]
        self._elbv2.register_targets(TargetGroupArn=arn, Targets=targets)
        return MadePool(plan, PoolId(pool_of(arn)), arn, ports, self._nodes[plan.lb])

    def _listen(self, plan: PoolPlan, group: str) -> None:
        if plan.lb not in self._balancers:
            self._balancers[plan.lb] = self._make_balancer(plan.lb)
        balancer = self._balancers[plan.lb]
        taken = self._elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        self._elbv2.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=_FRONT + len(taken),
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )

    def _make_balancer(self, name: str) -> str:
        made = self._elbv2.create_load_balancer(Name=name, Subnets=self._subnets, Type="application")
        arn = str(made["LoadBalancers"][0]["LoadBalancerArn"])
        self._make_nodes(name, f"ELB {arn.partition(':loadbalancer/')[2]}")
        return arn

    def _make_nodes(self, balancer: str, description: str) -> None:
        """The interfaces by which the balancer's connections are known (aws.md E3), one in each zone."""
        number = 4 + len(self._nodes)
        addresses = tuple(f"{self._network}.{zone}.{number}" for zone in range(1, len(_ZONES) + 1))
        for subnet, address in zip(self._subnets, addresses, strict=True):
            self._ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Description=description)
        self._nodes[balancer] = addresses

    def _make_classic(self, plan: PoolPlan, ports: Mapping[str, int]) -> MadePool:
        port = next(iter(ports.values()))
        listener = {"Protocol": "HTTP", "LoadBalancerPort": _FRONT, "InstanceProtocol": "HTTP", "InstancePort": port}
        self._elb.create_load_balancer(LoadBalancerName=plan.name, Listeners=[listener], Subnets=self._subnets)
        check = {"Target": f"HTTP:{port}/healthz", "Interval": plan.interval, "Timeout": plan.check_limit}
        thresholds = {"HealthyThreshold": plan.healthy_threshold, "UnhealthyThreshold": 2}
        self._elb.configure_health_check(LoadBalancerName=plan.name, HealthCheck={**check, **thresholds})
        self._elb.modify_load_balancer_attributes(
            LoadBalancerName=plan.name,
            LoadBalancerAttributes={"ConnectionDraining": {"Enabled": plan.delay > 0, "Timeout": max(1, plan.delay)}},
        )
        self._make_nodes(plan.name, f"ELB {plan.name}")
        members = [{"InstanceId": instance} for instance in ports]
        self._elb.register_instances_with_load_balancer(LoadBalancerName=plan.name, Instances=members)
        return MadePool(plan, PoolId(f"clb/{plan.name}"), None, ports, self._nodes[plan.name])


def zones() -> Sequence[str]:
    """The zones in which hosts stand, in turn."""
    return tuple(f"{REGION}{zone}" for zone in _ZONES)
