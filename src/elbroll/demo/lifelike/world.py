"""Building a small account for a test or the demo: a VPC, instances, balancers, registrations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elbroll.demo.lifelike.guard import REGION
from elbroll.demo.lifelike.timeline import pool_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ZONES = (f"{REGION}a", f"{REGION}b")
IMAGE = "ami-1e749f67"
"""A Linux image, by moto's list; the first one there is a Windows (aws.md 10)."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """A network with a subnet of 256 addresses in each zone."""

    id: str
    subnets: Mapping[str, str]
    """Zone to subnet id; the n-th zone, from 1, has the third number n in its addresses."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """An ALB or NLB."""

    name: str
    arn: str
    vpc: Vpc

    @property
    def path(self) -> str:
        """`app/NAME/ID` or `net/NAME/ID`, as in the descriptions of its interfaces (E3)."""
        return self.arn.partition(":loadbalancer/")[2]


@dataclass(frozen=True, slots=True)
class Group:
    """A target group."""

    name: str
    arn: str

    @property
    def id(self) -> str:
        """Its `PoolId`."""
        return pool_of(self.arn)


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """How a group checks and drains; the defaults are AWS's. Times in seconds."""

    protocol: str = "HTTP"
    target_type: str = "instance"
    interval: int = 30
    timeout: int = 5
    healthy: int = 5
    unhealthy: int = 2
    delay: int = 300
    path: str = "/healthz"
    check_port: str = "traffic-port"
    attributes: Mapping[str, str] = field(default_factory=dict)
    """More of `ModifyTargetGroupAttributes`."""


@dataclass(frozen=True, slots=True)
class ClassicSettings:
    """How a classic balancer checks and drains. Times in seconds."""

    port: int = 8080
    interval: int = 30
    timeout: int = 5
    healthy: int = 10
    unhealthy: int = 2
    draining: int | None = 300
    """None: draining is off, as is the API's default (C3)."""
    path: str = "/healthz"
    cross_zone: str = "true"


