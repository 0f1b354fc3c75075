"""The plan by example: who is walked, in which order, from where, and why a roll must not start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
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
    an_id,
    hosts,
    lb_settings,
    views_of,
)
from elbroll.core.guard import NO_CONSENT, Consent
from elbroll.core.order import batch_of
from elbroll.core.plan import Refusal, Request, RolloutPlan, SkipReason, held_release, make_plan
from elbroll.model import (
    BalancerKind,
    Fleet,
    HostId,
    HostRecord,
    InstanceState,
    RecordState,
    Registration,
    Step,
    TargetState,
    TargetType,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model import Host, PoolId, PoolView

POOL = a_pool()
HELD, DEPLOYING, DEPLOYED = RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED
REGISTERING, IN_SERVICE = RecordState.REGISTERING, RecordState.IN_SERVICE
UNHEALTHY, DRAINING = TargetState.UNHEALTHY, TargetState.DRAINING
V143 = Request(Why.ROLL, "v143")


def plan(
    fleet: Fleet,
    request: Request = V143,
    *,
    records: Mapping[HostId, HostRecord] | None = None,
    states: Mapping[HostId, TargetState] | None = None,
    views: Mapping[PoolId, PoolView] | None = None,
    consent: Consent = NO_CONSENT,
    **settings: Any,
) -> RolloutPlan:
    seen = views_of(fleet, states) if views is None else views
    return make_plan(fleet, seen, records or {}, request, lb_settings(**settings), NOW, consent=consent)


def out(*members: Host, state: RecordState = HELD, **changes: Any) -> dict[HostId, HostRecord]:
    """Open records of hosts that were taken out of the pool."""
    return {host.id: a_record(host, [a_registration(POOL, host)], state, **changes) for host in members}


def without(*members: Host, of: int = 4) -> Fleet:
    """A fleet of which these are registered nowhere."""
    return a_fleet(members=hosts(of), registrations={host.id: [] for host in members})


def order(made: RolloutPlan) -> list[str]:
    return [planned.host.name for planned in made.hosts]


def codes(made: RolloutPlan) -> list[str]:
    return [refusal.code for refusal in made.refusals]


def only_refusal(made: RolloutPlan) -> Refusal:
    assert len(made.refusals) == 1
    return made.refusals[0]


# --- numbers and order ----------------------------------------------------------------------------------


def test_a_plan_names_hosts_batches_pools_and_numbers() -> None:
    made = plan(a_fleet(members=hosts(6)), pace={"max_unavailable": 2})
    assert (made.total, made.in_service, made.floor, made.max_unavailable, made.batches) == (6, 6, 4, 2, 3)
    assert [planned.batch for planned in made.hosts] == [1, 1, 2, 2, 3, 3]
    assert made.refusals == ()
    pool = made.pools[0]
    assert (pool.until, pool.settle, pool.drain_limit, pool.healthy_about) == ("idle", 5.0, 360.0, 10.0)
    assert (pool.expected, pool.capacity, pool.floor, pool.floor_why) == (6, 6, 4, "6 hosts - 2 may be out")


def test_a_plan_says_what_was_asked_for_and_which_setting_costs_most() -> None:
    made = plan(a_fleet(members=hosts(3)), pace={"bake": "5m"})
    assert (made.lb, made.kind, made.why, made.release) == ("web-prod", POOL.kind, Why.ROLL, "v143")
    assert made.costliest is not None
    assert "pace.bake" in made.costliest
    assert plan(a_fleet(members=hosts(3))).costliest is None


def test_a_balancer_without_pools_still_has_a_floor_of_one() -> None:
    made = plan(replace(a_fleet(), pools={}, own=frozenset()))
    assert (codes(made), made.floor, made.total, made.pools) == (["no-hosts"], 1, 0, ())


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("spread", ["web-1", "web-2", "web-3", "web-4", "web-10"]),
        ("zone", ["web-1", "web-3", "web-2", "web-4", "web-10"]),
        ("name", ["web-1", "web-2", "web-3", "web-4", "web-10"]),
    ],
)
def test_hosts_come_in_the_order_asked_for(wanted: str, names: list[str]) -> None:
    members = [a_host(10), *hosts(4)]
    assert order(plan(a_fleet(members=members), pace={"order": wanted})) == names


@pytest.mark.parametrize("wanted", ["spread", "zone", "name"])
def test_a_host_without_a_zone_has_its_turn_too(wanted: str) -> None:
    members = [a_host(1, zone=None), a_host(2, zone="1a"), a_host(3, zone=None)]
    assert sorted(order(plan(a_fleet(members=members), pace={"order": wanted}))) == ["web-1", "web-2", "web-3"]


def test_where_one_name_has_a_word_and_another_a_number_the_word_comes_first() -> None:
    members = [a_host(1, name="0web"), a_host(2, name="web"), a_host(3, name="web-0"), a_host(4, name="web-a")]
    made = plan(a_fleet(members=members), pace={"order": "name"})
    assert order(made) == ["web", "web-0", "web-a", "0web"]


def test_spread_takes_zones_in_turn_although_names_do_not() -> None:
    members = [a_host(number, zone=zone) for number, zone in enumerate(["1a", "1a", "1b", "1b"], 1)]
    assert order(plan(a_fleet(members=members))) == ["web-1", "web-3", "web-2", "web-4"]


@pytest.mark.rule("I-18", "F-22")
def test_a_host_whose_record_is_closed_waits_its_turn() -> None:
    made = plan(a_fleet(members=hosts(3)), Request(Why.ROLL, "v144"), records=out(a_host(3), state=IN_SERVICE))
    assert [(each.host.name, each.record) for each in made.hosts] == [("web-1", None), ("web-2", None), ("web-3", None)]


def test_recorded_hosts_come_first_then_sick_ones_then_the_rest() -> None:
    four, three = a_host(4), a_host(3)
    made = plan(without(four), records=out(four), states={three.id: UNHEALTHY})
    assert order(made)[:2] == ["web-4", "web-3"]
    assert (made.hosts[1].state, made.hosts[1].said) == (UNHEALTHY, "Target.ResponseCodeMismatch")
    assert (made.hosts[2].state, made.hosts[2].said) == (TargetState.HEALTHY, None)


def test_what_aws_says_of_a_sick_host_stands_beside_its_code() -> None:
    fleet = a_fleet(members=hosts(3))
    sick = a_row(a_registration(POOL, a_host(1)), UNHEALTHY, "answers 502")
    rows = [sick, *(a_row(a_registration(POOL, host)) for host in hosts(3)[1:])]
    made = plan(fleet, views={POOL.id: a_view(POOL, rows)})
    assert made.hosts[0].said == "Target.ResponseCodeMismatch, answers 502"


@pytest.mark.parametrize("state", [DEPLOYING, DEPLOYED])
def test_a_host_somebody_registered_by_hand_goes_before_all_others(state: RecordState) -> None:
    held, by_hand = a_host(1), a_host(4)
    made = plan(without(held), records=out(held) | out(by_hand, state=state))
    assert order(made)[:2] == ["web-4", "web-1"]
    assert "web-4 serves although its version is" in made.warnings[0]


def test_a_canary_makes_the_first_batch() -> None:
    made = plan(a_fleet(members=hosts(6)), pace={"max_unavailable": 2, "canary": 1})
    assert [planned.batch for planned in made.hosts] == [1, 2, 2, 3, 3, 4]
    assert made.canary == 1
    assert [batch_of(place, 2, 3) for place in range(6)] == [1, 1, 1, 2, 2, 3]


def test_a_canary_table_with_a_share_is_a_share_of_the_fleet() -> None:
    made = plan(a_fleet(members=hosts(6)), pace={"canary": {"hosts": "50%", "bake": "5m"}})
    assert made.canary == 3


def test_batches_are_no_larger_than_the_floor_leaves_room_for() -> None:
    made = plan(a_fleet(members=hosts(6)), pace={"max_unavailable": 3, "floor": 5})
    assert [planned.batch for planned in made.hosts] == [1, 2, 3, 4, 5, 6]


def test_a_host_that_stays_out_leaves_less_room_for_a_batch() -> None:
    four, pace = a_host(4), {"max_unavailable": 3, "floor": 3}
    made = plan(without(four, of=6), Request(Why.ROLL, "v143", exclude=("web-4",)), records=out(four), pace=pace)
    assert [planned.batch for planned in made.hosts] == [1, 1, 2, 2, 3]


def test_strangers_that_a_pool_shows_are_expected_there() -> None:
    fleet = a_fleet(members=hosts(3))
    views = views_of(fleet)
    stranger = a_row(Registration(POOL.id, "i-0stranger", POOL.port))
    views[POOL.id] = replace(views[POOL.id], rows=(*views[POOL.id].rows, stranger))
    assert (plan(fleet).total, plan(fleet, views=views).total) == (3, 4)


def test_the_numbers_of_other_pools_do_not_blur_the_fleets_own() -> None:
    api = a_pool("api-prod")
    fleet = a_fleet([POOL, api], hosts(2), own=[POOL])
    neighbours = {an_id(n): a_host(n) for n in range(5, 15)}
    served = fleet.registrations | {id_: frozenset({a_registration(api, host)}) for id_, host in neighbours.items()}  # type: ignore[operator]
    made = plan(replace(fleet, registrations=served, neighbours=neighbours))
    assert (made.total, made.in_service, made.floor) == (2, 2, 1)
    assert [(pool.own, pool.expected) for pool in made.pools] == [(True, 2), (False, 12)]


# --- selection ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (Request(Why.ROLL, "v143", only=("web-2",)), ["web-2"]),
        (Request(Why.ROLL, "v143", only=("web-[12]",)), ["web-1", "web-2"]),
        (Request(Why.ROLL, "v143", only=(an_id(3),)), ["web-3"]),
        (Request(Why.ROLL, "v143", only=("10.0.1.13", "web-4")), ["web-3", "web-4"]),
        (Request(Why.ROLL, "v143", exclude=("web-1", "web-*4")), ["web-2", "web-3"]),
        (Request(Why.ROLL, "v143", only=("web-*",), exclude=("web-1",)), ["web-2", "web-3", "web-4"]),
        (Request(Why.ROLL, "v143", limit=2), ["web-1", "web-2"]),
        (Request(Why.ROLL, "v143", limit=0), []),
    ],
)
def test_selection_decides_who_is_walked(request_: Request, names: list[str]) -> None:
    made = plan(a_fleet(members=hosts(4)), request_)
    assert sorted(order(made)) == names
    assert {skipped.reason for skipped in made.skipped} <= {SkipReason.NOT_SELECTED}
    assert made.refusals == ()


def test_a_name_with_signs_of_a_glob_is_first_of_all_a_name() -> None:
    members = [a_host(1, name="web[1]"), a_host(2, name="web1")]
    assert order(plan(a_fleet(members=members), Request(Why.ROLL, only=("web[1]",)))) == ["web[1]"]


@pytest.mark.rule("F-2")
def test_a_word_that_matches_nothing_is_refused_with_near_names() -> None:
    refusal = only_refusal(plan(a_fleet(members=hosts(3)), Request(Why.ROLL, only=("wbe-1",))))
    assert refusal.code == "nothing-selected"
    assert "web-1" in refusal.fix[0]
    assert not refusal.waivable


@pytest.mark.rule("F-2")
@pytest.mark.parametrize("field", ["only", "exclude"])
def test_a_name_of_several_hosts_is_refused_with_their_ids(field: str) -> None:
    twins = [a_host(1, name="web"), a_host(2, name="web"), a_host(3)]
    refusal = only_refusal(plan(a_fleet(members=twins), Request(Why.ROLL, **{field: ("web",)})))
    assert refusal.code == "ambiguous-host"
    assert any(an_id(2) in line for line in refusal.why)


@pytest.mark.rule("F-2")
def test_leaving_out_everybody_is_refused() -> None:
    assert codes(plan(a_fleet(members=hosts(2)), Request(Why.ROLL, exclude=("web-*",)))) == ["nothing-selected"]


def test_a_balancer_without_hosts_is_refused() -> None:
    assert codes(plan(a_fleet())) == ["no-hosts"]


@pytest.mark.rule("F-34")
def test_terminated_hosts_are_skipped_and_alone_make_no_fleet() -> None:
    dead = a_host(1, state=InstanceState.TERMINATED)
    made = plan(without(dead, of=0), records={})
    assert codes(made) == ["no-hosts"]
    made = plan(a_fleet(members=[dead, a_host(2), a_host(3)], registrations={dead.id: []}), records=out(dead))
    assert [(skipped.host.name, skipped.reason, skipped.out) for skipped in made.skipped] == [
        ("web-1", SkipReason.GONE, True)
    ]
    assert made.total == 3


# --- skipping -------------------------------------------------------------------------------------------


def test_a_host_that_is_not_walked_still_shows_its_state() -> None:
    asked = Request(Why.ROLL, "v143", exclude=("web-2", "web-3"))
    made = plan(a_fleet(members=hosts(6)), asked, states={an_id(2): TargetState.INITIAL})
    shown = [(each.host.name, each.state, each.out) for each in made.skipped]
    assert shown == [("web-2", TargetState.INITIAL, False), ("web-3", TargetState.HEALTHY, False)]


def current(host: Host) -> dict[HostId, HostRecord]:
    return out(host, state=IN_SERVICE)


@pytest.mark.rule("I-19")
def test_a_second_run_after_a_success_has_nothing_to_do() -> None:
    members = hosts(3)
    records = {id_: record for host in members for id_, record in current(host).items()}
    made = plan(a_fleet(members=members), records=records)
    assert (made.hosts, made.batches) == ((), 0)
    assert made.refusals == ()
    assert [(skipped.reason, skipped.release) for skipped in made.skipped] == [(SkipReason.CURRENT, "v143")] * 3


def test_a_sick_host_is_rolled_again_although_it_is_on_the_release() -> None:
    members = hosts(3)
    made = plan(a_fleet(members=members), records=current(members[0]), states={members[0].id: UNHEALTHY})
    assert order(made)[0] == "web-1"


@pytest.mark.parametrize(
    "request_", [Request(Why.ROLL, "v143", include_current=True), Request(Why.ROLL, "v144"), Request(Why.ROLL)]
)
def test_a_host_on_the_release_is_rolled_if_asked_for_or_if_no_label_tells(request_: Request) -> None:
    members = hosts(3)
    made = plan(a_fleet(members=members), request_, records=current(members[0]))
    assert "web-1" in order(made)
    assert next(each.release_before for each in made.hosts if each.host.name == "web-1") == "v143"


def test_a_host_drained_on_purpose_stays_out_unless_named() -> None:
    four = a_host(4)
    records = out(four, why=Why.DRAIN)
    made = plan(without(four), records=records)
    assert [(skipped.host.name, skipped.reason, skipped.out) for skipped in made.skipped] == [
        ("web-4", SkipReason.DRAINED, True)
    ]
    assert order(plan(without(four), Request(Why.ROLL, "v143", only=("web-4",)), records=records)) == ["web-4"]
    by_glob = plan(without(four), Request(Why.ROLL, "v143", only=("web-*",)), records=records)
    assert "web-4" not in order(by_glob)


def test_an_overdue_drain_is_said() -> None:
    four = a_host(4)
    records = out(four, why=Why.DRAIN, until=NOW - timedelta(hours=1))
    assert any("web-4" in line and "overdue" in line for line in plan(without(four), records=records).warnings)


@pytest.mark.rule("F-19")
def test_a_recorded_host_outside_the_selection_is_named_and_counts_as_out() -> None:
    four = a_host(4)
    made = plan(without(four), Request(Why.ROLL, "v143", only=("web-1",)), records=out(four))
    assert "web-4 is out since run 7f3a9c and is not selected: it stays out" in made.warnings
    assert only_refusal(made).fix == ("elbroll restore web-4 first, or --yes if you accept 2 of 4 in service",)


def test_all_hosts_that_a_restore_would_bring_back_are_named_in_one_command() -> None:
    away = hosts(4)[2:]
    made = plan(without(*away), Request(Why.ROLL, "v143", only=("web-1",)), records=out(*away))
    (fix,) = (each.fix for each in made.refusals if each.code == "floor")
    assert fix == ("elbroll restore web-3 web-4 first, or --yes if you accept 1 of 4 in service",)


# --- where a walk begins --------------------------------------------------------------------------------


@pytest.mark.rule("I-5", "I-24")
@pytest.mark.parametrize(
    ("state", "release", "registered", "begin"),
    [
        (HELD, "v143", True, Step.DRAIN),
        (HELD, "v143", False, Step.DRAIN),
        (DEPLOYING, "v143", False, Step.DEPLOY),
        (DEPLOYING, "v143", True, Step.DRAIN),
        (DEPLOYED, "v143", False, Step.VERIFY),
        (DEPLOYED, "v143", True, Step.VERIFY),
        (DEPLOYED, "v144", False, Step.DEPLOY),
        (DEPLOYED, "v144", True, Step.DRAIN),
        (DEPLOYED, None, False, Step.DEPLOY),
        (REGISTERING, "v143", True, Step.REGISTER),
        (REGISTERING, "v144", True, Step.DRAIN),
        (REGISTERING, "v144", False, Step.DRAIN),
        (REGISTERING, None, True, Step.DRAIN),
    ],
)
def test_an_open_record_decides_where_the_walk_begins(
    state: RecordState, release: str | None, registered: bool, begin: Step
) -> None:
    one = a_host(1)
    fleet = a_fleet(members=hosts(4)) if registered else without(one)
    made = plan(fleet, Request(Why.ROLL, release), records=out(one, state=state))
    assert (made.hosts[0].host.name, made.hosts[0].begin) == ("web-1", begin)


@pytest.mark.rule("I-5")
def test_a_recorded_host_that_still_drains_is_drained_to_the_end() -> None:
    one = a_host(1)
    fleet = without(one)
    rows = [*views_of(fleet)[POOL.id].rows, a_row(a_registration(POOL, one), DRAINING)]
    made = plan(fleet, records=out(one, state=DEPLOYING), views={POOL.id: a_view(POOL, rows)})
    assert (made.hosts[0].begin, made.hosts[0].state) == (Step.DRAIN, DRAINING)


def test_a_host_without_an_open_record_begins_with_its_drain() -> None:
    assert {each.begin for each in plan(a_fleet(members=hosts(2))).hosts} == {Step.DRAIN}


@pytest.mark.rule("I-2", "F-28")
def test_a_host_goes_back_to_what_its_record_and_aws_say_together() -> None:
    one, api = a_host(1), a_pool("api-prod")
    fleet = a_fleet([POOL, api], hosts(3), registrations={one.id: [a_registration(api, one)]})
    made = plan(fleet, records=out(one))
    assert made.hosts[0].registrations == {a_registration(POOL, one), a_registration(api, one)}


@pytest.mark.rule("I-2")
def test_a_classic_entry_that_is_recorded_with_a_port_stops_no_plan() -> None:
    one, old = a_host(1), a_pool("old", kind=BalancerKind.CLASSIC)
    odd = replace(a_registration(old, one), port=8080)
    made = plan(a_fleet([old], hosts(3)), records={one.id: a_record(one, [odd])})
    assert made.hosts[0].registrations == {a_registration(old, one), odd}


def test_a_record_that_names_a_deleted_pool_is_a_warning() -> None:
    one = a_host(1)
    lost = Registration(a_pool("old-prod").id, str(one.id), 9000)
    records = {one.id: a_record(one, [a_registration(POOL, one), lost])}
    made = plan(without(one), records=records)
    assert made.hosts[0].registrations == {a_registration(POOL, one)}
    assert any("no longer exists: elbroll restore web-1 --give-up old-prod" in line for line in made.warnings)


@pytest.mark.parametrize(
    ("state", "release"),
    [(HELD, "v142"), (DEPLOYING, None), (DEPLOYED, "v143"), (REGISTERING, "v143"), (IN_SERVICE, "v143")],
)
def test_the_release_a_host_runs_is_what_its_record_proves(state: RecordState, release: str | None) -> None:
    assert held_release(a_record(a_host(1), state=state)) == release
    assert held_release(None) is None


def test_a_command_without_a_label_leaves_the_release_as_it_is() -> None:
    members = hosts(3)
    made = plan(a_fleet(members=members), Request(Why.EXEC), records=current(members[0]))
    assert [each.release_after for each in made.hosts] == ["v143", None, None]


def test_a_roll_without_a_label_leaves_a_release_that_nobody_knows() -> None:
    members = hosts(3)
    made = plan(a_fleet(members=members), Request(Why.ROLL), records=current(members[0]))
    assert (made.hosts[0].release_before, made.hosts[0].release_after) == ("v143", None)


# --- drain on purpose -----------------------------------------------------------------------------------


@pytest.mark.rule("I-5")
@pytest.mark.parametrize("state", [HELD, DEPLOYING, DEPLOYED, REGISTERING])
def test_a_host_to_be_taken_out_on_purpose_is_drained_whatever_its_record_says(state: RecordState) -> None:
    one = a_host(1)
    asked = Request(Why.DRAIN, "v143", only=("web-1",))
    states = {one.id: UNHEALTHY}
    made = plan(a_fleet(members=hosts(4)), asked, records=out(one, state=state), states=states)
    assert [each.begin for each in made.hosts] == [Step.DRAIN]


def test_draining_a_host_that_is_out_already_has_nothing_to_do() -> None:
    one = a_host(1)
    made = plan(without(one), Request(Why.DRAIN, only=("web-1",)), records=out(one))
    assert made.hosts == ()
    assert made.refusals == ()


def test_draining_two_hosts_is_judged_with_the_first_one_still_out() -> None:
    fleet = a_fleet(members=hosts(6))
    assert plan(fleet, Request(Why.DRAIN, only=("web-1",))).refusals == ()
    refusal = only_refusal(plan(fleet, Request(Why.DRAIN, only=("web-1", "web-2"))))
    assert refusal.message == "draining web-2 would leave 4 of 6 in service; the floor of web-prod is 5"
    assert refusal.why == ("web-1 out by this run",)


def test_a_host_on_the_release_can_be_drained_on_purpose() -> None:
    one = a_host(1)
    made = plan(a_fleet(members=hosts(3)), Request(Why.DRAIN, "v143", only=("web-1",)), records=current(one))
    assert [(each.host.name, each.begin) for each in made.hosts] == [("web-1", Step.DRAIN)]


# --- refusals by capacity -------------------------------------------------------------------------------


@pytest.mark.rule("F-22", "I-1")
def test_a_plan_shows_the_refusal_that_a_deploy_would_meet() -> None:
    states = {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}
    made = plan(a_fleet(members=hosts(6)), Request(Why.ROLL, "v143", only=("web-1",)), states=states)
    refusal = only_refusal(made)
    assert (refusal.code, refusal.waivable) == ("floor", True)
    assert refusal.message == "draining web-1 would leave 3 of 6 in service; the floor of web-prod is 5"
    assert refusal.fix == ("--yes if you accept 3 of 6 in service",)
    assert order(made) == ["web-1"]


@pytest.mark.rule("F-22")
def test_sick_hosts_are_rolled_first_and_then_count_again() -> None:
    states = {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}
    assert plan(a_fleet(members=hosts(6)), states=states).refusals == ()


def test_a_held_host_is_back_before_the_next_one_leaves() -> None:
    one = a_host(1)
    assert plan(without(one, of=2), records=out(one, state=DEPLOYING)).refusals == ()


@pytest.mark.rule("F-24")
def test_a_lone_host_is_refused_unless_its_loss_was_agreed_to() -> None:
    fleet = a_fleet(members=hosts(1))
    refusal = only_refusal(plan(fleet))
    assert (refusal.code, refusal.waivable) == ("last-healthy", True)
    agreed = plan(fleet, consent=Consent(last_healthy=True))
    assert agreed.refusals == ()
    assert any("you have said yes" in line for line in agreed.warnings)


def test_a_lone_host_that_is_out_is_rolled_without_consent() -> None:
    one = a_host(1)
    assert plan(without(one, of=1), records=out(one, state=DEPLOYING)).refusals == ()


@pytest.mark.rule("F-24")
@pytest.mark.parametrize(
    ("count", "others"),
    [
        (1, None),
        (3, "likewise web-2 and web-3"),
        (6, "likewise web-2, web-3, web-4, web-5 and web-6"),
        (7, "likewise web-2, web-3, web-4, web-5, web-6 and 1 more"),
    ],
)
def test_refusals_of_one_kind_are_one_that_names_the_hosts_five_beside_the_first(
    count: int, others: str | None
) -> None:
    members = [a_host(number, zone=f"zone-{number}") for number in range(1, count + 1)]
    refusal = only_refusal(plan(a_fleet([a_pool(cross_zone=False)], members)))
    assert refusal.code == "last-healthy"
    assert next((line for line in refusal.why if line.startswith("likewise")), None) == others


def test_every_consent_that_is_needed_is_asked_for_at_once() -> None:
    sick = {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}
    fleet, only_one = a_fleet(members=hosts(3)), Request(Why.ROLL, "v143", only=("web-1",))
    assert sorted(codes(plan(fleet, only_one, states=sick))) == ["floor", "last-healthy"]
    both = Consent(below_floor=True, last_healthy=True)
    assert codes(plan(fleet, only_one, states=sick, consent=both)) == []


def test_a_broken_threshold_is_refused_under_the_name_that_consent_knows() -> None:
    pool = a_pool(thresholds=replace(POOL.thresholds, routing_count=4))
    fleet = a_fleet([pool], hosts(4))
    assert codes(plan(fleet)) == ["floor"]
    assert codes(plan(fleet, consent=Consent(below_floor=True))) == []


@pytest.mark.rule("T16")
def test_a_fleet_without_a_healthy_host_is_refused_for_good() -> None:
    sick = {an_id(number): UNHEALTHY for number in (1, 2, 3)}
    refusal = plan(
        a_fleet(members=hosts(3)), states=sick, consent=Consent(below_floor=True, last_healthy=True)
    ).refusals
    assert [(each.code, each.waivable) for each in refusal] == [("all-unhealthy", False)]
    assert refusal[0].fix == ("mend one host in place, until the balancer calls it healthy; then roll the others",)


@pytest.mark.rule("F-25")
def test_newcomers_are_waited_for_and_no_reason_to_refuse() -> None:
    made = plan(a_fleet(members=hosts(10)), states={an_id(10): TargetState.INITIAL})
    assert made.refusals == ()
    (said,) = made.warnings
    assert said.startswith("draining web-1 would leave 8 of 10 in service; the floor of web-prod is 9, likewise web-2,")
    assert said.endswith("web-6 and 3 more; the roll waits for newcomers")


@pytest.mark.rule("T3")
def test_no_roll_starts_in_a_zonal_shift() -> None:
    refusal = only_refusal(plan(a_fleet(members=hosts(4)), states={an_id(4): TargetState.SHIFTED}))
    assert (refusal.code, refusal.waivable) == ("zonal-shift", False)
    assert refusal.fix == ("wait until the zonal shift is over",)


@pytest.mark.rule("T18")
def test_a_zones_only_host_is_a_warning_with_cross_zone_balancing() -> None:
    members = [a_host(number, zone=zone) for number, zone in enumerate(["1a", "1b", "1b"], 1)]
    assert any("only host" in line for line in plan(a_fleet(members=members)).warnings)


# --- refusals by the state of things ---------------------------------------------------------------------


@pytest.mark.rule("F-15")
def test_nothing_is_planned_on_half_an_answer() -> None:
    assert "unread" in codes(plan(a_fleet(members=hosts(3)), views={}))


@pytest.mark.rule("F-11")
def test_an_unreadable_record_refuses_its_host() -> None:
    one = a_host(1)
    records = out(one, state=RecordState.UNREADABLE)
    assert codes(plan(without(one), records=records)) == ["record-unreadable"]
    others = plan(without(one), Request(Why.ROLL, "v143", exclude=("web-1",)), records=records)
    assert "record-unreadable" not in codes(others)
    assert others.warnings == (
        "web-1 is out by a record that this version cannot read and is not selected: it stays out",
    )


@pytest.mark.rule("T11", "F-34")
@pytest.mark.parametrize("state", [InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.PENDING])
def test_a_host_that_does_not_run_is_refused(state: InstanceState) -> None:
    members = [a_host(1, state=state), *hosts(4)[1:]]
    made = plan(a_fleet(members=members), states={an_id(1): TargetState.UNUSED})
    assert codes(made) == ["stopped"]
    assert "--exclude web-1" in made.refusals[0].fix[0]


@pytest.mark.rule("F-19")
def test_a_host_that_somebody_else_is_draining_is_refused_until_it_has_settled() -> None:
    one = a_host(1)
    fleet = without(one)
    rows = [*views_of(fleet)[POOL.id].rows, a_row(a_registration(POOL, one), DRAINING)]
    refusal = only_refusal(plan(fleet, views={POOL.id: a_view(POOL, rows)}))
    assert refusal.code == "unsettled"
    assert "5:00" in refusal.fix[0]


@pytest.mark.rule("F-17")
def test_a_host_in_no_pool_and_no_record_is_not_guessed_about() -> None:
    assert codes(plan(without(a_host(1)))) == ["not-registered"]


@pytest.mark.rule("F-18")
def test_a_target_that_never_turns_healthy_is_refused() -> None:
    made = plan(a_fleet(members=hosts(4)), states={an_id(1): TargetState.UNUSED})
    assert codes(made) == ["unused"]
    assert made.refusals[0].why == ("web-1 in web-prod: Target.NotInUse",)


def test_switched_off_health_checks_are_refused() -> None:
    off = {an_id(number): TargetState.UNAVAILABLE for number in (1, 2, 3)}
    assert "checks-off" in codes(plan(a_fleet(members=hosts(3)), states=off))


@pytest.mark.rule("T21")
def test_a_group_that_no_balancer_uses_is_refused() -> None:
    idle = a_pool("idle", balancers=())
    made = plan(a_fleet([POOL, idle], hosts(3), own=[POOL]))
    assert codes(made) == ["no-balancer"]
    assert 'other_pools = "ignore"' in made.refusals[0].fix[0]


@pytest.mark.rule("F-16")
def test_other_pools_are_drained_or_refused_as_configured() -> None:
    fleet = a_fleet([POOL, a_pool("api-prod")], hosts(3), own=[POOL])
    assert plan(fleet).refusals == ()
    refusal = only_refusal(plan(fleet, other_pools="refuse"))
    assert refusal.code == "other-pools"
    assert refusal.why[0] == "web-1 also serves api-prod"


@pytest.mark.rule("P2", "P3")
def test_other_pools_that_hosts_leave_are_named_with_the_policy_that_they_need() -> None:
    fleet = a_fleet([POOL, a_pool("api-prod")], hosts(3), own=[POOL])
    (said,) = (line for line in plan(fleet).warnings if "iam-policy" in line)
    assert said.startswith("hosts are taken out of api-prod as well")
    assert not any("iam-policy" in line for line in plan(a_fleet([POOL], hosts(3))).warnings)


@pytest.mark.rule("F-2")
@pytest.mark.parametrize(
    ("pace", "code"),
    [
        ({"floor": 3}, "floor-impossible"),
        ({"floor": "90%"}, "floor-impossible"),
        ({"max_unavailable": 3}, "max-unavailable"),
        ({"max_unavailable": "100%"}, "max-unavailable"),
    ],
)
def test_numbers_that_can_never_hold_are_refused_with_their_arithmetic(pace: dict[str, Any], code: str) -> None:
    made = plan(a_fleet(members=hosts(3)), pace=pace)
    refusal = next(each for each in made.refusals if each.code == code)
    assert not refusal.waivable
    assert "3" in refusal.message


@pytest.mark.rule("F-2")
@pytest.mark.parametrize(
    ("pace", "code"), [({"floor": 2}, "floor-impossible"), ({"max_unavailable": 2}, "max-unavailable")]
)
def test_numbers_that_can_never_hold_for_two_hosts_are_refused(pace: dict[str, Any], code: str) -> None:
    assert code in codes(plan(a_fleet(members=hosts(2)), pace=pace))


@pytest.mark.rule("F-24")
def test_a_floor_of_one_does_not_forbid_for_good_what_consent_allows_a_lone_host() -> None:
    assert codes(plan(a_fleet(members=hosts(1)), pace={"floor": 1})) == ["last-healthy"]


@pytest.mark.parametrize("settle", ["10s", "20s"])
def test_a_drain_that_could_never_settle_in_its_limit_is_refused(settle: str) -> None:
    assert codes(plan(a_fleet(members=hosts(3)), drain={"timeout": "10s", "settle": settle})) == ["drain-timeout"]
    assert codes(plan(a_fleet(members=hosts(3)), drain={"timeout": "10s", "settle": "9s"})) == []


def test_a_drain_from_no_pool_has_nothing_to_settle() -> None:
    made = plan(without(a_host(1)), Request(Why.ROLL, "v143", only=("web-1",)), drain={"timeout": "1s"})
    assert codes(made) == ["not-registered"]


# --- warnings -------------------------------------------------------------------------------------------

CLASSIC, NLB = BalancerKind.CLASSIC, BalancerKind.NLB
TCP = replace(POOL.health_check, protocol="TCP", path=None)


@pytest.mark.parametrize(
    ("pool", "settings", "words"),
    [
        pytest.param(a_pool(deregistration_delay=0.0), {}, "delay of web-prod is 0", marks=pytest.mark.rule("T7")),
        pytest.param(
            a_pool(kind=CLASSIC, deregistration_delay=0.0), {}, "draining is off", marks=pytest.mark.rule("C3")
        ),
        pytest.param(
            a_pool(target_type=TargetType.IP), {}, "has ip targets: each waits", marks=pytest.mark.rule("T10")
        ),
        pytest.param(
            a_pool(kind=NLB), {"drain": {"until": "reported"}}, "safer with idle", marks=pytest.mark.rule("T9")
        ),
        pytest.param(
            a_pool(kind=NLB), {"drain": {"settle": "5s"}}, "settles for 5s only", marks=pytest.mark.rule("T9")
        ),
        pytest.param(a_pool(kind=NLB), {}, "keeps busy connections", marks=pytest.mark.rule("T9")),
        pytest.param(a_pool(health_check=TCP), {}, "only checks that the port opens", marks=pytest.mark.rule("T15")),
        pytest.param(a_pool(kind=NLB, protocol="UDP"), {}, "cannot be counted", marks=pytest.mark.rule("E3")),
    ],
)
def test_a_pool_with_a_trap_is_warned_of(pool: Any, settings: dict[str, Any], words: str) -> None:
    assert any(words in line for line in plan(a_fleet([pool], hosts(3)), **settings).warnings)


@pytest.mark.parametrize("verify", [{"command": "web-ctl ping"}, {"http": "/healthz"}])
@pytest.mark.rule("T15")
def test_a_check_of_ones_own_makes_a_tcp_check_good_enough(verify: dict[str, str]) -> None:
    assert plan(a_fleet([a_pool(health_check=TCP)], hosts(4)), verify=verify).warnings == ()


def test_a_usual_fleet_has_no_warning() -> None:
    assert plan(a_fleet(members=hosts(4))).warnings == ()
