"""What Auto Scaling groups forbid, said with their numbers and the way on (aws.md 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import NOW, a_fleet, a_host, a_pool, a_record, a_registration, hosts, lb_settings, views_of
from elbroll.core.plan import Request, RolloutPlan, make_plan
from elbroll.core.scaling import attached, standby_group_for, why_not_enter
from elbroll.model import (
    BalancerKind,
    HostId,
    HostRecord,
    Lifecycle,
    Member,
    RecordState,
    Registration,
    Scaling,
    ScalingGroup,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from elbroll.model import Fleet, Host

WEB = a_pool("web-prod")
API = a_pool("api-prod", port=9000)
OLD = a_pool("old", kind=BalancerKind.CLASSIC)
FOUR = hosts(4)
GROUP = ScalingGroup("web-asg", min_size=2, desired=4, max_size=6, pools=frozenset({WEB.id}))
ELB = replace(GROUP, health_check="ELB")


def a_scaling(group: ScalingGroup = GROUP, members: Collection[Host] = FOUR, **states: Lifecycle) -> Scaling:
    """Everybody in service, but these names in these states."""
    found = {
        host.id: Member(host.id, group.name, state, str(state))
        for host in members
        for state in [states.get(host.name.replace("-", "_"), Lifecycle.IN_SERVICE)]
    }
    return Scaling({group.name: group}, found)


def plan(
    scaling: Scaling,
    mode: str = "standby",
    fleet: Fleet | None = None,
    records: dict[HostId, HostRecord] | None = None,
    only: tuple[str, ...] = (),
    **settings: Any,
) -> RolloutPlan:
    fleet = replace(fleet or a_fleet([WEB], FOUR), scaling=scaling)
    asked = Request(Why.ROLL, "v143", only)
    table = lb_settings(**{"deploy": {"commands": "x"}, **settings, "asg": {"mode": mode}})
    return make_plan(fleet, views_of(fleet), records or {}, asked, table, NOW)


def codes(made: RolloutPlan) -> list[str]:
    return [refusal.code for refusal in made.refusals]


def standing_by(host: Host, group: str = "web-asg") -> dict[HostId, HostRecord]:
    entry = a_registration(WEB, host)
    return {host.id: a_record(host, {entry}, RecordState.HELD, standby_group=group)}


# --- the word ----------------------------------------------------------------------------------------


@pytest.mark.rule("A1", "F-20")
def test_without_a_word_a_member_is_refused_with_group_check_type_and_both_choices() -> None:
    made = plan(a_scaling(ELB, FOUR[:2]), mode="refuse")
    (refusal,) = made.refusals

    assert refusal.code == "auto-scaling"
    assert refusal.message == "web-1 and web-2 may be replaced by the Auto Scaling group web-asg while out"
    assert refusal.why == ("web-asg has health check type ELB: it terminates a host that is out of a pool",)
    assert [fix.partition("     ")[0] for fix in refusal.fix] == [
        '[lb.web-prod.asg] mode = "standby"',
        '[lb.web-prod.asg] mode = "ignore"',
    ]
    assert not refusal.waivable


@pytest.mark.rule("A1", "F-20")
def test_with_a_word_members_may_be_walked_and_strangers_need_none() -> None:
    assert codes(plan(a_scaling(), mode="standby")) == []
    assert codes(plan(a_scaling(), mode="ignore")) == []
    assert codes(plan(Scaling(), mode="refuse")) == []


@pytest.mark.rule("A1")
def test_ignore_warns_and_louder_where_the_pools_decide() -> None:
    quiet, loud = (plan(a_scaling(group), mode="ignore").warnings for group in (GROUP, ELB))

    assert any("web-asg may replace a host while it is out" in line for line in quiet)
    assert any("web-asg WILL TERMINATE" in line for line in loud)


@pytest.mark.rule("A3", "I-4")
def test_a_host_that_stands_by_for_us_goes_on_whatever_the_config_says_now() -> None:
    scaling = a_scaling(members=FOUR[:1], web_1=Lifecycle.STANDBY)

    assert codes(plan(scaling, mode="refuse", records=standing_by(FOUR[0]))) == []


# --- what forbids ------------------------------------------------------------------------------------


@pytest.mark.rule("A7", "F-20")
@pytest.mark.parametrize("mode", ["refuse", "standby", "ignore"])
def test_an_instance_refresh_is_refused_whatever_the_word(mode: str) -> None:
    made = plan(a_scaling(replace(GROUP, refresh="Baking")), mode=mode)
    refusal = next(each for each in made.refusals if each.code == "instance-refresh")

    assert refusal.message == "web-asg is replacing its hosts: an instance refresh is Baking"
    assert refusal.fix == (
        "wait for it, or: aws autoscaling cancel-instance-refresh --auto-scaling-group-name web-asg",
    )


@pytest.mark.rule("A5", "F-20")
def test_a_suspended_launch_is_refused_with_the_line_that_resumes_it() -> None:
    group = replace(GROUP, suspended=frozenset({"Launch"}))
    (refusal,) = plan(a_scaling(group)).refusals

    assert refusal.code == "standby-launch"
    assert "resume-processes --auto-scaling-group-name web-asg --scaling-processes Launch" in refusal.fix[0]
    assert codes(plan(a_scaling(group), mode="ignore")) == []


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    ("minimum", "at_once", "why", "fix"),
    [
        (4, 1, "4 wanted - 1 = 3, and its minimum is 4", "set the group's minimum to 3, or let it want 5"),
        (3, 2, "4 wanted - 2 = 2, and its minimum is 3", "--max-unavailable 1"),
    ],
)
def test_a_group_that_would_fall_below_its_minimum_is_refused_with_the_numbers(
    minimum: int, at_once: int, why: str, fix: str
) -> None:
    made = plan(a_scaling(replace(GROUP, min_size=minimum)), pace={"max_unavailable": at_once})
    (refusal,) = made.refusals

    assert (refusal.code, refusal.why, refusal.fix[0]) == ("standby-minimum", (why,), fix)
    taken = "1 host" if at_once == 1 else f"{at_once} hosts"
    assert refusal.message == f"web-asg keeps at least {minimum} hosts: {taken} less would be too few"


@pytest.mark.rule("A4")
@pytest.mark.parametrize(("minimum", "at_once"), [(3, 1), (2, 2), (1, 3), (0, 3)])
def test_a_group_that_has_room_for_all_at_once_is_not_refused(minimum: int, at_once: int) -> None:
    made = plan(a_scaling(replace(GROUP, min_size=minimum)), pace={"max_unavailable": at_once})

    assert codes(made) == []


@pytest.mark.rule("A4")
def test_hosts_that_stand_by_already_take_nothing_more_from_the_minimum() -> None:
    scaling = a_scaling(replace(GROUP, min_size=3, desired=3), FOUR[:1], web_1=Lifecycle.STANDBY)

    assert codes(plan(scaling, records=standing_by(FOUR[0]))) == []


@pytest.mark.rule("A4", "I-4")
def test_hosts_that_stand_by_for_us_come_back_before_others_leave() -> None:
    scaling = a_scaling(replace(GROUP, min_size=3, desired=3), web_1=Lifecycle.STANDBY)

    assert codes(plan(scaling, records=standing_by(FOUR[0]))) == []


@pytest.mark.rule("A4")
def test_the_numbers_count_who_comes_back() -> None:
    scaling = a_scaling(replace(GROUP, min_size=3, desired=3), web_1=Lifecycle.STANDBY)
    (refusal,) = plan(scaling, records=standing_by(FOUR[0]), pace={"max_unavailable": 2}).refusals

    assert refusal.why == ("3 wanted + 1 back from standby - 2 = 2, and its minimum is 3",)
    assert refusal.fix == ("--max-unavailable 1", "set the group's minimum to 2, or let it want 4")


@pytest.mark.rule("A4")
def test_a_host_of_ours_that_its_group_has_taken_back_is_not_counted_twice() -> None:
    scaling = a_scaling(replace(GROUP, min_size=4, desired=4))

    assert "standby-minimum" in codes(plan(scaling, records=standing_by(FOUR[0])))


@pytest.mark.rule("A4")
def test_one_that_comes_back_and_one_that_leaves_may_be_out_at_once() -> None:
    scaling = a_scaling(replace(GROUP, min_size=1, desired=1), FOUR[:2], web_1=Lifecycle.STANDBY)
    made = plan(scaling, records=standing_by(FOUR[0]), pace={"max_unavailable": 2})

    (refusal,) = (each for each in made.refusals if each.code == "standby-minimum")
    assert refusal.why == ("1 wanted + 1 back from standby - 2 = 0, and its minimum is 1",)


@pytest.mark.rule("A4")
@pytest.mark.parametrize("records", [{}, standing_by(FOUR[0])])
def test_who_stands_by_and_is_not_walked_does_not_come_back(records: dict[HostId, HostRecord]) -> None:
    scaling = a_scaling(replace(GROUP, min_size=3, desired=3), web_1=Lifecycle.STANDBY)

    assert "standby-minimum" in codes(plan(scaling, records=records, only=("web-2",)))


@pytest.mark.rule("A6")
@pytest.mark.parametrize("mode", ["standby", "ignore"])
@pytest.mark.parametrize("state", [state for state in Lifecycle if state is not Lifecycle.IN_SERVICE])
def test_a_member_in_any_other_state_is_refused_unless_we_put_it_there(mode: str, state: Lifecycle) -> None:
    made = plan(a_scaling(web_2=state), mode=mode)

    assert codes(made) == ["lifecycle"]
    assert made.refusals[0].message == f"web-2 is {state} in web-asg, and not by elbroll"
    assert made.refusals[0].fix[0].endswith("leave it out: --exclude web-2")


@pytest.mark.rule("A6", "I-26")
def test_a_member_without_a_plain_name_is_left_out_by_its_id() -> None:
    evil = replace(FOUR[0], name="$(id)")
    members = (evil, *FOUR[1:])
    made = plan(a_scaling(members=members, **{"$(id)": Lifecycle.STANDBY}), fleet=a_fleet([WEB], members))

    assert made.refusals[0].fix[0].endswith(f"leave it out: --exclude {evil.id}")


@pytest.mark.rule("A6")
@pytest.mark.parametrize("state", [Lifecycle.ENTERING, Lifecycle.STANDBY, Lifecycle.COMING])
def test_a_member_that_we_put_in_standby_may_be_on_its_way(state: Lifecycle) -> None:
    assert codes(plan(a_scaling(web_2=state), records=standing_by(FOUR[1]))) == []


@pytest.mark.rule("S-5")
def test_a_record_that_names_another_group_is_refused() -> None:
    made = plan(a_scaling(web_2=Lifecycle.STANDBY), records=standing_by(FOUR[1], "other-asg"))

    assert codes(made) == ["lifecycle"]
    assert "recorded to stand by in other-asg" in made.refusals[0].message
    detach = "aws autoscaling detach-instances --should-decrement-desired-capacity"
    assert made.refusals[0].fix == (
        f"{detach} --instance-ids {FOUR[1].id} --auto-scaling-group-name web-asg",
        "or leave it out: --exclude web-2",
    )


@pytest.mark.rule("A3", "I-12")
def test_a_group_that_would_add_a_registration_is_refused() -> None:
    fleet = a_fleet(
        [WEB, API],
        FOUR,
        own=[WEB],
        registrations={FOUR[1].id: {a_registration(WEB, FOUR[1]), a_registration(API, FOUR[1], 9001)}},
    )
    made = plan(a_scaling(replace(GROUP, pools=frozenset({WEB.id, API.id}))), fleet=fleet)

    assert codes(made) == ["standby-pools"]
    assert "web-asg would register web-2 in api-prod:9000" in made.refusals[0].message
    assert made.refusals[0].fix == (
        "register them there first, or detach that from the group",
        'other_pools = "drain" if it is ignored',
    )


@pytest.mark.rule("A3")
def test_a_source_of_traffic_that_we_cannot_see_is_refused() -> None:
    made = plan(a_scaling(replace(GROUP, elsewhere=("lattice/svc-1",))))

    assert codes(made) == ["standby-pools"]
    assert "would register web-1, web-2, web-3 and web-4 in lattice/svc-1" in made.refusals[0].message


@pytest.mark.rule("F-21", "A6")
def test_standby_needs_to_read_groups_and_the_other_words_do_not() -> None:
    members = {host.id: Member(host.id, "web-asg", Lifecycle.UNKNOWN, "unread") for host in FOUR}
    unread = Scaling(members=members, unread="AWS refused autoscaling:DescribeAutoScalingGroups")
    made = plan(unread, mode="ignore")

    (refusal,) = plan(unread, mode="standby").refusals
    assert (refusal.code, refusal.why) == ("standby-unread", ("AWS refused autoscaling:DescribeAutoScalingGroups",))
    assert refusal.message == "nobody can tell how the Auto Scaling groups stand"
    assert refusal.fix[0].startswith("elbroll iam-policy ")
    assert codes(made) == []
    assert any("AWS refused autoscaling:DescribeAutoScalingGroups" in line for line in made.warnings)


# --- what is only said -------------------------------------------------------------------------------


@pytest.mark.rule("A2")
def test_suspended_processes_and_the_balancing_of_zones_are_said() -> None:
    two = replace(GROUP, zones=("a", "b"))
    balanced = replace(two, suspended=frozenset({"AZRebalance", "HealthCheck"}))

    (said,) = plan(a_scaling(two)).warnings
    assert said.startswith("web-asg may launch and terminate hosts to even out its zones")
    assert plan(a_scaling(replace(GROUP, zones=("a",)))).warnings == ()
    assert not any("AZRebalance" in line for line in plan(a_scaling(two), mode="ignore").warnings)
    assert plan(a_scaling(balanced)).warnings == ("web-asg has suspended processes: AZRebalance and HealthCheck",)
    assert plan(a_scaling()).warnings == ()


@pytest.mark.rule("A7", "F-53")
def test_hosts_that_a_group_is_launching_are_named_beforehand_and_those_on_their_way_back_are_not() -> None:
    launching = frozenset({HostId("i-0f"), FOUR[1].id})
    made = plan(a_scaling(replace(GROUP, launching=launching), web_2=Lifecycle.COMING), records=standing_by(FOUR[1]))

    assert codes(made) == []
    assert [line for line in made.warnings if "launching" in line] == [
        "web-asg is launching i-0f, to which nothing is deployed"
    ]


@pytest.mark.rule("F-21")
def test_refreshes_that_cannot_be_read_are_said_and_forbid_nothing() -> None:
    made = plan(a_scaling(replace(GROUP, unread="not permitted")))

    assert (codes(made), len(made.warnings)) == ([], 1)
    assert made.warnings[0].endswith("could not be read: not permitted")


@pytest.mark.rule("A5")
def test_a_group_at_its_maximum_is_said_before_somebody_is_to_come_back() -> None:
    standing = a_scaling(members=FOUR[:1], web_1=Lifecycle.STANDBY)
    full, roomy = (
        plan(replace(standing, groups={"web-asg": replace(GROUP, desired=desired)}), records=standing_by(FOUR[0]))
        for desired in (6, 5)
    )

    assert full.warnings[-1] == "web-asg wants 6 of at most 6: whoever stands by may not come back"
    assert full.warnings[:-1] == roomy.warnings
    assert plan(a_scaling(replace(GROUP, desired=6))).warnings == ()


def test_the_plan_has_every_group_with_the_number_of_its_hosts() -> None:
    made = plan(a_scaling(members=FOUR[:3]))

    assert [(each.group.name, each.mode, each.hosts) for each in made.groups] == [("web-asg", "standby", 3)]


# --- one host ----------------------------------------------------------------------------------------


@pytest.mark.rule("A3", "T5")
def test_a_group_moves_its_own_pools_entries_on_the_pools_own_port_only() -> None:
    host = a_host(1)
    group = replace(GROUP, pools=frozenset({WEB.id, OLD.id}))
    mine = {a_registration(WEB, host), a_registration(OLD, host)}
    others = {a_registration(WEB, host, 8081), a_registration(API, host)}
    pools = {pool.id: pool for pool in (WEB, API, OLD)}

    assert attached(group, mine | others, pools) == mine
    assert attached(group, {Registration(WEB.id, host.id, 8080)}, {}) == frozenset()
    assert attached(None, mine, pools) == frozenset()


@pytest.mark.rule("A4", "A5", "A7")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"min_size": 3}, None),
        ({"min_size": 4}, "web-asg wants 4 and keeps at least 4: 4 wanted - 1 = 3, and its minimum is 4"),
        ({"suspended": frozenset({"Launch"})}, "the Launch process of web-asg is suspended"),
        ({"suspended": frozenset({"Terminate"})}, None),
        ({"refresh": "Pending"}, "an instance refresh is Pending"),
    ],
)
def test_one_host_more_may_stand_by_or_not(changes: dict[str, Any], says: str | None) -> None:
    why = why_not_enter(replace(GROUP, **changes))

    assert (why is None) == (says is None)
    assert (says or "") in (why or "")


@pytest.mark.rule("A3", "A6")
def test_a_host_stands_by_where_its_open_record_says_else_in_its_own_group_if_the_word_is_standby() -> None:
    host = FOUR[0]
    scaling, open_record = a_scaling(), standing_by(host, "old-asg")[host.id]
    closed = replace(open_record, state=RecordState.IN_SERVICE)

    assert standby_group_for(host, open_record, scaling, "ignore") == "old-asg"
    assert standby_group_for(host, replace(open_record, standby_group=None), scaling, "standby") == "web-asg"
    assert standby_group_for(host, closed, scaling, "standby") == "web-asg"
    assert standby_group_for(host, None, scaling, "standby") == "web-asg"
    assert standby_group_for(host, None, scaling, "ignore") is None
    assert standby_group_for(host, None, scaling, "refuse") is None
    assert standby_group_for(host, None, Scaling(), "standby") is None
