"""HOST words: a Name tag, an id, an address, or a glob over them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from elbroll.core.names import listed
from elbroll.core.planned import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from elbroll.core.planned import Request
    from elbroll.model import Fleet, Host, HostId


@dataclass(frozen=True, slots=True)
class Selection:
    """Which hosts were asked for. `named` are those named one by one, not by a glob."""

    chosen: frozenset[HostId]
    named: frozenset[HostId]
    refusals: tuple[Refusal, ...]


def select(fleet: Fleet, request: Request) -> Selection:
    """Resolve `--only` and `--exclude`. A word that matches nothing, or several hosts without a glob, is refused."""
    hosts = list(fleet.hosts.values())
    only = [(word, matching(word, hosts)) for word in request.only]
    exclude = [(word, matching(word, hosts)) for word in request.exclude]
    wanted = {host.id for _, found in only for host in found} if only else set(fleet.hosts)
    left = wanted - {host.id for _, found in exclude for host in found}
    refusals = [refusal for word, found in only + exclude for refusal in _doubts(word, found, fleet)]
    if fleet.hosts and not left and not refusals:
        refusals.append(_nothing(request))
    named = {host.id for word, found in only if not is_glob(word) for host in found}
    return Selection(frozenset(left), frozenset(named), tuple(refusals))


def matching(word: str, hosts: Iterable[Host]) -> list[Host]:
    """Hosts that a word names: exactly if any is called just so, else as a glob."""
    hosts = list(hosts)
    exact = [host for host in hosts if word in called(host)]
    return exact or [host for host in hosts if any(fnmatchcase(name, word) for name in called(host))]


def is_glob(word: str) -> bool:
    """Whether the word may mean several hosts."""
    return any(sign in word for sign in "*?[")


def called(host: Host) -> set[str]:
    """Everything a host answers to."""
    addresses = {host.private_ip, host.public_ip, host.private_dns, host.public_dns, *host.addresses}
    return {host.name, str(host.id)} | {address for address in addresses if address}


def _doubts(word: str, found: Collection[Host], fleet: Fleet) -> list[Refusal]:
    if not found:
        says = f'no host of {fleet.lb} is called "{word}"'
        return [Refusal("nothing-selected", says, fix=(_meant(word, list(fleet.hosts.values())),))]
    if len(found) > 1 and not is_glob(word):
        why = tuple(sorted(f"{host.name} is {host.id} in {host.zone or 'no zone'}" for host in found))
        return [Refusal("ambiguous-host", f'"{word}" names {len(found)} hosts', why, ("name one by its id",))]
    return []


def _meant(word: str, hosts: list[Host]) -> str:
    """What people may have wanted to say; names may hold commas, so that a list is never taken for one by itself."""
    parts = word.split(",")
    if len(parts) > 1 and all(matching(part, hosts) for part in parts):
        return f"give the option once for each of {listed(parts)}"
    near = get_close_matches(word, sorted(host.name for host in hosts), n=3)
    return f"did you mean {listed(near)}?" if near else "elbroll status     lists the hosts"


def _nothing(request: Request) -> Refusal:
    return Refusal("nothing-selected", f"--exclude leaves no host: {listed(list(request.exclude))}")
