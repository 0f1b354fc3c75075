from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from elbroll.demo.lifelike import ClassicSettings, Shown

if TYPE_CHECKING:
    from elbroll.demo.lifelike import InProcess, World


class Shop:
    """A classic balancer with a check every 10 s, two of them to come back, and two hosts."""

    def __init__(self, aws: InProcess, world: World, settings: ClassicSettings) -> None:
        self.aws = aws
        self.world = world
        self.vpc = world.a_vpc()
        self.pool = world.a_classic("shop", self.vpc, settings)
        self.one = world.launch(self.vpc, "shop-1")
        self.two = world.launch(self.vpc, "shop-2")

    def leave(self, *ids: str) -> list[str]:
        answer = self.world.elb.deregister_instances_from_load_balancer(
            LoadBalancerName="shop", Instances=[{"InstanceId": one} for one in ids]
        )
        return [one["InstanceId"] for one in answer["Instances"]]

    def health(self, *ids: str) -> list[tuple[str, str, str]]:
        asked = {"Instances": [{"InstanceId": one} for one in ids]} if ids else {}
        rows = self.world.elb.describe_instance_health(LoadBalancerName="shop", **asked)["InstanceStates"]
        return [(row["InstanceId"], row["State"], row["Description"]) for row in rows]


@pytest.fixture
def shop(aws: InProcess, world: World) -> Shop:
    return Shop(aws, world, ClassicSettings(interval=10, healthy=2, draining=60))


@pytest.mark.rule("C5")
def test_a_new_member_needs_every_check_of_the_threshold(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.aws.clock.advance(10)
    before = shop.health()
    shop.aws.clock.advance(10)
    assert before == [(shop.one, "OutOfService", "Instance registration is still in progress.")]
    assert shop.health() == [(shop.one, "InService", "N/A")]


@pytest.mark.rule("C1")
def test_a_leaving_member_is_in_service_while_it_drains_then_not_registered(shop: Shop) -> None:
    shop.world.join("shop", shop.one, shop.two)
    shop.aws.clock.advance(20)
    shop.leave(shop.one)
    draining = shop.health(shop.one)
    shop.aws.clock.advance(60)
    assert draining == [(shop.one, "InService", "Instance deregistration currently in progress.")]
    assert shop.health(shop.one) == [
        (shop.one, "OutOfService", "Instance is not currently registered with the LoadBalancer.")
    ]
    assert [row[0] for row in shop.health()] == [shop.two]


@pytest.mark.rule("C3")
def test_a_drain_ends_early_when_the_host_is_idle(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.leave(shop.one)
    shop.aws.simulation.finish_drain(shop.pool, shop.one)
    assert shop.health() == []


@pytest.mark.rule("C3")
def test_without_draining_a_member_is_gone_at_once(aws: InProcess, world: World) -> None:
    shop = Shop(aws, world, ClassicSettings(draining=None))
    world.join("shop", shop.one)
    shop.leave(shop.one)
    assert shop.health() == []


@pytest.mark.rule("C4")
def test_register_answers_all_members_once_and_deregister_the_rest(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    answer = shop.world.elb.register_instances_with_load_balancer(
        LoadBalancerName="shop", Instances=[{"InstanceId": shop.one}, {"InstanceId": shop.two}]
    )
    assert [one["InstanceId"] for one in answer["Instances"]] == [shop.one, shop.two]
    assert shop.leave(shop.one) == [shop.two]


@pytest.mark.rule("C4")
def test_the_balancer_lists_its_members(shop: Shop) -> None:
    shop.world.join("shop", shop.one, shop.two)
    shop.leave(shop.two)
    described = shop.world.elb.describe_load_balancers(LoadBalancerNames=["shop"])["LoadBalancerDescriptions"][0]
    assert described["Instances"] == [{"InstanceId": shop.one}]


@pytest.mark.rule("C4")
def test_an_id_that_ec2_does_not_know_is_an_invalid_instance(shop: Shop) -> None:
    with pytest.raises(ClientError, match="InvalidInstance"):
        shop.world.join("shop", "i-0123456789abcdef0")
    with pytest.raises(ClientError, match="InvalidInstance"):
        shop.health("i-0123456789abcdef0")


@pytest.mark.rule("C2")
def test_terminated_instances_are_missing_from_the_answer(shop: Shop) -> None:
    shop.world.join("shop", shop.one, shop.two)
    shop.world.ec2.terminate_instances(InstanceIds=[shop.one])
    assert [row[0] for row in shop.health()] == [shop.two]
    assert [row[0] for row in shop.health(shop.one, shop.two)] == [shop.two]


def test_a_stopped_member_is_out_of_service(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.aws.clock.advance(20)
    shop.world.ec2.stop_instances(InstanceIds=[shop.one])
    assert shop.health() == [(shop.one, "OutOfService", "Instance is in stopped state.")]


def test_a_sick_member_is_out_of_service_and_gets_no_traffic_even_when_it_is_the_last(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.aws.clock.advance(20)
    before = shop.aws.simulation.serving(shop.pool)
    shop.aws.apps.sicken(shop.one)
    shop.aws.clock.advance(20)
    assert (before, shop.aws.simulation.serving(shop.pool)) == (((shop.one, None),), ())
    assert shop.health()[0][1] == "OutOfService"


def test_any_text_can_be_forced(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.aws.simulation.force(shop.pool, shop.one, None, Shown("Unknown", "ELB", "A transient error occurred."))
    assert shop.health() == [(shop.one, "Unknown", "A transient error occurred.")]


def test_a_balancer_that_does_not_exist_is_not_found(shop: Shop) -> None:
    with pytest.raises(ClientError, match="LoadBalancerNotFound"):
        shop.world.join("nowhere", shop.one)


def test_a_new_balancer_with_an_old_name_has_no_members(shop: Shop) -> None:
    shop.world.join("shop", shop.one)
    shop.world.elb.delete_load_balancer(LoadBalancerName="shop")
    shop.world.a_classic("shop", shop.vpc)
    assert shop.health() == []


def test_draining_and_cross_zone_read_back_as_they_were_set(shop: Shop) -> None:
    answer = shop.world.elb.describe_load_balancer_attributes(LoadBalancerName="shop")["LoadBalancerAttributes"]
    assert (answer["ConnectionDraining"], answer["CrossZoneLoadBalancing"]) == (
        {"Enabled": True, "Timeout": 60},
        {"Enabled": True},
    )
