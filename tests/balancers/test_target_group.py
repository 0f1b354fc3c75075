"""What a health row means, and exact entries in and out (T1-T6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from elbroll.balancers.target_group import TargetGroups, meaning
from elbroll.demo.lifelike import ANOMALOUS, BAD_STATUS, ZONAL_SHIFT, GroupSettings, Shown
from elbroll.errors import ElbrollError, PoolGone, TargetRefused, Unanswered
from elbroll.model import BalancerKind, Registration, TargetState, TargetType

if TYPE_CHECKING:
    from balancers.site import Calls, Site
    from elbroll.aws import Clients
    from elbroll.model import TargetSeen

IP = GroupSettings(target_type="ip")
STATES = TargetState


@pytest.mark.rule("T1", "T3", "F-26")
@pytest.mark.parametrize(
    ("state", "reason", "override", "meant"),
    [
        ("initial", "Elb.RegistrationInProgress", None, STATES.INITIAL),
        ("initial", "Elb.InitialHealthChecking", None, STATES.INITIAL),
        ("healthy", None, None, STATES.HEALTHY),
        ("healthy", None, "no_override", STATES.HEALTHY),
        ("healthy", None, "zonal_shift_active", STATES.SHIFTED),
        ("healthy", None, "zonal_shift_delegated_to_dns", STATES.SHIFTED),
        ("healthy", None, "unknown", STATES.UNKNOWN),
        ("healthy", None, "something_new", STATES.UNKNOWN),
        ("healthy", "Something.New", None, STATES.UNKNOWN),
        ("unhealthy", "Target.ResponseCodeMismatch", None, STATES.UNHEALTHY),
        ("unhealthy", "Target.Timeout", "zonal_shift_active", STATES.UNHEALTHY),
        ("unhealthy", "Elb.InternalError", None, STATES.UNHEALTHY),
        ("unhealthy.draining", None, None, STATES.UNHEALTHY),
        ("draining", "Target.DeregistrationInProgress", None, STATES.DRAINING),
        ("unused", "Target.NotRegistered", None, STATES.GONE),
        ("unused", "Target.NotInUse", None, STATES.UNUSED),
        ("unused", "Target.InvalidState", None, STATES.UNUSED),
        ("unused", "Target.IpUnusable", None, STATES.UNUSED),
        ("unused", "Something.New", None, STATES.UNKNOWN),
        ("unused", None, None, STATES.UNKNOWN),
        ("unavailable", "Target.HealthCheckDisabled", None, STATES.UNAVAILABLE),
        ("unavailable", "Elb.InternalError", None, STATES.UNAVAILABLE),
        ("asleep", None, None, STATES.UNKNOWN),
        ("", None, None, STATES.UNKNOWN),
    ],
)
def test_each_word_of_aws_has_one_meaning(
    state: str, reason: str | None, override: str | None, meant: TargetState
) -> None:
    assert meaning(state, reason, override) is meant


class OneHost:
    """An ALB's group on 8080, one host on 8081 in it, healthy."""

    def __init__(self, site: Site) -> None:
        self.site = site
        (self.pool,) = site.alb()
        self.id = site.launch("web-1", private_ip="10.0.1.11")
        self.entry = Registration(self.pool.id, self.id, 8081)
        site.register(self.pool, self.entry)

    def row(self) -> TargetSeen | None:
        return self.site.balancer.look(self.pool, 0.0).row(self.entry)

    def force(self, shown: Shown) -> None:
        self.site.aws.simulation.force(self.pool.id, self.id, 8081, shown)


@pytest.fixture
def one(site: Site) -> OneHost:
    return OneHost(site)


@pytest.mark.rule("T5", "I-12")
def test_a_row_carries_the_registration_exactly_as_aws_knows_it(one: OneHost) -> None:
    row = one.row()
    assert row is not None
    assert (row.registration, row.state, row.reason, row.said) == (one.entry, TargetState.HEALTHY, None, None)


def test_a_sick_row_carries_reason_and_text(one: OneHost) -> None:
    one.site.aws.apps.sicken(one.id, sickness=BAD_STATUS)
    one.site.clock.advance(120)
    row = one.row()
    assert row is not None
    assert (row.state, row.reason, row.said) == (TargetState.UNHEALTHY, BAD_STATUS.reason, BAD_STATUS.description)


