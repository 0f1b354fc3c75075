"""The guard by example: arithmetic, zones, thresholds, consent and the words of a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import a_fleet, a_host, a_pool, a_record, a_registration, a_row, a_view, an_id, hosts, views_of
from elbroll.core.guard import (
    NO_CONSENT,
    Consent,
    GuardRules,
    Leave,
    Refuse,
    count,
    expected_hosts,
    floor_of,
    joined,
    may_leave,
)
from elbroll.core.tally import remembering
from elbroll.model import Amount, BalancerKind, RecordState, Removed, RunId, TargetState, TargetType, Thresholds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elbroll.model import Fleet, HostId, PoolId, PoolView

UNHEALTHY, INITIAL, HEALTHY = TargetState.UNHEALTHY, TargetState.INITIAL, TargetState.HEALTHY
GONE, DRAINING = TargetState.GONE, TargetState.DRAINING
YES = Consent(below_floor=True, last_healthy=True)


def ask(
    fleet: Fleet,
    states: Mapping[HostId, TargetState] | None = None,
    *,
    host: int = 1,
    out: Collection[HostId] = (),
    rules: GuardRules | None = None,
    consent: Consent = NO_CONSENT,
    warming: Collection[HostId] = (),
    views: Mapping[PoolId, PoolView] | None = None,
) -> Leave | Refuse:
    """May web-HOST leave? One may be unavailable unless the rules say otherwise."""
    seen = views_of(fleet, states) if views is None else views
    expected = expected_hosts(fleet, {})
    return may_leave(an_id(host), fleet, seen, expected, out, rules or GuardRules(1), consent, warming=warming)


def refused(answer: Leave | Refuse) -> Refuse:
    assert isinstance(answer, Refuse)
    return answer


# --- the floor ---------------------------------------------------------------------------------------


def test_a_host_may_leave_while_all_others_serve() -> None:
    assert ask(a_fleet(members=hosts(6))) == Leave()


@pytest.mark.rule("F-22", "I-1")
def test_a_refusal_shows_its_arithmetic_and_every_host_that_is_missing() -> None:
    members = hosts(6)
    fleet = a_fleet(members=members)
    sick = a_row(a_registration(a_pool(), members[1]), UNHEALTHY, "answers 502 on /healthz")
    others = [a_row(a_registration(a_pool(), host)) for host in (members[0], *members[2:])]
    views = {a_pool().id: a_view(a_pool(), [*others, sick])}
    answer = refused(ask(fleet, views=views, out={an_id(4): "since run 7f3a9c"}, rules=GuardRules(2)))
    assert answer.message == "draining web-1 would leave 3 of 6 in service; the floor of web-prod is 4"
    assert answer.why == (
        "web-2 unhealthy: Target.ResponseCodeMismatch, answers 502 on /healthz",
        "web-4 out since run 7f3a9c",
    )
    assert (answer.code, answer.accepts, answer.heals, answer.last_healthy) == ("floor", "3 of 6", False, False)


def test_a_host_that_is_out_for_no_known_reason_is_called_out() -> None:
    assert refused(ask(a_fleet(members=hosts(3)), out=[an_id(2)])).why == ("web-2 out",)


@pytest.mark.rule("I-8")
def test_a_host_that_has_left_since_it_was_expected_is_missing() -> None:
    fleet = a_fleet(members=hosts(3))
    expected = {a_pool().id: frozenset(map(an_id, (1, 2, 3, 9)))}
    answer = may_leave(an_id(1), fleet, views_of(fleet), expected, (), GuardRules(1), NO_CONSENT)
    assert refused(answer).why == (f"{an_id(9)} not registered",)


def test_a_refusal_names_ten_hosts_and_counts_the_others() -> None:
    fleet = in_zones(*["1a"] * 14)
    answer = refused(ask(fleet, {an_id(number): UNHEALTHY for number in range(2, 14)}))
    assert len(answer.why) == 11
    assert answer.why[0].startswith("web-2 ")
    assert answer.why[-1] == "and 2 more"
    exactly_ten = refused(ask(fleet, {an_id(number): UNHEALTHY for number in range(2, 12)}))
    assert exactly_ten.why[-1].startswith("web-11 ")


@pytest.mark.rule("I-1", "T19")
def test_a_host_that_is_out_is_no_capacity_whatever_the_api_says() -> None:
    assert isinstance(ask(a_fleet(members=hosts(3)), out=[an_id(2)]), Refuse)


@pytest.mark.rule("F-22")
def test_a_sick_host_may_leave_below_the_floor() -> None:
    fleet = a_fleet(members=hosts(4))
    assert ask(fleet, {an_id(1): UNHEALTHY, an_id(2): UNHEALTHY}) == Leave()


@pytest.mark.parametrize("state", [state for state in TargetState if state not in {HEALTHY, TargetState.SHIFTED}])
@pytest.mark.rule("F-26", "T1")
def test_only_healthy_is_capacity(state: TargetState) -> None:
    assert isinstance(ask(a_fleet(members=hosts(3)), {an_id(2): state}), Refuse)


def test_a_host_that_the_answer_lacks_is_no_capacity() -> None:
    fleet = a_fleet(members=hosts(3))
    rows = [a_row(a_registration(a_pool(), host)) for host in hosts(3) if host.id != an_id(2)]
    answer = refused(ask(fleet, views={a_pool().id: a_view(a_pool(), rows)}))
    assert answer.why == ("web-2 gone",)


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (GuardRules(2), (4, "6 hosts - 2 may be out")),
        (GuardRules(2, borne=1), (3, "6 hosts - 2 may be out - 1 left out")),
        (GuardRules(5), (1, "6 hosts - 5 may be out")),
        (GuardRules(2, Amount(count=1)), (1, "floor = 1")),
        (GuardRules(9), (1, "6 hosts - 9 may be out, but at least 1")),
        (GuardRules(2, Amount(count=5)), (5, "floor = 5")),
        (GuardRules(2, Amount(percent=75.0)), (5, "75% of 6 hosts")),
        (GuardRules(2, Amount(percent=10.0)), (1, "10% of 6 hosts")),
        (GuardRules(2, Amount(count=5), borne=1), (5, "floor = 5")),
    ],
)
def test_the_floor_and_its_arithmetic(rules: GuardRules, wanted: tuple[int, str]) -> None:
    assert floor_of(a_pool(), a_fleet(), 6, rules) == wanted


def test_a_configured_count_holds_for_the_fleets_own_pools_only() -> None:
    web, api = a_pool(), a_pool("api-prod")
    fleet = a_fleet([web, api], own=[web])
    assert floor_of(api, fleet, 4, GuardRules(1, Amount(count=2)))[0] == 3
    assert floor_of(api, fleet, 4, GuardRules(1, Amount(percent=50.0)))[0] == 2


def test_a_pool_that_could_lose_all_by_its_numbers_keeps_one() -> None:
    assert isinstance(ask(a_fleet(members=hosts(1)), rules=GuardRules(5)), Refuse)


@pytest.mark.rule("F-16", "I-1")
def test_every_pool_the_host_serves_is_asked() -> None:
    web, api = a_pool(), a_pool("api-prod")
    only_two = {an_id(3): [a_registration(web, a_host(3))], an_id(4): [a_registration(web, a_host(4))]}
    fleet = a_fleet([web, api], hosts(4), own=[web], registrations=only_two)
    views = views_of(fleet)
    sick_in_api = a_row(a_registration(api, a_host(2)), UNHEALTHY)
    views[api.id] = a_view(api, [a_row(a_registration(api, a_host(1))), sick_in_api])
    answer = refused(ask(fleet, views=views))
    assert answer.message == "draining web-1 would leave 0 of 2 in service; it is the last healthy host of api-prod"


def test_a_pool_the_host_is_not_in_has_no_say() -> None:
    web, api = a_pool(), a_pool("api-prod")
    fleet = a_fleet([web, api], hosts(3), registrations={an_id(1): [a_registration(web, a_host(1))]})
    views = views_of(fleet)
    views[api.id] = a_view(api, [a_row(a_registration(api, a_host(number)), UNHEALTHY) for number in (2, 3)])
    assert ask(fleet, views=views) == Leave()


def test_a_host_that_is_leaving_already_takes_nothing_more_away() -> None:
    assert ask(a_fleet(members=hosts(1)), {an_id(1): DRAINING}) == Leave()


def test_a_recorded_host_that_somebody_registered_again_is_judged_by_what_it_carries() -> None:
    answer = ask(a_fleet(members=hosts(2)), {an_id(2): UNHEALTHY}, out=[an_id(1)])
    assert refused(answer).code == "last-healthy"


def test_of_two_pools_that_fall_short_the_fleets_own_is_named() -> None:
    web, api = a_pool(), a_pool("api-prod")
    fleet = a_fleet([api, web], hosts(4), own=[web])
    assert "the floor of web-prod" in refused(ask(fleet, {an_id(2): UNHEALTHY})).message


def test_only_pools_the_host_is_in_must_have_been_read() -> None:
    web, api = a_pool(), a_pool("api-prod")
    fleet = a_fleet([web, api], hosts(4), registrations={an_id(1): [a_registration(web, a_host(1))]})
    assert ask(fleet, views={web.id: views_of(fleet)[web.id]}) == Leave()


@pytest.mark.rule("F-15")
def test_a_pool_whose_health_was_not_read_lets_nobody_go() -> None:
    answer = refused(ask(a_fleet([a_pool("web-prod"), a_pool("api-prod")], hosts(3)), views={}))
    assert (answer.code, answer.heals) == ("unread", False)
    assert answer.message == "the health of api-prod, web-prod was not read, so web-1 may not leave"


# --- ports, addresses, strangers ---------------------------------------------------------------------


@pytest.mark.rule("T19", "T20")
def test_a_host_counts_only_if_every_one_of_its_ports_is_healthy() -> None:
    pool = a_pool()
    both = {host.id: [a_registration(pool, host), a_registration(pool, host, 8081)] for host in hosts(3)}
    fleet = a_fleet([pool], hosts(3), registrations=both)
    rows = list(views_of(fleet)[pool.id].rows)
    sick = [replace(row, state=UNHEALTHY) if row.registration == both[an_id(2)][1] else row for row in rows]
    assert ask(fleet) == Leave()
    assert isinstance(ask(fleet, views={pool.id: a_view(pool, sick)}), Refuse)


def test_ip_targets_are_counted_for_the_host_that_has_the_address() -> None:
    pool = a_pool(target_type=TargetType.IP)
    members = hosts(2)
    fleet = a_fleet([pool], members, registrations={an_id(1): [], an_id(2): []})
    rows = [a_row(a_registration(pool, host)) for host in members]
    seen = count(pool, fleet, a_view(pool, rows), frozenset(), (), GuardRules(1))
    assert seen.capacity == {an_id(1), an_id(2)}


def test_a_target_belongs_to_the_host_it_was_registered_for() -> None:
    pool = a_pool(target_type=TargetType.IP)
    entry = replace(a_registration(pool, a_host(1)), id="10.9.9.9")
    fleet = a_fleet([pool], hosts(1), registrations={an_id(1): [entry]})
    seen = count(pool, fleet, a_view(pool, [a_row(entry)]), frozenset(), (), GuardRules(1))
    assert seen.capacity == {an_id(1)}


def test_an_address_in_another_vpc_is_another_machine() -> None:
    pool = a_pool(target_type=TargetType.IP, vpc="vpc-2")
    fleet = a_fleet([pool], hosts(1), registrations={an_id(1): []})
    rows = [a_row(a_registration(pool, a_host(1)))]
    assert count(pool, fleet, a_view(pool, rows), frozenset(), (), GuardRules(1)).capacity == {"10.0.1.11"}


@pytest.mark.rule("T20")
def test_hosts_that_joined_since_are_expected_and_counted() -> None:
    pool, fleet = a_pool(), a_fleet(members=hosts(2))
    newcomer = a_row(replace(a_registration(pool, a_host(3)), id="i-new"), INITIAL)
    view = a_view(pool, [*views_of(fleet)[pool.id].rows, newcomer])
    seen = count(pool, fleet, view, expected_hosts(fleet, {})[pool.id], (), GuardRules(1))
    assert (len(seen.expected), len(seen.capacity), seen.floor) == (3, 2, 2)
    assert refused(ask(fleet, views={pool.id: view})).why == ("i-new initial: Elb.InitialHealthChecking",)


@pytest.mark.rule("T14", "T19")
def test_hosts_that_are_out_or_warm_up_are_counted_as_expected_and_not_as_capacity() -> None:
    pool, fleet = a_pool(), a_fleet(members=hosts(4))
    everybody = expected_hosts(fleet, {})[pool.id]
    seen = count(pool, fleet, views_of(fleet)[pool.id], everybody, [an_id(1)], GuardRules(1), warming=[an_id(2)])
    assert (seen.expected, seen.capacity) == (everybody, {an_id(3), an_id(4)})
    assert (seen.floor, seen.floor_why) == (3, "4 hosts - 1 may be out")


def test_neighbours_in_other_pools_count_with_their_zones() -> None:
    web, api = a_pool(), a_pool("api-prod", cross_zone=False)
    neighbour = a_host(7)
    fleet = a_fleet([web, api], hosts(2), own=[web])
    served = fleet.registrations | {neighbour.id: frozenset({a_registration(api, neighbour)})}
    shared = replace(fleet, registrations=served, neighbours={neighbour.id: neighbour})
    assert isinstance(ask(shared), Leave)


# --- E -----------------------------------------------------------------------------------------------


@pytest.mark.rule("I-8", "F-19")
def test_expected_are_hosts_registered_now_and_hosts_named_by_open_records() -> None:
    pool, members = a_pool(), hosts(4)
    fleet = a_fleet([pool], members, registrations={an_id(3): [], an_id(4): []})
    records = {
        an_id(3): a_record(members[2], [a_registration(pool, members[2])]),
        an_id(4): a_record(members[3], [a_registration(pool, members[3])], RecordState.IN_SERVICE),
    }
    assert expected_hosts(fleet, records) == {pool.id: {an_id(1), an_id(2), an_id(3)}}


def test_an_item_given_up_as_unresolvable_and_a_pool_that_is_gone_expect_nobody() -> None:
    pool, member = a_pool(), a_host(1)
    item = Removed(a_registration(pool, member), RunId("7f3a9c"), unresolvable=True)
    elsewhere = Removed(a_registration(a_pool("deleted"), member), RunId("7f3a9c"))
    record = replace(a_record(member), registrations=frozenset({item, elsewhere}))
    fleet = a_fleet([pool], [member], registrations={member.id: []})
    assert expected_hosts(fleet, {member.id: record}) == {pool.id: frozenset()}


@pytest.mark.rule("I-8")
def test_expected_grows_and_never_shrinks() -> None:
    pool, fleet = a_pool(), a_fleet(members=hosts(3))
    before = expected_hosts(fleet, {})
    row = a_row(replace(a_registration(pool, a_host(9)), id="i-new"))
    after = joined(before, fleet, {pool.id: a_view(pool, [row])})
    assert after[pool.id] == before[pool.id] | {"i-new"}


def test_a_remembered_fleet_knows_what_each_recorded_host_lacks() -> None:
    pool, member = a_pool(), a_host(1)
    two = [a_registration(pool, member), a_registration(pool, member, 8081)]
    fleet = a_fleet([pool], [member], registrations={member.id: two[:1]})
    assert remembering(fleet, {member.id: a_record(member, two)}).registrations[member.id] == set(two)
    closed = {member.id: a_record(member, two, RecordState.IN_SERVICE)}
    assert remembering(fleet, closed).registrations[member.id] == set(two[:1])


# --- zones -------------------------------------------------------------------------------------------


def in_zones(*zones: str, **changes: Any) -> Fleet:
    members = [a_host(number, zone=zone) for number, zone in enumerate(zones, 1)]
    return a_fleet([a_pool(**changes)], members)


@pytest.mark.rule("T18", "F-24")
def test_without_cross_zone_balancing_a_zone_keeps_one_host() -> None:
    answer = refused(ask(in_zones("1a", "1b", "1b", cross_zone=False)))
    assert answer.message == (
        "draining web-1 would leave 0 of 1 in service; it is the last healthy host of web-prod in 1a"
    )
    assert (answer.code, answer.last_healthy) == ("last-healthy", True)


@pytest.mark.rule("F-24")
def test_with_cross_zone_balancing_the_last_healthy_host_of_a_zone_of_several_stays() -> None:
    fleet = in_zones("1a", "1a", "1b", "1b")
    assert refused(ask(fleet, {an_id(2): UNHEALTHY}, rules=GuardRules(2))).code == "last-healthy"


@pytest.mark.rule("T18")
def test_with_cross_zone_balancing_a_zones_only_host_may_leave_with_a_warning() -> None:
    assert ask(in_zones("1a", "1b", "1b")) == Leave(
        ("web-1 is the only host of web-prod in 1a: while it is out other zones carry its traffic",)
    )


@pytest.mark.rule("T18")
def test_of_two_hosts_in_two_zones_each_is_its_zones_only_one() -> None:
    answer = ask(in_zones("1a", "1b"))
    assert isinstance(answer, Leave)
    assert len(answer.warnings) == 1


@pytest.mark.rule("T17", "T18")
def test_without_cross_zone_balancing_thresholds_hold_per_zone() -> None:
    fleet = in_zones("1a", "1a", "1b", "1b", cross_zone=False, thresholds=Thresholds(routing_count=2))
    answer = refused(ask(fleet, rules=GuardRules(2)))
    assert answer.message == "draining web-1 would leave 1 healthy of 2 targets in 1a; web-prod itself wants 2"


@pytest.mark.rule("T16", "T18", "F-23")
def test_without_cross_zone_balancing_a_zone_fails_open_by_itself() -> None:
    fleet = in_zones("1a", "1a", "1b", "1b", cross_zone=False)
    answer = refused(ask(fleet, {an_id(1): UNHEALTHY, an_id(2): UNHEALTHY}))
    assert answer.code == "all-unhealthy"
    assert "0 healthy of 2 targets in 1a" in answer.message


# --- the pool's own thresholds, failing open, shifts ----------------------------------------------------


@pytest.mark.rule("T17", "F-23")
@pytest.mark.parametrize(
    ("thresholds", "leaves"),
    [
        (Thresholds(routing_count=5), True),
        (Thresholds(routing_count=6), False),
        (Thresholds(dns_count=6), False),
        (Thresholds(routing_percent=83.0), True),
        (Thresholds(routing_percent=84.0), False),
        (Thresholds(dns_percent=84.0), False),
        (Thresholds(None, None, None, None), True),
    ],
)
def test_the_pools_own_thresholds_count_the_leaving_target_in_their_base(thresholds: Thresholds, leaves: bool) -> None:
    answer = ask(a_fleet([a_pool(thresholds=thresholds)], hosts(6)))
    assert isinstance(answer, Leave) is leaves


def test_a_refusal_by_threshold_shows_targets() -> None:
    answer = refused(ask(a_fleet([a_pool(thresholds=Thresholds(routing_percent=100.0))], hosts(4))))
    assert answer.message == "draining web-1 would leave 3 healthy of 4 targets; web-prod itself wants 4"
    assert (answer.code, answer.accepts) == ("threshold", "3 of 4")


@pytest.mark.rule("T16", "F-23")
def test_in_a_pool_without_a_healthy_host_nobody_leaves_not_even_by_consent() -> None:
    sick = {an_id(number): UNHEALTHY for number in (1, 2, 3)}
    answer = refused(ask(a_fleet(members=hosts(3)), sick, consent=YES))
    assert (answer.code, answer.heals) == ("all-unhealthy", False)


@pytest.mark.rule("T16", "T17", "F-23")
def test_in_a_pool_under_its_routing_minimum_even_a_sick_host_stays() -> None:
    fleet = a_fleet([a_pool(thresholds=Thresholds(routing_count=3))], hosts(4))
    answer = refused(ask(fleet, {an_id(1): UNHEALTHY, an_id(2): UNHEALTHY}, consent=YES))
    assert answer.code == "fails-open"


@pytest.mark.rule("T3", "F-26")
def test_a_zonal_shift_anywhere_in_the_fleet_lets_nobody_go() -> None:
    web, api = a_pool(), a_pool("api-prod")
    fleet = a_fleet([web, api], hosts(4))
    views = views_of(fleet) | {api.id: views_of(fleet, {an_id(3): TargetState.SHIFTED})[api.id]}
    answer = refused(ask(fleet, views=views, consent=YES))
    assert (answer.code, answer.heals) == ("zonal-shift", False)
    assert answer.message == "a zonal shift is active: no host may leave"
    assert answer.why == (f"{an_id(3)} is healthy, but a zonal shift keeps traffic away",)


# --- what heals, and consent ----------------------------------------------------------------------------


@pytest.mark.rule("F-25")
def test_a_refusal_heals_if_newcomers_turning_healthy_would_do() -> None:
    fleet = a_fleet(members=hosts(3))
    assert refused(ask(fleet, {an_id(2): INITIAL})).heals
    assert not refused(ask(fleet, {an_id(2): INITIAL, an_id(3): UNHEALTHY})).heals


@pytest.mark.rule("T14", "F-25")
def test_a_host_in_slow_start_is_no_capacity_yet() -> None:
    answer = refused(ask(a_fleet(members=hosts(3)), warming=[an_id(2)]))
    assert answer.heals
    assert answer.why == ("web-2 healthy, but still in slow start",)


@pytest.mark.rule("I-1")
def test_consent_to_go_below_the_floor_leaves_the_last_one() -> None:
    fleet, below = a_fleet(members=hosts(3)), Consent(below_floor=True)
    assert ask(fleet, {an_id(2): UNHEALTHY}, consent=below) == Leave()
    answer = refused(ask(fleet, {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}, consent=below))
    assert (answer.code, answer.last_healthy) == ("last-healthy", True)


@pytest.mark.rule("I-1", "T17")
def test_consent_to_go_below_the_floor_waives_the_pools_thresholds() -> None:
    fleet = a_fleet([a_pool(thresholds=Thresholds(routing_count=3))], hosts(3))
    assert ask(fleet, consent=Consent(below_floor=True)) == Leave()


@pytest.mark.rule("F-24")
def test_consent_to_drain_the_last_healthy_host_waives_only_the_one() -> None:
    last = Consent(last_healthy=True)
    assert ask(a_fleet(members=hosts(1)), consent=last) == Leave()
    refusal = refused(ask(a_fleet(members=hosts(3)), {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}, consent=last))
    assert (refusal.code, refusal.last_healthy) == ("floor", False)


def test_both_consents_let_the_last_healthy_host_of_many_go() -> None:
    fleet = a_fleet(members=hosts(3))
    assert ask(fleet, {an_id(2): UNHEALTHY, an_id(3): UNHEALTHY}, consent=YES) == Leave()


def test_the_worst_of_several_reasons_is_told() -> None:
    fleet = a_fleet([a_pool(thresholds=Thresholds(routing_count=2))], hosts(2))
    assert refused(ask(fleet)).code == "threshold"
    assert refused(ask(fleet, {an_id(2): UNHEALTHY})).code == "fails-open"


@pytest.mark.rule("C4")
def test_a_classic_pool_is_counted_like_any_other() -> None:
    fleet = a_fleet([a_pool(kind=BalancerKind.CLASSIC)], hosts(2))
    assert isinstance(ask(fleet), Leave)
    assert isinstance(ask(fleet, {an_id(2): UNHEALTHY}), Refuse)
