"""What is there now: pools, hosts, health and records, read to the end and put together as a fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from elbroll.core.names import listed, pools_gone
from elbroll.core.reach import unconnected
from elbroll.engine.waiting import patiently
from elbroll.errors import AwsRefused, NotFound, PermissionDenied, PoolGone
from elbroll.model import (
    BalancerKind,
    Fleet,
    Host,
    HostId,
    InstanceState,
    Lifecycle,
    Member,
    Scaling,
    TargetState,
    TargetType,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from elbroll.config.schema import LbSettings
    from elbroll.engine.ports import Balancer, Clock, Directory, Groups, Inventory, Ledger
    from elbroll.model import HostRecord, Pool, PoolId, PoolView, Registration

FRESH = 3.0
"""Seconds: how old a reading may be that a plan is made from."""
PATIENCE = 120.0
"""Seconds for which a look that gets no answer is repeated while nothing has been done yet (B2)."""
NOT_SERVING = frozenset({TargetState.GONE, TargetState.DRAINING})


@dataclass(frozen=True, slots=True)
class Eyes:
    """The ports that only read."""

    directory: Directory
    inventory: Inventory
    balancer: Balancer
    ledger: Ledger
    clock: Clock
    groups: Groups


@dataclass(frozen=True, slots=True)
class Survey:
    """A fleet with the readings and records that it was made from."""

    fleet: Fleet
    views: Mapping[PoolId, PoolView]
    records: Mapping[HostId, HostRecord]
    """Of the fleet's hosts only, open and closed."""

    def same_as(self, other: Survey) -> bool:
        """Whether a plan made from one holds for the other: same hosts, places, groups and records."""
        return (self.fleet.registrations, self.fleet.pools.keys(), self.fleet.scaling, self.records) == (
            other.fleet.registrations,
            other.fleet.pools.keys(),
            other.fleet.scaling,
            other.records,
        )


def survey_lb(lb: str, settings: LbSettings, eyes: Eyes) -> Survey:
    """The fleet that `--lb` names. Hosts that the ledger holds belong to it although AWS no longer lists them.

    Raises what the ports raise; NotFound where nothing has that name.
    """
    own = {pool.id: pool for pool in eyes.directory.find(settings.name or lb, settings.target_groups)}
    reading = _Reading(eyes)
    hosts = reading.hosts_of(own) | _held_hosts(own, reading.records, eyes)
    pools = dict(own)
    if settings.other_pools != "ignore":
        pools |= {pool.id: pool for pool in eyes.directory.serving(tuple(hosts.values()), tuple(own))}
    return reading.survey(lb, pools, frozenset(own), hosts)


def survey_hosts(words: Collection[str], eyes: Eyes, *, poolless: bool = False) -> Survey:
    """The fleet around hosts named by HOST words, wherever they serve or are recorded (`drain i-123`).

    It holds every host of every pool they serve in, as the guard must count them all. Raises NotFound; with `poolless`
    not for hosts that are recorded as out of pools of which none exists any more (F-35).
    """
    reading = _Reading(eyes)
    named = {host.id: host for word in words for host in _named(word, reading.records, eyes)}
    home = {pool.id: pool for pool in eyes.directory.serving(tuple(named.values()), ())}
    recorded = _recorded_pools(named, reading.records)
    pools = home | dict(eyes.directory.by_id(recorded - home.keys()))
    if not pools and not (poolless and recorded):
        raise _in_no_pool(named.values(), reading.records)
    hosts = named | reading.hosts_of(pools) | _held_hosts(pools, reading.records, eyes)
    name = _lb_name(pools.values()) or listed([host.name for host in named.values()])
    return reading.survey(name, pools, frozenset(pools), hosts, sure=frozenset(home))