@pytest.mark.rule("T1", "F-26")
def test_a_state_without_a_word_of_ours_is_shown_as_it_came(one: OneHost) -> None:
    one.force(Shown("hibernating", "Target.Snores", "Zzz"))
    row = one.row()
    assert row is not None
    assert (row.state, row.reason, row.said) == (TargetState.UNKNOWN, "Target.Snores", "hibernating Zzz")


@pytest.mark.rule("T3")
def test_a_zonal_shift_is_told_with_its_text(one: OneHost) -> None:
    one.force(ZONAL_SHIFT)
    row = one.row()
    assert row is not None
    assert row.state is TargetState.SHIFTED
    assert row.said == "zonal_shift_active Availability Zone is shifted away"


@pytest.mark.rule("T3")
def test_an_anomaly_is_noticed_and_the_target_still_healthy(one: OneHost, calls: Calls) -> None:
    one.force(ANOMALOUS)
    row = one.row()
    assert row is not None
    assert (row.state, row.anomalous) == (TargetState.HEALTHY, True)
    assert calls.parameters("DescribeTargetHealth")[0]["Include"] == ["AnomalyDetection"]


@pytest.mark.rule("T1", "F-14", "B3")
def test_an_internal_error_of_the_health_service_is_no_answer_and_not_unhealthy(one: OneHost) -> None:
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_client_error("describe_target_health", "HealthUnavailable", http_status_code=500)
        with pytest.raises(Unanswered):
            one.row()


@pytest.mark.rule("F-15")
@pytest.mark.parametrize(
    "half",
    [
        {},
        {"TargetHealthDescriptions": [{"TargetHealth": {"State": "healthy"}}]},
        {"TargetHealthDescriptions": [{"Target": {"Id": "i-1", "Port": 1}}]},
        {"TargetHealthDescriptions": [{"Target": {"Id": "i-1", "Port": 1}, "TargetHealth": {}}]},
    ],
)
def test_half_an_answer_is_no_answer(one: OneHost, half: dict[str, Any]) -> None:
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", half)
        with pytest.raises(Unanswered, match="half an answer"):
            one.row()


@pytest.mark.rule("T5", "I-3")
def test_a_host_on_two_ports_leaves_the_one_that_was_asked_for(one: OneHost) -> None:
    second = Registration(one.pool.id, one.id, 8082)
    one.site.register(one.pool, second)
    one.site.balancer.deregister(one.pool, [one.entry])
    assert one.site.states(one.pool) == {(one.id, 8081): "draining", (one.id, 8082): "healthy"}


@pytest.mark.rule("T5", "I-3")
def test_the_exact_entry_is_sent_both_ways(site: Site, calls: Calls) -> None:
    (pool,) = site.alb(settings=IP)
    entry = Registration(pool.id, "10.9.9.9", 8083, zone="all", quic_server_id="0x0123456789abcdef")
    site.balancer.register(pool, [entry])
    site.balancer.deregister(pool, [entry])
    sent = {"Id": "10.9.9.9", "Port": 8083, "AvailabilityZone": "all", "QuicServerId": "0x0123456789abcdef"}
    assert calls.parameters("RegisterTargets") == [{"TargetGroupArn": pool.arn, "Targets": [sent]}]
    assert calls.parameters("DeregisterTargets") == [{"TargetGroupArn": pool.arn, "Targets": [sent]}]


@pytest.mark.rule("T5", "F-18")
def test_what_is_read_of_an_address_can_be_sent_back_as_it_is(site: Site) -> None:
    (pool,) = site.alb(settings=IP)
    entry = Registration(pool.id, "10.9.9.9", 8083, zone="all")
    site.register(pool, entry)
    assert [row.registration for row in site.balancer.look(pool, 0).rows] == [entry]


@pytest.mark.rule("T5")
def test_the_zone_of_an_instance_is_not_kept_since_aws_would_refuse_it(one: OneHost) -> None:
    row = {
        "Target": {"Id": one.id, "Port": 8081, "AvailabilityZone": "us-east-1a"},
        "TargetHealth": {"State": "healthy"},
    }
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [row]})
        (seen,) = one.site.balancer.look(one.pool, 0).rows
    assert seen.registration == one.entry


