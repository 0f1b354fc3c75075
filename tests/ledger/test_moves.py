"""Which way records go."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from elbroll.errors import IllegalMove
from elbroll.ledger.moves import check_move, next_states
from elbroll.model import RecordState, Registration, Removed, RunId
from ledger.things import ON_API, ON_WEB, a_record

LEGAL = {
    ("none", "held"), ("in-service", "held"),
    ("held", "held"), ("held", "deploying"), ("held", "in-service"),
    ("deploying", "deploying"), ("deploying", "deployed"),
    ("deployed", "deployed"), ("deployed", "deploying"), ("deployed", "registering"),
    ("registering", "registering"), ("registering", "deployed"), ("registering", "deploying"),
    ("registering", "in-service"),
    ("none", "gone"), ("in-service", "gone"), ("held", "gone"), ("deploying", "gone"), ("deployed", "gone"),
    ("registering", "gone"), ("gone", "gone"),
}  # fmt: skip
"""The table of safety 2.2; an open record may also be written again in its own state."""
WORDS = ["none", *RecordState]
MOVES = [pytest.param(*move, move in LEGAL, id="->".join(move)) for move in product(WORDS, RecordState)]


def before_of(word: str) -> RecordState | None:
    return None if word == "none" else RecordState(word)


@pytest.mark.rule("I-24")
@pytest.mark.parametrize(("before", "after", "legal"), MOVES)
def test_a_record_may_move_only_along_the_table(before: str, after: str, legal: bool) -> None:
    assert (RecordState(after) in next_states(before_of(before))) is legal


@pytest.mark.rule("I-24")
def test_deploying_never_goes_back_to_held() -> None:
    with pytest.raises(IllegalMove, match="from deploying to held"):
        check_move(a_record(RecordState.DEPLOYING), a_record(RecordState.HELD))


@pytest.mark.rule("I-24")
def test_no_record_begins_as_in_service() -> None:
    with pytest.raises(IllegalMove, match="from none to in-service"):
        check_move(None, a_record(RecordState.IN_SERVICE))


@pytest.mark.rule("I-2")
def test_an_open_record_may_not_lose_a_registration() -> None:
    fewer = a_record(RecordState.DEPLOYING, registrations=frozenset({Removed(ON_WEB, RunId("7f3a9c"))}))
    with pytest.raises(IllegalMove, match="clb/api-prod"):
        check_move(a_record(), fewer)


@pytest.mark.rule("I-2", "I-3")
def test_another_port_is_another_registration() -> None:
    moved = Removed(replace(ON_WEB, port=9090), RunId("7f3a9c"))
    with pytest.raises(IllegalMove, match=":8080"):
        check_move(a_record(), a_record(registrations=frozenset({moved, Removed(ON_API, RunId("7f3a9c"))})))
    with pytest.raises(IllegalMove, match=r"may not lose clb/api-prod\S*, tg/web-prod/1a2b3c4d5e6f7a8b:8080$"):
        check_move(a_record(), a_record(registrations=frozenset()))


@pytest.mark.rule("F-35")
def test_a_registration_marked_unresolvable_may_be_given_up() -> None:
    marked = frozenset({Removed(ON_WEB, RunId("7f3a9c")), Removed(ON_API, RunId("7f3a9c"), unresolvable=True)})
    check_move(a_record(registrations=marked), a_record(registrations=frozenset({Removed(ON_WEB, RunId("7f3a9c"))})))


STUCK = [RecordState.DEPLOYING, RecordState.DEPLOYED]
"""Open, and closed only after further steps."""


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("state", STUCK)
def test_a_record_all_of_whose_pools_are_gone_may_be_closed_in_any_state(state: RecordState) -> None:
    lost = frozenset(Removed(entry, RunId("7f3a9c"), unresolvable=True) for entry in (ON_WEB, ON_API))
    check_move(a_record(state, registrations=lost), a_record(RecordState.IN_SERVICE))


@pytest.mark.rule("F-35", "I-24")
@pytest.mark.parametrize("state", STUCK)
@pytest.mark.parametrize("left", [(ON_WEB,), ()])
def test_a_record_that_has_a_pool_to_come_back_to_or_none_at_all_may_not(
    state: RecordState, left: tuple[Registration, ...]
) -> None:
    gone = [Removed(ON_API, RunId("7f3a9c"), unresolvable=True)] if left else []
    kept = frozenset([*gone, *(Removed(entry, RunId("7f3a9c")) for entry in left)])
    with pytest.raises(IllegalMove, match=f"from {state} to in-service"):
        check_move(a_record(state, registrations=kept), a_record(RecordState.IN_SERVICE))


@pytest.mark.rule("F-35", "I-24")
def test_a_lost_pool_brings_no_other_move() -> None:
    lost = frozenset({Removed(ON_WEB, RunId("7f3a9c"), unresolvable=True)})
    with pytest.raises(IllegalMove, match="from deploying to registering"):
        check_move(a_record(RecordState.DEPLOYING, registrations=lost), a_record(RecordState.REGISTERING))


def test_a_closing_record_lets_all_registrations_go_at_once() -> None:
    check_move(a_record(RecordState.REGISTERING), a_record(RecordState.IN_SERVICE))
