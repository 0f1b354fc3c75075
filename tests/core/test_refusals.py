"""Every reason not to start says what is wrong, whom it is about, and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import (
    NOW,
    a_fleet,
    a_host,
    a_pool,
    a_record,
    a_registration,
    a_row,
    a_view,
    hosts,
    lb_settings,
    views_of,
)
from elbroll.core.plan import Refusal, Request, make_plan
from elbroll.model import (
    BalancerKind,
    HostId,
    HostRecord,
    InstanceState,
    PoolView,
    RecordState,
    Registration,
    TargetSeen,
    TargetState,
    Why,
)

if TYPE_CHECKING:
    from elbroll.model import Fleet, Host

WEB, API = a_pool("web-prod"), a_pool("api-prod", port=9000)
ONE, TWO, THREE = hosts(3)
BY_HAND = f"or put its last good version back: /elbroll/v1/host/{ONE.id}, with the version that it replaces as its base"
UNUSED, DRAINING, UNAVAILABLE = TargetState.UNUSED, TargetState.DRAINING, TargetState.UNAVAILABLE


def refusals(
    fleet: Fleet,
    *,
    records: dict[HostId, HostRecord] | None = None,
    states: dict[HostId, TargetState] | None = None,
    rows: tuple[TargetSeen, ...] = (),
    asked: Request | None = None,
    **settings: Any,
) -> tuple[Refusal, ...]:
    """Of a plan for release v143; `rows`: what the fleet's pools show besides."""
    views = views_of(fleet, states)
    for row in rows:
        seen = views[row.registration.pool]
        views[seen.pool] = PoolView(seen.pool, seen.at, (*seen.rows, row))
    wanted = asked or Request(Why.ROLL, "v143")
    return make_plan(fleet, views, records or {}, wanted, lb_settings(**settings), NOW).refusals


def without(*members: Host) -> Fleet:
    """Three hosts of web-prod, of which these are registered nowhere."""
    return a_fleet([WEB], hosts(3), registrations={host.id: [] for host in members})


def a_refusal(code: str, message: str, why: tuple[str, ...] = (), fix: tuple[str, ...] = ()) -> Refusal:
    """One that no consent waives."""
    return Refusal(code, message, why, fix, waivable=False)


# --- records -----------------------------------------------------------------------------------------


@pytest.mark.rule("F-11")
def test_a_record_that_cannot_be_read_names_its_host_and_how_to_go_on_without_it() -> None:
    records = {ONE.id: a_record(ONE, state=RecordState.UNREADABLE)}
    assert refusals(without(ONE), records=records)[0] == a_refusal(
        "record-unreadable",
        "the record of web-1 cannot be read: a newer elbroll wrote it, or somebody changed it",
        fix=("use the newest elbroll", "or leave it out: --exclude web-1", BY_HAND),
    )


@pytest.mark.rule("S-5")
def test_a_record_that_cannot_be_true_can_be_left_out() -> None:
    records = {ONE.id: a_record(ONE, [Registration(WEB.id, "i-0dead", 8080)])}
    (refusal,) = refusals(without(ONE), records=records)
    assert refusal.code == "record-misplaced"
    assert refusal.fix[-1] == "or leave it out: --exclude web-1"
    assert "i-0dead" in refusal.why[0]


@pytest.mark.rule("S-5")
def test_a_record_in_a_pool_that_no_run_ever_held_is_refused_in_a_plan_too() -> None:
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE)])}
    fleet = replace(without(ONE), strange=frozenset({WEB.id}))
    assert [each.code for each in refusals(fleet, records=records)] == ["record-misplaced"]


@pytest.mark.rule("S-5", "F-16")
def test_a_record_in_a_pool_that_the_config_ignores_is_left_to_restore() -> None:
    fleet = a_fleet([WEB, API], hosts(3), own=[WEB], registrations={ONE.id: []})
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE), a_registration(API, ONE)])}
    (refusal,) = refusals(fleet, records=records, other_pools="ignore")
    assert refusal == a_refusal(
        "record-elsewhere",
        'web-1 is recorded in api-prod, and other_pools is "ignore"',
        fix=(f"elbroll restore {ONE.id}     if that is true",),
    )
    assert refusals(fleet, records=records, other_pools="drain") == ()


@pytest.mark.rule("S-5")
def test_a_record_of_the_fleets_own_pools_is_within_reach_of_any_config() -> None:
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE)])}
    assert refusals(without(ONE), records=records, other_pools="ignore") == ()


# --- hosts -------------------------------------------------------------------------------------------


@pytest.mark.rule("T11", "F-34")
def test_hosts_that_do_not_run_are_named_with_their_states() -> None:
    stopped, starting = replace(ONE, state=InstanceState.STOPPED), replace(TWO, state=InstanceState.PENDING)
    fleet = a_fleet([WEB], [stopped, starting, THREE, a_host(4), a_host(5)])
    found = refusals(fleet, states={ONE.id: UNUSED, TWO.id: UNUSED})
    assert found[0] == a_refusal(
        "stopped",
        "not running: web-1 and web-2",
        ("web-1 is stopped", "web-2 is pending"),
        ("start web-1 and web-2, or leave it out: --exclude web-1 --exclude web-2",),
    )
    assert "unused" not in [each.code for each in found]


