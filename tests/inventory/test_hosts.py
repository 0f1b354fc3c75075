"""What EC2 says of an instance, and ids of hosts that EC2 says nothing of (E1, T21)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.errors import Unanswered
from elbroll.inventory.hosts import instance_host, outside_host, outside_host_by_id
from elbroll.model import InstanceState

LAUNCHED = datetime(2026, 11, 1, tzinfo=UTC)


def an_instance(**changes: Any) -> Any:
    return {
        "InstanceId": "i-0a1",
        "State": {"Name": "running"},
        "Placement": {"AvailabilityZone": "us-east-1a"},
        "VpcId": "vpc-1",
        "PrivateIpAddress": "10.0.1.11",
        "PublicIpAddress": "203.0.113.7",
        "PrivateDnsName": "ip-10-0-1-11.ec2.internal",
        "PublicDnsName": "ec2-203-0-113-7.amazonaws.com",
        "LaunchTime": LAUNCHED,
        "Tags": [{"Key": "Name", "Value": "web-1"}, {"Key": "aws:autoscaling:groupName", "Value": "web-asg"}],
        "NetworkInterfaces": [
            {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.11"}, {"PrivateIpAddress": "10.0.1.12"}]},
            {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.3.4"}], "Ipv6Addresses": [{"Ipv6Address": "fd00::4"}]},
        ],
        **changes,
    }


def test_a_host_is_all_that_ec2_says_of_it() -> None:
    host = instance_host(an_instance())
    assert (host.id, host.name, host.state, host.zone, host.vpc) == (
        "i-0a1",
        "web-1",
        InstanceState.RUNNING,
        "us-east-1a",
        "vpc-1",
    )
    assert (host.private_ip, host.public_ip, host.launched) == ("10.0.1.11", "203.0.113.7", LAUNCHED)
    assert (host.private_dns, host.public_dns) == ("ip-10-0-1-11.ec2.internal", "ec2-203-0-113-7.amazonaws.com")


def test_every_address_of_every_interface_is_known_once() -> None:
    assert instance_host(an_instance()).addresses == ("10.0.1.11", "10.0.1.12", "10.0.3.4", "fd00::4")


@pytest.mark.rule("A1")
def test_auto_scaling_s_own_tag_names_the_group() -> None:
    assert (instance_host(an_instance()).group, instance_host(an_instance(Tags=[])).group) == ("web-asg", None)


@pytest.mark.parametrize("tags", [[], [{"Key": "Name", "Value": ""}], [{"Key": "name", "Value": "x"}]])
def test_a_host_without_a_name_is_called_by_its_id(tags: list[dict[str, str]]) -> None:
    assert instance_host(an_instance(Tags=tags)).name == "i-0a1"


@pytest.mark.rule("E1")
def test_a_terminated_instance_has_lost_nearly_all_and_is_still_a_host() -> None:
    bare = {"InstanceId": "i-0a1", "State": {"Name": "terminated"}, "PrivateDnsName": "", "PublicDnsName": ""}
    host = instance_host(bare)
    assert (host.state, host.vpc, host.private_ip, host.private_dns, host.addresses) == (
        InstanceState.TERMINATED,
        None,
        None,
        None,
        (),
    )


@pytest.mark.rule("F-26")
def test_a_state_that_we_do_not_know_is_neither_running_nor_gone_and_shown_as_it_came() -> None:
    host = instance_host(an_instance(State={"Name": "hibernating"}))
    assert (host.state, host.shown_state) == (InstanceState.UNKNOWN, "hibernating")


@pytest.mark.rule("F-15")
@pytest.mark.parametrize("lacking", ["InstanceId", "State"])
def test_half_an_instance_is_no_answer(lacking: str) -> None:
    with pytest.raises(Unanswered) as caught:
        instance_host({name: value for name, value in an_instance().items() if name != lacking})  # type: ignore[arg-type]
    assert caught.value.why == (f"{lacking} is missing from it",)


@pytest.mark.rule("T21")
def test_an_address_outside_is_its_own_host() -> None:
    host = outside_host("vpc-1", "10.9.9.9")
    assert (host.id, host.name, host.state, host.addresses) == (
        "ip-vpc-1-10.9.9.9",
        "10.9.9.9",
        InstanceState.OUTSIDE,
        ("10.9.9.9",),
    )


@pytest.mark.rule("T21", "L3")
@given(
    st.sampled_from(["vpc-0a1b2c3d", "vpc-1", None]),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
)
def test_the_id_of_an_address_has_no_colons_and_leads_back_to_it(vpc: str | None, address: str) -> None:
    host = outside_host(vpc, address)
    assert ":" not in host.id
    assert outside_host_by_id(host.id) == host


@pytest.mark.parametrize("identity", ["i-0a1", "ip-", "ip-vpc-1-nonsense", "ip-10.0.0.1x", "", "web-1"])
def test_other_ids_are_no_addresses(identity: str) -> None:
    assert outside_host_by_id(identity) is None
