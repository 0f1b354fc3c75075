"""What a classic balancer's texts mean, and instances in and out (C1-C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from elbroll.balancers.classic import meaning
from elbroll.errors import PoolGone, TargetRefused, Unanswered
from elbroll.model import Registration, TargetState

if TYPE_CHECKING:
    from balancers.site import Calls, Site
    from elbroll.model import TargetSeen

STATES = TargetState
LEAVING = "Instance deregistration currently in progress."
OUT = "Instance is not currently registered with the LoadBalancer."
ZONE_OFF = "Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to."
NOT_YET = "Instance has not passed the configured HealthyThreshold number of health checks consecutively."
SICK = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."


@pytest.mark.rule("C1", "T1", "F-26")
@pytest.mark.parametrize(
    ("state", "reason", "text", "meant"),
    [
        ("InService", None, None, STATES.HEALTHY),
        ("InService", "N/A", "N/A", STATES.HEALTHY),
        ("InService", "N/A", "", STATES.HEALTHY),
        ("InService", None, LEAVING, STATES.DRAINING),
        ("InService", None, "DEREGISTRATION of another wording", STATES.DRAINING),
        ("InService", None, "Disable Availability Zone is currently in progress.", STATES.UNKNOWN),
        ("InService", None, "Something new.", STATES.UNKNOWN),
        ("OutOfService", "Instance", OUT, STATES.GONE),
        ("OutOfService", "Instance", SICK, STATES.UNHEALTHY),
        ("OutOfService", "Instance", "Something new.", STATES.UNHEALTHY),
        ("OutOfService", "Instance", NOT_YET, STATES.INITIAL),
        ("OutOfService", "ELB", "Instance registration is still in progress.", STATES.INITIAL),
        ("OutOfService", "Instance", "Instance is in pending state.", STATES.INITIAL),
        ("OutOfService", "Instance", "Instance is in stopped state.", STATES.UNUSED),
        ("OutOfService", "Instance", "Instance is in terminated state.", STATES.UNUSED),
        ("OutOfService", "ELB", ZONE_OFF, STATES.UNUSED),
        ("OutOfService", "ELB", "Something new.", STATES.UNKNOWN),
        ("OutOfService", None, None, STATES.UNKNOWN),
        ("Unknown", "ELB", "A transient error occurred. Please try again later.", STATES.UNKNOWN),
        ("Brandnew", None, None, STATES.UNKNOWN),
    ],
)
def test_the_text_says_what_the_state_does_not(
    state: str, reason: str | None, text: str | None, meant: TargetState
) -> None:
    assert meaning(state, reason, text) is meant


class OneMember:
    """A classic balancer with one instance in service."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pool = site.classic()
        self.id = site.launch("old-1")
        self.entry = Registration(self.pool.id, self.id, None)
        site.register(self.pool, self.entry)

    def row(self) -> TargetSeen | None:
        return self.site.balancer.look(self.pool, 0.0).row(self.entry)


@pytest.fixture
def one(site: Site) -> OneMember:
    return OneMember(site)


@pytest.mark.rule("C1", "C4")
def test_a_member_in_service_is_healthy_and_has_no_port(one: OneMember) -> None:
    row = one.row()
    assert row is not None
    assert (row.registration, row.state, row.reason, row.said) == (one.entry, TargetState.HEALTHY, None, None)


@pytest.mark.rule("C1", "F-31")
def test_a_member_that_leaves_is_draining_though_aws_says_in_service(one: OneMember) -> None:
    one.site.balancer.deregister(one.pool, [one.entry])
    row = one.row()
    assert row is not None
    assert (row.state, row.said) == (TargetState.DRAINING, LEAVING)


@pytest.mark.rule("C1", "T2")
def test_a_member_that_has_left_has_a_row_that_says_gone(one: OneMember) -> None:
    one.site.balancer.deregister(one.pool, [one.entry])
    one.site.clock.advance(300)
    row = one.row()
    assert row is not None
    assert (row.state, row.said) == (TargetState.GONE, OUT)