@pytest.mark.rule("F-26")
def test_a_host_in_a_state_without_a_word_of_ours_is_not_walked_and_its_state_is_shown_as_it_came() -> None:
    strange = replace(ONE, state=InstanceState.UNKNOWN, said="hibernating")
    (refusal,) = refusals(a_fleet([WEB], [strange, TWO, THREE, a_host(4)]))
    assert (refusal.code, refusal.why) == ("stopped", ("web-1 is hibernating",))


def test_an_address_that_is_no_instance_of_ours_is_taken_to_run() -> None:
    outside = replace(ONE, state=InstanceState.OUTSIDE)
    assert refusals(a_fleet([WEB], [outside, TWO, THREE])) == ()


@pytest.mark.rule("F-17")
def test_a_host_without_pool_or_record_is_to_be_registered_first() -> None:
    assert refusals(without(ONE))[0] == a_refusal(
        "not-registered",
        "web-1 is registered in no pool, and not recorded as out",
        fix=("register it first",),
    )


@pytest.mark.rule("F-19")
def test_a_host_that_somebody_else_drains_is_waited_for_as_long_as_its_slowest_pool() -> None:
    slow = a_pool("slow-prod", deregistration_delay=3600.0)
    fleet = a_fleet([WEB, slow], hosts(3), own=[WEB], registrations={ONE.id: []})
    rows = tuple(a_row(a_registration(pool, ONE), DRAINING) for pool in (WEB, slow))
    assert refusals(fleet, rows=rows)[0] == a_refusal(
        "unsettled",
        "web-1 is leaving a pool, and not by elbroll",
        tuple(f"web-1 in {name}: Target.DeregistrationInProgress" for name in ("web-prod", "slow-prod")),
        ("wait until it has settled, 1:00:00 at most", "or leave it out: --exclude web-1"),
    )


@pytest.mark.rule("F-19")
def test_a_host_that_drains_by_its_own_record_is_no_stranger() -> None:
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE)])}
    assert refusals(without(ONE), records=records, rows=(a_row(a_registration(WEB, ONE), DRAINING),)) == ()


@pytest.mark.rule("F-18")
def test_a_target_that_nobody_would_check_is_refused_with_aws_reason() -> None:
    found = refusals(a_fleet([WEB], hosts(4)), states={ONE.id: UNUSED})
    assert found == (
        a_refusal(
            "unused",
            "web-1 would never turn healthy as things are",
            ("web-1 in web-prod: Target.NotInUse",),
            ("give the pool a listener in the host's zone",),
        ),
    )


@pytest.mark.rule("F-26")
def test_switched_off_checks_are_told_from_checks_that_merely_have_no_answer() -> None:
    fleet = a_fleet([WEB], hosts(4))
    off = refusals(fleet, states={ONE.id: UNAVAILABLE})
    assert off == (
        a_refusal(
            "checks-off",
            "health checks are off for web-1: nobody could tell when a host is well",
            ("web-1 in web-prod: Target.HealthCheckDisabled",),
            ("switch them on",),
        ),
    )
    unknown = TargetSeen(a_registration(WEB, ONE), UNAVAILABLE, "Elb.InternalError")
    views = {WEB.id: a_view(WEB, [unknown, *views_of(fleet)[WEB.id].rows[1:]])}
    assert make_plan(fleet, views, {}, Request(Why.ROLL, "v143"), lb_settings(), NOW).refusals == ()


# --- pools and numbers -------------------------------------------------------------------------------


@pytest.mark.rule("T21")
def test_a_group_that_no_balancer_uses_is_named() -> None:
    idle, fix = a_pool("idle", balancers=()), "attach it to a listener"
    says = "no load balancer uses idle: its targets never turn healthy"
    assert refusals(a_fleet([idle], hosts(3)))[0] == a_refusal("no-balancer", says, fix=(fix,))
    beside = refusals(a_fleet([WEB, idle], hosts(3), own=[WEB]))[0]
    assert beside == a_refusal("no-balancer", says, fix=(f'{fix}, or set other_pools = "ignore"',))
    classic = a_pool("old", kind=BalancerKind.CLASSIC, balancers=())
    assert refusals(a_fleet([classic], hosts(3))) == ()


@pytest.mark.rule("F-16")
def test_hosts_that_serve_elsewhere_are_named_with_their_pools_and_the_others_are_not() -> None:
    fleet = a_fleet([WEB, API], hosts(3), own=[WEB], registrations={THREE.id: [a_registration(WEB, THREE)]})
    assert refusals(fleet, other_pools="refuse")[0] == a_refusal(
        "other-pools",
        "hosts of web-prod serve other pools",
        ("web-1 also serves api-prod", "web-2 also serves api-prod"),
        ('other_pools = "drain" takes hosts out there too',),
    )


@pytest.mark.rule("F-16")
def test_a_fleet_that_serves_nowhere_else_is_not_refused_for_it() -> None:
    assert refusals(a_fleet([WEB], hosts(3)), other_pools="refuse") == ()