def survey_again(before: Survey, eyes: Eyes) -> Survey:
    """Who is behind the same own pools now, and belongs to the same groups; other pools are not searched for once
    more (T20). Raises NotFound where none of the pools exists any more (F-35)."""
    reading = _Reading(eyes, before.fleet.scaling.groups)
    own = {name: pool for name, pool in before.fleet.pools.items() if name in before.fleet.own and reading.has(pool)}
    if not own:
        raise NotFound(f"none of the pools of {before.fleet.lb} exists any more")
    return reading.survey(before.fleet.lb, own, frozenset(own), reading.hosts_of(own))


class _Reading:
    """The records and, pool by pool, the health that one survey goes by; `groups`: read whoever belongs to them."""

    def __init__(self, eyes: Eyes, groups: Collection[str] = ()) -> None:
        self.records = eyes.ledger.records()
        self._eyes = eyes
        self._groups = groups
        self._views: dict[PoolId, PoolView] = {}

    def has(self, pool: Pool) -> bool:
        """Whether the pool still exists."""
        try:
            self._view(pool)
        except PoolGone:
            return False
        return True

    def hosts_of(self, pools: Mapping[PoolId, Pool]) -> dict[HostId, Host]:
        """Hosts of every row, draining ones too."""
        instances: set[str] = set()
        hosts: dict[HostId, Host] = {}
        for pool in pools.values():
            ids = {row.registration.id for row in self._view(pool).rows if row.state is not TargetState.GONE}
            if pool.target_type is TargetType.INSTANCE:
                instances |= ids
            else:
                hosts |= {host.id: host for host in self._eyes.inventory.addresses(pool.vpc, ids).values()}
        return hosts | dict(self._eyes.inventory.instances(instances))

    def survey(
        self,
        lb: str,
        pools: dict[PoolId, Pool],
        own: frozenset[PoolId],
        hosts: dict[HostId, Host],
        *,
        sure: frozenset[PoolId] | None = None,
    ) -> Survey:
        """All of it put together; pools that only a record still names are looked up as well. `sure`: those by which
        the fleet was found without any record, where these are not all its own."""
        pools = pools | dict(self._eyes.directory.by_id(_recorded_pools(hosts, self.records) - pools.keys()))
        everyone = self.hosts_of(pools) | hosts
        kind = next((pool.kind for name, pool in pools.items() if name in own), BalancerKind.ALB)
        registrations = _registrations(everyone, pools, self._views)
        fleet = Fleet(
            lb=lb,
            kind=kind,
            pools=pools,
            own=own,
            hosts=hosts,
            registrations=registrations,
            neighbours={name: host for name, host in everyone.items() if name not in hosts},
            scaling=_scaling(hosts, self.records, self._groups, self._eyes),
        )
        records = {name: record for name, record in self.records.items() if name in everyone}
        strange = self._strange(
            unconnected(own if sure is None else sure, registrations, records.values()) & pools.keys()
        )
        return Survey(replace(fleet, strange=strange), {name: self._views[name] for name in pools}, records)

    def _strange(self, doubtful: frozenset[PoolId]) -> frozenset[PoolId]:
        """Without those that a run of ours has held: whoever empties a pool has locked it before, and no lock is ever
        deleted (S-5)."""
        return doubtful - self._eyes.ledger.pools() if doubtful else doubtful

    def _view(self, pool: Pool) -> PoolView:
        if pool.id not in self._views:
            look = partial(self._eyes.balancer.look, pool, FRESH)
            self._views[pool.id] = patiently(look, clock=self._eyes.clock, budget=PATIENCE)
        return self._views[pool.id]


def _held_hosts(pools: Mapping[PoolId, Pool], records: Mapping[HostId, HostRecord], eyes: Eyes) -> dict[HostId, Host]:
    held = {
        host: record
        for host, record in records.items()
        if record.open and any(item.registration.pool in pools for item in record.registrations)
    }
    return _described(held, eyes)


def _described(records: Mapping[HostId, HostRecord], eyes: Eyes) -> dict[HostId, Host]:
    found = eyes.inventory.instances(records)
    return {host: _known_by_name(found[host], records[host]) for host in records if host in found}