@pytest.mark.rule("T2", "T7", "T8")
def test_an_entry_that_we_let_go_drains_and_then_has_a_row_that_says_gone(one: OneHost) -> None:
    one.site.balancer.deregister(one.pool, [one.entry])
    before = one.row()
    one.site.clock.advance(300)
    after = one.row()
    assert before is not None
    assert after is not None
    assert (before.state, after.state, after.registration) == (TargetState.DRAINING, TargetState.GONE, one.entry)


@pytest.mark.rule("T2")
def test_a_stranger_has_no_row_until_it_is_followed(one: OneHost) -> None:
    stranger = Registration(one.pool.id, one.site.launch("web-2"), 8081)
    before = one.site.balancer.look(one.pool, 60).row(stranger)
    one.site.balancer.follow(one.pool.id, [stranger])
    after = one.site.balancer.look(one.pool, 60).row(stranger)
    assert before is None
    assert after is not None
    assert after.state is TargetState.GONE


@pytest.mark.rule("T2", "S-14")
def test_following_what_the_listing_shows_costs_no_second_call(one: OneHost, calls: Calls) -> None:
    one.site.balancer.follow(one.pool.id, [one.entry])
    one.row()
    assert len(calls.parameters("DescribeTargetHealth")) == 1


@pytest.mark.rule("T2", "T13")
def test_a_registration_that_does_not_show_yet_is_told_as_not_registered(one: OneHost) -> None:
    one.site.balancer.register(one.pool, [one.entry])
    one.site.aws.simulation.hide(one.pool.id, one.id, 8081)
    row = one.row()
    assert row is not None
    assert row.state is TargetState.GONE


@pytest.mark.rule("C2", "T2")
def test_an_id_that_aws_refuses_to_speak_of_has_no_row_and_hides_no_other(one: OneHost, calls: Calls) -> None:
    odd, gone = Registration(one.pool.id, "i-0dd", 1), Registration(one.pool.id, "i-90ne", 1)
    one.site.balancer.follow(one.pool.id, [odd, gone])
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": []})
        stubber.add_client_error("describe_target_health", "InvalidTarget")
        stubber.add_client_error("describe_target_health", "InvalidTarget")
        row = {
            "Target": {"Id": "i-90ne", "Port": 1},
            "TargetHealth": {"State": "unused", "Reason": "Target.NotRegistered"},
        }
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [row]})
        view = one.site.balancer.look(one.pool, 0)
    assert [(seen.registration, seen.state) for seen in view.rows] == [(gone, TargetState.GONE)]
    assert [len(sent.get("Targets", [])) for sent in calls.parameters("DescribeTargetHealth")] == [0, 2, 1, 1]


@pytest.mark.rule("T6")
def test_letting_a_stranger_go_succeeds_and_proves_nothing(one: OneHost) -> None:
    stranger = Registration(one.pool.id, one.site.launch("web-2"), 8081)
    one.site.balancer.deregister(one.pool, [stranger])
    assert one.site.states(one.pool) == {(one.id, 8081): "healthy", (stranger.id, 8081): "gone"}


@pytest.mark.rule("T6", "F-29")
def test_one_entry_that_aws_refuses_does_not_keep_the_others_in(one: OneHost, calls: Calls) -> None:
    other = Registration(one.pool.id, one.id, 8082)
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_client_error("deregister_targets", "InvalidTarget")
        stubber.add_client_error("deregister_targets", "InvalidTarget")
        stubber.add_response("deregister_targets", {})
        one.site.balancer.deregister(one.pool, [other, one.entry])
    assert [len(sent["Targets"]) for sent in calls.parameters("DeregisterTargets")] == [2, 1, 1]


@pytest.mark.rule("T11")
@pytest.mark.parametrize("code", ["InvalidTarget", "TooManyTargets", "TooManyRegistrationsForTargetId"])
def test_a_target_that_aws_does_not_take_is_refused(one: OneHost, code: str) -> None:
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_client_error("register_targets", code)
        with pytest.raises(TargetRefused):
            one.site.balancer.register(one.pool, [one.entry])


@pytest.mark.rule("T10", "F-33")
def test_an_address_that_still_drains_is_refused_and_taken_later(site: Site) -> None:
    (pool,) = site.alb(settings=IP)
    entry = Registration(pool.id, "10.0.1.50", 8080)
    site.register(pool, entry)
    site.balancer.deregister(pool, [entry])
    with pytest.raises(TargetRefused):
        site.balancer.register(pool, [entry])
    site.clock.advance(300)
    site.balancer.register(pool, [entry])
    assert site.states(pool) == {("10.0.1.50", 8080): "initial"}


