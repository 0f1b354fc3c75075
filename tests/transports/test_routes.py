"""From a host to its target: which word is dialled, whose user counts, and the way through bastions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.config.schema import Ssh
from elbroll.errors import HostAccessError
from elbroll.model import Host, HostId, InstanceState
from elbroll.transports.routes import Routes
from elbroll.transports.target import OnlyKeys, checked

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.transports.target import Target

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh program on this machine")

HOST = Host(
    HostId("i-0a1b2c3d4e5f60001"),
    "web-1",
    InstanceState.RUNNING,
    private_ip="10.0.1.11",
    public_ip="198.51.100.7",
    private_dns="ip-10-0-1-11.ec2.internal",
    public_dns="ec2-198-51-100-7.compute.amazonaws.com",
)


def route(tmp_path: Path, config: str = "", host: Host = HOST, **changes: Any) -> Target:
    (tmp_path / "config").write_text(config)
    settings = Ssh().model_copy(update={"config_file": "config", **changes})  # unchecked: the last door checks too
    return Routes(settings, tmp_path).to(host)


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("private", "10.0.1.11"),
        ("public", "198.51.100.7"),
        ("private-dns", "ip-10-0-1-11.ec2.internal"),
        ("public-dns", "ec2-198-51-100-7.compute.amazonaws.com"),
        ("name", "web-1"),
        ("instance-id", "i-0a1b2c3d4e5f60001"),
    ],
)
@pytest.mark.rule("T-1")
def test_the_key_address_says_what_is_dialled(address: str, dialled: str, tmp_path: Path) -> None:
    assert route(tmp_path, address=address).address == dialled


@pytest.mark.rule("T-1")
def test_a_host_without_that_address_is_told_so(tmp_path: Path) -> None:
    bare = Host(HostId("ip-vpc-1-10.0.9.9"), "10.0.9.9", InstanceState.OUTSIDE, addresses=("10.0.9.9",))
    assert route(tmp_path, host=bare).address == "10.0.9.9"
    with pytest.raises(HostAccessError, match="no public address"):
        route(tmp_path, host=bare, address="public")


@pytest.mark.rule("T-11", "T-27")
def test_only_an_instance_id_is_a_name_of_host_keys(tmp_path: Path) -> None:
    bare = Host(HostId("ip-vpc-1-10.0.9.9"), "10.0.9.9", InstanceState.OUTSIDE, addresses=("10.0.9.9",))
    assert route(tmp_path, host=bare).key_names.binding == ("10.0.9.9",)
    assert route(tmp_path).key_names.binding == ("i-0a1b2c3d4e5f60001", "10.0.1.11")
    assert route(tmp_path, port=2222).key_names.all == ("i-0a1b2c3d4e5f60001", "[10.0.1.11]:2222", "10.0.1.11")
    assert route(tmp_path, "HostKeyAlias w").key_names.all == ("i-0a1b2c3d4e5f60001", "w")


@pytest.mark.rule("T-25")
def test_elbroll_toml_comes_before_ssh_config(tmp_path: Path) -> None:
    config = "Host 10.0.1.*\n  User from-config\n  Port 2200\n  IdentityFile ~/.ssh/other\n"
    theirs = route(tmp_path, config)
    assert (theirs.user, theirs.port, theirs.only) == ("from-config", 2200, OnlyKeys.ANY)
    ours = route(tmp_path, config, user="ana", port=22, identity_file="keys/mine")
    assert (ours.user, ours.port, ours.only) == ("ana", 22, OnlyKeys.DEMANDED)
    assert [identity.path for identity in ours.identities] == [tmp_path / "keys/mine"]


@pytest.mark.rule("T-20")
def test_identities_only_is_obeyed(tmp_path: Path) -> None:
    assert route(tmp_path, "IdentityFile ~/.ssh/x\nIdentitiesOnly yes\n").only is OnlyKeys.LISTED


@pytest.mark.rule("T-26")
def test_hops_are_dialled_in_their_order(tmp_path: Path) -> None:
    config = "Host b\n  HostName b.example.com\n  User bob\n"
    target = route(tmp_path, config, proxy_jump="ops@a:2222, b,ssh://eve@[fd00::1]:22")
    assert [(hop.user, hop.address, hop.port) for hop in target.hops[:2]] == [
        ("ops", "a", 2222),
        ("bob", "b.example.com", 22),
    ]
    assert (target.hops[2].user, target.hops[2].address) == ("eve", "fd00::1")
    assert target.hops[0].key_names.binding == ("[a]:2222",)


@pytest.mark.rule("T-26")
def test_the_first_hop_may_have_a_way_of_its_own(tmp_path: Path) -> None:
    config = "Host 10.*\n  ProxyJump inner\nHost inner\n  ProxyJump outer\nHost outer\n  ProxyCommand nc %h %p\n"
    target = route(tmp_path, config)
    assert [hop.address for hop in target.hops] == ["outer", "inner"]
    assert target.hops[0].proxy_command == "nc outer 22"
    assert target.hops[1].proxy_command is None


@pytest.mark.rule("T-26", "T-25")
def test_proxy_jump_of_elbroll_toml_replaces_every_proxy_of_ssh_config(tmp_path: Path) -> None:
    config = "Host 10.*\n  ProxyCommand nc %h %p\n"
    assert route(tmp_path, config).proxy_command == "nc 10.0.1.11 22"
    assert route(tmp_path, config, proxy_jump="gw").proxy_command is None
    assert route(tmp_path, config, proxy_jump="none").hops == ()


@pytest.mark.rule("T-26")
def test_two_hosts_behind_one_bastion_share_it(tmp_path: Path) -> None:
    other = Host(HostId("i-2"), "web-2", InstanceState.RUNNING, private_ip="10.0.1.12")
    assert route(tmp_path, proxy_jump="gw").bastion == route(tmp_path, host=other, proxy_jump="gw").bastion


@pytest.mark.rule("T-26")
@pytest.mark.parametrize(
    "config",
    [
        "Host 10.*\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n",
        "Host 10.*\n  ProxyJump a\nHost a\n  ProxyJump 10.0.1.11\n",
    ],
)
def test_a_circle_is_named(config: str, tmp_path: Path) -> None:
    with pytest.raises(HostAccessError, match="→"):
        route(tmp_path, config)


@pytest.mark.rule("T-26", "T-25")
def test_a_bastion_behind_itself_is_refused_in_the_words_of_ssh(tmp_path: Path) -> None:
    with pytest.raises(HostAccessError) as caught:
        route(tmp_path, "Host *\n  ProxyJump gw\n")
    assert "loop" in caught.value.why[0]


@pytest.mark.rule("T-26")
def test_more_than_four_bastions_are_refused(tmp_path: Path) -> None:
    assert len(route(tmp_path, proxy_jump="a,b,c,d").hops) == 4
    with pytest.raises(HostAccessError, match="more than 4"):
        route(tmp_path, proxy_jump="a,b,c,d,e")


@pytest.mark.rule("T-26", "T-27")
@pytest.mark.parametrize("spec", ["", " ", "a,,b", "-oProxyCommand=evil", "user@", "a b", "a:port", "a:1:2", "-x@a"])
def test_a_spec_that_names_no_bastion_is_refused(spec: str, tmp_path: Path) -> None:
    with pytest.raises(HostAccessError):
        route(tmp_path, proxy_jump=spec or ",")


@pytest.mark.rule("T-27", "S-4")
@pytest.mark.parametrize("word", ["", "-oProxyCommand=x", "a b", "a\nb", "a\x1b", "a\x85", "\u00a0"])
def test_words_that_ssh_might_take_for_something_else_are_refused(word: str) -> None:
    with pytest.raises(HostAccessError):
        checked(word, "the user")


@pytest.mark.rule("T-27")
def test_a_name_tag_that_is_an_option_is_never_given_to_ssh(tmp_path: Path) -> None:
    evil = Host(HostId("i-1"), "-oProxyCommand=touch", InstanceState.RUNNING)
    with pytest.raises(HostAccessError, match="not usable"):
        route(tmp_path, host=evil, address="name")
