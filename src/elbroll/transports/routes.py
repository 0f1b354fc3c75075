"""From a host to how it is dialled: elbroll.toml before ssh_config before what is built in (T-25, T-26, T-27)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError
from elbroll.transports.sshconfig import Question, SshConfig
from elbroll.transports.target import Identity, OnlyKeys, Target, checked

if TYPE_CHECKING:
    from elbroll.config.schema import Ssh
    from elbroll.model import Host
    from elbroll.transports.sshconfig import HostConfig

MOST_HOPS = 4
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^@:\[\]/]+)(?::(?P<port>\d{1,5}))?/?")


class Routes:
    """Settles targets; safe to use from several threads."""

    def __init__(self, settings: Ssh, base_dir: Path) -> None:
        self._settings = settings
        self._base_dir = base_dir
        self._config = SshConfig(settings.config_file, base_dir)

    def to(self, host: Host) -> Target:
        """Where and as whom a host is dialled. Raises HostAccessError for what cannot be dialled at all."""
        word = self._word(host)
        config = self._config.of(Question(word, self._settings.user, self._settings.port))
        jumps = self._settings.proxy_jump or config.proxy_jump or "none"
        address = checked(config.address, f"the address of {host.id}")
        return Target(
            label=host.name if host.name == address else f"{host.name} ({address})",
            address=address,
            port=self._settings.port or config.port,
            user=checked(self._settings.user or config.user, "the user"),
            identities=self._identities(config, demanded=self._settings.identity_file),
            only=self._only(config, demanded=self._settings.identity_file),
            agent=config.agent,
            instance=host.id if host.id.startswith("i-") else None,
            alias=config.alias,
            known_hosts=config.known_hosts,
            proxy_command=None if self._settings.proxy_jump else config.proxy_command,
            bastion=self._last_hop(jumps, (_named(word, self._settings.port),)),
        )

    def _word(self, host: Host) -> str:
        """What `[ssh] address` names: it is dialled, and matched in ssh_config."""
        what = self._settings.address
        words = {
            "private": host.private_ip or next(iter(host.addresses), None),
            "public": host.public_ip,
            "private-dns": host.private_dns,
            "public-dns": host.public_dns,
            "name": host.name,
            "instance-id": host.id,
        }
        if word := words[what]:
            return checked(word, f"the {what} address of {host.id}")
        raise HostAccessError(
            f"{host.name} has no {what} address",
            fix=(f'address in [ssh] is "{what}"; choose one that every host has',),
        )

    def _last_hop(self, jumps: str, behind: tuple[str, ...]) -> Target | None:
        """The bastion before the target; `behind` names what leads here, the target first."""
        hop: Target | None = None
        for number, spec in enumerate(() if jumps.lower() == "none" else jumps.split(",")):
            hop = self._hop(spec.strip(), hop, behind, first=number == 0)
        if hop and len((*hop.hops, hop)) > MOST_HOPS:
            raise HostAccessError(f"the way to {behind[0]} has more than {MOST_HOPS} bastions: {jumps}")
        return hop

    def _hop(self, spec: str, before: Target | None, behind: tuple[str, ...], *, first: bool) -> Target:
        """A bastion as ssh would reach it: only the first one's own proxies count, the others follow their list."""
        match = _HOP.fullmatch(spec)
        if not match:
            raise HostAccessError(f"{spec!r} names no bastion", fix=("write user@host:port, with commas between",))
        word = checked(match["host"].strip("[]"), "the bastion")
        user = checked(match["user"], "the user") if match["user"] else None
        port = int(match["port"]) if match["port"] else None
        way = (*behind, _named(word, port))
        if way[-1] in behind or len(behind) > MOST_HOPS:
            raise HostAccessError(f"the bastions go round in a circle: {' → '.join(way)}")
        config = self._config.of(Question(word, user, port))
        demanded = None if config.chosen else self._settings.identity_file
        return Target(
            label=f"bastion {word}",
            address=checked(config.address, "the bastion's address"),
            port=config.port,
            user=config.user,
            identities=self._identities(config, demanded=demanded),
            only=self._only(config, demanded=demanded),
            agent=config.agent,
            alias=config.alias,
            known_hosts=config.known_hosts,
            proxy_command=config.proxy_command if first else None,
            bastion=self._last_hop(config.proxy_jump or "none", way) if first else before,
        )

    def _identities(self, config: HostConfig, *, demanded: str | None) -> tuple[Identity, ...]:
        if demanded:
            return (Identity(self._base_dir / Path(demanded).expanduser(), chosen=True),)
        return tuple(Identity(path, config.chosen) for path in config.identity_files)

    def _only(self, config: HostConfig, *, demanded: str | None) -> OnlyKeys:
        if demanded:
            return OnlyKeys.DEMANDED
        return OnlyKeys.LISTED if config.identities_only else OnlyKeys.ANY


def _named(word: str, port: int | None) -> str:
    """One place on the way: two ports of one address are two places."""
    return f"{word}:{port}" if port else word
