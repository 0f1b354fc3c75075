from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from elbroll.demo.lifelike import ANOMALOUS, NO_ANSWER, ZONAL_SHIFT, Group, GroupSettings, Shown

if TYPE_CHECKING:
    from elbroll.demo.lifelike import InProcess, Vpc, World


class Site:
    """One ALB, one group on port 8080, one host registered on 8081."""

    def __init__(self, aws: InProcess, world: World) -> None:
        self.aws = aws
        self.world = world
        self.vpc: Vpc = world.a_vpc()
        self.alb, groups = world.an_alb_with_groups("web", self.vpc, {"web": 8080})
        self.group: Group = groups["web"]
        self.host = world.launch(self.vpc, "web-1", private_ip="10.0.1.11")

    @property
    def pool(self) -> str:
        return self.group.id

    def rows(self, *targets: dict[str, Any]) -> list[dict[str, Any]]:
        asked = {"Targets": list(targets)} if targets else {}
        answer = self.world.elbv2.describe_target_health(TargetGroupArn=self.group.arn, **asked)
        return list(answer["TargetHealthDescriptions"])

    def states(self) -> list[tuple[int, str]]:
        return [(row["Target"]["Port"], row["TargetHealth"]["State"]) for row in self.rows()]

    def leave(self, **target: Any) -> None:
        self.world.elbv2.deregister_targets(TargetGroupArn=self.group.arn, Targets=[{"Id": self.host, **target}])


@pytest.fixture
def site(aws: InProcess, world: World) -> Site:
    return Site(aws, world)


