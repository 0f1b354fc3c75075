"""What a plan says beforehand although it forbids nothing: whom it is about, the numbers, the way on."""

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
    hosts,
    lb_settings,
    views_of,
)
from elbroll.core.plan import Request, make_plan
from elbroll.model import BalancerKind, HostId, HostRecord, InstanceState, RecordState, Registration, TargetType, Why

if TYPE_CHECKING:
    from elbroll.model import Fleet, Host, Pool

WEB, API = a_pool("web-prod"), a_pool("api-prod", port=9000)
NLB = a_pool("net", kind=BalancerKind.NLB, terminates_connections=True)
TCP = replace(WEB.health_check, protocol="TCP", path=None)
ONE, TWO, THREE, FOUR = hosts(4)
HELD, DEPLOYING, DEPLOYED = RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED


def said(
    fleet: Fleet | None = None,
    records: dict[HostId, HostRecord] | None = None,
    asked: Request | None = None,
    **settings: Any,
) -> tuple[str, ...]:
    """The warnings of a plan for release v143 over four hosts."""
    fleet = fleet or a_fleet([WEB], hosts(4))
    wanted = asked or Request(Why.ROLL, "v143")
    return make_plan(fleet, views_of(fleet), records or {}, wanted, lb_settings(**settings), NOW).warnings


def recorded(host: Host, state: RecordState = HELD, **changes: Any) -> dict[HostId, HostRecord]:
    return {host.id: a_record(host, [a_registration(WEB, host)], state, **changes)}


def without(*members: Host) -> Fleet:
    return a_fleet([WEB], hosts(4), registrations={host.id: [] for host in members})


# --- hosts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "version"), [(DEPLOYING, "unknown"), (DEPLOYED, "unproven")])
def test_a_host_that_serves_with_a_version_it_should_not_is_told_first(state: RecordState, version: str) -> None:
    told = said(records=recorded(ONE, state))
    assert told[0] == f"web-1 serves although its version is {version}: somebody registered it by hand; it goes first"


@pytest.mark.rule("F-52")
@pytest.mark.parametrize("state", [HELD, RecordState.REGISTERING])
def test_a_record_that_holds_nothing_any_more_is_closed_and_said_so(state: RecordState) -> None:
    told = said(records=recorded(ONE, state))
    assert told == (f"web-1 serves although its record says {state}: the record is closed first",)


@pytest.mark.rule("F-34")
@pytest.mark.parametrize("state", [InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN])
def test_a_host_that_was_terminated_while_it_was_out_is_told_with_the_command_that_closes_it(
    state: InstanceState,
) -> None:
    fleet = a_fleet([WEB], [replace(ONE, state=state), TWO, THREE, FOUR], registrations={ONE.id: []})
    told = said(fleet, recorded(ONE))
    assert told == (f"web-1 was terminated while it was out: elbroll restore {ONE.id} closes its record",)


@pytest.mark.rule("F-35")
def test_pools_that_no_longer_exist_are_given_up_by_name_one_by_one() -> None:
    lost = [Registration(a_pool(name).id, ONE.id, 9000) for name in ("old-b", "old-a")]
    told = said(without(ONE), {ONE.id: a_record(ONE, [a_registration(WEB, ONE), *lost])})
    fix = "elbroll restore web-1 --give-up old-a --give-up old-b"
    assert told == (f"web-1 is recorded as out, and old-a and old-b no longer exist: {fix}",)


@pytest.mark.rule("I-8")
@pytest.mark.parametrize(("name", "called"), [("web-9", "web-9"), (None, str(a_host(9).id))])
def test_a_recorded_host_that_aws_no_longer_lists_counts_as_missing(name: str | None, called: str) -> None:
    told = said(records=recorded(a_host(9), name=name))
    assert told[0] == f"{called} is recorded as out, but AWS no longer lists it; it counts as missing"


def test_a_recorded_neighbour_is_known() -> None:
    neighbour = a_host(9)
    fleet = replace(a_fleet([WEB], hosts(4)), neighbours={neighbour.id: neighbour})
    assert not any("no longer lists" in line for line in said(fleet, recorded(neighbour)))


def test_a_host_that_is_out_on_purpose_is_overdue_after_its_time_and_not_before() -> None:
    late, due, failed = (
        said(without(ONE), recorded(ONE, why=why, until=NOW - timedelta(minutes=minutes)))
        for why, minutes in ((Why.DRAIN, 30), (Why.DRAIN, 0), (Why.ROLL, 30))
    )
    assert late == ("web-1 was to be out on purpose until 2026-11-22 21:00Z: it is overdue",)
    assert (due, failed) == ((), ())
    assert said(without(ONE), recorded(ONE, why=Why.DRAIN)) == ()