@pytest.mark.rule("C4", "I-3")
def test_only_the_instance_is_sent_both_ways(one: OneMember, calls: Calls) -> None:
    one.site.balancer.deregister(one.pool, [one.entry])
    one.site.balancer.register(one.pool, [one.entry])
    sent = {"LoadBalancerName": "old", "Instances": [{"InstanceId": one.id}]}
    assert calls.parameters("DeregisterInstancesFromLoadBalancer") == [sent]
    assert calls.parameters("RegisterInstancesWithLoadBalancer") == [sent]


def test_a_text_of_no_known_meaning_is_shown_as_it_came(one: OneMember) -> None:
    with Stubber(one.site.clients.elb) as stubber:
        states = [{"InstanceId": one.id, "State": "Unknown", "ReasonCode": "ELB", "Description": "A transient error."}]
        stubber.add_response("describe_instance_health", {"InstanceStates": states})
        row = one.row()
    assert row is not None
    assert (row.state, row.reason, row.said) == (TargetState.UNKNOWN, "ELB", "Unknown A transient error.")


@pytest.mark.rule("C2")
def test_a_terminated_instance_has_no_row_and_hides_nobody(one: OneMember) -> None:
    ghost = Registration(one.pool.id, "i-0123456789abcdef0", None)
    one.site.balancer.follow(one.pool.id, [ghost])
    with Stubber(one.site.clients.elb) as stubber:
        healthy = [{"InstanceId": one.id, "State": "InService", "ReasonCode": "N/A", "Description": "N/A"}]
        stubber.add_response("describe_instance_health", {"InstanceStates": healthy})
        stubber.add_client_error("describe_instance_health", "InvalidInstance")
        view = one.site.balancer.look(one.pool, 0)
    assert (view.row(ghost), [row.registration for row in view.rows]) == (None, [one.entry])


@pytest.mark.rule("C4")
def test_a_stranger_cannot_be_registered(one: OneMember) -> None:
    with Stubber(one.site.clients.elb) as stubber:
        stubber.add_client_error("register_instances_with_load_balancer", "InvalidInstance")
        with pytest.raises(TargetRefused):
            one.site.balancer.register(one.pool, [one.entry])


@pytest.mark.rule("C4", "T6")
def test_letting_a_stranger_go_is_harmless(one: OneMember) -> None:
    with Stubber(one.site.clients.elb) as stubber:
        stubber.add_client_error("deregister_instances_from_load_balancer", "InvalidInstance")
        one.site.balancer.deregister(one.pool, [one.entry])


@pytest.mark.rule("C4", "B3")
def test_a_throttle_of_a_service_behind_is_no_answer(one: OneMember) -> None:
    with Stubber(one.site.clients.elb) as stubber:
        stubber.add_client_error("describe_instance_health", "DependencyThrottle")
        with pytest.raises(Unanswered):
            one.row()


@pytest.mark.rule("F-15")
def test_half_an_answer_is_no_answer(one: OneMember) -> None:
    with Stubber(one.site.clients.elb) as stubber:
        stubber.add_response("describe_instance_health", {})
        with pytest.raises(Unanswered, match="half an answer"):
            one.row()


@pytest.mark.rule("F-35")
def test_a_balancer_deleted_meanwhile_is_gone(one: OneMember) -> None:
    one.site.world.elb.delete_load_balancer(LoadBalancerName="old")
    with pytest.raises(PoolGone, match="loadbalancer/old does not exist"):
        one.row()


@pytest.mark.rule("C2", "I-12")
def test_rows_of_others_are_no_answer_about_those_that_were_asked_for(one: OneMember) -> None:
    stranger = {"InstanceId": "i-0stranger", "State": "InService", "Description": "N/A"}
    one.site.balancer.follow(one.pool.id, [one.entry])
    with Stubber(one.site.clients.elb) as stubber:
        stubber.add_response("describe_instance_health", {"InstanceStates": []})
        stubber.add_response("describe_instance_health", {"InstanceStates": [stranger]})
        assert one.site.balancer.look(one.pool, 0).rows == ()
