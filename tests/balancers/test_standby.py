"""Groups and standby as AWS has them: read to the end, told once, and believed only by what is read (A1 to A7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from elbroll.aws.actions import DEEDS, Action
from elbroll.balancers.standby import AwsGroups, meaning
from elbroll.demo.lifelike import Detail, Kind, Scalers, Sizes
from elbroll.errors import CredentialsError, PermissionDenied, StandbyRefused, Unanswered
from elbroll.model import HostId, Lifecycle, Member

if TYPE_CHECKING:
    from balancers.site import Calls, Site
    from elbroll.aws import Clients
    from elbroll.model import Pool, ScalingGroup

GROUP = "web-asg"
OTHER = HostId("i-0fffffffffffffff1")
REFRESHING = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")
OVER = ("Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful")


@dataclass
class Stage:
    """Three members of `web-asg`, attached to a group and a classic balancer; the first two also serve elsewhere."""

    site: Site
    scalers: Scalers
    groups: AwsGroups
    hosts: tuple[HostId, ...]
    web: Pool
    old: Pool
    other: Pool

    def states(self, host: HostId) -> dict[str, str]:
        """Where the host is registered, by the pool's name."""
        seen = ((pool.name, self.site.states(pool)) for pool in (self.web, self.old, self.other))
        return {name: state for name, rows in seen for (target, _), state in rows.items() if target == host}

    def member(self, host: HostId) -> Member:
        return self.groups.members([host])[host]

    def stood_by(self, host: HostId) -> None:
        self.groups.enter_standby(GROUP, host)
        self.site.clock.advance(600)


@pytest.fixture
def stage(site: Site) -> Stage:
    _, made = site.world.an_alb_with_groups("web", site.vpc, {"a-web": 8080, "b-other": 9000})
    web, other = sorted(site.directory.find("web", ()), key=lambda pool: pool.name)
    old = site.classic("old")
    scalers = Scalers(site.aws.client, site.aws.simulation)
    hosts = tuple(site.launch(f"web-{number}") for number in (1, 2, 3))
    scalers.around(GROUP, site.vpc, hosts, [made["a-web"]], [old.name], Sizes(at_least=2, at_most=4))
    for host in hosts[:2]:
        site.world.register(made["b-other"], host, 9001)
    site.clock.advance(600)
    return Stage(site, scalers, AwsGroups(site.clients), hosts, web, old, other)


# --- reading -----------------------------------------------------------------------------------------


@pytest.mark.rule("A6")
def test_members_are_told_with_their_state_and_strangers_are_missing(stage: Stage) -> None:
    first = stage.hosts[0]

    assert stage.groups.members([first, OTHER]) == {first: Member(first, GROUP, Lifecycle.IN_SERVICE, "InService")}
    assert stage.groups.members([]) == {}


@pytest.mark.rule("A6")
@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("InService", Lifecycle.IN_SERVICE),
        ("Standby", Lifecycle.STANDBY),
        ("EnteringStandby", Lifecycle.ENTERING),
        ("Pending", Lifecycle.COMING),
        ("Pending:Wait", Lifecycle.COMING),
        ("Terminating", Lifecycle.LEAVING),
        ("Terminating:Proceed", Lifecycle.LEAVING),
        ("Terminated", Lifecycle.LEAVING),
        ("Detaching", Lifecycle.LEAVING),
        ("Detached", Lifecycle.LEAVING),
        ("Quarantined", Lifecycle.UNKNOWN),
        ("Warmed:Running", Lifecycle.UNKNOWN),
        ("", Lifecycle.UNKNOWN),
    ],
)
def test_of_over_twenty_states_only_two_are_ours(said: str, meant: Lifecycle) -> None:
    assert meaning(said) is meant


@pytest.mark.rule("A2", "A3", "A4")
def test_a_group_is_read_with_its_sizes_checks_processes_and_pools(stage: Stage) -> None:
    stage.scalers.suspend(GROUP, "AZRebalance")
    group = stage.groups.groups([GROUP, "nobody"])[GROUP]

    assert (group.min_size, group.desired, group.max_size, group.health_check) == (2, 3, 4, "EC2")
    assert group.suspended == {"AZRebalance"}
    assert group.pools == {stage.web.id, stage.old.id}
    assert group.hosts == set(stage.hosts)
    assert (group.refresh, group.unread) == (None, None)
    assert len(group.zones) == 2


def as_told(clients: Clients, **about: object) -> ScalingGroup:
    """What is read of an answer with this in it."""
    sizes = {"MinSize": 1, "MaxSize": 3, "DesiredCapacity": 2, "DefaultCooldown": 300, "CreatedTime": datetime.now(UTC)}
    row = {"AutoScalingGroupName": GROUP, "AvailabilityZones": [], "HealthCheckType": "EC2", **sizes, **about}
    with Stubber(clients.autoscaling) as told:
        told.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [row]})
        told.add_response("describe_instance_refreshes", {"InstanceRefreshes": []})
        return AwsGroups(clients).groups([GROUP])[GROUP]


