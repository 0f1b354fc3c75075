"""Who came to the fleet while it was rolled (F-53, A7)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builders import a_fleet, a_host, a_pool, a_record, a_registration, hosts, views_of
from elbroll.core.newcomers import newcomers
from elbroll.model import HostId, InstanceState, Outcome, RecordState, Scaling, ScalingGroup, TargetState

if TYPE_CHECKING:
    from elbroll.model import Fleet, Host, HostRecord

POOL = a_pool()
BEFORE = hosts(2)
NEW = a_host(7, group="web-asg")
GROUP = ScalingGroup("web-asg", 1, 2, 4, hosts=frozenset(host.id for host in BEFORE))


def a_scaled(members: tuple[Host, ...], group: ScalingGroup = GROUP) -> Fleet:
    return replace(a_fleet([POOL], members), scaling=Scaling({group.name: group}))


def found(now: Fleet, records: dict[HostId, HostRecord] | None = None) -> dict[str, str | None]:
    """The newcomers' names and notes."""
    told = newcomers(a_scaled(BEFORE), now, views_of(now), records or {}, "v143")
    assert {each.result.outcome for each in told} <= {Outcome.NOT_REACHED}
    return {each.host.name: each.result.note for each in told}


@pytest.mark.rule("F-53", "A7")
def test_a_host_that_serves_now_and_was_not_in_the_plan_is_a_newcomer() -> None:
    told = found(a_scaled((*BEFORE, NEW)))

    assert told == {"web-7": "joined during the run, launched by web-asg: v143 was not deployed to it"}


@pytest.mark.rule("F-53")
def test_without_a_group_a_host_that_somebody_registered_is_one_too() -> None:
    alone = a_host(8)
    told = newcomers(a_fleet([POOL], BEFORE), a_fleet([POOL], (*BEFORE, alone)), {}, {}, None)

    assert [(each.host.name, each.result.note) for each in told] == [
        ("web-8", "joined during the run: the command was not deployed to it")
    ]


@pytest.mark.rule("A7")
def test_a_member_that_was_launched_and_serves_nowhere_yet_is_named_by_its_id() -> None:
    launched = HostId("i-0f")
    told = found(a_scaled(BEFORE, replace(GROUP, hosts=GROUP.hosts | {launched})))

    assert told == {launched: "joined during the run, launched by web-asg: v143 was not deployed to it"}


def test_those_who_were_there_already_are_none() -> None:
    assert found(a_scaled(BEFORE)) == {}
    assert found(a_scaled(BEFORE[:1])) == {}


def test_a_member_that_served_nowhere_at_the_start_either_is_none() -> None:
    idle = replace(GROUP, hosts=GROUP.hosts | {HostId("i-idle")})
    before, now = a_scaled(BEFORE, idle), a_scaled(BEFORE, idle)

    assert newcomers(before, now, {}, {}, "v143") == ()


@pytest.mark.rule("A7")
def test_a_member_that_was_on_its_way_when_the_plan_was_made_is_named_if_it_still_serves_nowhere() -> None:
    coming = HostId("i-coming")
    group = replace(GROUP, hosts=GROUP.hosts | {coming}, launching=frozenset({coming}))
    before = a_scaled(BEFORE, group)

    for now in (group, replace(group, launching=frozenset())):
        told = newcomers(before, a_scaled(BEFORE, now), {}, {}, "v143")
        assert [each.host.id for each in told] == [coming]


def test_a_host_of_the_plan_that_was_coming_back_from_standby_is_none() -> None:
    first = BEFORE[0].id
    before = a_scaled(BEFORE, replace(GROUP, launching=frozenset({first})))

    assert newcomers(before, a_scaled(BEFORE[1:], GROUP), {}, {}, "v143") == ()


@pytest.mark.rule("F-53")
@pytest.mark.parametrize(
    ("state", "release", "named"),
    [
        (RecordState.IN_SERVICE, "v143", False),
        (RecordState.IN_SERVICE, "v142", True),
        (RecordState.DEPLOYED, "v143", True),
    ],
)
def test_a_newcomer_that_runs_the_release_by_a_closed_record_needs_no_word(
    state: RecordState, release: str, named: bool
) -> None:
    record = a_record(NEW, {a_registration(POOL, NEW)}, state, release_after=release)

    assert bool(found(a_scaled((*BEFORE, NEW)), {NEW.id: record})) is named


def test_one_that_is_dead_by_now_is_none() -> None:
    assert found(a_scaled((*BEFORE, replace(NEW, state=InstanceState.TERMINATED)))) == {}


@pytest.mark.parametrize(("state", "serves"), [(TargetState.HEALTHY, True), (TargetState.INITIAL, False)])
def test_whether_it_serves_is_said(state: TargetState, serves: bool) -> None:
    now = a_scaled((*BEFORE, NEW))
    (told,) = newcomers(a_scaled(BEFORE), now, views_of(now, {NEW.id: state}), {}, "v143")

    assert told.result.in_service is serves
