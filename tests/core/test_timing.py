"""How long things may take, and which setting costs most."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import a_check, a_pool, lb_settings
from elbroll.core.estimate import costliest, host_estimate, whole_estimate
from elbroll.core.names import clock_time, counted, listed, pool_name, registration_name
from elbroll.core.timing import bake_for, drain_limit, healthy_about, healthy_limit, settle_for, until_for
from elbroll.model import BalancerKind, Pool, PoolId, Registration, Step, TargetType

ALB, NLB = a_pool(), a_pool("net", kind=BalancerKind.NLB)
CLASSIC = a_pool("old", kind=BalancerKind.CLASSIC, health_check=a_check(interval=30.0, healthy_threshold=10))
BY_ADDRESS = replace(ALB, target_type=TargetType.IP)
REPORTED = {"drain": {"until": "reported"}}
SOON = {"drain": {"settle": "15s"}}
WAITED_OUT = (
    "the deregistration delay of web-prod (5:00) costs 5:00 a host: "
    "an ip target must wait it out before it can come back; a shorter delay helps"
)
ONCE = {"verify": {"consecutive": 1}}


@pytest.mark.rule("T9")
@pytest.mark.parametrize(("pool", "seconds"), [(ALB, 5.0), (CLASSIC, 5.0), (NLB, 180.0)])
def test_settling_goes_by_the_kind_of_balancer(pool: Pool, seconds: float) -> None:
    assert settle_for(pool, lb_settings()) == seconds
    assert settle_for(pool, lb_settings(drain={"settle": "15s"})) == 15.0


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("pools", "settings", "seconds"),
    [
        ([ALB], {}, 360.0),
        ([a_pool(deregistration_delay=0.0)], {}, 60.0),
        ([ALB, a_pool("slow", deregistration_delay=3600.0)], {}, 3660.0),
        ([ALB], {"drain": {"timeout": "10m"}}, 600.0),
        ([], {}, 60.0),
        ([replace(NLB, deregistration_delay=10.0)], {}, 10.0 + 180.0 + 30.0),
    ],
)
def test_a_drain_may_take_the_longest_delay_and_a_minute(
    pools: list[Pool], settings: dict[str, Any], seconds: float
) -> None:
    assert drain_limit(pools, lb_settings(**settings)) == seconds


@pytest.mark.rule("T7", "T9")
@pytest.mark.parametrize("delay", [0.0, 30.0, 300.0])
def test_a_network_drain_has_time_to_settle_after_its_delay(delay: float) -> None:
    pool = replace(NLB, deregistration_delay=delay)
    assert drain_limit([pool], lb_settings(**REPORTED)) > delay + settle_for(pool, lb_settings())


@pytest.mark.rule("E3")
@pytest.mark.parametrize("protocol", ["UDP", "TCP_UDP", "QUIC", "TCP_QUIC"])
def test_traffic_without_connections_is_left_to_the_balancers_word(protocol: str) -> None:
    assert until_for(replace(NLB, protocol=protocol), lb_settings()) == "reported"
    assert until_for(NLB, lb_settings()) == "idle"
    assert until_for(ALB, lb_settings(**REPORTED)) == "reported"


@pytest.mark.rule("T12", "T13", "C5")
def test_the_limit_until_healthy_budgets_for_every_check() -> None:
    assert (healthy_about(ALB), healthy_limit(ALB)) == (10.0, 120.0)
    assert (healthy_about(NLB), healthy_limit(NLB)) == (230.0, 360.0)
    assert (healthy_about(CLASSIC), healthy_limit(CLASSIC)) == (300.0, 390.0)


@pytest.mark.rule("T14")
def test_bake_is_no_shorter_than_the_slowest_slow_start() -> None:
    pools = [ALB, replace(NLB, slow_start=90.0)]
    assert bake_for(pools, lb_settings()) == 90.0
    assert bake_for(pools, lb_settings(pace={"bake": "2m"})) == 120.0
    assert bake_for([ALB], lb_settings()) == 0.0


@pytest.mark.parametrize(
    ("pools", "begin", "settings", "seconds"),
    [
        ([ALB], Step.DRAIN, {}, 5 + 2 + 10),
        ([ALB], Step.DEPLOY, {}, 2 + 10),
        ([ALB], Step.REGISTER, {}, 10),
        ([ALB], Step.DRAIN, REPORTED, 305 + 2 + 10),
        ([ALB, NLB], Step.DRAIN, {}, 180 + 2 + 230),
        ([ALB], Step.DRAIN, {"pace": {"bake": "1m"}}, 5 + 2 + 10 + 60),
        ([ALB], Step.DRAIN, {"verify": {"consecutive": 5, "interval": "5s"}}, 5 + 20 + 10),
        ([ALB], Step.DRAIN, ONCE, 5 + 10),
        ([BY_ADDRESS], Step.DRAIN, {}, 300 + 10),
        ([BY_ADDRESS], Step.DRAIN, {"drain": {"settle": "0s"}}, 300 + 10),
        ([BY_ADDRESS], Step.DRAIN, REPORTED | ONCE, 305 + 10),
        ([BY_ADDRESS], Step.DEPLOY, {}, 2 + 10),
        ([], Step.DRAIN, ONCE, 0),
    ],
)
def test_a_hosts_time_is_what_its_settings_ask_for(
    pools: list[Pool], begin: Step, settings: dict[str, Any], seconds: float
) -> None:
    assert host_estimate(pools, begin, lb_settings(**settings)) == seconds


def test_a_roll_takes_the_slowest_host_of_each_batch() -> None:
    assert whole_estimate([(1, 10.0), (1, 30.0), (2, 20.0), (3, 0.5)]) == 50.5


@pytest.mark.parametrize(
    ("pool", "settings", "said"),
    [
        (
            ALB,
            REPORTED,
            (
                'until = "reported" waits out the deregistration delay of web-prod and costs 5:05 a host: '
                'until = "idle" ends when traffic has stopped'
            ),
        ),
        (
            replace(NLB, health_check=a_check(interval=60.0)),
            {},
            "a health check every 60s (net) costs 5:00 a host: an interval of 10s saves about 4:10 a batch",
        ),
        (
            NLB,
            {},
            (
                "settling on the network balancer of net costs 3:00 a host: "
                "it goes on sending new connections for minutes; drain.settle shortens it at your own risk"
            ),
        ),
        (NLB, SOON, "a healthy threshold of 5 (net) costs 0:50 a host: a lower one helps"),
        (
            replace(NLB, health_check=a_check(interval=11.0)),
            SOON,
            "a health check every 11s (net) costs 0:55 a host: an interval of 10s saves about 0:05 a batch",
        ),
        (NLB, {"drain": {"settle": "70s"}}, "drain.settle for net costs 1:10 a host: a shorter one helps"),
        (
            replace(ALB, health_check=a_check(interval=30.0)),
            {},
            "a health check every 30s (web-prod) costs 0:30 a host: an interval of 10s saves about 0:20 a batch",
        ),
        (
            CLASSIC,
            {},
            "a health check every 30s (old) costs 5:00 a host: an interval of 10s saves about 3:20 a batch",
        ),
        (
            replace(NLB, protocol="UDP"),
            {},
            (
                'until = "reported" waits out the deregistration delay of net and costs 8:00 a host: '
                "its traffic cannot be counted; a shorter delay helps"
            ),
        ),
        (ALB, {"pace": {"bake": "5m"}}, "pace.bake costs 5:00 a host: every batch waits for it"),
        (
            replace(ALB, slow_start=90.0),
            {},
            "the slow start of the pool costs 1:30 a host: a host is no full capacity before it ends",
        ),
        (ALB, SOON, "drain.settle for web-prod costs 0:15 a host: a shorter one helps"),
        (BY_ADDRESS, {}, WAITED_OUT),
        (BY_ADDRESS, {"drain": {"settle": "300s"}}, WAITED_OUT),
        (
            BY_ADDRESS,
            {"drain": {"settle": "301s"}},
            "drain.settle for web-prod costs 5:01 a host: a shorter one helps",
        ),
    ],
)
def test_the_costliest_setting_is_named_with_what_would_help(pool: Pool, settings: dict[str, Any], said: str) -> None:
    assert costliest([pool], lb_settings(**settings), 3) == said


def test_where_nothing_stands_out_nothing_is_said() -> None:
    assert costliest([ALB], lb_settings(), 3) is None
    assert costliest([ALB], lb_settings(drain={"settle": "14s"}), 3) is None
    assert costliest([NLB], lb_settings(), 0) is None
    assert costliest([], lb_settings(), 3) is None


def test_names_in_sentences() -> None:
    assert pool_name(PoolId("tg/web-prod/0123")) == "web-prod"
    assert pool_name(PoolId("odd")) == "odd"
    assert registration_name(Registration(PoolId("clb/old"), "i-1", None)) == "old"
    assert registration_name(Registration(PoolId("tg/web/0123"), "i-1", 8080)) == "web:8080"
    assert (counted(1, "host"), counted(0, "host")) == ("1 host", "0 hosts")
    assert (listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == (
        "",
        "a",
        "a and b",
        "a, b and c",
    )
    assert (clock_time(20), clock_time(300), clock_time(3600)) == ("0:20", "5:00", "1:00:00")