@pytest.mark.rule("T12")
def test_a_new_alb_target_is_initial_and_healthy_after_one_check(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    before = site.states()
    site.aws.clock.advance(30)
    assert (before, site.states()) == ([(8081, "initial")], [(8081, "healthy")])


@pytest.mark.rule("T12")
def test_a_target_that_was_sick_needs_every_check_of_the_threshold(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.apps.sicken(site.host)
    site.aws.clock.advance(60)
    sick = site.states()
    site.aws.apps.heal(site.host)
    site.aws.clock.advance(4 * 30)
    still = site.states()
    site.aws.clock.advance(30)
    assert [sick, still, site.states()] == [[(8081, "unhealthy")], [(8081, "unhealthy")], [(8081, "healthy")]]


def test_a_sick_target_says_why(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.apps.sicken(site.host, 8081, NO_ANSWER)
    site.aws.clock.advance(60)
    assert site.rows()[0]["TargetHealth"] == {
        "State": "unhealthy",
        "Reason": "Target.Timeout",
        "Description": "Request timed out",
    }


@pytest.mark.rule("T8")
def test_a_leaving_target_stays_draining_for_the_whole_delay_then_it_is_gone(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.leave(Port=8081)
    site.aws.clock.advance(299)
    before = site.states()
    site.aws.clock.advance(1)
    assert (before, site.states()) == ([(8081, "draining")], [])


@pytest.mark.rule("T5", "T6")
def test_deregistering_without_the_registered_port_succeeds_and_does_nothing(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.leave()
    assert site.states() == [(8081, "initial")]


def test_two_ports_of_one_host_are_two_targets(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.world.register(site.group, site.host)
    site.leave(Port=8081)
    assert site.states() == [(8081, "draining"), (8080, "initial")]


@pytest.mark.rule("T6")
def test_deregistering_a_stranger_succeeds(site: Site) -> None:
    site.leave(Port=8081)
    assert site.states() == []


@pytest.mark.rule("T2")
def test_a_stranger_asked_for_by_id_is_not_registered(site: Site) -> None:
    row = site.rows({"Id": site.host, "Port": 8081})[0]
    assert (row["TargetHealth"]["State"], row["TargetHealth"]["Reason"]) == ("unused", "Target.NotRegistered")


@pytest.mark.rule("T10")
def test_an_instance_that_drains_can_come_back_at_once(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.leave(Port=8081)
    site.world.register(site.group, site.host, 8081)
    assert site.states() == [(8081, "initial")]


@pytest.mark.rule("T10")
def test_an_address_that_drains_is_refused_until_its_delay_is_over(site: Site) -> None:
    group = site.world.a_group("ips", site.vpc, 9000, GroupSettings(target_type="ip", delay=60))
    site.world.register(group, "10.0.1.50", 9000)
    site.world.elbv2.deregister_targets(TargetGroupArn=group.arn, Targets=[{"Id": "10.0.1.50", "Port": 9000}])
    with pytest.raises(ClientError, match="InvalidTarget"):
        site.world.register(group, "10.0.1.50", 9000)
    site.aws.clock.advance(60)
    site.world.register(group, "10.0.1.50", 9000)


@pytest.mark.rule("T5")
def test_zone_and_quic_server_id_are_given_back(site: Site) -> None:
    group = site.world.a_group("ips", site.vpc, 9000, GroupSettings(target_type="ip"))
    target = {"Id": "192.168.7.7", "Port": 9000, "AvailabilityZone": "all", "QuicServerId": "0x0000000000000001"}
    site.world.elbv2.register_targets(TargetGroupArn=group.arn, Targets=[target])
    rows = site.world.elbv2.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
    assert rows[0]["Target"] == target


@pytest.mark.rule("T21")
def test_a_group_without_a_balancer_is_unused(site: Site) -> None:
    group = site.world.a_group("lonely", site.vpc, 9000)
    site.world.register(group, site.host)
    site.aws.clock.advance(600)
    row = site.world.elbv2.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"][0]
    assert (row["TargetHealth"]["State"], row["TargetHealth"]["Reason"]) == ("unused", "Target.NotInUse")


def test_a_stopped_instance_is_unused_and_warms_up_anew_when_started(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.clock.advance(60)
    site.world.ec2.stop_instances(InstanceIds=[site.host])
    stopped = site.rows()[0]["TargetHealth"]
    site.aws.clock.advance(60)
    site.world.ec2.start_instances(InstanceIds=[site.host])
    assert (stopped["State"], stopped["Reason"], site.states()) == (
        "unused",
        "Target.InvalidState",
        [(8081, "initial")],
    )


def test_a_terminated_instance_leaves_by_itself(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.world.ec2.terminate_instances(InstanceIds=[site.host])
    before = site.states()
    site.aws.clock.advance(300)
    assert (before, site.states()) == ([(8081, "draining")], [])


@pytest.mark.rule("T11")
def test_a_stopped_an_unknown_and_a_foreign_instance_are_invalid_targets(site: Site) -> None:
    elsewhere = site.world.a_vpc("10.9.0.0/16")
    foreign = site.world.launch(elsewhere, "foreign")
    site.world.ec2.stop_instances(InstanceIds=[site.host])
    for target in (site.host, "i-0123456789abcdef0", foreign):
        with pytest.raises(ClientError, match="InvalidTarget"):
            site.world.register(site.group, target)
    assert site.states() == []


@pytest.mark.rule("T3")
def test_a_zonal_shift_is_shown_and_takes_the_traffic_away(site: Site) -> None:
    other = site.world.launch(site.vpc, "web-2")
    site.world.register(site.group, site.host, 8081)
    site.world.register(site.group, other)
    site.aws.clock.advance(30)
    site.aws.simulation.force(site.pool, site.host, 8081, ZONAL_SHIFT)
    row = site.rows()[0]
    assert (row["TargetHealth"]["State"], row["AdministrativeOverride"]["State"]) == ("healthy", "zonal_shift_active")
    assert site.aws.simulation.serving(site.pool) == ((other, 8080),)


@pytest.mark.rule("T3")
def test_an_anomaly_is_told_only_to_those_who_ask_for_it(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.simulation.force(site.pool, site.host, 8081, ANOMALOUS)
    asked = site.world.elbv2.describe_target_health(TargetGroupArn=site.group.arn, Include=["AnomalyDetection"])
    assert asked["TargetHealthDescriptions"][0]["AnomalyDetection"]["Result"] == "anomalous"
    assert "AnomalyDetection" not in site.rows()[0]


@pytest.mark.rule("T1")
def test_a_state_nobody_has_heard_of_can_be_forced_and_taken_back(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.simulation.force(site.pool, site.host, 8081, Shown("resting", "Target.Asleep"))
    forced = site.states()
    site.aws.simulation.unforce(site.pool, site.host, 8081)
    assert (forced, site.states()) == ([(8081, "resting")], [(8081, "initial")])


def test_with_checks_off_the_health_is_unavailable(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.world.elbv2.modify_target_group(TargetGroupArn=site.group.arn, HealthCheckEnabled=False)
    assert site.rows()[0]["TargetHealth"]["Reason"] == "Target.HealthCheckDisabled"


@pytest.mark.rule("T16")
def test_with_nothing_healthy_every_registered_target_serves_but_no_draining_one(site: Site) -> None:
    other = site.world.launch(site.vpc, "web-2")
    site.world.register(site.group, site.host, 8081)
    site.world.register(site.group, site.host, 8082)
    site.world.register(site.group, other)
    site.leave(Port=8082)
    assert site.aws.simulation.serving(site.pool) == ((site.host, 8081), (other, 8080))


@pytest.mark.rule("T17")
def test_below_the_groups_own_minimum_sick_targets_serve_as_well(site: Site) -> None:
    other = site.world.launch(site.vpc, "web-2")
    minimum = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"
    site.world.attributes(site.group, {minimum: "2"})
    site.world.register(site.group, site.host, 8081)
    site.world.register(site.group, other)
    site.aws.apps.sicken(other)
    site.aws.clock.advance(60)
    assert len(site.aws.simulation.serving(site.pool)) == 2


@pytest.mark.rule("T13")
def test_a_hidden_registration_shows_nowhere_until_it_is_shown(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.simulation.hide(site.pool, site.host, 8081)
    hidden = (site.states(), site.rows({"Id": site.host, "Port": 8081})[0]["TargetHealth"]["Reason"])
    site.aws.simulation.unforce(site.pool, site.host, 8081)
    assert (hidden, site.states()) == (([], "Target.NotRegistered"), [(8081, "initial")])


@pytest.mark.rule("T19", "Q5")
def test_frozen_reads_lag_behind_a_write(site: Site) -> None:
    site.world.register(site.group, site.host, 8081)
    site.aws.clock.advance(30)
    site.aws.simulation.freeze(site.pool)
    site.leave(Port=8081)
    lagging = site.states()
    site.aws.simulation.thaw(site.pool)
    assert (lagging, site.states()) == ([(8081, "healthy")], [(8081, "draining")])