@pytest.mark.rule("F-19")
def test_only_a_host_that_is_out_and_was_not_asked_for_is_said_to_stay_out() -> None:
    asked = Request(Why.ROLL, "v143", only=("web-3",))
    told = said(without(ONE), recorded(ONE, DEPLOYED), asked)
    assert told == ("web-1 is out since run 7f3a9c and is not selected: it stays out",)
    on_purpose = said(without(ONE), recorded(ONE, DEPLOYED, why=Why.DRAIN), asked)
    assert on_purpose == ("web-1 is out on purpose since run 7f3a9c and is not selected: it stays out",)


def test_a_closed_record_is_not_spoken_of() -> None:
    assert said(records=recorded(ONE, RecordState.IN_SERVICE)) == ()


# --- pools -------------------------------------------------------------------------------------------


@pytest.mark.rule("P2", "P3")
def test_pools_that_hosts_leave_as_well_are_named_with_the_policy_they_need() -> None:
    told = said(a_fleet([WEB, API], hosts(4), own=[WEB]))
    allowed = "the caller must be allowed to (elbroll iam-policy --lb web-prod)"
    assert told == (f"hosts are taken out of api-prod as well, which {allowed}",)


CLASSIC_CUTS = "connection draining is off for old: requests under way are cut when a host leaves"
GROUP_CUTS = "the deregistration delay of web-prod is 0: requests under way are cut when a host leaves"
WAITS = "web-prod has ip targets: each waits out the deregistration delay of 5:00 before it comes back"
UNCOUNTED = "net carries UDP, which cannot be counted: its drain waits for the balancer's word"
PORT_ONLY = "web-prod only checks that the port opens: verify.http or verify.command would ask the app"
SAFER = "a network balancer calls a host gone while it still sends to it: net is safer with idle"
SHORT = "a network balancer may send new connections for minutes: net settles for 179s only"
BUSY = "net keeps busy connections beyond its delay: a drain may end at its limit"


@pytest.mark.rule("C3", "E3", "T7", "T9", "T10", "T15")
@pytest.mark.parametrize(
    ("pool", "settings", "lines"),
    [
        (a_pool("old", kind=BalancerKind.CLASSIC, deregistration_delay=0.0), {}, [CLASSIC_CUTS]),
        (a_pool(deregistration_delay=0.0), {}, [GROUP_CUTS]),
        (a_pool(deregistration_delay=0.0, target_type=TargetType.IP), {}, [GROUP_CUTS]),
        (a_pool(target_type=TargetType.IP), {}, [WAITS]),
        (replace(NLB, protocol="UDP"), {}, [UNCOUNTED]),
        (replace(NLB, protocol="UDP"), {"drain": {"until": "reported"}}, [SAFER]),
        (a_pool(health_check=TCP), {}, [PORT_ONLY]),
        (a_pool(health_check=replace(TCP, protocol="SSL")), {}, [PORT_ONLY]),
        (a_pool(health_check=TCP), {"verify": {"http": "/healthz"}}, []),
        (a_pool(health_check=TCP), {"verify": {"command": "web-ctl ping"}}, []),
        (NLB, {}, []),
        (NLB, {"drain": {"until": "reported"}}, [SAFER]),
        (NLB, {"drain": {"settle": "179s"}}, [SHORT]),
        (NLB, {"drain": {"settle": "180s"}}, []),
        (replace(NLB, terminates_connections=False), {}, [BUSY]),
        (a_pool(), {"drain": {"until": "reported", "settle": "1s"}}, []),
    ],
)
def test_a_pool_with_a_trap_is_told_and_no_other(pool: Pool, settings: dict[str, Any], lines: list[str]) -> None:
    assert list(said(a_fleet([pool], hosts(4)), **settings)) == lines


def test_a_pool_that_nobody_leaves_is_not_spoken_of() -> None:
    trap = a_pool("trap", deregistration_delay=0.0)
    fleet = a_fleet([WEB, trap], hosts(4), own=[WEB, trap], registrations={ONE.id: [a_registration(WEB, ONE)]})
    assert said(fleet, asked=Request(Why.ROLL, "v143", only=("web-1",))) == ()
