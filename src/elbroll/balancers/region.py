"""Everything that AWS lists of a region's balancers: paced, patient, to the last page (F-14, F-15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from elbroll.aws.actions import Action
from elbroll.aws.answers import everything, part
from elbroll.aws.door import door
from elbroll.balancers.pace import TokenBucket
from elbroll.balancers.settings import CROSS_ZONE, asks_balancer, classic_pool, group_kind, group_pool
from elbroll.engine.waiting import patiently
from elbroll.errors import Unanswered
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_elb.type_defs import LoadBalancerDescriptionTypeDef
    from types_boto3_elbv2.type_defs import LoadBalancerTypeDef, TargetGroupTypeDef

    from elbroll.aws.clients import Clients
    from elbroll.engine.ports import Clock
    from elbroll.model import Pool

T = TypeVar("T")

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
        self._pace = TokenBucket(clock)

    @property
    def name(self) -> str:
        """`us-east-1`."""
        return self._clients.region

    def listing(self) -> Listing:
        """Three listings to their last pages."""
        v2, action = self._clients, Action.LOAD_BALANCERS
        return Listing(
            balancers=self._all(lambda: v2.elbv2.get_paginator("describe_load_balancers"), "LoadBalancers", action),
            groups=self._all(
                lambda: v2.elbv2.get_paginator("describe_target_groups"), "TargetGroups", Action.TARGET_GROUPS
            ),
            classics=self._all(
                lambda: v2.elb.get_paginator("describe_load_balancers"), "LoadBalancerDescriptions", action
            ),
        )

    def group_pool(self, group: TargetGroupTypeDef, listing: Listing) -> Pool:
        """The group with its attributes, and its balancers' where the group leaves cross-zone to them."""
        balancers = listing.balancers_of(group)
        attributes = self._group_attributes(group["TargetGroupArn"])
        cross_zone = group_kind(group, balancers) is BalancerKind.ALB
        if asks_balancer(attributes) and not cross_zone:
            cross_zone = bool(balancers) and all(self._crosses(balancer["LoadBalancerArn"]) for balancer in balancers)
        return group_pool(group, attributes, balancers, balancers_cross_zone=cross_zone)

    def classic_pool(self, balancer: LoadBalancerDescriptionTypeDef) -> Pool:
        """The classic balancer with its attributes."""

        def call() -> Any:
            with door(Action.LOAD_BALANCER_ATTRIBUTES, f"loadbalancer/{balancer['LoadBalancerName']}"):
                return self._clients.elb.describe_load_balancer_attributes(
                    LoadBalancerName=balancer["LoadBalancerName"]
                )

        answer = self.patient(call)
        return classic_pool(balancer, part(answer, "LoadBalancerAttributes", Action.LOAD_BALANCER_ATTRIBUTES))

    def patient(self, call: Callable[[], T]) -> T:
        """One paced call, repeated by time until it is answered."""

        def paced() -> T:
            self._pace.take()
            return call()

        return patiently(paced, clock=self._clock, budget=PATIENCE)

    def _all(self, paginator: Callable[[], Any], key: str, action: Action) -> tuple[Any, ...]:
        return patiently(
            lambda: everything(paginator, key, action, before_each=self._pace.take),
            clock=self._clock,
            budget=PATIENCE,
        )

    def _group_attributes(self, arn: str) -> Mapping[str, str]:
        def call() -> Any:
            with door(Action.TARGET_GROUP_ATTRIBUTES, arn):
                return self._clients.elbv2.describe_target_group_attributes(TargetGroupArn=arn)

        return _as_mapping(self.patient(call), Action.TARGET_GROUP_ATTRIBUTES)

    def _crosses(self, arn: str) -> bool:
        def call() -> Any:
            with door(Action.LOAD_BALANCER_ATTRIBUTES, arn):
                return self._clients.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)

        attributes = _as_mapping(self.patient(call), Action.LOAD_BALANCER_ATTRIBUTES)
        return attributes.get(CROSS_ZONE) == "true"


def _as_mapping(answer: Mapping[str, Any], action: Action) -> Mapping[str, str]:
    return {attribute["Key"]: attribute.get("Value", "") for attribute in part(answer, "Attributes", action)}
