from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from elbroll.demo.lifelike import ClassicSettings, GroupSettings

if TYPE_CHECKING:
    from elbroll.demo.lifelike import InProcess, World

DELAY = "deregistration_delay.timeout_seconds"


def pairs(answer: Any) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in answer["Attributes"]}


@pytest.mark.rule("T7")
@pytest.mark.parametrize("delay", ["0", "300", "3600"])
def test_every_legal_delay_is_accepted(world: World, delay: str) -> None:
    group = world.a_group("web", world.a_vpc(), 8080)
    world.attributes(group, {DELAY: delay})
    assert pairs(world.elbv2.describe_target_group_attributes(TargetGroupArn=group.arn))[DELAY] == delay


@pytest.mark.rule("T7")
@pytest.mark.parametrize("wrong", [{DELAY: "3601"}, {DELAY: "-1"}, {DELAY: "soon"}, {"deregistration_delay": "5"}])
def test_an_illegal_delay_and_an_unknown_key_are_refused_and_change_nothing(
    world: World, wrong: dict[str, str]
) -> None:
    group = world.a_group("web", world.a_vpc(), 8080)
    with pytest.raises(ClientError, match="ValidationError"):
        world.attributes(group, {"slow_start.duration_seconds": "60", **wrong})
    after = pairs(world.elbv2.describe_target_group_attributes(TargetGroupArn=group.arn))
    assert (after[DELAY], after["slow_start.duration_seconds"]) == ("300", "0")


@pytest.mark.rule("T17")
def test_a_group_has_its_health_minimums(world: World) -> None:
    group = world.a_group("web", world.a_vpc(), 8080)
    attributes = pairs(world.elbv2.describe_target_group_attributes(TargetGroupArn=group.arn))
    assert {key: value for key, value in attributes.items() if key.startswith("target_group_health")} == {
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
        "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    }


@pytest.mark.rule("T18")
def test_an_alb_is_cross_zone_and_an_nlb_is_not(world: World) -> None:
    vpc = world.a_vpc()
    found = [
        pairs(world.elbv2.describe_load_balancer_attributes(LoadBalancerArn=one.arn))
        for one in (world.an_alb("web", vpc), world.an_nlb("net", vpc))
    ]
    assert [one["load_balancing.cross_zone.enabled"] for one in found] == ["true", "false"]


@pytest.mark.rule("T4")
def test_an_nlb_says_so_in_its_type_and_its_arn(world: World) -> None:
    nlb = world.an_nlb("net", world.a_vpc())
    described = world.elbv2.describe_load_balancers(LoadBalancerArns=[nlb.arn])["LoadBalancers"][0]
    assert (described["Type"], nlb.path.startswith("net/net/")) == ("network", True)


@pytest.mark.rule("T9")
def test_an_nlbs_group_knows_connection_termination(world: World) -> None:
    vpc = world.a_vpc()
    group = world.a_group("tcp", vpc, 9000, GroupSettings(protocol="TCP"))
    world.attach(world.an_nlb("net", vpc), group, 80, "TCP")
    attributes = pairs(world.elbv2.describe_target_group_attributes(TargetGroupArn=group.arn))
    assert attributes["deregistration_delay.connection_termination.enabled"] == "false"


def test_two_balancers_cannot_share_a_name(world: World) -> None:
    vpc = world.a_vpc()
    world.an_alb("web", vpc)
    with pytest.raises(ClientError, match="DuplicateLoadBalancerName"):
        world.an_nlb("web", vpc)


def test_attributes_of_a_group_that_does_not_exist_cannot_be_set(world: World) -> None:
    group = world.a_group("web", world.a_vpc(), 8080)
    world.elbv2.delete_target_group(TargetGroupArn=group.arn)
    with pytest.raises(ClientError, match="TargetGroupNotFound"):
        world.attributes(group, {DELAY: "5"})
    with pytest.raises(ClientError, match="TargetGroupNotFound"):
        world.elbv2.describe_target_health(TargetGroupArn=group.arn)


@pytest.mark.rule("E3")
def test_balancers_have_interfaces_with_the_addresses_that_were_asked_for(world: World) -> None:
    vpc = world.a_vpc()
    alb = world.an_alb("web", vpc)
    world.a_classic("shop", vpc, ClassicSettings())
    world.nodes(alb, {"us-east-1a": "10.0.1.200", "us-east-1b": "10.0.2.200"})
    world.classic_nodes("shop", vpc, {"us-east-1a": "10.0.1.201"})

    def found(description: str) -> list[str]:
        rows = world.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": [description]}])
        return sorted(row["PrivateIpAddress"] for row in rows["NetworkInterfaces"])

    assert found(f"ELB {alb.path}") == ["10.0.1.200", "10.0.2.200"]
    assert found("ELB shop") == ["10.0.1.201"]


@pytest.mark.rule("E1")
@pytest.mark.parametrize(("cidr", "address"), [("10.0.0.0/16", "10.0.2.7"), ("127.0.0.0/16", "127.0.2.7")])
def test_an_instance_has_the_address_and_the_zone_that_were_asked_for(world: World, cidr: str, address: str) -> None:
    vpc = world.a_vpc(cidr)
    host = world.launch(vpc, "web-1", "us-east-1b", address)
    seen = world.ec2.describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"][0]
    by_address = [{"Name": "addresses.private-ip-address", "Values": [address]}, {"Name": "vpc-id", "Values": [vpc.id]}]
    interfaces = world.ec2.describe_network_interfaces(Filters=by_address)["NetworkInterfaces"]
    assert (seen["PrivateIpAddress"], seen["Placement"]["AvailabilityZone"]) == (address, "us-east-1b")
    assert [one["Attachment"]["InstanceId"] for one in interfaces] == [host]


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "wrong",
    [
        {"Value": "x" * 4097},
        {"Value": "ä" * 2049},
        {"Value": "a {{ ssm:other }} b"},
        {"Value": "a\n{{}}"},
        {"Name": "/elbroll/fe80::1"},
        {"Name": "elbroll/relative"},
        {"Name": "/elbroll/with space"},
    ],
)
def test_parameter_store_refuses_what_aws_refuses(aws: InProcess, wrong: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("ssm").put_parameter(**{"Name": "/elbroll/x", "Value": "x", "Type": "String", **wrong})


@pytest.mark.rule("L3")
@pytest.mark.parametrize("value", ["x" * 4096, "ä" * 2048, "{ {} }", "{{ open", "} }}"])
def test_parameter_store_takes_what_aws_takes(aws: InProcess, value: str) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/elbroll/a.b-c_d/1", Value=value, Type="String", Tier="Standard")
    assert ssm.get_parameter(Name="/elbroll/a.b-c_d/1")["Parameter"]["Value"] == value