@pytest.mark.rule("A6", "A7")
def test_members_on_their_way_in_are_told_apart_and_those_on_their_way_out_are_none(clients: Clients) -> None:
    said = ("InService", "Standby", "Pending", "Pending:Wait", "Terminating:Wait", "Detaching", "Quarantined")
    rows = [
        {
            "InstanceId": f"i-{number}",
            "LifecycleState": state,
            "AvailabilityZone": "us-east-1a",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": False,
        }
        for number, state in enumerate(said)
    ]
    group = as_told(clients, Instances=rows)

    assert group.hosts == {"i-0", "i-1", "i-2", "i-3", "i-6"}
    assert group.launching == {"i-2", "i-3"}


@pytest.mark.rule("A3")
def test_sources_of_traffic_are_pools_of_ours_or_named_as_strangers(clients: Clients) -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
    sources = [
        {"Identifier": arn, "Type": "elbv2"},
        {"Identifier": "old", "Type": "elb"},
        {"Identifier": "arn:aws:vpc-lattice:us-east-1:1:targetgroup/tg-1", "Type": "vpc-lattice"},
    ]
    group = as_told(clients, TrafficSources=sources)

    assert group.pools == {"tg/web/0123456789abcdef", "clb/old"}
    assert group.elsewhere == ("arn:aws:vpc-lattice:us-east-1:1:targetgroup/tg-1",)


@pytest.mark.rule("Q3")
def test_many_hosts_and_groups_are_asked_for_fifty_at_a_time(stage: Stage, calls: Calls) -> None:
    stage.groups.members([HostId(f"i-{number:017x}") for number in range(120)])
    stage.groups.groups([f"group-{number}" for number in range(60)])

    asked = [len(each["InstanceIds"]) for each in calls.parameters("DescribeAutoScalingInstances")]
    named = [len(each["AutoScalingGroupNames"]) for each in calls.parameters("DescribeAutoScalingGroups")]
    assert (asked, named) == ([50, 50, 20], [50, 10])


@pytest.mark.rule("A7")
@pytest.mark.parametrize("status", REFRESHING)
def test_an_instance_refresh_under_way_is_told(stage: Stage, status: str) -> None:
    stage.scalers.refresh(GROUP, status)

    assert stage.groups.groups([GROUP])[GROUP].refresh == status


@pytest.mark.rule("A7")
@pytest.mark.parametrize("status", OVER)
def test_an_instance_refresh_that_is_over_is_none(stage: Stage, status: str) -> None:
    stage.scalers.refresh(GROUP, status)

    assert stage.groups.groups([GROUP])[GROUP].refresh is None


@pytest.mark.rule("F-21", "M8")
@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeInstanceRefreshes"),
        ResponseParserError("not implemented here"),
    ],
)
def test_refreshes_that_may_not_be_read_or_are_not_offered_are_unread(
    stage: Stage, calls: Calls, error: Exception
) -> None:
    calls.fail("DescribeInstanceRefreshes", error)
    group = stage.groups.groups([GROUP])[GROUP]

    assert group.refresh is None
    assert "autoscaling:DescribeInstanceRefreshes" in (group.unread or "")


@pytest.mark.rule("A7", "F-14", "F-21")
@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling", "Message": "rate exceeded"}}, "DescribeInstanceRefreshes"),
        ReadTimeoutError(endpoint_url="https://autoscaling"),
    ],
    ids=["throttled", "timeout"],
)
def test_silence_about_refreshes_is_not_taken_for_none_under_way(stage: Stage, calls: Calls, error: Exception) -> None:
    stage.scalers.refresh(GROUP, "InProgress")
    calls.fail("DescribeInstanceRefreshes", error)

    with pytest.raises(Unanswered):
        stage.groups.groups([GROUP])


@pytest.mark.rule("B4")
def test_credentials_that_end_are_no_unread_refresh(stage: Stage, calls: Calls) -> None:
    calls.fail("DescribeInstanceRefreshes", ClientError({"Error": {"Code": "ExpiredToken"}}, "x"))

    with pytest.raises(CredentialsError):
        stage.groups.groups([GROUP])


# --- standby -----------------------------------------------------------------------------------------


@pytest.mark.rule("A3", "A4", "M3")
def test_standby_leaves_the_attached_pools_with_draining_and_lets_the_others_be(stage: Stage) -> None:
    first = stage.hosts[0]
    stage.groups.enter_standby(GROUP, first)
    at_once = stage.member(first).lifecycle, stage.states(first)
    stage.site.clock.advance(600)

    assert at_once == (Lifecycle.ENTERING, {"a-web": "draining", "old": "draining", "b-other": "healthy"})
    assert stage.member(first).lifecycle is Lifecycle.STANDBY
    assert stage.states(first) == {"b-other": "healthy"}
    assert stage.scalers.sizes(GROUP) == (2, 2, 4)


