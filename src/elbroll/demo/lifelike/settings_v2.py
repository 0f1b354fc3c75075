"""Attributes and names of balancers and target groups as AWS has them (aws.md 10: attributes; T7, T17, T18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.elbv2.exceptions import DuplicateLoadBalancerName, ELBClientError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup

from elbroll.demo.lifelike.patching import Patch, stock

if TYPE_CHECKING:
    from collections.abc import Callable

DELAY = "deregistration_delay.timeout_seconds"
GROUP_DEFAULTS = {
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
}
NLB_DEFAULTS = {
    "deregistration_delay.connection_termination.enabled": "false",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}
ALSO_KNOWN = frozenset(
    {
        "load_balancing.algorithm.anomaly_mitigation",
        "stickiness.app_cookie.cookie_name",
        "stickiness.app_cookie.duration_seconds",
        "stickiness.lb_cookie.duration_seconds",
        "stickiness.type",
    }
)


class SettingsV2:
    """What stands in for moto's making and changing of balancers and groups."""

    def __init__(self) -> None:
        self._create_load_balancer: Callable[..., FakeLoadBalancer] = stock(ELBv2Backend, "create_load_balancer")
        self._create_target_group: Callable[..., FakeTargetGroup] = stock(ELBv2Backend, "create_target_group")
        self._modify_attributes: Callable[..., None] = stock(ELBv2Backend, "modify_target_group_attributes")

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (
            Patch(ELBv2Backend, "create_load_balancer", self.create_load_balancer),
            Patch(ELBv2Backend, "create_target_group", self.create_target_group),
            Patch(ELBv2Backend, "modify_target_group_attributes", self.modify_target_group_attributes),
        )

    def create_load_balancer(  # noqa: PLR0913, PLR0917 - moto's signature
        self,
        backend: ELBv2Backend,
        name: str,
        security_groups: list[str],
        subnet_ids: list[str],
        subnet_mappings: list[dict[str, str]] | None = None,
        scheme: str = "internet-facing",
        loadbalancer_type: str | None = None,
        ip_address_type: str = "ipv4",
        tags: list[dict[str, str]] | None = None,
    ) -> FakeLoadBalancer:
        """An ALB is cross-zone for good, an NLB has `net/` in its ARN; names are unique."""
        if name in {one.name for one in backend.load_balancers.values()}:
            raise DuplicateLoadBalancerName
        made = self._create_load_balancer(
            backend, name, security_groups, subnet_ids, subnet_mappings, scheme, loadbalancer_type, ip_address_type
        )
        if made.type == "network":
            del backend.load_balancers[made.arn]
            made.arn = made.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
            backend.load_balancers[made.arn] = made
        else:
            made.attrs["load_balancing.cross_zone.enabled"] = "true"
        backend.tagging_service.tag_resource(made.arn, tags)
        return made

    def create_target_group(self, backend: ELBv2Backend, name: str, **kwargs: Any) -> FakeTargetGroup:
        """A group with all attributes that AWS gives it."""
        made = self._create_target_group(backend, name, **kwargs)
        made.attributes.update(GROUP_DEFAULTS)
        if made.protocol in {"TCP", "UDP", "TCP_UDP", "TLS"}:
            made.attributes.update(NLB_DEFAULTS)
        return made

    def modify_target_group_attributes(
        self, backend: ELBv2Backend, target_group_arn: str, attributes: dict[str, Any]
    ) -> None:
        """Refuses unknown keys; accepts every legal delay, 3600 s included (T7)."""
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        for key in attributes:
            if key not in group.attributes and key not in ALSO_KNOWN:
                raise ELBClientError("ValidationError", f"Target group attribute key '{key}' is not recognized")
        rest = dict(attributes)
        delay = rest.pop(DELAY, None)
        if delay is not None and not _is_legal(str(delay)):
            raise ELBClientError("ValidationError", f"'{DELAY}' value '{delay}' must be between '0-3600' inclusive")
        self._modify_attributes(backend, target_group_arn, rest)
        if delay is not None:
            group.attributes[DELAY] = str(delay)


def _is_legal(delay: str) -> bool:
    return delay.isdecimal() and int(delay) <= 3600
