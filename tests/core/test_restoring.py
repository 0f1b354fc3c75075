"""What `restore` puts back, what it leaves out, and the words for what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import NOW, a_fleet, a_host, a_pool, a_record, a_registration, hosts, lb_settings, views_of
from elbroll.core.plan import Request, RolloutPlan, SkipReason, make_plan
from elbroll.core.restoring import left_out, left_result, restore_plan, to_be_buried
from elbroll.model import HostId, HostRecord, InstanceState, Outcome, RecordState, Registration, Step, Why

if TYPE_CHECKING:
    from elbroll.model import Fleet, Host

WEB, API = a_pool("web-prod"), a_pool("api-prod", port=9000)
ONE, TWO, THREE, FOUR, FIVE = hosts(5)
HELD, DEPLOYING, DEPLOYED = RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED
REGISTERING, UNREADABLE = RecordState.REGISTERING, RecordState.UNREADABLE


def recorded(host: Host, state: RecordState, **changes: Any) -> dict[HostId, HostRecord]:
    return {host.id: a_record(host, [a_registration(WEB, host)], state, **changes)}


def a_site(records: dict[HostId, HostRecord], **changes: Any) -> tuple[RolloutPlan, Fleet]:
    """Five hosts, of which the recorded ones are registered nowhere; planned for whatever may come."""
    fleet = a_fleet([WEB, API], hosts(5), registrations=dict.fromkeys(records, ()), own=[WEB])
    fleet = replace(fleet, **changes)
    asked = Request(Why.ROLL, include_current=True)
    return make_plan(fleet, views_of(fleet), records, asked, lb_settings(), NOW), fleet


def asked(request: Request, records: dict[HostId, HostRecord]) -> RolloutPlan:
    """A restore of everybody, narrowed from a plan for that request."""
    _, fleet = a_site(records)
    made = make_plan(fleet, views_of(fleet), records, request, lb_settings(), NOW)
    return restore_plan(made, fleet, list(records))


def restored(records: dict[HostId, HostRecord], *wanted: Host, **changes: Any) -> RolloutPlan:
    """Restore those wanted, or everybody recorded."""
    made, fleet = a_site(records, **changes)
    return restore_plan(made, fleet, [host.id for host in wanted] or list(records))


EVERY_STATE = {
    **recorded(ONE, HELD),
    **recorded(TWO, DEPLOYED),
    **recorded(THREE, REGISTERING),
    **recorded(FOUR, DEPLOYING),
    **recorded(FIVE, UNREADABLE),
}


@pytest.mark.rule("I-7", "I-24")
def test_each_host_begins_where_its_record_lets_it_and_an_unknown_version_stays_out() -> None:
    made = restored(EVERY_STATE)
    begins = {each.host.name: each.begin for each in made.hosts}
    assert begins == {"web-1": Step.REGISTER, "web-2": Step.VERIFY, "web-3": Step.REGISTER}
    assert made.refusals == ()


def test_a_restore_is_a_roll_of_no_release_over_its_own_hosts_alone() -> None:
    current = recorded(FIVE, RecordState.IN_SERVICE)
    made = restored({**recorded(ONE, HELD), **recorded(TWO, HELD), **current})
    assert (made.why, made.release, made.batches, made.skipped) == (Why.ROLL, None, 2, ())
    assert [each.host.name for each in made.hosts] == ["web-1", "web-2"]
    of_a_command = asked(Request(Why.EXEC, "v144", exclude=("web-3",)), recorded(ONE, HELD))
    assert (of_a_command.why, of_a_command.release, of_a_command.skipped) == (Why.ROLL, None, ())


def test_what_was_drained_on_purpose_goes_back_like_any_other() -> None:
    purpose = recorded(ONE, HELD, why=Why.DRAIN)
    made, fleet = a_site(purpose)
    assert [each.reason for each in made.skipped] == [SkipReason.DRAINED]
    by_name = make_plan(fleet, views_of(fleet), purpose, Request(Why.ROLL, only=("web-1",)), lb_settings(), NOW)
    assert [each.host for each in restore_plan(by_name, fleet, [ONE.id]).hosts] == [ONE]


def test_only_those_wanted_go_back() -> None:
    made = restored({**recorded(ONE, HELD), **recorded(TWO, HELD)}, TWO)
    assert [each.host for each in made.hosts] == [TWO]


@pytest.mark.rule("I-3", "I-12")
def test_a_host_goes_back_to_what_its_record_says_and_nowhere_else() -> None:
    fleet_has = {ONE.id: [a_registration(API, ONE)]}
    records = recorded(ONE, HELD)
    fleet = a_fleet([WEB, API], [ONE], registrations=fleet_has)
    made = make_plan(fleet, views_of(fleet), records, Request(Why.ROLL), lb_settings(), NOW)
    assert len(made.hosts[0].registrations) == 2
    assert restore_plan(made, fleet, [ONE.id]).hosts[0].registrations == {a_registration(WEB, ONE)}


@pytest.mark.parametrize(("state", "release"), [(HELD, "v142"), (DEPLOYED, "v143"), (REGISTERING, "v143")])
def test_a_host_goes_back_with_the_release_that_it_runs(state: RecordState, release: str) -> None:
    assert [each.release_after for each in restored(recorded(ONE, state)).hosts] == [release]


# --- what stays out ----------------------------------------------------------------------------------


@pytest.mark.rule("I-4", "I-7")
def test_where_nobody_may_go_back_the_refusal_names_both_ways_on() -> None:
    (refusal,) = restored(recorded(FOUR, DEPLOYING)).refusals
    assert (refusal.code, refusal.waivable) == ("deploying", False)
    assert refusal.message == "web-4 was left in the middle of a deploy: what it runs is unknown"
    commands = [line.partition("     ")[0] for line in refusal.fix]
    assert commands == [
        "elbroll deploy --lb web-prod --release v143",
        f"elbroll exec --lb web-prod --only {FOUR.id} -- true",
    ]


def test_a_deploy_without_a_label_is_repeated_without_one() -> None:
    (refusal,) = restored(recorded(FOUR, DEPLOYING, release_after=None)).refusals
    assert refusal.fix[0].startswith("elbroll deploy --lb web-prod     ")


def test_a_command_of_exec_is_repeated_as_one_and_never_as_a_deploy() -> None:
    (refusal,) = restored(recorded(FOUR, DEPLOYING, why=Why.EXEC, release_after=None)).refusals
    again = f"elbroll exec --lb web-prod --only {FOUR.id} -- COMMAND     runs the command again"
    assert refusal.fix[0] == again


@pytest.mark.rule("I-26")
def test_the_balancer_in_a_command_is_the_records_own_and_quoted() -> None:
    (refusal,) = restored(recorded(FOUR, DEPLOYING, lb="web; reboot")).refusals
    assert [line.count("--lb 'web; reboot' ") for line in refusal.fix] == [1, 1]
    (unsaid,) = restored(recorded(FOUR, DEPLOYING, lb=None), lb="old prod").refusals
    assert [line.count("--lb 'old prod' ") for line in unsaid.fix] == [1, 1]


@pytest.mark.rule("F-11")
def test_a_record_that_cannot_be_read_is_refused_and_named() -> None:
    (refusal,) = restored(recorded(FIVE, UNREADABLE)).refusals
    assert refusal.code == "record-unreadable"
    assert "record of web-5" in refusal.message
    assert refusal.fix[0] == "use the newest elbroll"
    assert f"/elbroll/v1/host/{FIVE.id}" in refusal.fix[-1]


@pytest.mark.rule("S-5")
def test_a_host_whose_record_cannot_be_true_stays_out_and_its_fellow_goes_back() -> None:
    elsewhere = Registration(WEB.id, "i-0dead", 8080)
    forged = {TWO.id: a_record(TWO, [elsewhere])}
    made = restored({**recorded(ONE, HELD), **forged})
    assert [each.host for each in made.hosts] == [ONE]
    assert [each.code for each in restored(forged).refusals] == ["record-misplaced"]


@pytest.mark.rule("S-5")
def test_a_pool_that_no_run_has_ever_held_takes_nobody_back() -> None:
    made = restored(recorded(ONE, HELD), strange=frozenset({WEB.id}))
    assert made.hosts == ()
    assert [each.code for each in made.refusals] == ["record-misplaced"]


OLD = a_pool("old-prod")


def lost(host: Host, state: RecordState = HELD) -> dict[HostId, HostRecord]:
    """Recorded as out of pools that were deleted."""
    return {host.id: a_record(host, [a_registration(pool, host) for pool in (OLD, a_pool("old-api"))], state)}


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("state", [HELD, DEPLOYING])
@pytest.mark.parametrize("given_up", [(), ("old-prod",)])
def test_a_host_of_deleted_pools_is_refused_until_each_is_given_up(
    given_up: tuple[str, ...], state: RecordState
) -> None:
    made, fleet = a_site(lost(ONE, state))
    (refusal,) = restore_plan(made, fleet, [ONE.id], given_up).refusals
    assert refusal.code == "pool-gone"
    assert refusal.message == "web-1 cannot go back: old-api and old-prod no longer exist"
    assert refusal.fix == ("elbroll restore web-1 --give-up old-api --give-up old-prod",)


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("state", [HELD, DEPLOYING, DEPLOYED, REGISTERING])
@pytest.mark.parametrize("word", ["old-prod", OLD.id])
def test_a_host_whose_deleted_pools_were_all_given_up_is_walked(word: str, state: RecordState) -> None:
    made, fleet = a_site(lost(ONE, state))
    assert [each.host for each in restore_plan(made, fleet, [ONE.id], (word, "old-api")).hosts] == [ONE]
    assert left_out(made, (word, "old-api")) == ()


@pytest.mark.rule("F-35")
def test_a_refusal_names_nobody_whose_pools_were_given_up() -> None:
    made, fleet = a_site({**recorded(FOUR, DEPLOYING), **lost(ONE)})
    refusals = restore_plan(made, fleet, [FOUR.id], ("old-prod", "old-api")).refusals
    assert [each.code for each in refusals] == ["deploying"]


@pytest.mark.rule("F-35")
def test_a_deleted_pool_keeps_nobody_from_the_pools_that_are_left() -> None:
    records = {ONE.id: a_record(ONE, [a_registration(WEB, ONE), a_registration(OLD, ONE)], HELD)}
    assert [each.host for each in restored(records).hosts] == [ONE]


def test_those_that_stay_out_are_known_and_healthy_hosts_are_none_of_them() -> None:
    made, _ = a_site(EVERY_STATE)
    assert {each.host.name for each in left_out(made)} == {"web-4", "web-5"}


@pytest.mark.rule("I-4", "I-9")
def test_a_host_that_stays_out_has_its_place_at_the_end() -> None:
    made, fleet = a_site(recorded(FOUR, DEPLOYING))
    (four,) = left_out(made)
    result = left_result(four, fleet.lb, made)
    assert (result.host, result.outcome, result.in_service) == (FOUR.id, Outcome.LEFT_OUT, False)
    assert (result.record, result.release_before, result.note) == (DEPLOYING, four.release_before, "not touched")
    assert result.failure is not None
    assert (result.failure.code, result.failure.message.split()[0]) == ("deploying", "web-4")
    assert [line.split()[1] for line in result.failure.fix] == ["deploy", "exec"]


def test_a_place_at_the_end_keeps_the_release_it_came_with() -> None:
    made, fleet = a_site(recorded(FOUR, DEPLOYING))
    (four,) = left_out(made)
    assert left_result(replace(four, release_before="v141"), fleet.lb, made).release_before == "v141"


def test_a_host_without_a_record_is_never_restored() -> None:
    made, fleet = a_site({})
    assert restore_plan(made, fleet, [a_host(1).id]).hosts == ()


@pytest.mark.rule("F-34")
def test_records_of_the_terminated_are_buried_and_those_of_the_living_or_unknown_are_not() -> None:
    dead = replace(ONE, state=InstanceState.TERMINATED)
    fleet = a_fleet([WEB], [dead, TWO])
    records = {**recorded(ONE, DEPLOYED), **recorded(TWO, HELD), **recorded(THREE, HELD)}
    assert [each.host for each in to_be_buried(fleet, records.values())] == [ONE.id]
    assert to_be_buried(fleet, recorded(ONE, RecordState.GONE).values()) == ()