@pytest.mark.rule("A3", "M3")
def test_coming_back_joins_the_attached_pools_and_warms_up_there(stage: Stage) -> None:
    first = stage.hosts[0]
    stage.stood_by(first)
    stage.groups.exit_standby(GROUP, first)
    at_once = stage.member(first).lifecycle, stage.states(first)
    stage.site.clock.advance(600)

    assert at_once == (Lifecycle.COMING, {"a-web": "initial", "old": "initial", "b-other": "healthy"})
    assert stage.member(first).lifecycle is Lifecycle.IN_SERVICE
    assert stage.states(first) == {"a-web": "healthy", "old": "healthy", "b-other": "healthy"}
    assert stage.scalers.sizes(GROUP) == (2, 3, 4)


@pytest.mark.rule("A4")
def test_below_its_minimum_a_group_lets_nobody_stand_by_and_says_the_numbers(stage: Stage) -> None:
    stage.stood_by(stage.hosts[0])

    with pytest.raises(StandbyRefused) as refused:
        stage.groups.enter_standby(GROUP, stage.hosts[1])
    assert "min-size=2" in refused.value.message
    assert stage.member(stage.hosts[1]).lifecycle is Lifecycle.IN_SERVICE


@pytest.mark.rule("A5")
def test_without_launch_nobody_comes_back(stage: Stage) -> None:
    stage.stood_by(stage.hosts[0])
    stage.scalers.suspend(GROUP, "Launch")

    with pytest.raises(StandbyRefused, match=GROUP):
        stage.groups.exit_standby(GROUP, stage.hosts[0])


@pytest.mark.rule("A5")
def test_a_repeat_after_a_lost_answer_fails_although_the_state_is_right(stage: Stage) -> None:
    stage.site.aws.faults.add("EnterStandby", Kind.LOSE_ANSWER, times=None)
    with pytest.raises((Unanswered, StandbyRefused)):
        stage.groups.enter_standby(GROUP, stage.hosts[0])
    stage.site.clock.advance(5)

    assert stage.member(stage.hosts[0]).lifecycle is Lifecycle.STANDBY
    assert stage.scalers.sizes(GROUP) == (2, 2, 4)


@pytest.mark.rule("A6")
def test_an_activity_under_way_is_no_answer_so_that_it_is_tried_again_by_time(stage: Stage) -> None:
    first = stage.hosts[0]
    stage.groups.enter_standby(GROUP, first)

    with pytest.raises(Unanswered, match="busy"):
        stage.groups.exit_standby(GROUP, first)
    stage.site.aws.faults.add("ExitStandby", Kind.REFUSE, detail=Detail("ScalingActivityInProgress", 400, "wait"))
    stage.site.clock.advance(5)
    with pytest.raises(Unanswered, match="busy"):
        stage.groups.exit_standby(GROUP, first)


@pytest.mark.rule("F-6")
def test_a_missing_permission_names_the_action(stage: Stage) -> None:
    stage.site.aws.faults.add("EnterStandby", Kind.DENY)

    with pytest.raises(PermissionDenied) as denied:
        stage.groups.enter_standby(GROUP, stage.hosts[0])
    assert denied.value.action == "autoscaling:EnterStandby"


@pytest.mark.rule("A2", "A4", "A7", "S-6")
def test_nothing_is_suspended_protected_detached_or_resized(stage: Stage, calls: Calls) -> None:
    stage.groups.groups([GROUP])
    stage.stood_by(stage.hosts[0])
    stage.groups.exit_standby(GROUP, stage.hosts[0])
    stage.groups.members(stage.hosts)

    known = {str(action) for action in Action if action.startswith("autoscaling:")}
    assert set(calls.actions) == known
    assert {action for action in known if not action.startswith("autoscaling:Describe")} == {
        str(action) for action in DEEDS if action.startswith("autoscaling:")
    }
    assert calls.parameters("EnterStandby")[0]["ShouldDecrementDesiredCapacity"] is True


# --- why all of this ---------------------------------------------------------------------------------


@pytest.mark.rule("A1", "M3")
def test_a_group_with_elb_checks_replaces_a_host_taken_out_by_hand_but_not_one_that_stands_by(site: Site) -> None:
    _, made = site.world.an_alb_with_groups("web", site.vpc, {"web-http": 8080})
    hosts = [site.launch(f"web-{number}") for number in (1, 2, 3)]
    scalers = Scalers(site.aws.client, site.aws.simulation)
    scalers.around(GROUP, site.vpc, hosts, [made["web-http"]], sizes=Sizes(health_check="ELB"))
    site.clock.advance(600)
    AwsGroups(site.clients).enter_standby(GROUP, hosts[0])
    site.world.elbv2.deregister_targets(TargetGroupArn=made["web-http"].arn, Targets=[{"Id": hosts[1], "Port": 8080}])

    assert scalers.replace_unwell(GROUP) == (hosts[1],)
    assert hosts[1] not in scalers.members(GROUP)
    assert len(scalers.members(GROUP)) == 3
    assert scalers.members(GROUP)[hosts[0]] == "EnteringStandby"