@pytest.mark.rule("F-2")
def test_a_number_that_lets_all_out_at_once_says_the_highest_that_does_not() -> None:
    found = refusals(a_fleet([WEB], hosts(3)), pace={"max_unavailable": 3})
    says = "max_unavailable = 3 would let all 3 hosts out at once"
    assert found[0] == a_refusal("max-unavailable", says, fix=("--max-unavailable 2 at most",))
    assert refusals(a_fleet([WEB], hosts(3)), pace={"max_unavailable": 2}) == ()


@pytest.mark.rule("F-2")
@pytest.mark.parametrize(("floor", "reason"), [(3, "floor = 3"), ("90%", "90% of 3 hosts")])
def test_a_floor_under_which_none_could_leave_says_the_highest_that_lets_one(floor: int | str, reason: str) -> None:
    found = refusals(a_fleet([WEB], hosts(3)), pace={"floor": floor})
    says = "the floor of web-prod is 3 of 3 hosts: none could ever leave"
    assert found[0] == a_refusal("floor-impossible", says, (reason,), ("--floor 2 at most",))
    assert refusals(a_fleet([WEB], hosts(3)), pace={"floor": 2}) == ()


def test_a_drain_that_could_not_settle_in_its_limit_says_both_times() -> None:
    short = {"timeout": "10s", "settle": "20s"}
    assert refusals(a_fleet([WEB], hosts(3)), drain=short) == (
        a_refusal(
            "drain-timeout",
            "a drain may take 0:10, but traffic must be quiet for 0:20",
            fix=("raise drain.timeout, or lower drain.settle",),
        ),
    )
    assert refusals(a_fleet([WEB], hosts(3)), drain={"timeout": "21s", "settle": "20s"}) == ()


def test_where_nobody_is_drained_any_more_a_drains_limit_does_not_matter() -> None:
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE)], RecordState.DEPLOYED)}
    asked = Request(Why.ROLL, "v143", only=("web-1",))
    assert refusals(without(ONE), records=records, asked=asked, drain={"timeout": "10s", "settle": "20s"}) == ()


# --- the whole ---------------------------------------------------------------------------------------


@pytest.mark.rule("F-2")
def test_a_fleet_without_hosts_is_refused_by_name() -> None:
    assert refusals(a_fleet()) == (a_refusal("no-hosts", "no host is behind web-prod, and none is recorded as out"),)


@pytest.mark.rule("F-15")
def test_pools_that_were_not_read_are_named() -> None:
    fleet = a_fleet([WEB, API], hosts(3))
    made = make_plan(fleet, {}, {}, Request(Why.ROLL), lb_settings(), NOW)
    assert made.refusals[0] == a_refusal("unread", "the health of api-prod and web-prod was not read")


@pytest.mark.rule("F-2")
def test_a_word_that_names_nobody_is_answered_with_near_names_or_with_the_list() -> None:
    fleet = a_fleet([WEB], hosts(3))
    near, far = (refusals(fleet, asked=Request(Why.ROLL, only=(word,))) for word in ("wbe-1", "zzz"))
    says = 'no host of web-prod is called "{}"'
    assert near[0].message == says.format("wbe-1")
    assert near[0].fix[0].startswith("did you mean web-1")
    assert far == (a_refusal("nothing-selected", says.format("zzz"), fix=("elbroll status     lists the hosts",)),)


@pytest.mark.rule("F-2")
def test_no_more_than_three_near_names_are_offered() -> None:
    (found,) = refusals(a_fleet([WEB], hosts(9)), asked=Request(Why.ROLL, only=("web-0",)))
    assert found.fix == ("did you mean web-9, web-8 and web-7?",)


@pytest.mark.rule("F-2")
def test_several_hosts_in_one_word_are_answered_with_how_they_are_named() -> None:
    fleet = a_fleet([WEB], hosts(3))
    both, other = (refusals(fleet, asked=Request(Why.ROLL, only=(word,))) for word in ("web-1,web-2", "web-1,nope"))
    assert both[0].fix == ("give the option once for each of web-1 and web-2",)
    assert other[0].fix[0].startswith("did you mean web-1")


@pytest.mark.rule("F-2")
def test_a_name_of_two_hosts_is_answered_with_their_ids_and_zones() -> None:
    twins = [a_host(1, name="Xweb"), a_host(2, name="Xweb", zone=None), THREE]
    found = refusals(a_fleet([WEB], twins), asked=Request(Why.ROLL, only=("Xweb",)))
    assert found == (
        a_refusal(
            "ambiguous-host",
            '"Xweb" names 2 hosts',
            (f"Xweb is {ONE.id} in us-east-1a", f"Xweb is {TWO.id} in no zone"),
            ("name one by its id",),
        ),
    )


@pytest.mark.rule("F-2")
def test_leaving_out_everybody_is_refused_with_the_words_that_did_it() -> None:
    found = refusals(a_fleet([WEB], hosts(3)), asked=Request(Why.ROLL, exclude=("web-*", "web-1")))
    assert found == (a_refusal("nothing-selected", "--exclude leaves no host: web-* and web-1"),)