@pytest.mark.rule("I-3")
@pytest.mark.parametrize("deed", ["register", "deregister"])
def test_an_entry_of_another_pool_is_never_sent(one: OneHost, calls: Calls, deed: str) -> None:
    stranger = Registration(one.site.alb("api")[0].id, one.id, 8081)
    with pytest.raises(ElbrollError, match="about to be sent to"):
        getattr(one.site.balancer, deed)(one.pool, [one.entry, stranger])
    assert calls.parameters("RegisterTargets") == calls.parameters("DeregisterTargets") == []


@pytest.mark.parametrize("deed", ["register", "deregister"])
def test_nothing_to_send_is_no_call(one: OneHost, calls: Calls, deed: str) -> None:
    getattr(one.site.balancer, deed)(one.pool, [])
    assert calls.actions == []


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("deed", ["register", "deregister"])
def test_a_pool_deleted_meanwhile_is_gone(one: OneHost, deed: str) -> None:
    gone = replace(one.pool, arn=f"{str(one.pool.arn)[:-4]}0000")
    with pytest.raises(PoolGone, match="targetgroup/web-http does not exist"):
        getattr(one.site.balancer, deed)(gone, [one.entry])
    with pytest.raises(PoolGone):
        one.site.balancer.look(gone, 0)


@pytest.mark.rule("Q3")
def test_many_entries_are_asked_for_a_hundred_at_a_time(clients: Clients, site: Site, calls: Calls) -> None:
    (pool,) = site.alb(settings=IP)
    entries = [Registration(pool.id, f"10.0.1.{number % 200 + 20}", 8000 + number) for number in range(230)]
    rows = TargetGroups(clients).asked(pool, entries)
    assert {row.registration for row in rows} == set(entries)
    assert [len(sent["Targets"]) for sent in calls.parameters("DescribeTargetHealth")] == [100, 100, 30]


@pytest.mark.rule("T20", "F-16")
def test_a_network_balancer_s_group_is_read_without_anomalies(site: Site, calls: Calls) -> None:
    pool = site.nlb("net", "net-tcp", GroupSettings(protocol="TCP"))
    site.balancer.look(pool, 0)
    assert (pool.kind, pool.target_type) == (BalancerKind.NLB, TargetType.INSTANCE)
    assert calls.parameters("DescribeTargetHealth") == [{"TargetGroupArn": pool.arn}]


@pytest.mark.rule("F-26", "I-1")
@pytest.mark.parametrize(
    "words", [("healthy", "draining"), ("draining", "healthy"), ("healthy", "draining", "healthy")]
)
def test_a_target_of_which_aws_says_two_things_is_neither_capacity_nor_gone(
    one: OneHost, words: tuple[str, ...]
) -> None:
    target = {"Id": one.id, "Port": 8081}
    rows = [{"Target": target, "TargetHealth": {"State": word}} for word in words]
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": rows})
        row = one.row()
    assert (row.state, row.reason, len(one.site.balancer.look(one.pool, 60).rows)) == (TargetState.UNKNOWN, None, 1)
    assert row.said is not None
    assert {"healthy", "draining"} <= set(row.said.split())


@pytest.mark.rule("F-15")
def test_a_row_that_comes_twice_counts_once(one: OneHost) -> None:
    row = {"Target": {"Id": one.id, "Port": 8081}, "TargetHealth": {"State": "healthy"}}
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [row, row]})
        assert one.site.states(one.pool) == {(one.id, 8081): "healthy"}
        assert len(one.site.balancer.look(one.pool, 60).rows) == 1


@pytest.mark.rule("F-15", "T3", "T5", "I-3")
@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"Target": {"Id": "i-1"}}, "Port"),
        ({"AdministrativeOverride": {"Description": "a shift"}}, "State"),
    ],
    ids=["a target without its port", "an override without a word"],
)
def test_half_a_row_is_no_answer(one: OneHost, changes: dict[str, Any], missing: str) -> None:
    whole = {"Target": {"Id": "i-1", "Port": 1}, "TargetHealth": {"State": "healthy"}}
    with Stubber(one.site.clients.elbv2) as stubber:
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [{**whole, **changes}]})
        with pytest.raises(Unanswered) as caught:
            one.row()
    assert caught.value.why == (f"{missing} is missing from it",)
