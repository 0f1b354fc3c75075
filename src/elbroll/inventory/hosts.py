"""What EC2 says of an instance, made into a `Host`; and hosts that EC2 says nothing of."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import Action
from elbroll.aws.answers import part
from elbroll.model import Host, HostId, InstanceState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_ec2.type_defs import InstanceTypeDef

OUTSIDE = "ip-"
GROUP_TAG = "aws:autoscaling:groupName"
"""Set by Auto Scaling itself; nobody else may write tags that begin with `aws:`."""


def instance_host(instance: InstanceTypeDef) -> Host:
    """The host that an instance is. Raises Unanswered for half an instance (F-15)."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in instance.get("Tags", [])}
    identity = part(instance, "InstanceId", Action.INSTANCES)
    word = part(part(instance, "State", Action.INSTANCES), "Name", Action.INSTANCES)
    known = word in set(InstanceState)
    return Host(
        id=HostId(identity),
        name=tags.get("Name") or identity,
        state=InstanceState(word) if known else InstanceState.UNKNOWN,
        zone=instance.get("Placement", {}).get("AvailabilityZone") or None,
        vpc=instance.get("VpcId") or None,
        private_ip=instance.get("PrivateIpAddress") or None,
        public_ip=instance.get("PublicIpAddress") or None,
        private_dns=instance.get("PrivateDnsName") or None,
        public_dns=instance.get("PublicDnsName") or None,
        launched=instance.get("LaunchTime"),
        addresses=tuple(dict.fromkeys(_addresses(instance))),
        group=tags.get(GROUP_TAG),
        said=None if known else word,
    )


def missing_host(identity: str) -> Host:
    """An id that EC2 does not know, or no longer."""
    return Host(HostId(identity), identity, InstanceState.MISSING)


def outside_host(vpc: str | None, address: str) -> Host:
    """An address that belongs to no instance: the address is the host (T21)."""
    identity = f"{OUTSIDE}{vpc or ''}-{address.replace(':', '.')}"
    return Host(HostId(identity), address, InstanceState.OUTSIDE, vpc=vpc, private_ip=address, addresses=(address,))


def outside_host_by_id(identity: str) -> Host | None:
    """The host of such an id, read back; None for ids of any other form."""
    vpc, dash, text = identity.removeprefix(OUTSIDE).rpartition("-")
    if not identity.startswith(OUTSIDE) or not dash:
        return None
    for address in (text, text.replace(".", ":")):
        if is_address(address):
            return outside_host(vpc or None, address)
    return None


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _addresses(instance: InstanceTypeDef) -> Iterator[str]:
    if address := instance.get("PrivateIpAddress"):
        yield address
    for interface in instance.get("NetworkInterfaces", []):
        yield from _of_interface(interface)


def _of_interface(interface: Mapping[str, Any]) -> Iterator[str]:
    yield from (each["PrivateIpAddress"] for each in interface.get("PrivateIpAddresses", []))
    yield from (each["Ipv6Address"] for each in interface.get("Ipv6Addresses", []))
