"""The addresses from which a balancer talks to its targets: what "idle" is counted against (E3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import Action
from elbroll.aws.answers import everything
from elbroll.aws.rows import half
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from elbroll.aws.clients import Clients
    from elbroll.model import Pool


def node_addresses(clients: Clients, pool: Pool, before_each: Callable[[], None]) -> frozenset[str] | None:
    """Every private address of every node now; None where they tell nothing. `before_each` call waits for its turn.

    Raises what `aws.door` raises.
    """
    if pool.keeps_client_addresses or not _descriptions(pool):
        return None
    wanted = {"Filters": [{"Name": "description", "Values": _descriptions(pool)}]}
    interfaces = everything(
        lambda: clients.ec2.get_paginator("describe_network_interfaces"),
        "NetworkInterfaces",
        Action.INTERFACES,
        wanted,
        before_each,
    )
    return frozenset(address for interface in interfaces for address in _addresses(interface)) or None


def _descriptions(pool: Pool) -> list[str]:
    """As AWS writes them: `ELB app/NAME/ID`, `ELB net/NAME/ID`, and `ELB NAME` for a classic balancer."""
    if pool.kind is BalancerKind.CLASSIC:
        return [f"ELB {pool.name}"]
    return [f"ELB {arn.rpartition(':loadbalancer/')[2]}" for arn in pool.balancer_arns]


def _addresses(interface: Mapping[str, Any]) -> Iterator[str]:
    """Of one that has none of a kind, the kind may be missing; without both, connections from there would not count."""
    if interface.keys().isdisjoint(("PrivateIpAddresses", "Ipv6Addresses")):
        raise half(Action.INTERFACES, "an interface lacks its addresses")
    for address in interface.get("PrivateIpAddresses", []):
        yield address["PrivateIpAddress"]
    for address in interface.get("Ipv6Addresses", []):
        yield address["Ipv6Address"]
