"""The `Directory` port over AWS: from names, ids and hosts to pools."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from elbroll.balancers.region import Listing, Region
from elbroll.balancers.serving import Searched, serves, serves_classic
from elbroll.balancers.settings import classic_id, not_ours, pool_id
from elbroll.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from types_boto3_elb.type_defs import LoadBalancerDescriptionTypeDef
    from types_boto3_elbv2.type_defs import TargetGroupTypeDef

    from elbroll.aws.clients import Clients
    from elbroll.engine.ports import Clock
    from elbroll.model import Host, Pool, PoolId


class AwsDirectory:
    """Finds pools. Every read waits out two minutes of silence; nothing is kept between calls. For one thread."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._region = Region(clients, clock)
        self._clients = clients

    def find(self, name: str, target_groups: Sequence[str]) -> tuple[Pool, ...]:
        """The pools of every balancer of that name, else of the target group of that name, by name.

        An application or network balancer and a classic one may share a name, as they do in a migration: then both
        are meant, and `target_groups` tells them apart. Raises NotFound, Refused.
        """
        listing = self._region.listing()
        groups, classics = _called(name, listing)
        if not groups and not classics:
            raise self._unknown(name, listing)
        groups, classics = _narrowed(name, target_groups, groups, classics)
        _refuse_strangers(name, groups)
        return self._pools(groups, classics, listing)

    def serving(self, hosts: Collection[Host], known: Collection[PoolId]) -> tuple[Pool, ...]:
        """All other pools of the hosts' networks in which one of them is registered or draining (T20).

        One call a candidate: twenty at once, then five a second.
        """
        searched = Searched.of(hosts)
        listing = self._region.listing()
        groups = [
            group
            for group in listing.groups
            if pool_id(group["TargetGroupArn"]) not in known
            and not not_ours(group)
            and serves(self._clients, self._region, group, searched)
        ]
        classics = [
            balancer
            for balancer in listing.classics
            if classic_id(balancer["LoadBalancerName"]) not in known
            and serves_classic(self._clients, self._region, balancer, searched)
        ]
        return self._pools(groups, classics, listing)

    def by_id(self, pools: Collection[PoolId]) -> Mapping[PoolId, Pool]:
        """The pools of these ids; those that no longer exist are missing."""
        if not pools:
            return {}
        listing = self._region.listing()
        groups = [group for group in listing.groups if pool_id(group["TargetGroupArn"]) in pools]
        classics = [balancer for balancer in listing.classics if classic_id(balancer["LoadBalancerName"]) in pools]
        return {pool.id: pool for pool in self._pools(groups, classics, listing)}

    def names(self) -> tuple[str, ...]:
        """What `find` would answer to, but for groups that a balancer has: sorted."""
        return _names(self._region.listing())

    def _pools(
        self,
        groups: Iterable[TargetGroupTypeDef],
        classics: Iterable[LoadBalancerDescriptionTypeDef],
        listing: Listing,
    ) -> tuple[Pool, ...]:
        found = [self._region.group_pool(group, listing) for group in groups]
        found += [self._region.classic_pool(balancer) for balancer in classics]
        return tuple(sorted(found, key=lambda pool: (pool.name, pool.id)))

    def _unknown(self, name: str, listing: Listing) -> NotFound | Refused:
        if any(balancer["LoadBalancerName"] == name for balancer in listing.balancers):
            return Refused(
                f"the load balancer {name} has no target group", why=("none of its listeners forwards to one",)
            )
        return NotFound(
            f'no load balancer or target group is called "{name}" in {self._region.name}',
            near=_near(name, _names(listing) + tuple(group["TargetGroupName"] for group in listing.groups)),
        )


def _called(name: str, listing: Listing) -> tuple[list[TargetGroupTypeDef], list[LoadBalancerDescriptionTypeDef]]:
    arns = {balancer["LoadBalancerArn"] for balancer in listing.balancers if balancer["LoadBalancerName"] == name}
    groups = [group for group in listing.groups if arns.intersection(group.get("LoadBalancerArns", []))]
    classics = [balancer for balancer in listing.classics if balancer["LoadBalancerName"] == name]
    if not arns and not classics:
        groups = [group for group in listing.groups if group["TargetGroupName"] == name]
    return groups, classics


def _narrowed(
    name: str,
    wanted: Sequence[str],
    groups: list[TargetGroupTypeDef],
    classics: list[LoadBalancerDescriptionTypeDef],
) -> tuple[list[TargetGroupTypeDef], list[LoadBalancerDescriptionTypeDef]]:
    """Only the pools of the wanted names; nothing wanted means all. Raises NotFound for a name that is not there."""
    if not wanted:
        return groups, classics
    there = [group["TargetGroupName"] for group in groups] + [balancer["LoadBalancerName"] for balancer in classics]
    if missing := [word for word in wanted if word not in there]:
        raise NotFound(
            f'{name} has no target group called "{missing[0]}"',
            near=_near(missing[0], there),
            why=(f"it has {', '.join(sorted(there))}",),
        )
    return (
        [group for group in groups if group["TargetGroupName"] in wanted],
        [balancer for balancer in classics if balancer["LoadBalancerName"] in wanted],
    )


def _refuse_strangers(name: str, groups: Sequence[TargetGroupTypeDef]) -> None:
    """Raises Refused for groups that are not ours, naming the way on where there is one (T21)."""
    reasons = {group["TargetGroupName"]: reason for group in groups if (reason := not_ours(group))}
    ours = [f'"{group["TargetGroupName"]}"' for group in groups if group["TargetGroupName"] not in reasons]
    for stranger, reason in reasons.items():
        fix = (f"target_groups = [{', '.join(sorted(ours))}]     rolls only these",) if ours else ()
        raise Refused(f"{name}: the target group {stranger} {reason}", fix=fix)


def _names(listing: Listing) -> tuple[str, ...]:
    ours = [group for group in listing.groups if not not_ours(group)]
    used = {arn for group in ours for arn in group.get("LoadBalancerArns", [])}
    balancers = {balancer["LoadBalancerName"] for balancer in listing.balancers if balancer["LoadBalancerArn"] in used}
    classics = {balancer["LoadBalancerName"] for balancer in listing.classics}
    alone = {group["TargetGroupName"] for group in ours if not group.get("LoadBalancerArns")}
    return tuple(sorted(balancers | classics | alone))


def _near(name: str, names: Iterable[str]) -> tuple[str, ...]:
    by_lower = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=3)
    return tuple(by_lower[candidate] for candidate in close)
