"""What AWS says of a target group or classic balancer, made into a `Pool` (T4, T17, T18, C3, C5)."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from elbroll.errors import Refused
from elbroll.model import BalancerKind, HealthCheck, Pool, PoolId, TargetType, Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_elb.type_defs import LoadBalancerAttributesTypeDef, LoadBalancerDescriptionTypeDef
    from types_boto3_elbv2.type_defs import LoadBalancerTypeDef, TargetGroupTypeDef

CROSS_ZONE = "load_balancing.cross_zone.enabled"
HEALTH = "target_group_health"
ROUTING = f"{HEALTH}.unhealthy_state_routing.minimum_healthy_targets"
DNS = f"{HEALTH}.dns_failover.minimum_healthy_targets"
DELAY = "deregistration_delay.timeout_seconds"
SLOW_START = "slow_start.duration_seconds"
ADDRESS_KEEPERS = frozenset({"UDP", "TCP_UDP", "QUIC", "TCP_QUIC"})
"""Protocols in which even `ip` targets see the client's address."""
HTTP = frozenset({"HTTP", "HTTPS"})


def not_ours(group: TargetGroupTypeDef) -> str | None:
    """Why elbroll cannot roll what is in this group, as half a sentence; None if it can (T21)."""
    if group.get("TargetType") == "lambda":
        return "holds a Lambda function, which has no host"
    if group.get("TargetType") == "alb":
        return "passes on to another load balancer: name that one"
    if group.get("Protocol") == "GENEVE":
        return "speaks GENEVE to network appliances"
    if group.get("TargetType", "instance") not in set(TargetType):
        return f'holds targets of the type "{group.get("TargetType")}", which elbroll does not know'
    return None


def pool_id(arn: str) -> PoolId:
    """`tg/NAME/HASH` from a target group's ARN."""
    return PoolId("tg/" + arn.rpartition(":targetgroup/")[2])


def classic_id(name: str) -> PoolId:
    """`clb/NAME`."""
    return PoolId(f"clb/{name}")


def group_kind(group: TargetGroupTypeDef, balancers: Sequence[LoadBalancerTypeDef]) -> BalancerKind:
    """By the balancer's type, never by its ARN (T4); by the protocol for a group without one."""
    if balancers:
        return BalancerKind.ALB if balancers[0].get("Type") == "application" else BalancerKind.NLB
    return BalancerKind.ALB if group.get("Protocol") in HTTP else BalancerKind.NLB


def asks_balancer(attributes: Mapping[str, str]) -> bool:
    """Whether the group leaves cross-zone to its balancer."""
    return attributes.get(CROSS_ZONE) not in {"true", "false"}


def group_pool(
    group: TargetGroupTypeDef,
    attributes: Mapping[str, str],
    balancers: Sequence[LoadBalancerTypeDef],
    *,
    balancers_cross_zone: bool,
) -> Pool:
    """The pool of a group that `not_ours` has nothing against. Raises Refused for attributes beyond understanding."""
    kind = group_kind(group, balancers)
    own = attributes.get(CROSS_ZONE)
    return Pool(
        id=pool_id(group["TargetGroupArn"]),
        name=group["TargetGroupName"],
        kind=kind,
        target_type=TargetType(group.get("TargetType", "instance")),
        arn=group["TargetGroupArn"],
        vpc=group.get("VpcId"),
        protocol=group["Protocol"],
        port=group["Port"],
        health_check=_group_check(group),
        deregistration_delay=_number(group["TargetGroupName"], attributes, DELAY, "300"),
        slow_start=_number(group["TargetGroupName"], attributes, SLOW_START, "0"),
        cross_zone=balancers_cross_zone if asks_balancer(attributes) else own == "true",
        thresholds=_thresholds(group["TargetGroupName"], attributes),
        terminates_connections=attributes.get("deregistration_delay.connection_termination.enabled") == "true",
        balancers=tuple(balancer["LoadBalancerName"] for balancer in balancers),
        balancer_arns=tuple(balancer["LoadBalancerArn"] for balancer in balancers),
        keeps_client_addresses=kind is BalancerKind.NLB and _keeps_addresses(group, attributes),
    )


