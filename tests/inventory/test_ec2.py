"""Which machine stands behind an id, an address or a name (E1, F-18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from elbroll.errors import PermissionDenied, Unanswered
from elbroll.model import InstanceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.aws import Clients
    from elbroll.demo.lifelike import InProcess, Vpc, World
    from elbroll.inventory import Ec2Inventory
    from elbroll.model import Host

UNKNOWN = "i-0123456789abcdef0"
SILENCE = ReadTimeoutError(endpoint_url="https://ec2")


@pytest.fixture
def asked(clients: Clients) -> Iterator[list[dict[str, Any]]]:
    """The parameters of each call to EC2 from here on."""
    sent: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    clients.ec2.meta.events.register("provide-client-params.ec2.*", note)
    yield sent
    clients.ec2.meta.events.unregister("provide-client-params.ec2.*", note)


@pytest.fixture
def silence(clients: Clients) -> Iterator[Callable[[int], None]]:
    """Lets so many of the next calls go unanswered."""
    left = [0]

    def fail(**_: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise SILENCE

    clients.ec2.meta.events.register("provide-client-params.ec2.*", fail)
    yield lambda count: left.__setitem__(0, count)
    clients.ec2.meta.events.unregister("provide-client-params.ec2.*", fail)


def names(hosts: tuple[Host, ...]) -> list[str]:
    return [host.name for host in hosts]


@pytest.mark.rule("E1")
def test_every_id_gets_an_answer_and_a_stranger_spoils_none(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    web = world.launch(vpc, "web-1", private_ip="10.0.1.11")
    found = inventory.instances([web, UNKNOWN])
    assert {name: (host.name, host.state) for name, host in found.items()} == {
        web: ("web-1", InstanceState.RUNNING),
        UNKNOWN: (UNKNOWN, InstanceState.MISSING),
    }


@pytest.mark.rule("E1", "F-34")
@pytest.mark.parametrize(("act", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_stopped_or_terminated_instance_is_told_as_such(
    inventory: Ec2Inventory, world: World, vpc: Vpc, act: str, state: str
) -> None:
    web = world.launch(vpc, "web-1")
    getattr(world.ec2, f"{act}_instances")(InstanceIds=[web])
    (host,) = inventory.instances([web]).values()
    assert host.state == state


@pytest.mark.rule("T21")
def test_the_id_of_a_bare_address_is_answered_without_asking(
    inventory: Ec2Inventory, asked: list[dict[str, Any]]
) -> None:
    (host,) = inventory.instances(["ip-vpc-1-10.9.9.9"]).values()
    assert (host.state, host.private_ip, host.vpc, asked) == (InstanceState.OUTSIDE, "10.9.9.9", "vpc-1", [])


@pytest.mark.rule("E1", "Q3", "F-15")
def test_many_ids_are_asked_for_in_portions_and_all_answered(
    inventory: Ec2Inventory, asked: list[dict[str, Any]]
) -> None:
    ids = [f"i-{number:017x}" for number in range(450)]
    assert set(inventory.instances(ids)) == set(ids)
    assert [len(sent["Filters"][0]["Values"]) for sent in asked] == [200, 200, 50]


@pytest.mark.rule("F-15")
def test_all_pages_are_read(inventory: Ec2Inventory, clients: Clients) -> None:
    def page(identity: str) -> dict[str, Any]:
        return {"Reservations": [{"Instances": [{"InstanceId": identity, "State": {"Name": "running"}}]}]}

    with Stubber(clients.ec2) as stubber:
        stubber.add_response("describe_instances", {**page("i-1"), "NextToken": "more"})
        stubber.add_response("describe_instances", {"Reservations": [], "NextToken": "still more"})
        stubber.add_response("describe_instances", page("i-2"))
        found = inventory.instances(["i-1", "i-2"])
    assert [host.state for host in found.values()] == [InstanceState.RUNNING] * 2


@pytest.mark.rule("E1", "F-18")
def test_an_address_leads_to_the_instance_of_that_network_only(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    here = world.launch(vpc, "here", private_ip="10.0.1.11")
    twin = world.a_vpc("10.0.0.0/16")
    there = world.launch(twin, "there", private_ip="10.0.1.11")
    assert inventory.addresses(vpc.id, ["10.0.1.11"])["10.0.1.11"].id == here
    assert inventory.addresses(twin.id, ["10.0.1.11"])["10.0.1.11"].id == there


@pytest.mark.rule("T21", "F-18")
def test_an_address_without_an_instance_is_its_own_host(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    world.ec2.create_network_interface(SubnetId=vpc.subnets["us-east-1a"], PrivateIpAddress="10.0.1.77")
    found = inventory.addresses(vpc.id, ["10.0.1.77", "192.168.7.7"])
    assert {address: (host.id, host.state) for address, host in found.items()} == {
        "10.0.1.77": (f"ip-{vpc.id}-10.0.1.77", InstanceState.OUTSIDE),
        "192.168.7.7": (f"ip-{vpc.id}-192.168.7.7", InstanceState.OUTSIDE),
    }


@pytest.mark.rule("E1")
def test_without_a_network_no_address_is_matched(
    inventory: Ec2Inventory, world: World, vpc: Vpc, asked: list[dict[str, Any]]
) -> None:
    world.launch(vpc, "here", private_ip="10.0.1.11")
    found = inventory.addresses(None, ["10.0.1.11"])
    assert (found["10.0.1.11"].state, asked) == (InstanceState.OUTSIDE, [])


@pytest.mark.rule("E1", "F-18")
def test_an_ipv6_address_is_asked_for_as_one(inventory: Ec2Inventory, clients: Clients) -> None:
    interface = {"Attachment": {"InstanceId": "i-1"}, "Ipv6Addresses": [{"Ipv6Address": "fd00::5"}]}
    filters = [
        {"Name": "ipv6-addresses.ipv6-address", "Values": ["fd00::5"]},
        {"Name": "vpc-id", "Values": ["vpc-1"]},
    ]
    instance = {"InstanceId": "i-1", "State": {"Name": "running"}}
    with Stubber(clients.ec2) as stubber:
        stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": [interface]}, {"Filters": filters})
        stubber.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]})
        assert inventory.addresses("vpc-1", ["fd00::5"])["fd00::5"].id == "i-1"


@pytest.mark.rule("E1")
def test_no_address_is_no_call(inventory: Ec2Inventory, asked: list[dict[str, Any]]) -> None:
    assert (dict(inventory.addresses("vpc-1", [])), dict(inventory.instances([])), asked) == ({}, {}, [])


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("web-1", ["web-1"]),
        ("web-?", ["web-1", "web-2"]),
        ("web-*", ["web-1", "web-10", "web-2"]),
        ("web-[12]", ["web-1", "web-2"]),
        ("web-[!1]", ["web-2"]),
        ("*-1", ["api-1", "web-1"]),
        ("odd[1]", ["odd[1]"]),
        ("WEB-1", []),
        ("web", []),
        ("10.0.1.11", ["web-1"]),
        ("i-no-such", []),
        ("", []),
    ],
)
def test_words_find_hosts_by_name_or_address(
    inventory: Ec2Inventory, world: World, vpc: Vpc, word: str, found: list[str]
) -> None:
    world.launch(vpc, "web-1", private_ip="10.0.1.11")
    for name in ("web-2", "web-10", "api-1", "odd[1]"):
        world.launch(vpc, name)
    assert names(inventory.search(word)) == found


def test_an_id_finds_its_host(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    web = world.launch(vpc, "web-1")
    assert [host.id for host in inventory.search(web)] == [web]


def test_two_hosts_of_one_name_are_both_found(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    twins = {world.launch(vpc, "web-1"), world.launch(vpc, "web-1")}
    assert {host.id for host in inventory.search("web-1")} == twins


@pytest.mark.rule("E1", "F-34")
def test_stopped_hosts_are_found_and_terminated_ones_are_not(inventory: Ec2Inventory, world: World, vpc: Vpc) -> None:
    stopped, terminated = world.launch(vpc, "web-1"), world.launch(vpc, "web-2")
    world.ec2.stop_instances(InstanceIds=[stopped])
    world.ec2.terminate_instances(InstanceIds=[terminated])
    assert names(inventory.search("web-*")) == ["web-1"]


@pytest.mark.rule("E1")
@pytest.mark.parametrize(
    ("word", "filters"),
    [
        ("web-1", ["instance-id", "tag:Name"]),
        ("*", ["instance-id", "tag:Name"]),
        ("10.0.1.*", ["addresses.private-ip-address", "instance-id", "tag:Name", "ip-address"]),
        ("fd00::5", ["ipv6-addresses.ipv6-address", "instance-id", "tag:Name", "ip-address"]),
        ("", []),
    ],
)
def test_only_filters_that_could_find_it_are_asked(
    inventory: Ec2Inventory, clients: Clients, asked: list[dict[str, Any]], word: str, filters: list[str]
) -> None:
    with Stubber(clients.ec2) as stubber:
        for operation, answer in map(_nothing_to, filters):
            stubber.add_response(operation, answer)
        assert inventory.search(word) == ()
    assert [sent["Filters"][0]["Name"] for sent in asked] == filters


def _nothing_to(name: str) -> tuple[str, dict[str, Any]]:
    of_interfaces = name.startswith(("addresses.", "ipv6-"))
    interfaces, instances = ("describe_network_interfaces", "NetworkInterfaces"), ("describe_instances", "Reservations")
    operation, key = interfaces if of_interfaces else instances
    return operation, {key: []}


@pytest.mark.parametrize("word", ["203.0.113.7", "10.0.9.9", "10.0.9.*"])
def test_public_and_second_addresses_find_their_host(inventory: Ec2Inventory, clients: Clients, word: str) -> None:
    interface = {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.9.9"}]}
    instance = {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "PublicIpAddress": "203.0.113.7",
        "NetworkInterfaces": [interface],
    }
    owned = {**interface, "Attachment": {"InstanceId": "i-1"}}
    with Stubber(clients.ec2) as stubber:
        stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": [owned]})
        for _ in range(4):
            stubber.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]})
        assert [host.id for host in inventory.search(word)] == ["i-1"]


@pytest.mark.rule("B2", "F-14")
def test_silence_is_waited_out(
    inventory: Ec2Inventory, aws: InProcess, silence: Callable[[int], None], world: World, vpc: Vpc
) -> None:
    web = world.launch(vpc, "web-1")
    silence(3)
    assert [host.name for host in inventory.instances([web]).values()] == ["web-1"]
    assert 3 <= aws.clock.monotonic() <= 20


@pytest.mark.rule("B2", "F-15")
def test_lasting_silence_is_an_error_and_never_a_missing_host(
    inventory: Ec2Inventory, silence: Callable[[int], None]
) -> None:
    silence(1000)
    with pytest.raises(Unanswered):
        inventory.instances([UNKNOWN])


@pytest.mark.rule("B4", "F-15")
def test_half_an_answer_and_a_missing_permission_are_errors(inventory: Ec2Inventory, clients: Clients) -> None:
    with Stubber(clients.ec2) as stubber:
        stubber.add_client_error("describe_instances", "UnauthorizedOperation", http_status_code=403)
        with pytest.raises(PermissionDenied):
            inventory.search("web-1")


@pytest.mark.rule("E1", "I-8")
def test_instances_that_nobody_asked_for_are_nobody_s_answer(inventory: Ec2Inventory, clients: Clients) -> None:
    told = [{"InstanceId": identity, "State": {"Name": "running"}} for identity in ("i-1", "i-0stranger")]
    with Stubber(clients.ec2) as stubber:
        stubber.add_response("describe_instances", {"Reservations": [{"Instances": told}]})
        assert set(inventory.instances(["i-1"])) == {"i-1"}
