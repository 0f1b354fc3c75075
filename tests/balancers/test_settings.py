"""What AWS says of a pool, as the pool that elbroll decides by (T4, T17, T18, C3, C5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from elbroll.balancers.settings import asks_balancer, classic_pool, group_pool, not_ours
from elbroll.errors import Refused
from elbroll.model import BalancerKind, TargetType, Thresholds

if TYPE_CHECKING:
    from elbroll.model import Pool

ARN = "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/web-http/0123456789abcdef"
ALB = {"LoadBalancerName": "web", "LoadBalancerArn": "…:loadbalancer/app/web/1", "Type": "application"}
NLB = {"LoadBalancerName": "net", "LoadBalancerArn": "…:loadbalancer/app/net/1", "Type": "network"}
MINIMUM = "target_group_health.{}.minimum_healthy_targets.{}"


def a_group(**changes: Any) -> Any:
    return {
        "TargetGroupArn": ARN,
        "TargetGroupName": "web-http",
        "Protocol": "HTTP",
        "Port": 8080,
        "VpcId": "vpc-1",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/healthz",
        "HealthCheckIntervalSeconds": 10,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200-299"},
        "TargetType": "instance",
        **changes,
    }


def pool_of(
    group: Any = None, attributes: dict[str, str] | None = None, balancers: Any = (ALB,), *, crosses: bool = True
) -> Pool:
    return group_pool(group or a_group(), attributes or {}, list(balancers), balancers_cross_zone=crosses)


@pytest.mark.rule("T4")
def test_a_group_is_named_by_the_end_of_its_arn_in_any_partition() -> None:
    pool = pool_of()
    assert (pool.id, pool.name, pool.arn) == ("tg/web-http/0123456789abcdef", "web-http", ARN)


def test_a_group_brings_its_own_check() -> None:
    check = pool_of(a_group(HealthCheckPort="9000")).health_check
    assert (check.protocol, check.port, check.path, check.matcher) == ("HTTP", 9000, "/healthz", "200-299")
    assert (check.interval, check.timeout, check.healthy_threshold, check.unhealthy_threshold) == (10.0, 5.0, 3, 2)


def test_the_traffic_port_is_each_target_s_own() -> None:
    assert pool_of().health_check.port is None


@pytest.mark.rule("T15")
def test_a_check_by_connecting_has_neither_page_nor_statuses() -> None:
    check = pool_of(a_group(HealthCheckProtocol="TCP", HealthCheckPath=None)).health_check
    assert (check.protocol, check.path, check.matcher) == ("TCP", None, "")


@pytest.mark.rule("T15")
def test_a_grpc_check_can_only_be_connected_to() -> None:
    check = pool_of(a_group(ProtocolVersion="GRPC", Matcher={"GrpcCode": "12"})).health_check
    assert (check.protocol, check.path, check.matcher) == ("TCP", None, "")


@pytest.mark.rule("T4")
@pytest.mark.parametrize(
    ("balancers", "protocol", "kind"),
    [
        ([ALB], "HTTP", BalancerKind.ALB),
        ([NLB], "TCP", BalancerKind.NLB),
        ([], "HTTPS", BalancerKind.ALB),
        ([], "TCP_UDP", BalancerKind.NLB),
    ],
)
def test_the_balancer_s_type_tells_the_kind_and_never_its_arn(
    balancers: list[Any], protocol: str, kind: BalancerKind
) -> None:
    assert pool_of(a_group(Protocol=protocol), balancers=balancers).kind is kind


@pytest.mark.rule("T21")
def test_a_group_without_a_balancer_names_none() -> None:
    assert pool_of(balancers=[]).balancers == ()


@pytest.mark.rule("T7")
@pytest.mark.parametrize(("told", "seconds"), [({}, 300.0), ({"deregistration_delay.timeout_seconds": "0"}, 0.0)])
def test_the_delay_is_the_group_s_or_aws_s_default(told: dict[str, str], seconds: float) -> None:
    assert pool_of(attributes=told).deregistration_delay == seconds


@pytest.mark.rule("T14", "T9")
def test_slow_start_and_cut_connections_are_read() -> None:
    told = {"slow_start.duration_seconds": "30", "deregistration_delay.connection_termination.enabled": "true"}
    pool = pool_of(attributes=told)
    assert (pool.slow_start, pool.terminates_connections) == (30.0, True)


@pytest.mark.rule("T18")
@pytest.mark.parametrize(
    ("group", "balancer", "effective"),
    [
        ("true", False, True),
        ("false", True, False),
        ("use_load_balancer_configuration", True, True),
        ("use_load_balancer_configuration", False, False),
        (None, True, True),
        (None, False, False),
    ],
)
def test_the_group_s_word_on_zones_beats_the_balancer_s(group: str | None, balancer: bool, effective: bool) -> None:
    told = {} if group is None else {"load_balancing.cross_zone.enabled": group}
    assert pool_of(attributes=told, crosses=balancer).cross_zone is effective
    assert asks_balancer(told) is (group not in {"true", "false"})


@pytest.mark.rule("T17")
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Thresholds(1, None, 1, None)),
        (
            {
                MINIMUM.format("unhealthy_state_routing", "count"): "2",
                MINIMUM.format("unhealthy_state_routing", "percentage"): "50",
                MINIMUM.format("dns_failover", "count"): "off",
                MINIMUM.format("dns_failover", "percentage"): "33.5",
            },
            Thresholds(2, 50.0, None, 33.5),
        ),
    ],
)
def test_the_group_s_minimums_are_read_and_default_to_one(told: dict[str, str], expected: Thresholds) -> None:
    assert pool_of(attributes=told).thresholds == expected


@pytest.mark.rule("T17", "T1")
def test_a_minimum_beyond_understanding_is_refused_and_not_taken_for_none() -> None:
    with pytest.raises(Refused) as caught:
        pool_of(attributes={MINIMUM.format("dns_failover", "count"): "auto"})
    assert 'is "auto"' in caught.value.why[0]


@pytest.mark.rule("E3")
@pytest.mark.parametrize(
    ("balancer", "target_type", "protocol", "told", "keeps"),
    [
        (NLB, "instance", "TCP", {}, True),
        (NLB, "ip", "TCP", {}, False),
        (NLB, "ip", "TLS", {}, False),
        (NLB, "ip", "UDP", {}, True),
        (NLB, "ip", "TCP", {"preserve_client_ip.enabled": "true"}, True),
        (NLB, "instance", "TCP", {"preserve_client_ip.enabled": "false"}, False),
        (ALB, "instance", "HTTP", {}, False),
        (ALB, "ip", "HTTP", {}, False),
    ],
)
def test_whose_addresses_targets_see(
    balancer: Any,
    target_type: str,
    protocol: str,
    told: dict[str, str],
    keeps: bool,
) -> None:
    group = a_group(TargetType=target_type, Protocol=protocol)
    assert pool_of(group, told, [balancer]).keeps_client_addresses is keeps


@pytest.mark.rule("T21", "F-18")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"TargetType": "lambda"}, "Lambda"),
        ({"TargetType": "alb"}, "another load balancer"),
        ({"Protocol": "GENEVE"}, "GENEVE"),
        ({"TargetType": "toaster"}, '"toaster"'),
    ],
)
def test_what_is_not_ours_is_said_in_one_phrase(changes: dict[str, str], says: str) -> None:
    assert says in str(not_ours(a_group(**changes)))


@pytest.mark.rule("T21")
@pytest.mark.parametrize("target_type", list(TargetType))
def test_instances_and_addresses_are_ours(target_type: TargetType) -> None:
    assert not_ours(a_group(TargetType=str(target_type))) is None
    assert pool_of(a_group(TargetType=str(target_type))).target_type is target_type


def a_classic(target: str = "HTTP:8080/healthz", **changes: Any) -> Any:
    listeners = [("HTTP", 80, 8080), ("HTTPS", 443, 8443), ("TCP", 22, 8080)]
    return {
        "LoadBalancerName": "old",
        "VPCId": "vpc-1",
        "ListenerDescriptions": [
            {"Listener": {"Protocol": protocol, "LoadBalancerPort": front, "InstancePort": back}}
            for protocol, front, back in listeners
        ],
        "HealthCheck": {
            "Target": target,
            "Interval": 30,
            "Timeout": 5,
            "HealthyThreshold": 10,
            "UnhealthyThreshold": 2,
        },
        **changes,
    }


@pytest.mark.rule("C4", "C5")
def test_a_classic_balancer_is_a_pool_without_an_arn() -> None:
    pool = classic_pool(a_classic(), {})
    assert (pool.id, pool.kind, pool.arn, pool.balancers) == ("clb/old", BalancerKind.CLASSIC, None, ("old",))
    assert (pool.protocol, pool.port, pool.ports, pool.vpc) == ("HTTP", 8080, (8080, 8443), "vpc-1")


@pytest.mark.rule("C5")
@pytest.mark.parametrize(
    ("target", "protocol", "port", "path", "matcher"),
    [
        ("HTTP:8080/healthz", "HTTP", 8080, "/healthz", "200"),
        ("HTTPS:443/a/b:c", "HTTPS", 443, "/a/b:c", "200"),
        ("TCP:22", "TCP", 22, None, ""),
        ("SSL:8443", "SSL", 8443, None, ""),
    ],
)
def test_a_classic_check_is_taken_apart(target: str, protocol: str, port: int, path: str | None, matcher: str) -> None:
    check = classic_pool(a_classic(target), {}).health_check
    assert (check.protocol, check.port, check.path, check.matcher) == (protocol, port, path, matcher)


@pytest.mark.rule("C3", "T18")
@pytest.mark.parametrize(
    ("told", "delay", "crosses"),
    [
        ({}, 0.0, False),
        ({"ConnectionDraining": {"Enabled": False, "Timeout": 300}}, 0.0, False),
        ({"ConnectionDraining": {"Enabled": True, "Timeout": 45}}, 45.0, False),
        ({"CrossZoneLoadBalancing": {"Enabled": True}}, 0.0, True),
    ],
)
def test_draining_and_zones_of_a_classic_are_off_unless_told(told: Any, delay: float, crosses: bool) -> None:
    pool = classic_pool(a_classic(), told)
    assert (pool.deregistration_delay, pool.cross_zone) == (delay, crosses)


@pytest.mark.rule("T16")
def test_a_classic_never_fails_open() -> None:
    assert classic_pool(a_classic(), {}).thresholds == Thresholds(None, None, None, None)


@pytest.mark.rule("F-26", "T7", "T14")
@pytest.mark.parametrize("key", ["deregistration_delay.timeout_seconds", "slow_start.duration_seconds"])
@pytest.mark.parametrize("text", ["", "off", "nan", "inf", "5m"])
def test_a_time_beyond_understanding_is_refused_by_name(key: str, text: str) -> None:
    with pytest.raises(Refused, match="web-http has a time that elbroll does not understand") as caught:
        pool_of(attributes={key: text})
    assert caught.value.why == (f'{key} is "{text}", which is no number',)


@pytest.mark.rule("F-26", "T17")
@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_minimum_that_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="web-http has a minimum of healthy targets"):
        pool_of(attributes={MINIMUM.format("unhealthy_state_routing", "count"): text})


@pytest.mark.rule("F-26")
@pytest.mark.parametrize("port", ["", "http", "-1"])
def test_a_check_on_a_port_beyond_understanding_is_refused(port: str) -> None:
    with pytest.raises(Refused, match="web-http has a health check that elbroll does not understand"):
        pool_of(a_group(HealthCheckPort=port))


@pytest.mark.rule("F-26", "C5")
@pytest.mark.parametrize("target", ["", "TCP", "HTTP:/healthz", "PING:web"])
def test_a_classic_check_beyond_understanding_is_refused(target: str) -> None:
    check = {"Target": target, "Interval": 30, "Timeout": 5, "HealthyThreshold": 10, "UnhealthyThreshold": 2}
    with pytest.raises(Refused, match="old has a health check that elbroll does not understand"):
        classic_pool({"LoadBalancerName": "old", "HealthCheck": check}, {})  # type: ignore[typeddict-item]
