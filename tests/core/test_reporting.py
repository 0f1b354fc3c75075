"""What `status` says of a fleet: each host's place, who wants attention, and the commands that lead on."""

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
    hosts,
    lb_settings,
    views_of,
)
from elbroll.core.plan import Request, make_plan
from elbroll.core.reporting import Look, fleet_status, wants_attention
from elbroll.core.status import FleetStatus, HostStatus, PoolState
from elbroll.model import (
    Holder,
    HostId,
    HostRecord,
    LockSeen,
    PoolId,
    RecordState,
    RunId,
    TargetSeen,
    TargetState,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elbroll.model import Fleet, Host

WEB, API = a_pool("web-prod"), a_pool("api-prod", port=9000)
ONE, TWO, THREE = hosts(3)
HELD, DEPLOYING, DEPLOYED = RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED
REGISTERING, UNREADABLE = RecordState.REGISTERING, RecordState.UNREADABLE
HOUR = timedelta(hours=1)
NOT_REGISTERED = "Target.NotRegistered"


def recorded(*members: Host, state: RecordState = DEPLOYED, **changes: Any) -> dict[HostId, HostRecord]:
    return {host.id: a_record(host, [a_registration(WEB, host)], state, **changes) for host in members}


def out(*members: Host) -> Fleet:
    """Three hosts, of which these are registered nowhere."""
    return a_fleet([WEB], hosts(3), registrations={host.id: [] for host in members})


def status(
    fleet: Fleet | None = None,
    records: Mapping[HostId, HostRecord] | None = None,
    *,
    states: Mapping[HostId, TargetState] | None = None,
    locks: Iterable[LockSeen] = (),
    draining: Iterable[TargetSeen] = (),
) -> FleetStatus:
    fleet, records = fleet or a_fleet([WEB], hosts(3)), records or {}
    views = views_of(fleet, states)
    views[WEB.id] = replace(views[WEB.id], rows=(*views[WEB.id].rows, *draining))
    plan = make_plan(fleet, views, records, Request(Why.ROLL), lb_settings(), NOW)
    look = Look(fleet, views, records, {lock.pool: lock for lock in locks}, NOW)
    return fleet_status(look, plan, "us-east-1")


def first(told: FleetStatus) -> HostStatus:
    return told.hosts[0]


def a_lock(pool: PoolId, run: str | None = "7f3a9c") -> LockSeen:
    holder = Holder(RunId(run), "ci", "runner-7", 4711, "deploy", NOW) if run else None
    return LockSeen(pool, holder, epoch=3)


# --- the fleet ---------------------------------------------------------------------------------------


def test_a_fleet_has_the_plans_numbers_and_its_hosts_by_name() -> None:
    fleet = a_fleet([WEB], [a_host(2), a_host(1), a_host(3)])
    told = status(fleet, states={THREE.id: TargetState.UNHEALTHY})
    assert (told.lb, told.kind, told.region) == ("web-prod", WEB.kind, "us-east-1")
    assert (told.total, told.in_service, told.floor) == (3, 2, 2)
    assert [host.host.name for host in told.hosts] == ["web-1", "web-2", "web-3"]
    assert (told.lock, told.next) == (None, ())


def test_a_fleet_where_all_is_well_wants_nobody() -> None:
    told = status()
    assert not wants_attention(told)
    assert first(told) == HostStatus(
        ONE,
        in_service=True,
        attention=False,
        state="healthy",
        pools=(PoolState("web-prod", 8080, TargetState.HEALTHY),),
    )


def test_the_lock_is_the_first_pools_that_has_one() -> None:
    fleet = a_fleet([WEB, API], hosts(3))
    assert status(fleet, locks=[a_lock(WEB.id)]).lock == a_lock(WEB.id)
    both = status(fleet, locks=[a_lock(WEB.id, "bbbbbb"), a_lock(API.id, "aaaaaa")])
    assert both.lock == a_lock(min(WEB.id, API.id), "aaaaaa")


@pytest.mark.rule("F-8")
def test_whoever_holds_the_fleet_is_named_in_the_line_that_frees_it_once_each() -> None:
    fleet = a_fleet([WEB, API], hosts(3))
    told = status(fleet, locks=[a_lock(WEB.id), a_lock(API.id), a_lock(a_pool("other").id, "stray1")])
    assert told.unlock == ("elbroll unlock web-prod 7f3a9c     only if that run is truly dead",)


@pytest.mark.rule("F-11")
def test_a_lock_that_cannot_be_read_is_freed_by_its_version() -> None:
    told = status(locks=[replace(a_lock(WEB.id, None), version=12)])
    assert told.unlock == ("elbroll unlock web-prod v12     only if no run is at work",)


@pytest.mark.rule("I-26")
def test_a_balancer_in_a_command_is_quoted() -> None:
    fleet = replace(out(ONE), lb="old prod")
    told = status(fleet, recorded(ONE, lb=None), locks=[a_lock(WEB.id)])
    assert told.unlock[0].startswith("elbroll unlock 'old prod' 7f3a9c ")
    assert told.next[0] == "elbroll deploy --lb 'old prod' --release v143"


# --- one host ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [state for state in TargetState if state not in {TargetState.HEALTHY, TargetState.GONE}]
)
def test_a_host_that_is_not_healthy_says_its_state_and_reason_and_wants_attention(state: TargetState) -> None:
    told = status(states={ONE.id: state})
    one = first(told)
    assert (one.state, one.in_service, one.attention) == (state.value, False, True)
    assert one.note == f"web-prod {one.pools[0].reason or state}"
    assert wants_attention(told)


