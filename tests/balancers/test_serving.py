"""From hosts to every pool they serve in, which AWS offers no call for (T20, F-16, F-19)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from elbroll.demo.lifelike import GroupSettings
from elbroll.errors import PoolGone, Unanswered
from elbroll.inventory import Ec2Inventory
from elbroll.model import Host, HostId, InstanceState, Registration

if TYPE_CHECKING:
    from balancers.site import Calls, Site
    from elbroll.model import Pool

IP = GroupSettings(target_type="ip")


def names(pools: tuple[Pool, ...]) -> list[str]:
    return [pool.name for pool in pools]


@pytest.mark.rule("T20", "F-16")
def test_pools_of_every_kind_in_which_a_host_serves_are_found(site: Site) -> None:
    (web,) = site.alb("web")
    (api,) = site.alb("api", settings=IP)
    (other,) = site.alb("other")
    old = site.classic("old")
    host, stranger = site.launch("web-1", private_ip="10.0.1.11"), site.launch("web-2")
    site.register(web, Registration(web.id, host, 8081))
    site.register(api, Registration(api.id, "10.0.1.11", 9000))
    site.register(other, Registration(other.id, stranger, 8080))
    site.register(old, Registration(old.id, host, None))
    assert names(site.directory.serving([site.host(host)], [])) == ["api-http", "old", "web-http"]


@pytest.mark.rule("T20", "S-14")
def test_pools_that_are_known_are_not_asked_again(site: Site, calls: Calls) -> None:
    (web,), old = site.alb("web"), site.classic("old")
    host = site.launch("web-1")
    site.register(web, Registration(web.id, host, 8080))
    site.register(old, Registration(old.id, host, None))
    before = len(calls.made)
    assert site.directory.serving([site.host(host)], [web.id, old.id]) == ()
    assert {action.rpartition(":")[2] for action in calls.actions[before:]} == {
        "DescribeInstances",
        "DescribeLoadBalancers",
        "DescribeTargetGroups",
    }


@pytest.mark.rule("T20", "F-19")
def test_a_pool_that_a_host_is_still_leaving_is_found_too(site: Site) -> None:
    (web,), old = site.alb("web"), site.classic("old")
    host = site.launch("web-1")
    entries = {web.id: Registration(web.id, host, 8080), old.id: Registration(old.id, host, None)}
    for pool in (web, old):
        site.register(pool, entries[pool.id])
    for pool in (web, old):
        site.balancer.deregister(pool, [entries[pool.id]])
    assert names(site.directory.serving([site.host(host)], [])) == ["old", "web-http"]


@pytest.mark.rule("T20", "E1")
def test_the_same_address_in_another_network_is_another_host(site: Site) -> None:
    elsewhere = site.world.a_vpc("10.1.0.0/16")
    group = site.world.a_group("twin", elsewhere, 8080, IP)
    site.world.register(group, "10.0.1.11", 8080, zone="all")
    host = site.launch("web-1", private_ip="10.0.1.11")
    assert site.directory.serving([site.host(host)], []) == ()


@pytest.mark.rule("T20", "T21")
def test_a_bare_address_is_found_in_its_network(site: Site) -> None:
    (api,) = site.alb("api", settings=IP)
    site.register(api, Registration(api.id, "10.0.1.99", 9000))
    (host,) = Ec2Inventory(site.clients, site.clock).addresses(site.vpc.id, ["10.0.1.99"]).values()
    assert names(site.directory.serving([host], [])) == ["api-http"]


@pytest.mark.rule("T20")
@pytest.mark.parametrize("state", [InstanceState.MISSING, InstanceState.TERMINATED])
def test_a_host_without_a_network_serves_nowhere(site: Site, calls: Calls, state: InstanceState) -> None:
    site.alb("web")
    site.classic("old")
    before = len(calls.made)
    assert site.directory.serving([Host(HostId("i-1"), "i-1", state)], []) == ()
    assert "elasticloadbalancing:DescribeTargetHealth" not in calls.actions[before:]


@pytest.mark.rule("T20", "I-13")
def test_a_small_account_is_scanned_at_once(site: Site) -> None:
    host = site.launch("web-1")
    for number in range(12):
        site.world.a_group(f"group-{number}", site.vpc, 8000 + number)
    site.directory.serving([site.host(host)], [])
    assert site.clock.monotonic() == 0


@pytest.mark.rule("T20", "I-13", "Q1")
def test_a_big_account_is_scanned_at_five_calls_a_second(site: Site, calls: Calls) -> None:
    host = site.launch("web-1")
    for number in range(60):
        site.world.a_group(f"group-{number}", site.vpc, 8000 + number)
    site.directory.serving([site.host(host)], [])
    assert len(calls.parameters("DescribeTargetHealth")) == 60
    assert (60 - 20) / 5 <= site.clock.monotonic() <= (60 + 5 - 20) / 5


@pytest.mark.rule("F-15", "F-16")
def test_a_pool_that_does_not_answer_is_an_error_and_not_a_pool_without_hosts(site: Site, calls: Calls) -> None:
    site.alb("web")
    host = site.host(site.launch("web-1"))
    calls.fail("DescribeTargetHealth", *[ReadTimeoutError(endpoint_url="https://elb")] * 100)
    with pytest.raises(Unanswered):
        site.directory.serving([host], [])


@pytest.mark.rule("F-14")
def test_a_throttle_in_the_middle_of_a_scan_is_waited_out(site: Site, calls: Calls) -> None:
    (web,) = site.alb("web")
    host = site.launch("web-1")
    site.register(web, Registration(web.id, host, 8080))
    calls.fail("DescribeTargetHealth", *[ReadTimeoutError(endpoint_url="https://elb")] * 3)
    assert names(site.directory.serving([site.host(host)], [])) == ["web-http"]


@pytest.mark.rule("F-35")
def test_a_pool_that_vanishes_during_the_scan_serves_nobody(site: Site) -> None:
    host = site.host(site.launch("web-1"))
    group = {
        "TargetGroupName": "short",
        "TargetGroupArn": f"{ARN}/short/0123456789abcdef",
        "VpcId": site.vpc.id,
        "TargetType": "instance",
        "Protocol": "HTTP",
        "LoadBalancerArns": [],
    }
    with Stubber(site.clients.elbv2) as stubber:
        stubber.add_response("describe_load_balancers", {"LoadBalancers": []})
        stubber.add_response("describe_target_groups", {"TargetGroups": [group]})
        stubber.add_client_error("describe_target_health", "TargetGroupNotFound")
        assert site.directory.serving([host], []) == ()


ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup"


@pytest.mark.rule("T21")
def test_groups_that_are_not_ours_are_passed_over(site: Site) -> None:
    site.clients.elbv2.create_target_group(Name="fn", TargetType="lambda")
    host = site.host(site.launch("web-1"))
    assert site.directory.serving([replace(host, state=InstanceState.STOPPED)], []) == ()


@pytest.mark.rule("T20", "C2")
def test_an_instance_that_aws_refuses_to_speak_of_hides_no_other(site: Site) -> None:
    first, second = site.launch("web-1"), site.launch("web-2")
    hosts = [site.host(first), site.host(second)]
    text = "Instance deregistration currently in progress."
    leaving = {"InstanceId": max(first, second), "State": "InService", "Description": text}
    with Stubber(site.clients.elb) as stubber:
        listed = [{"LoadBalancerName": "old", "VPCId": site.vpc.id, "Instances": []}]
        stubber.add_response("describe_load_balancers", {"LoadBalancerDescriptions": listed})
        stubber.add_client_error("describe_instance_health", "InvalidInstance")
        stubber.add_client_error("describe_instance_health", "InvalidInstance")
        stubber.add_response("describe_instance_health", {"InstanceStates": [leaving]})
        stubber.add_client_error("describe_load_balancer_attributes", "LoadBalancerNotFound")
        with pytest.raises(PoolGone, match="loadbalancer/old"):
            site.directory.serving(hosts, [])


@pytest.mark.rule("F-35", "C2")
@pytest.mark.parametrize("code", ["LoadBalancerNotFound", "InvalidInstance"])
def test_a_classic_that_vanishes_or_knows_no_such_instance_serves_nobody(site: Site, code: str) -> None:
    host = site.host(site.launch("web-1"))
    with Stubber(site.clients.elb) as stubber:
        listed = [{"LoadBalancerName": "old", "VPCId": site.vpc.id, "Instances": []}]
        stubber.add_response("describe_load_balancers", {"LoadBalancerDescriptions": listed})
        stubber.add_client_error("describe_instance_health", code)
        assert site.directory.serving([host], []) == ()


@pytest.mark.rule("T20")
def test_a_classic_is_not_asked_for_addresses(site: Site, calls: Calls) -> None:
    site.classic("old")
    hosts = Ec2Inventory(site.clients, site.clock).addresses(site.vpc.id, ["10.0.1.99"])
    assert site.directory.serving(list(hosts.values()), []) == ()
    assert calls.parameters("DescribeInstanceHealth") == []


@pytest.mark.rule("F-15", "F-16", "T20")
def test_a_running_instance_without_a_network_is_half_an_answer(site: Site) -> None:
    host = replace(site.host(site.launch("web-1")), vpc=None)
    with pytest.raises(Unanswered) as caught:
        site.directory.serving([host], [])
    assert caught.value.why == (f"VpcId is missing from {host.id}",)


@pytest.mark.rule("F-16", "C1")
def test_a_classic_balancer_of_no_told_network_is_asked_whether_it_is_being_left(site: Site, calls: Calls) -> None:
    site.classic("old")
    host = site.host(site.launch("web-1"))
    listed = site.clients.elb.describe_load_balancers()["LoadBalancerDescriptions"][0]
    bare: Any = {name: part for name, part in listed.items() if name != "VPCId"}
    state = {"InstanceId": host.id, "State": "InService", "Description": "Instance deregistration in progress."}
    calls.made.clear()
    with Stubber(site.clients.elb) as stubber:
        stubber.add_response("describe_load_balancers", {"LoadBalancerDescriptions": [bare]})
        stubber.add_response("describe_instance_health", {"InstanceStates": [state]})
        stubber.add_response("describe_load_balancer_attributes", {"LoadBalancerAttributes": {}})
        assert names(site.directory.serving([host], [])) == ["old"]
