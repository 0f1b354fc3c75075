"""The `Inventory` port over EC2 (E1)."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from elbroll.aws.actions import Action
from elbroll.aws.answers import chunks, everything, part
from elbroll.aws.pace import TokenBucket
from elbroll.engine.waiting import patiently
from elbroll.inventory.hosts import instance_host, missing_host, outside_host, outside_host_by_id
from elbroll.model import Host, HostId, InstanceState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from elbroll.aws.clients import Clients
    from elbroll.engine.ports import Clock

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a read waits for an answer."""
LOOKS_A_SECOND = 5.0
"""Of the 20 that EC2 refills an account's bucket by; it holds 100 (EC2 API throttling)."""
LOOKS_AT_ONCE = 25
AT_A_TIME = 200
"""EC2's limit of values in one filter."""
ALIVE = ["pending", "running", "stopping", "stopped"]
PRIVATE = "addresses.private-ip-address"
PRIVATE_V6 = "ipv6-addresses.ipv6-address"


class Ec2Inventory:
    """Instances and addresses of one region, read anew each time, since both change, and at a few calls a
    second. Waits out two minutes of silence; raises what `aws.door` raises."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._pace = TokenBucket(clock, rate=LOOKS_A_SECOND, burst=LOOKS_AT_ONCE)

    def instances(self, ids: Collection[str]) -> Mapping[HostId, Host]:
        """Every id gets an answer: MISSING where EC2 has none, OUTSIDE for the id of a bare address."""
        answers = {HostId(identity): outside_host_by_id(identity) or missing_host(identity) for identity in ids}
        asked = sorted(host.id for host in answers.values() if host.state is InstanceState.MISSING)
        for some in chunks(asked, AT_A_TIME):
            found = self._described({"instance-id": some})
            answers |= {host.id: host for host in found if host.id in answers}  # strangers are nobody's answer
        return answers

    def addresses(self, vpc: str | None, addresses: Collection[str]) -> Mapping[str, Host]:
        """The instance whose interface has the address in that network, else the address as its own host.

        Without a network every address is its own host: addresses repeat.
        """
        owners = self._owners(vpc, addresses) if vpc else {}
        hosts = self.instances(set(owners.values()))
        return {
            address: hosts[HostId(owners[address])] if address in owners else outside_host(vpc, address)
            for address in addresses
        }

    def search(self, word: str) -> tuple[Host, ...]:
        """Hosts that are not terminated, by name; a word with `*`, `?` or `[` is a glob too, upper case is upper.

        Addresses are searched for words with a dot or a colon.
        """
        found = {host.id: host for host in self._candidates(word) if _answers_to(host, word)}
        return tuple(sorted(found.values(), key=lambda host: (host.name, host.id)))

    def _candidates(self, word: str) -> Iterator[Host]:
        """What EC2's own patterns find: at least all that is meant."""
        values = list(dict.fromkeys([word, _for_ec2(word)]))
        asked = [{"instance-id": values}, {"tag:Name": values}] if word else []
        if "." in word or ":" in word:
            owners = chunks(self._with_address(values), AT_A_TIME)
            asked += [{"ip-address": values}, *({"instance-id": list(some)} for some in owners)]
        for filters in asked:
            yield from self._described({**filters, "instance-state-name": ALIVE})

    def _described(self, filters: Mapping[str, Sequence[str]]) -> list[Host]:
        return self._all("describe_instances", "Reservations", Action.INSTANCES, filters, _hosts)

    def _owners(self, vpc: str, addresses: Collection[str]) -> dict[str, str]:
        """Instance id by address, for addresses that an instance's interface has."""
        owners: dict[str, str] = {}
        v6 = sorted(address for address in addresses if ":" in address)
        for name, wanted in ((PRIVATE, sorted(set(addresses) - set(v6))), (PRIVATE_V6, v6)):
            for some in chunks(wanted, AT_A_TIME):
                owners |= self._attached({name: some, "vpc-id": [vpc]})
        return owners

    def _with_address(self, values: Sequence[str]) -> list[str]:
        """Ids of instances with such an address on any interface, in any network."""
        name = PRIVATE_V6 if ":" in values[0] else PRIVATE
        return sorted(set(self._attached({name: values}).values()))

    def _attached(self, filters: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Instance id by address, of every address that one of these interfaces has."""
        return self._all("describe_network_interfaces", "NetworkInterfaces", Action.INTERFACES, filters, _by_address)

    def _all(
        self,
        operation: Any,
        key: str,
        action: Action,
        filters: Mapping[str, Sequence[str]],
        read: Callable[[Iterable[Any]], T],
    ) -> T:
        """What `read` makes of all pages; half a row is asked for again like no answer at all."""
        arguments = {"Filters": [{"Name": name, "Values": list(values)} for name, values in filters.items()]}

        def once() -> T:
            pages = partial(self._clients.ec2.get_paginator, operation)
            return read(everything(pages, key, action, arguments, self._pace.take))

        return patiently(once, clock=self._clock, budget=PATIENCE)


def _hosts(reservations: Iterable[Any]) -> list[Host]:
    return [
        instance_host(each) for reservation in reservations for each in part(reservation, "Instances", Action.INSTANCES)
    ]


def _by_address(interfaces: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for interface in interfaces:
        if owner := interface.get("Attachment", {}).get("InstanceId"):
            owners |= {each["PrivateIpAddress"]: owner for each in interface.get("PrivateIpAddresses", [])}
            owners |= {each["Ipv6Address"]: owner for each in interface.get("Ipv6Addresses", [])}
    return owners


def _for_ec2(word: str) -> str:
    """EC2 knows `*` and `?`; a set such as `[12]` is asked for as `?` and compared here."""
    return re.sub(r"\[[^\]]+\]", "?", word)


def _answers_to(host: Host, word: str) -> bool:
    own = (host.id, host.name, host.private_ip, host.public_ip, *host.addresses)
    return any(text == word or fnmatchcase(text, word) for text in own if text)