def test_a_host_is_as_well_as_its_sickest_pool() -> None:
    fleet = a_fleet([WEB, API], hosts(3))
    views = views_of(fleet)
    views[API.id] = views_of(fleet, {ONE.id: TargetState.INITIAL})[API.id]
    plan = make_plan(fleet, views, {}, Request(Why.ROLL), lb_settings(), NOW)
    one = first(fleet_status(Look(fleet, views, {}, {}, NOW), plan, None))
    assert (one.state, one.in_service) == ("initial", False)
    assert [pool.state for pool in one.pools] == [TargetState.INITIAL, TargetState.HEALTHY]
    assert one.note == "api-prod Elb.InitialHealthChecking"


def test_every_pool_in_which_a_host_is_sick_is_noted() -> None:
    one = first(status(a_fleet([WEB, API], hosts(3)), states={ONE.id: TargetState.INITIAL}))
    assert one.note == "api-prod Elb.InitialHealthChecking, web-prod Elb.InitialHealthChecking"


def test_a_host_out_without_a_record_is_not_ours() -> None:
    one = first(status(out(ONE)))
    assert (one.state, one.attention, one.in_service, one.pools) == ("out, not by elbroll", True, False, ())


@pytest.mark.parametrize(
    ("state", "release"),
    [(HELD, "v142"), (DEPLOYING, None), (DEPLOYED, "v143"), (REGISTERING, "v143")],
)
def test_a_recorded_host_tells_its_run_its_release_and_where_it_belongs(
    state: RecordState, release: str | None
) -> None:
    one = first(status(out(ONE), recorded(ONE, state=state)))
    assert (one.state, one.attention, one.release, one.since) == ("out", True, release, NOW)
    assert one.note == f"run 7f3a9c: {state}"
    assert one.pools == (PoolState("web-prod", 8080, TargetState.GONE, NOT_REGISTERED),)
    assert one.record is not None


def test_a_recorded_host_tells_the_step_that_failed_and_its_standby() -> None:
    one = first(status(out(ONE), recorded(ONE, step="verify", standby_group="web-asg")))
    assert one.note == "run 7f3a9c: verify, standby in web-asg"


def test_a_host_that_still_drains_is_out() -> None:
    row = a_row(a_registration(WEB, ONE), TargetState.DRAINING)
    assert first(status(out(ONE), recorded(ONE), draining=[row])).state == "out"


def test_a_recorded_host_that_shows_in_a_pool_says_both() -> None:
    one = first(status(None, recorded(ONE)))
    assert (one.state, one.in_service, one.attention) == ("healthy, recorded", True, True)


def test_a_recorded_host_that_shows_in_some_of_its_pools_is_not_said_to_be_well() -> None:
    held = {ONE.id: a_record(ONE, [a_registration(WEB, ONE), a_registration(API, ONE)])}
    one = first(status(a_fleet([WEB, API], hosts(3), registrations={ONE.id: {a_registration(WEB, ONE)}}), held))
    assert (one.state, one.in_service) == ("partly out", False)


def test_a_recorded_host_that_belongs_nowhere_is_out() -> None:
    assert first(status(out(ONE), {ONE.id: a_record(ONE, [])})).state == "out"


def test_a_hosts_entries_come_by_pool_and_port_and_those_without_a_port_first() -> None:
    ports = [9005, 9003, 9001, 9004, 9002]
    entries = {ONE.id: [*(a_registration(WEB, ONE, port) for port in ports), a_registration(API, ONE)]}
    held = {ONE.id: a_record(ONE, [replace(a_registration(WEB, ONE), port=None)])}
    one = first(status(a_fleet([WEB, API], hosts(3), registrations=entries), held))
    assert [pool.port for pool in one.pools] == [9000, None, 9001, 9002, 9003, 9004, 9005]


