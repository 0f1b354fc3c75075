"""Does a pool serve one of these hosts? AWS offers no way from host to pools, so each pool is asked (T20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.aws.actions import Action
from elbroll.aws.answers import part
from elbroll.aws.rows import half
from elbroll.errors import PoolGone, TargetRefused
from elbroll.model import InstanceState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from types_boto3_elb.type_defs import InstanceTypeDef, LoadBalancerDescriptionTypeDef
    from types_boto3_elbv2.type_defs import TargetGroupTypeDef

    from elbroll.aws.clients import Clients
    from elbroll.balancers.region import Region
    from elbroll.model import Host

LEAVING = "deregistration"
PLACED = frozenset({InstanceState.PENDING, InstanceState.RUNNING, InstanceState.STOPPING, InstanceState.STOPPED})
"""States of instances that are in a network."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What the hosts are registered by: ids, and addresses within their networks, since addresses repeat."""

    ids: frozenset[str]
    addresses: frozenset[tuple[str, str]]
    vpcs: frozenset[str]

    @staticmethod
    def of(hosts: Collection[Host]) -> Searched:
        """Of these hosts; one without a network (terminated, unknown) is registered nowhere.

        Raises Unanswered for one that must have a network, and of which EC2 does not tell it.
        """
        if lost := [host.id for host in hosts if host.state in PLACED and not host.vpc]:
            raise half(Action.INSTANCES, f"VpcId is missing from {lost[0]}")
        placed = [(host, host.vpc) for host in hosts if host.vpc]
        addresses = {
            (vpc, address) for host, vpc in placed for address in (host.private_ip, *host.addresses) if address
        }
        ids = frozenset(host.id for host, _ in placed if host.state is not InstanceState.OUTSIDE)
        return Searched(ids, frozenset(addresses), frozenset(vpc for _, vpc in placed))


def serves(clients: Clients, region: Region, group: TargetGroupTypeDef, searched: Searched) -> bool:
    """Whether the group lists one of them, in whatever state. A group that vanishes meanwhile lists nobody."""
    vpc = group["VpcId"]
    if vpc not in searched.vpcs:
        return False

    def asked() -> set[str]:
        answer = clients.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return {row["Target"]["Id"] for row in part(answer, "TargetHealthDescriptions", Action.TARGET_HEALTH)}

    try:
        listed = region.ask(Action.TARGET_HEALTH, f"targetgroup/{group['TargetGroupName']}", asked)
    except PoolGone:
        return False
    return bool(listed & searched.ids) or any((vpc, address) in searched.addresses for address in listed)


def serves_classic(
    clients: Clients, region: Region, balancer: LoadBalancerDescriptionTypeDef, searched: Searched
) -> bool:
    """Whether one is a member, which the listing tells, or still leaving, which only the health by id tells (C1)."""
    members = {instance["InstanceId"] for instance in balancer["Instances"]}
    if members & searched.ids:
        return True
    elsewhere = balancer.get("VPCId") not in {None, *searched.vpcs}
    return not elsewhere and _is_being_left(clients, region, balancer, sorted(searched.ids))


def _is_being_left(
    clients: Clients, region: Region, balancer: LoadBalancerDescriptionTypeDef, ids: Sequence[str]
) -> bool:
    """An id that AWS refuses (terminated a moment ago) must not hide the others, so then each is asked for alone."""
    if not ids:
        return False
    name = balancer["LoadBalancerName"]
    wanted: list[InstanceTypeDef] = [{"InstanceId": identity} for identity in ids]

    def asked() -> bool:
        answer = clients.elb.describe_instance_health(LoadBalancerName=name, Instances=wanted)
        rows = part(answer, "InstanceStates", Action.INSTANCE_HEALTH)
        return any(LEAVING in row.get("Description", "") for row in rows)

    try:
        return region.ask(Action.INSTANCE_HEALTH, f"loadbalancer/{name}", asked)
    except PoolGone:
        return False
    except TargetRefused:
        return len(ids) > 1 and any(_is_being_left(clients, region, balancer, [identity]) for identity in ids)
