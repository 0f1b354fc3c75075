"""Which addresses may be asked (S-7): literal ones, and none behind which a host's own credentials lie."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from elbroll.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = ipaddress.ip_network("fd00:ec2::/32")
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")))
"""Where NAT64 shows the world of IPv4 (RFC 6052, 8215, 7915); AWS's gateways use the first."""
_COMPATIBLE = ipaddress.ip_network("::/96")


def checked(address: str) -> str:
    """The address, in its canonical form. Raises Refused."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError as error:
        raise Refused(f"{address!r} is not an address; only literal ones are asked") from error
    if any(_is_forbidden(form) for form in (parsed, *_within(parsed))):
        raise Refused(f"{address} is not asked: link-local and metadata addresses never are", code="forbidden-address")
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _is_forbidden(address: Address) -> bool:
    metadata = address.version == 6 and address in _METADATA
    return address.is_link_local or address.is_multicast or address.is_unspecified or metadata


def _within(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 one stands for, by whatever way of writing one into the other."""
    if isinstance(address, ipaddress.IPv6Address):
        yield from filter(None, (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())))
        if any(address in network for network in _TRANSLATED) or (address in _COMPATIBLE and int(address) > 1):
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def at(address: str, port: int) -> str:
    """For people and for `Host:` headers."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