def test_a_closed_record_tells_only_release_and_time() -> None:
    one = first(status(None, recorded(ONE, state=RecordState.IN_SERVICE)))
    assert (one.state, one.release, one.since, one.note, one.record) == ("healthy", "v143", NOW, None, None)


def test_a_pool_that_no_longer_exists_is_told_by_its_id() -> None:
    lost = a_registration(a_pool("deleted"), ONE)
    one = first(status(None, {ONE.id: a_record(ONE, [lost])}))
    assert PoolState(lost.pool, 8080, TargetState.GONE, NOT_REGISTERED) in one.pools


@pytest.mark.rule("F-11")
def test_of_a_record_that_cannot_be_read_nothing_is_claimed_and_no_command_is_offered() -> None:
    told = status(out(ONE), recorded(ONE, state=UNREADABLE))
    one = first(told)
    assert (one.attention, one.release, one.since) == (True, None, None)
    assert one.note == "its record cannot be read: held by somebody unknown"
    assert told.next == ()


# --- out on purpose ----------------------------------------------------------------------------------


def drained(**changes: Any) -> FleetStatus:
    return status(out(ONE), recorded(ONE, state=HELD, why=Why.DRAIN, **changes))


def test_a_host_out_on_purpose_wants_no_attention_before_its_time_is_over() -> None:
    one = first(drained(until=NOW + HOUR, reason="disk swap"))
    assert (one.state, one.attention) == ("out", False)
    assert one.note == "out on purpose until 22:30Z (disk swap), run 7f3a9c"
    assert first(drained(until=NOW)).state == "out"


def test_a_host_out_on_purpose_for_too_long_is_overdue() -> None:
    one = first(drained(until=NOW - HOUR))
    assert (one.state, one.attention) == ("out, overdue", True)


def test_a_host_out_on_purpose_for_no_set_time_is_never_overdue() -> None:
    one = first(drained(standby_group="web-asg"))
    assert (one.state, one.attention) == ("out", False)
    assert one.note == "out on purpose, run 7f3a9c, standby in web-asg"


def test_a_drain_that_is_being_undone_wants_attention() -> None:
    assert first(status(out(ONE), recorded(ONE, state=REGISTERING, why=Why.DRAIN))).attention


def test_check_complains_of_a_host_that_is_out_even_on_purpose() -> None:
    assert wants_attention(drained())


def test_check_complains_of_two_releases_side_by_side() -> None:
    two = recorded(TWO, state=RecordState.IN_SERVICE, release_after="v144")
    assert wants_attention(status(None, {**recorded(ONE, state=RecordState.IN_SERVICE), **two}))
    assert not wants_attention(status(None, recorded(ONE, state=RecordState.IN_SERVICE)))


# --- the way on --------------------------------------------------------------------------------------


def test_after_a_failed_deploy_the_rerun_comes_first_and_then_the_restores() -> None:
    told = status(out(ONE, TWO), recorded(ONE, TWO))
    assert told.next == (
        "elbroll deploy --lb web-prod --release v143",
        "elbroll restore web-1",
        "elbroll restore web-2",
    )


def test_a_deploy_without_a_label_is_run_again_without_one() -> None:
    assert status(out(ONE), recorded(ONE, release_after=None)).next[0] == "elbroll deploy --lb web-prod"


@pytest.mark.parametrize("why", [Why.ROLL, Why.EXEC])
def test_a_host_that_was_only_taken_out_is_restored_since_nobody_knows_for_which_release(why: Why) -> None:
    told = status(out(ONE), recorded(ONE, state=HELD, why=why, release_after=None))
    assert told.next == ("elbroll restore web-1",)


def test_a_command_that_was_run_is_not_known_and_said_so() -> None:
    told = status(out(ONE), recorded(ONE, why=Why.EXEC, release_after=None))
    assert told.next[0] == "elbroll exec --lb web-prod -- COMMAND"


@pytest.mark.rule("I-7")
def test_a_host_in_the_middle_of_a_deploy_is_not_offered_to_restore() -> None:
    told = status(out(ONE), recorded(ONE, state=DEPLOYING))
    assert told.next == ("elbroll deploy --lb web-prod --release v143",)


def test_what_was_drained_on_purpose_is_only_restored() -> None:
    assert drained().next == ("elbroll restore web-1",)


@pytest.mark.rule("I-26")
@pytest.mark.parametrize("names", [("web 1", "web-2"), ("twin", "twin")])
def test_a_name_that_is_not_plain_or_not_alone_is_replaced_by_the_id(names: tuple[str, str]) -> None:
    named = [replace(host, name=name) for host, name in zip((ONE, TWO), names, strict=True)]
    fleet = a_fleet([WEB], [*named, THREE], registrations={ONE.id: []})
    assert status(fleet, recorded(ONE, state=HELD, why=Why.DRAIN)).next == (f"elbroll restore {ONE.id}",)