def classic_pool(balancer: LoadBalancerDescriptionTypeDef, attributes: LoadBalancerAttributesTypeDef) -> Pool:
    """The pool that a classic balancer is."""
    listeners = [described["Listener"] for described in balancer.get("ListenerDescriptions", [])]
    draining = attributes.get("ConnectionDraining", {"Enabled": False})
    name = balancer["LoadBalancerName"]
    return Pool(
        id=classic_id(name),
        name=name,
        kind=BalancerKind.CLASSIC,
        target_type=TargetType.INSTANCE,
        arn=None,
        vpc=balancer.get("VPCId"),
        protocol=listeners[0]["Protocol"].upper() if listeners else "TCP",
        port=listeners[0]["InstancePort"] if listeners else 0,
        health_check=_classic_check(name, balancer["HealthCheck"]),
        deregistration_delay=float(draining.get("Timeout", 300)) if draining["Enabled"] else 0.0,
        cross_zone=attributes.get("CrossZoneLoadBalancing", {}).get("Enabled", False),
        thresholds=Thresholds(None, None, None, None),
        balancers=(name,),
        ports=tuple(sorted({listener["InstancePort"] for listener in listeners})),
    )


def _group_check(group: TargetGroupTypeDef) -> HealthCheck:
    """A gRPC check can only be connected to by us: its path is no page, its codes are no statuses."""
    grpc = group.get("ProtocolVersion") == "GRPC"
    protocol = group.get("HealthCheckProtocol", "TCP")
    port = group.get("HealthCheckPort", "traffic-port")
    if port != "traffic-port" and not port.isdecimal():
        raise Refused(
            f"the target group {group['TargetGroupName']} has a health check that elbroll does not understand",
            why=(f'its port is "{port}", neither "traffic-port" nor a number',),
        )
    asks = protocol in HTTP and not grpc
    return HealthCheck(
        protocol=protocol if asks else "TCP",
        port=None if port == "traffic-port" else int(port),
        path=group.get("HealthCheckPath", "/") if asks else None,
        matcher=group.get("Matcher", {}).get("HttpCode", "200") if asks else "",
        interval=float(group["HealthCheckIntervalSeconds"]),
        timeout=float(group["HealthCheckTimeoutSeconds"]),
        healthy_threshold=group["HealthyThresholdCount"],
        unhealthy_threshold=group["UnhealthyThresholdCount"],
    )


def _classic_check(name: str, check: Mapping[str, Any]) -> HealthCheck:
    """`HTTP:8080/healthz`, `TCP:22`; a classic balancer's only good status is 200 (C5)."""
    protocol, _, rest = check["Target"].partition(":")
    port, slash, path = rest.partition("/")
    if not port.isdecimal():
        raise Refused(
            f"the load balancer {name} has a health check that elbroll does not understand",
            why=(f'it asks "{check["Target"]}", which names no port',),
        )
    asks = protocol.upper() in HTTP
    return HealthCheck(
        protocol=protocol.upper(),
        port=int(port),
        path=slash + path if asks else None,
        matcher="200" if asks else "",
        interval=float(check["Interval"]),
        timeout=float(check["Timeout"]),
        healthy_threshold=check["HealthyThreshold"],
        unhealthy_threshold=check["UnhealthyThreshold"],
    )


def _thresholds(name: str, attributes: Mapping[str, str]) -> Thresholds:
    """A count that is not told is AWS's default of 1; a percentage that is not told is off."""
    count = _minimum(name, attributes, f"{ROUTING}.count", "1")
    dns_count = _minimum(name, attributes, f"{DNS}.count", "1")
    return Thresholds(
        routing_count=None if count is None else int(count),
        routing_percent=_minimum(name, attributes, f"{ROUTING}.percentage", "off"),
        dns_count=None if dns_count is None else int(dns_count),
        dns_percent=_minimum(name, attributes, f"{DNS}.percentage", "off"),
    )


def _minimum(name: str, attributes: Mapping[str, str], key: str, default: str) -> float | None:
    text = attributes.get(key, default)
    if text == "off":
        return None
    found = _finite(text)
    if found is None:
        raise Refused(
            f"the target group {name} has a minimum of healthy targets that elbroll does not understand",
            why=(f'{key} is "{text}", neither "off" nor a number',),
        )
    return found


def _number(name: str, attributes: Mapping[str, str], key: str, default: str) -> float:
    text = attributes.get(key, default)
    found = _finite(text)
    if found is None:
        raise Refused(
            f"the target group {name} has a time that elbroll does not understand",
            why=(f'{key} is "{text}", which is no number',),
        )
    return found


def _finite(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None


def _keeps_addresses(group: TargetGroupTypeDef, attributes: Mapping[str, str]) -> bool:
    by_default = group.get("TargetType", "instance") == "instance" or group.get("Protocol") in ADDRESS_KEEPERS
    return attributes.get("preserve_client_ip.enabled", "true" if by_default else "false") == "true"