class World:
    """Makes things by AWS's own API; `client` gives a boto3 client for a service's name."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.ec2 = client("ec2")
        self.elbv2 = client("elbv2")
        self.elb = client("elb")

    # --- EC2 -------------------------------------------------------------------------------------

    def a_vpc(self, cidr: str = "10.0.0.0/16", zones: Sequence[str] = ZONES) -> Vpc:
        """`cidr` is a /16; `127.0.0.0/16` gives hosts on loopback."""
        vpc = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        stem = ".".join(cidr.split(".")[:2])
        return Vpc(
            vpc, {zone: self._subnet(vpc, f"{stem}.{number}.0/24", zone) for number, zone in enumerate(zones, 1)}
        )

    def launch(self, vpc: Vpc, name: str, zone: str = ZONES[0], private_ip: str | None = None) -> str:
        """A running instance with that Name tag; answers its id. The address must lie in the zone's subnet."""
        address = {} if private_ip is None else {"PrivateIpAddress": private_ip}
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        answer = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            SubnetId=vpc.subnets[zone],
            TagSpecifications=tags,
            **address,
        )
        return str(answer["Instances"][0]["InstanceId"])

    def nodes(self, balancer: LoadBalancer, addresses: Mapping[str, str]) -> None:
        """Interfaces of an ALB or NLB: zone to private address, described as AWS does (E3)."""
        for zone, address in addresses.items():
            self._interface(balancer.vpc.subnets[zone], address, f"ELB {balancer.path}")

    def classic_nodes(self, name: str, vpc: Vpc, addresses: Mapping[str, str]) -> None:
        """Interfaces of a classic balancer."""
        for zone, address in addresses.items():
            self._interface(vpc.subnets[zone], address, f"ELB {name}")

    # --- ALB and NLB -----------------------------------------------------------------------------

    def an_alb(self, name: str, vpc: Vpc) -> LoadBalancer:
        """An application load balancer in all zones, without listeners."""
        return self._balancer(name, vpc, "application")

    def an_nlb(self, name: str, vpc: Vpc) -> LoadBalancer:
        """A network load balancer in all zones, without listeners."""
        return self._balancer(name, vpc, "network")

    def a_group(self, name: str, vpc: Vpc, port: int, settings: GroupSettings | None = None) -> Group:
        """A target group that no balancer uses yet."""
        wanted = settings or GroupSettings()
        http = {"HealthCheckPath": wanted.path} if wanted.protocol in {"HTTP", "HTTPS"} else {}
        answer = self.elbv2.create_target_group(
            Name=name,
            Protocol=wanted.protocol,
            Port=port,
            VpcId=vpc.id,
            TargetType=wanted.target_type,
            HealthCheckPort=wanted.check_port,
            HealthCheckIntervalSeconds=wanted.interval,
            HealthCheckTimeoutSeconds=wanted.timeout,
            HealthyThresholdCount=wanted.healthy,
            UnhealthyThresholdCount=wanted.unhealthy,
            **http,
        )
        group = Group(name, answer["TargetGroups"][0]["TargetGroupArn"])
        delay = {"deregistration_delay.timeout_seconds": str(wanted.delay)}
        self.attributes(group, {**delay, **wanted.attributes})
        return group

    def attributes(self, group: Group, wanted: Mapping[str, str]) -> None:
        """Set attributes of a group."""
        pairs = [{"Key": key, "Value": value} for key, value in wanted.items()]
        self.elbv2.modify_target_group_attributes(TargetGroupArn=group.arn, Attributes=pairs)

    def attach(self, balancer: LoadBalancer, group: Group, port: int, protocol: str = "HTTP") -> None:
        """Let the balancer listen on `port` for the group."""
        self.elbv2.create_listener(
            LoadBalancerArn=balancer.arn,
            Protocol=protocol,
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group.arn}],
        )

    def an_alb_with_groups(
        self, name: str, vpc: Vpc, ports: Mapping[str, int], settings: GroupSettings | None = None
    ) -> tuple[LoadBalancer, dict[str, Group]]:
        """An ALB that listens for each group, on ports from 80 on; `ports` are the groups' own, by name."""
        balancer = self.an_alb(name, vpc)
        groups = {group: self.a_group(group, vpc, port, settings) for group, port in ports.items()}
        for number, group in enumerate(groups.values()):
            self.attach(balancer, group, 80 + number)
        return balancer, groups

    def register(self, group: Group, target_id: str, port: int | None = None, zone: str | None = None) -> None:
        """Register one target; without a port on the group's own."""
        target: dict[str, Any] = {"Id": target_id}
        if port is not None:
            target["Port"] = port
        if zone is not None:
            target["AvailabilityZone"] = zone
        self.elbv2.register_targets(TargetGroupArn=group.arn, Targets=[target])

    # --- classic ---------------------------------------------------------------------------------

    def a_classic(self, name: str, vpc: Vpc, settings: ClassicSettings | None = None) -> str:
        """A classic balancer that listens on port 80; answers its `PoolId`."""
        wanted = settings or ClassicSettings()
        listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": wanted.port}
        self.elb.create_load_balancer(LoadBalancerName=name, Listeners=[listener], Subnets=list(vpc.subnets.values()))
        self._configure(name, wanted)
        return f"clb/{name}"

    def join(self, name: str, *instance_ids: str) -> None:
        """Register instances with a classic balancer."""
        members = [{"InstanceId": one} for one in instance_ids]
        self.elb.register_instances_with_load_balancer(LoadBalancerName=name, Instances=members)

    # --- private ---------------------------------------------------------------------------------

    def _subnet(self, vpc: str, cidr: str, zone: str) -> str:
        answer = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
        return str(answer["Subnet"]["SubnetId"])

    def _interface(self, subnet: str, address: str, description: str) -> None:
        self.ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Description=description)

    def _balancer(self, name: str, vpc: Vpc, kind: str) -> LoadBalancer:
        subnets = list(vpc.subnets.values())
        answer = self.elbv2.create_load_balancer(Name=name, Subnets=subnets, Type=kind)
        return LoadBalancer(name, answer["LoadBalancers"][0]["LoadBalancerArn"], vpc)

    def _configure(self, name: str, wanted: ClassicSettings) -> None:
        check = {
            "Target": f"HTTP:{wanted.port}{wanted.path}",
            "Interval": wanted.interval,
            "Timeout": wanted.timeout,
            "HealthyThreshold": wanted.healthy,
            "UnhealthyThreshold": wanted.unhealthy,
        }
        self.elb.configure_health_check(LoadBalancerName=name, HealthCheck=check)
        draining: dict[str, Any] = {"Enabled": wanted.draining is not None}
        if wanted.draining is not None:
            draining["Timeout"] = wanted.draining
        self.elb.modify_load_balancer_attributes(
            LoadBalancerName=name,
            LoadBalancerAttributes={
                "ConnectionDraining": draining,
                "CrossZoneLoadBalancing": {"Enabled": wanted.cross_zone == "true"},
            },
        )
