"""Everything that AWS lists of a region's balancers: paced, patient, to the last page (F-14, F-15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from elbroll.aws.actions import Action
from elbroll.aws.answers import everything, part
from elbroll.aws.door import door
from elbroll.aws.pace import TokenBucket
from elbroll.balancers.settings import CROSS_ZONE, asks_balancer, classic_pool, group_kind, group_pool
from elbroll.engine.waiting import patiently
from elbroll.errors import Unanswered
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from types_boto3_elb.type_defs import LoadBalancerDescriptionTypeDef
    from types_boto3_elbv2.type_defs import LoadBalancerTypeDef, TargetGroupTypeDef

    from elbroll.aws.clients import Clients
    from elbroll.engine.ports import Clock
    from elbroll.model import Pool

T = TypeVar("T")

SCANS = 5.0
"""Calls a second of a long search, of the 10 that the account has for everybody (T20)."""
AT_ONCE = 20
PATIENCE = 120.0
"""Seconds that a read of the planning waits for an answer; the SDK gives up within one (B2)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All balancers and target groups of the region, as AWS describes them."""

    balancers: tuple[LoadBalancerTypeDef, ...]
    groups: tuple[TargetGroupTypeDef, ...]
    classics: tuple[LoadBalancerDescriptionTypeDef, ...]

    def balancers_of(self, group: TargetGroupTypeDef) -> list[LoadBalancerTypeDef]:
        """Those that use the group. Raises Unanswered if AWS has not listed one of them (F-15)."""
        known = {balancer["LoadBalancerArn"]: balancer for balancer in self.balancers}
        arns = group.get("LoadBalancerArns", [])
        if missing := [arn for arn in arns if arn not in known]:
            raise Unanswered(
                f"AWS lists the target group {group['TargetGroupName']} under a load balancer that it does not list",
                why=(missing[0],),
            )
        return [known[arn] for arn in arns]


class Region:
    """Reads of one region; one thread at a time. Every method raises what `aws.door` raises."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._pace = TokenBucket(clock, rate=SCANS, burst=AT_ONCE)

    @property
    def name(self) -> str:
        """`us-east-1`."""
        return self._clients.region

    def listing(self) -> Listing:
        """Three listings to their last pages, each row with what it goes by."""
        clients = self._clients
        return Listing(
            balancers=self._all(
                lambda: clients.elbv2.get_paginator("describe_load_balancers"),
                "LoadBalancers",
                Action.LOAD_BALANCERS,
                ("LoadBalancerArn", "LoadBalancerName"),
            ),
            groups=self._all(
                lambda: clients.elbv2.get_paginator("describe_target_groups"),
                "TargetGroups",
                Action.TARGET_GROUPS,
                ("TargetGroupArn", "TargetGroupName", "LoadBalancerArns"),
            ),
            classics=self._all(
                lambda: clients.elb.get_paginator("describe_load_balancers"),
                "LoadBalancerDescriptions",
                Action.LOAD_BALANCERS,
                ("LoadBalancerName", "Instances"),
            ),
        )

    def group_pool(self, group: TargetGroupTypeDef, listing: Listing) -> Pool:
        """The group with its attributes, and its balancers' where the group leaves cross-zone to them."""
        balancers = listing.balancers_of(group)
        attributes = self._group_attributes(group)
        cross_zone = group_kind(group, balancers) is BalancerKind.ALB
        if asks_balancer(attributes) and not cross_zone:
            cross_zone = bool(balancers) and all(map(self._crosses_zones, balancers))
        return group_pool(group, attributes, balancers, balancers_cross_zone=cross_zone)

    def classic_pool(self, balancer: LoadBalancerDescriptionTypeDef) -> Pool:
        """The classic balancer with its attributes."""
        name = balancer["LoadBalancerName"]

        def asked() -> Pool:
            answer = self._clients.elb.describe_load_balancer_attributes(LoadBalancerName=name)
            return classic_pool(balancer, part(answer, "LoadBalancerAttributes", Action.LOAD_BALANCER_ATTRIBUTES))

        return self.ask(Action.LOAD_BALANCER_ATTRIBUTES, f"loadbalancer/{name}", asked)

    def ask(self, action: Action, resource: str, call: Callable[[], T]) -> T:
        """One paced call behind the door, and the reading of its answer; repeated by time until that is whole."""

        def once() -> T:
            self._pace.take()
            with door(action, resource):
                return call()

        return patiently(once, clock=self._clock, budget=PATIENCE)

    def _all(self, paginator: Callable[[], Any], key: str, action: Action, parts: Sequence[str]) -> tuple[Any, ...]:
        def once() -> tuple[Any, ...]:
            rows = everything(paginator, key, action, before_each=self._pace.take)
            for row in rows:
                for name in parts:
                    part(row, name, action)
            return rows

        return patiently(once, clock=self._clock, budget=PATIENCE)

    def _group_attributes(self, group: TargetGroupTypeDef) -> Mapping[str, str]:
        action, arn = Action.TARGET_GROUP_ATTRIBUTES, group["TargetGroupArn"]
        return self.ask(
            action,
            f"targetgroup/{group['TargetGroupName']}",
            lambda: _as_mapping(self._clients.elbv2.describe_target_group_attributes(TargetGroupArn=arn), action),
        )

    def _crosses_zones(self, balancer: LoadBalancerTypeDef) -> bool:
        action, arn = Action.LOAD_BALANCER_ATTRIBUTES, balancer["LoadBalancerArn"]
        attributes = self.ask(
            action,
            f"loadbalancer/{balancer['LoadBalancerName']}",
            lambda: _as_mapping(self._clients.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn), action),
        )
        return attributes.get(CROSS_ZONE) == "true"


def _as_mapping(answer: Mapping[str, Any], action: Action) -> Mapping[str, str]:
    return {attribute["Key"]: attribute["Value"] for attribute in part(answer, "Attributes", action)}