def _known_by_name(host: Host, record: HostRecord) -> Host:
    """A host that EC2 no longer describes keeps the name it was recorded with."""
    unnamed = host.state is InstanceState.MISSING or host.name == host.id
    return replace(host, name=record.name) if unnamed and record.name else host


def _scaling(
    hosts: Mapping[HostId, Host], records: Mapping[HostId, HostRecord], groups: Collection[str], eyes: Eyes
) -> Scaling:
    """`groups`, and those of tagged hosts and of hosts recorded to stand by; optional unless one stands by (F-21)."""
    recorded = {host: records[host].standby_group for host in hosts if host in records and records[host].open}
    tagged = {host.id: host.group for host in hosts.values() if host.group}
    names = {name for name in (*recorded.values(), *tagged.values(), *groups) if name}
    if not names:
        return Scaling()
    try:
        wanted = [host for host in hosts if host in tagged or recorded.get(host)]
        members = patiently(partial(eyes.groups.members, wanted), clock=eyes.clock, budget=PATIENCE)
        names |= {member.group for member in members.values()}
        found = patiently(partial(eyes.groups.groups, names), clock=eyes.clock, budget=PATIENCE)
    except (PermissionDenied, AwsRefused) as error:
        by_tag = {host: Member(host, group, Lifecycle.UNKNOWN, "unread") for host, group in tagged.items()}
        return Scaling(members=by_tag, unread=error.message)
    return Scaling(found, members)


def _recorded_pools(hosts: Collection[HostId], records: Mapping[HostId, HostRecord]) -> frozenset[PoolId]:
    open_records = (records[host] for host in hosts if host in records and records[host].open)
    return frozenset(item.registration.pool for record in open_records for item in record.registrations)


def _registrations(
    hosts: Mapping[HostId, Host], pools: Mapping[PoolId, Pool], views: Mapping[PoolId, PoolView]
) -> dict[HostId, frozenset[Registration]]:
    rows = [(pools[name], row) for name, view in views.items() for row in view.rows if row.state not in NOT_SERVING]
    return {
        name: frozenset(row.registration for pool, row in rows if host.owns_in(pool, row.registration))
        for name, host in hosts.items()
    }


def _named(word: str, records: Mapping[HostId, HostRecord], eyes: Eyes) -> tuple[Host, ...]:
    """Hosts that a HOST word names: in EC2, or in the ledger where EC2 has forgotten them. Raises NotFound."""
    recorded = {host: record for host, record in records.items() if record.open and word in (host, record.name)}
    found = eyes.inventory.search(word) or tuple(_described(recorded, eyes).values())
    if len(found) > 1 and not any(sign in word for sign in "*?["):
        names = ", ".join(f"{host.name} ({host.id})" for host in found)
        raise NotFound(f'"{word}" names several hosts', why=(names,), fix=("use the instance id",))
    if found:
        return found
    near = tuple(record.name or host for host, record in records.items() if record.open)
    raise NotFound(
        f'no host is called "{word}"', near=near, fix=("elbroll status     lists every host behind a balancer",)
    )


def _in_no_pool(hosts: Collection[Host], records: Mapping[HostId, HostRecord]) -> NotFound:
    names = ", ".join(f"{host.name} ({host.id})" for host in hosts)
    lost = ((host, sorted(_recorded_pools([host.id], records))) for host in hosts)
    gone = [pools_gone(host.name, host.id, pools) for host, pools in lost if pools]
    out = "recorded as out, but " + ", ".join(what for what, _ in gone) if gone else "not recorded as out"
    return NotFound(
        f"{names}: registered in no pool of this region, and {out}",
        fix=tuple(f"{way}     closes its record" for _, way in gone),
    )


def _lb_name(pools: Iterable[Pool]) -> str:
    """How a fleet found by its hosts is called: by its balancers."""
    return ",".join(sorted({name for pool in pools for name in (pool.balancers or (pool.name,))}))
