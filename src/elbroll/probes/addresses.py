"""Which addresses may be asked (S-7): literal ones, and none behind which a host's own credentials lie."""

from __future__ import annotations

import ipaddress

from elbroll.errors import Refused

_METADATA = ipaddress.ip_network("fd00:ec2::/32")


def checked(address: str) -> str:
    """The address, in its canonical form. Raises Refused."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError as error:
        raise Refused(f"{address!r} is not an address; only literal ones are asked") from error
    actual = getattr(parsed, "ipv4_mapped", None) or parsed
    if actual.is_link_local or actual.is_multicast or actual.is_unspecified or _is_metadata(actual):
        raise Refused(f"{address} is not asked: link-local and metadata addresses never are", code="forbidden-address")
    return str(actual)


def _is_metadata(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.version == 6 and address in _METADATA


def at(address: str, port: int) -> str:
    """For people and for `Host:` headers."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
