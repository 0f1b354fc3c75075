"""What every plan keeps, whatever the fleet looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, a_fleet, a_host, a_pool, a_record, a_registration, a_row, a_view, lb_settings
from elbroll.core.guard import Consent, GuardRules, Refuse, expected_hosts, may_leave
from elbroll.core.plan import Request, RolloutPlan, make_plan
from elbroll.model import (
    BalancerKind,
    Fleet,
    HostId,
    HostRecord,
    InstanceState,
    PoolId,
    PoolView,
    RecordState,
    Step,
    TargetState,
    TargetType,
    Why,
)

LEAVING = {TargetState.DRAINING, TargetState.GONE}


@dataclass(frozen=True)
class Question:
    fleet: Fleet
    views: dict[PoolId, PoolView]
    records: dict[HostId, HostRecord]
    request: Request
    settings: dict[str, Any]
    consent: Consent


@st.composite
def questions(draw: st.DrawFn, *, calm: bool = False) -> Question:
    """Fleets of all sorts; calm ones are healthy and in no record."""
    kinds = st.sampled_from([BalancerKind.ALB, BalancerKind.NLB, BalancerKind.CLASSIC])
    types = st.sampled_from(list(TargetType))
    names = ["web-prod", "api-prod"][: draw(st.integers(1, 2))]
    drawn = [(name, draw(kinds), draw(types), draw(st.booleans())) for name in names]
    pools = [
        a_pool(
            name,
            kind=kind,
            target_type=TargetType.INSTANCE if kind is BalancerKind.CLASSIC else type_,
            cross_zone=zoned,
        )
        for name, kind, type_, zoned in drawn
    ]
    members = [
        a_host(number, zone=draw(st.sampled_from(["1a", "1b", None])), state=draw(_instance_states(calm)))
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]
    states = [TargetState.HEALTHY] if calm else list(TargetState)
    rows = {
        a_registration(pool, host): draw(st.sampled_from(states))
        for pool in pools
        for host in members
        if calm or draw(st.integers(0, 3))
    }
    shown = {
        host.id: [entry for entry, state in rows.items() if host.owns(entry) and state not in LEAVING]
        for host in members
    }
    records = {
        host.id: a_record(
            host, [entry for entry in rows if host.owns(entry)], state, why=draw(st.sampled_from(list(Why)))
        )
        for host in members
        if (state := draw(st.sampled_from([None, RecordState.IN_SERVICE, *RecordState]))) and not calm
    }
    views = {
        pool.id: a_view(pool, [a_row(entry, state) for entry, state in rows.items() if entry.pool == pool.id])
        for pool in pools
    }
    fleet = a_fleet(pools, members, own=pools[:1], registrations=shown)
    return Question(fleet, views, records, draw(_requests()), draw(_paces()), draw(st.builds(_consent, st.booleans())))


def _instance_states(calm: bool) -> st.SearchStrategy[InstanceState]:
    return (
        st.just(InstanceState.RUNNING) if calm else st.sampled_from([InstanceState.RUNNING] * 5 + list(InstanceState))
    )


def _requests() -> st.SearchStrategy[Request]:
    return st.builds(
        Request,
        why=st.sampled_from(list(Why)),
        release=st.sampled_from(["v143", "v144", None]),
        only=st.sampled_from([(), (), ("web-1",), ("web-*",), ("nobody",)]),
        exclude=st.sampled_from([(), (), ("web-2",)]),
        limit=st.sampled_from([None, None, 2]),
    )


def _paces() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"max_unavailable": st.sampled_from([1, 2, "50%"]), "order": st.sampled_from(["spread", "zone", "name"])},
        optional={"floor": st.sampled_from([1, "50%"]), "canary": st.sampled_from([1, "25%"])},
    )


def _consent(given_: bool) -> Consent:
    return Consent(below_floor=given_, last_healthy=given_)


def planned(question: Question) -> RolloutPlan:
    asked = lb_settings(pace=question.settings)
    return make_plan(
        question.fleet, question.views, question.records, question.request, asked, NOW, consent=question.consent
    )


@settings(max_examples=100, deadline=None)
@given(questions())
@pytest.mark.rule("I-8", "I-18")
def test_every_host_is_walked_once_or_skipped_once_and_batches_never_go_back(question: Question) -> None:
    made = planned(question)
    places = [each.host.id for each in made.hosts] + [each.host.id for each in made.skipped]
    assert sorted(places) == sorted(question.fleet.hosts)
    batches = [each.batch for each in made.hosts]
    assert batches == sorted(batches)
    assert set(batches) == set(range(1, made.batches + 1))


@settings(max_examples=100, deadline=None)
@given(questions())
@pytest.mark.rule("I-18")
def test_recorded_hosts_come_before_sick_ones_and_those_before_the_rest(question: Question) -> None:
    made = planned(question)
    well = {TargetState.HEALTHY, TargetState.INITIAL}
    ranks = [0 if each.record else 2 if each.state in well else 1 for each in made.hosts]
    assert ranks == sorted(ranks)


@settings(max_examples=100, deadline=None)
@given(questions())
@pytest.mark.rule("I-5", "I-12", "I-24")
def test_no_walk_begins_past_what_record_and_balancer_allow(question: Question) -> None:
    for each in planned(question).hosts:
        shown = question.fleet.registrations[each.host.id]
        recorded = {item.registration for item in each.record.registrations} if each.record else set()
        assert each.registrations == shown | recorded
        assert each.begin is Step.DRAIN or (each.record is not None and each.record.state is not RecordState.HELD)
        assert each.begin is not Step.DEPLOY or not shown


@settings(max_examples=100, deadline=None)
@given(questions())
def test_numbers_hold_together(question: Question) -> None:
    made = planned(question)
    assert 0 <= made.in_service <= made.total
    assert made.floor >= 1
    assert all(pool.capacity <= pool.expected for pool in made.pools)
    assert made.canary <= len(made.hosts)
    assert made.estimate >= 0
    assert made.hosts or made.estimate == 0


@settings(max_examples=100, deadline=None)
@given(questions(calm=True))
@pytest.mark.rule("I-1")
def test_a_plan_without_refusals_is_one_the_guard_lets_through(question: Question) -> None:
    made = planned(question)
    rules = made.max_unavailable
    refused = [each.code for each in made.refusals]
    asked = [
        may_leave(
            each.host.id,
            question.fleet,
            question.views,
            expected_hosts(question.fleet, question.records),
            (),
            _rules(rules, question),
            question.consent,
        )
        for each in made.hosts
    ]
    stays = [answer.code for answer in asked if isinstance(answer, Refuse)]
    assert (
        not made.hosts
        or question.request.why is Why.DRAIN
        or bool(stays) == bool({"floor", "last-healthy"} & {*refused})
    )


def _rules(max_unavailable: int, question: Question) -> GuardRules:
    return GuardRules(max_unavailable, lb_settings(pace=question.settings).pace.floor)
