"""From names and ids to pools: complete, or an error (F-2, F-15, F-18, T21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from elbroll.demo.lifelike import ClassicSettings, GroupSettings
from elbroll.errors import NotFound, Refused, Unanswered
from elbroll.model import BalancerKind, PoolId

if TYPE_CHECKING:
    from balancers.site import Calls, Site

SILENCE = ReadTimeoutError(endpoint_url="https://elb")


def test_a_balancer_s_name_means_all_its_groups_by_name(site: Site) -> None:
    pools = site.alb("web", **{"web-http": 8080, "web-admin": 9090})
    assert [(pool.name, pool.port, pool.kind, pool.balancers) for pool in pools] == [
        ("web-admin", 9090, BalancerKind.ALB, ("web",)),
        ("web-http", 8080, BalancerKind.ALB, ("web",)),
    ]


def test_other_balancers_groups_are_not_meant(site: Site) -> None:
    site.alb("api")
    site.alb("web")
    assert [pool.name for pool in site.directory.find("web", ())] == ["web-http"]


@pytest.mark.rule("C3", "T18")
def test_a_classic_s_name_means_the_classic_with_its_settings(site: Site) -> None:
    site.world.a_classic("old", site.vpc, ClassicSettings(draining=45, cross_zone="false"))
    (pool,) = site.directory.find("old", ())
    assert (pool.id, pool.kind, pool.deregistration_delay, pool.cross_zone) == (
        "clb/old",
        BalancerKind.CLASSIC,
        45.0,
        False,
    )


def test_a_target_group_s_name_will_do(site: Site) -> None:
    site.alb("web", **{"web-http": 8080, "web-admin": 9090})
    assert [pool.name for pool in site.directory.find("web-admin", ())] == ["web-admin"]


def test_a_balancer_goes_before_a_group_of_the_same_name(site: Site) -> None:
    site.alb("web", one=1, two=2)
    site.alb("api", web=3)
    assert [pool.name for pool in site.directory.find("web", ())] == ["one", "two"]


def test_balancers_of_both_kinds_that_share_a_name_are_both_meant(site: Site) -> None:
    site.alb("web")
    site.world.a_classic("web", site.vpc)
    assert [pool.id[:4] for pool in site.directory.find("web", ())] == ["clb/", "tg/w"]
    assert [pool.id for pool in site.directory.find("web", ("web",))] == ["clb/web"]


def test_target_groups_narrow_it_down(site: Site) -> None:
    site.alb("web", **{"web-http": 8080, "web-admin": 9090})
    assert [pool.name for pool in site.directory.find("web", ("web-http",))] == ["web-http"]


@pytest.mark.rule("F-2")
def test_a_group_that_the_balancer_does_not_have_is_an_error_with_those_it_has(site: Site) -> None:
    site.alb("web", **{"web-http": 8080, "web-admin": 9090})
    with pytest.raises(NotFound) as caught:
        site.directory.find("web", ("web-http", "web-htp"))
    assert (caught.value.near, caught.value.why) == (("web-http",), ("it has web-admin, web-http",))


@pytest.mark.rule("F-2")
@pytest.mark.parametrize("wrong", ["wbe", "WEB", "wweb"])
def test_an_unknown_name_is_answered_with_near_ones(site: Site, wrong: str) -> None:
    site.alb("web", one=8080)
    site.world.a_classic("legacy", site.vpc)
    with pytest.raises(NotFound, match="in us-east-1") as caught:
        site.directory.find(wrong, ())
    assert caught.value.near == ("web",)


@pytest.mark.rule("F-2")
@pytest.mark.parametrize("wrong", ["", "no/such name", "x" * 200])
def test_a_name_that_aws_would_not_even_allow_is_simply_not_found(site: Site, wrong: str) -> None:
    with pytest.raises(NotFound):
        site.directory.find(wrong, ())


@pytest.mark.rule("F-2")
def test_a_balancer_without_groups_is_refused(site: Site) -> None:
    site.world.an_alb("bare", site.vpc)
    with pytest.raises(Refused, match="bare has no target group"):
        site.directory.find("bare", ())


@pytest.mark.rule("T21", "F-18")
def test_a_lambda_group_is_refused_with_the_line_that_leaves_it_out(site: Site) -> None:
    site.alb("web", **{"web-http": 8080})
    arn = site.clients.elbv2.create_target_group(Name="fn", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    _listen("web", arn, site)
    with pytest.raises(Refused, match="the target group fn holds a Lambda function") as caught:
        site.directory.find("web", ())
    assert caught.value.fix[0].startswith('target_groups = ["web-http"]')
    assert [pool.name for pool in site.directory.find("web", ("web-http",))] == ["web-http"]


@pytest.mark.rule("T21", "F-18")
def test_a_group_without_balancer_is_found_and_names_none(site: Site) -> None:
    site.world.a_group("alone", site.vpc, 8080)
    assert [pool.balancers for pool in site.directory.find("alone", ())] == [()]


@pytest.mark.rule("T18")
def test_a_network_balancer_s_own_word_on_zones_is_asked_for(site: Site) -> None:
    pool = site.nlb("net", "net-tcp", GroupSettings(protocol="TCP"))
    site.clients.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=pool.balancer_arns[0],
        Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}],
    )
    (again,) = site.directory.find("net", ())
    assert (pool.kind, pool.cross_zone, again.cross_zone) == (BalancerKind.NLB, False, True)


@pytest.mark.rule("T18")
def test_an_application_balancer_crosses_zones_without_being_asked(site: Site, calls: Calls) -> None:
    assert site.alb("web")[0].cross_zone is True
    assert calls.parameters("DescribeLoadBalancerAttributes") == []


@pytest.mark.rule("F-15")
def test_listings_are_read_to_the_last_page(site: Site) -> None:
    for number in range(3):
        site.world.a_classic(f"old-{number}", site.vpc)
    first = {"LoadBalancers": [], "NextMarker": "more"}
    balancer = {"LoadBalancerName": "web", "LoadBalancerArn": "arn:lb", "Type": "application"}
    with Stubber(site.clients.elbv2) as stubber:
        stubber.add_response("describe_load_balancers", first, {})
        stubber.add_response("describe_load_balancers", {"LoadBalancers": [balancer]}, {"Marker": "more"})
        stubber.add_response("describe_target_groups", {"TargetGroups": []}, {})
        with pytest.raises(Refused, match="web has no target group"):
            site.directory.find("web", ())


@pytest.mark.rule("F-15", "I-3")
def test_a_page_that_never_comes_is_an_error_and_no_short_list(site: Site, calls: Calls) -> None:
    site.alb("web")
    calls.fail("DescribeTargetGroups", *[SILENCE] * 100)
    with pytest.raises(Unanswered):
        site.directory.find("web", ())
    assert 100 <= site.clock.monotonic() <= 140


@pytest.mark.rule("F-14", "B2")
@pytest.mark.parametrize(
    "operation",
    ["DescribeLoadBalancers", "DescribeTargetGroups", "DescribeTargetGroupAttributes"],
)
def test_a_minute_of_silence_is_waited_out(site: Site, calls: Calls, operation: str) -> None:
    site.alb("web")
    calls.fail(operation, *[SILENCE] * 5)
    assert [pool.name for pool in site.directory.find("web", ())] == ["web-http"]
    assert 10 <= site.clock.monotonic() <= 60


@pytest.mark.rule("F-15")
def test_a_group_under_a_balancer_that_is_not_listed_is_half_an_answer(site: Site) -> None:
    group = {"TargetGroupName": "web", "TargetGroupArn": "x:targetgroup/web/1", "LoadBalancerArns": ["arn:hidden"]}
    with Stubber(site.clients.elbv2) as stubber:
        stubber.add_response("describe_load_balancers", {"LoadBalancers": []})
        stubber.add_response("describe_target_groups", {"TargetGroups": [group]})
        with pytest.raises(Unanswered, match="does not list"):
            site.directory.find("web", ())


@pytest.mark.rule("F-35")
def test_pools_are_found_again_by_id_and_deleted_ones_are_missing(site: Site) -> None:
    (web,) = site.alb("web")
    old = site.classic("old")
    gone = PoolId("tg/gone/0123456789abcdef")
    found = site.directory.by_id([web.id, old.id, gone, PoolId("clb/gone")])
    assert dict(found) == {web.id: web, old.id: old}


def test_a_group_made_anew_under_its_old_name_is_another_pool(site: Site) -> None:
    first = site.world.a_group("web", site.vpc, 8080)
    site.clients.elbv2.delete_target_group(TargetGroupArn=first.arn)
    site.world.a_group("web", site.vpc, 8080)
    assert dict(site.directory.by_id([PoolId(first.id)])) == {}


def test_asking_for_no_id_makes_no_call(site: Site, calls: Calls) -> None:
    assert (dict(site.directory.by_id([])), calls.actions) == ({}, [])


@pytest.mark.rule("T21")
def test_names_are_those_that_can_be_rolled(site: Site) -> None:
    site.alb("web")
    site.alb("api")
    site.world.an_alb("bare", site.vpc)
    site.world.a_classic("old", site.vpc)
    site.world.a_group("alone", site.vpc, 8080)
    site.clients.elbv2.create_target_group(Name="fn", TargetType="lambda")
    assert site.directory.names() == ("alone", "api", "old", "web")


def _listen(balancer: str, group_arn: str, site: Site) -> None:
    (found,) = site.clients.elbv2.describe_load_balancers(Names=[balancer])["LoadBalancers"]
    site.clients.elbv2.create_listener(
        LoadBalancerArn=found["LoadBalancerArn"],
        Protocol="HTTP",
        Port=9999,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group_arn}],
    )
