"""The addresses that a balancer speaks from, or the honest word that they tell nothing (E3, F-21)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from elbroll.demo.lifelike import GroupSettings, LoadBalancer
from elbroll.errors import ElbrollError, Unanswered

if TYPE_CHECKING:
    from balancers.site import Calls, Site
    from elbroll.model import Pool

ZONES = {"us-east-1a": "10.0.1.201", "us-east-1b": "10.0.2.202"}


def with_nodes(site: Site, pool: Pool) -> Pool:
    site.world.nodes(LoadBalancer(pool.balancers[0], pool.balancer_arns[0], site.vpc), ZONES)
    return pool


@pytest.mark.rule("E3")
def test_an_application_balancer_has_an_address_in_each_zone(site: Site) -> None:
    pool = with_nodes(site, site.alb("web")[0])
    with_nodes_of_another = replace(pool, balancer_arns=(pool.balancer_arns[0] + "0",))
    assert site.balancer.nodes(pool) == frozenset(ZONES.values())
    assert site.balancer.nodes(with_nodes_of_another) is None


@pytest.mark.rule("E3")
def test_a_classic_balancer_s_nodes_go_by_its_name(site: Site) -> None:
    site.world.classic_nodes("old", site.vpc, ZONES)
    assert site.balancer.nodes(site.classic("old")) == frozenset(ZONES.values())


@pytest.mark.rule("E3")
def test_a_network_balancer_that_hides_clients_shows_its_own_nodes(site: Site) -> None:
    settings = GroupSettings(protocol="TCP", target_type="ip", attributes={"preserve_client_ip.enabled": "false"})
    assert site.balancer.nodes(with_nodes(site, site.nlb("net", "net-tcp", settings))) == frozenset(ZONES.values())


@pytest.mark.rule("E3")
def test_where_targets_see_the_clients_the_nodes_tell_nothing(site: Site, calls: Calls) -> None:
    pool = with_nodes(site, site.nlb("net", "net-tcp", GroupSettings(protocol="TCP")))
    before = len(calls.made)
    assert (pool.keeps_client_addresses, site.balancer.nodes(pool), calls.made[before:]) == (True, None, [])


@pytest.mark.rule("E3")
def test_second_addresses_and_ipv6_are_nodes_too(site: Site) -> None:
    pool = site.alb("web")[0]
    interface = {
        "PrivateIpAddress": "10.0.1.5",
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.5"}, {"PrivateIpAddress": "10.0.1.6"}],
        "Ipv6Addresses": [{"Ipv6Address": "fd00::5"}],
    }
    with Stubber(site.clients.ec2) as stubber:
        stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": [interface], "NextToken": "more"})
        stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": [{"PrivateIpAddresses": []}]})
        assert site.balancer.nodes(pool) == {"10.0.1.5", "10.0.1.6", "fd00::5"}


@pytest.mark.rule("F-21", "I-16")
@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded", "NotImplemented"])
def test_a_read_that_is_not_permitted_or_not_offered_is_told_to_whoever_can_do_without(site: Site, code: str) -> None:
    pool = site.alb("web")[0]
    with Stubber(site.clients.ec2) as stubber:
        stubber.add_client_error("describe_network_interfaces", code)
        with pytest.raises(ElbrollError, match="ec2:DescribeNetworkInterfaces"):
            site.balancer.nodes(pool)


@pytest.mark.rule("F-21", "F-15")
def test_half_a_list_of_nodes_is_none(site: Site, calls: Calls) -> None:
    pool = with_nodes(site, site.alb("web")[0])
    calls.fail("DescribeNetworkInterfaces", ReadTimeoutError(endpoint_url="https://ec2"))
    with pytest.raises(Unanswered):
        site.balancer.nodes(pool)


@pytest.mark.rule("F-15", "F-32", "I-5")
def test_a_node_without_its_addresses_is_half_an_answer_and_not_one_node_less(site: Site) -> None:
    pool = site.alb("web")[0]
    whole, bare = {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.5"}]}, {"NetworkInterfaceId": "eni-1"}
    with Stubber(site.clients.ec2) as stubber:
        stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": [whole, bare]})
        with pytest.raises(Unanswered, match="half an answer to ec2:DescribeNetworkInterfaces"):
            site.balancer.nodes(pool)


@pytest.mark.rule("E3")
def test_no_interface_at_all_is_not_an_empty_set_of_nodes(site: Site) -> None:
    assert site.balancer.nodes(site.alb("web")[0]) is None


@pytest.mark.rule("E3", "T21")
def test_a_group_without_a_balancer_has_no_nodes(site: Site) -> None:
    site.world.a_group("alone", site.vpc, 8080)
    assert site.balancer.nodes(site.directory.find("alone", ())[0]) is None
