"""When an open record holds nothing any more, and where a host's walk begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import RUN, a_host, a_pool, a_record, a_registration, a_row, a_view
from elbroll.core.begin import begin_of, is_well, release_behind
from elbroll.core.planned import PlannedHost
from elbroll.model import HostRecord, PoolId, PoolView, RecordState, Removed, Step, TargetSeen, TargetState

WEB, API = a_pool("web-prod"), a_pool("api-prod", port=9000)
HOST = a_host(1)
ENTRIES = (a_registration(WEB, HOST), a_registration(API, HOST))
HEALTHY = TargetState.HEALTHY


def views(*rows: TargetSeen) -> dict[PoolId, PoolView]:
    return {pool.id: a_view(pool, [row for row in rows if row.registration.pool == pool.id]) for pool in (WEB, API)}


def well(record: HostRecord, *rows: TargetSeen) -> bool:
    return is_well(record, views(*rows))


BOTH = [a_row(entry) for entry in ENTRIES]


@pytest.mark.rule("I-2")
@pytest.mark.parametrize("state", RecordState)
def test_only_a_record_of_a_version_that_has_served_may_close_when_all_is_healthy(state: RecordState) -> None:
    record = replace(a_record(HOST, ENTRIES), state=state)
    assert well(record, *BOTH) is (state in {RecordState.HELD, RecordState.REGISTERING})


@pytest.mark.rule("I-2")
@pytest.mark.parametrize("state", [each for each in TargetState if each is not HEALTHY])
def test_one_entry_that_is_not_healthy_keeps_the_record_open(state: TargetState) -> None:
    assert not well(a_record(HOST, ENTRIES), BOTH[0], a_row(ENTRIES[1], state))


@pytest.mark.rule("I-2")
def test_an_entry_that_no_answer_shows_keeps_the_record_open() -> None:
    assert not well(a_record(HOST, ENTRIES), BOTH[0])
    assert not is_well(a_record(HOST, ENTRIES), {WEB.id: a_view(WEB, BOTH[:1])})


@pytest.mark.rule("I-2", "F-35")
def test_a_record_that_names_nothing_or_a_pool_that_is_gone_is_not_closed_by_itself() -> None:
    lost = Removed(a_registration(a_pool("deleted"), HOST), RUN, unresolvable=True)
    assert not well(a_record(HOST))
    assert not well(replace(a_record(HOST), registrations=frozenset({lost})), *BOTH)


@pytest.mark.rule("I-5", "I-7")
@pytest.mark.parametrize("state", [RecordState.GONE, RecordState.IN_SERVICE, RecordState.UNREADABLE])
@pytest.mark.parametrize("showing", [0, 1])
def test_a_record_that_proves_nothing_lets_no_walk_begin_past_its_drain(state: RecordState, showing: int) -> None:
    assert begin_of(a_record(HOST, state=state), "v143", showing) is Step.DRAIN


@pytest.mark.rule("I-7")
@pytest.mark.parametrize("state", [RecordState.DEPLOYED, RecordState.REGISTERING])
def test_without_a_label_no_release_is_the_same_as_another(state: RecordState) -> None:
    unlabelled = a_record(HOST, ENTRIES, state, release_after=None)
    assert begin_of(unlabelled, None, 1) is Step.DRAIN


# --- what a rollback brings back


S = RecordState


@pytest.mark.rule("I-9")
@pytest.mark.parametrize(
    ("state", "begin", "attempt", "brings"),
    [
        (None, Step.DRAIN, 1, "before"),
        (S.HELD, Step.DEPLOY, 1, "before"),
        (S.DEPLOYED, Step.DEPLOY, 3, "after"),
        (S.REGISTERING, Step.DRAIN, 1, "after"),
        (S.DEPLOYING, Step.DEPLOY, 1, None),
        (S.DEPLOYED, Step.VERIFY, 1, "before"),
        (S.DEPLOYED, Step.VERIFY, 2, None),
    ],
)
def test_a_rollback_brings_back_what_ran_before_the_last_commands_or_nobody_knows_what(
    state: RecordState | None, begin: Step, attempt: int, brings: str | None
) -> None:
    record = (
        a_record(HOST, ENTRIES, state, attempt=attempt, release_before="before", release_after="after")
        if state
        else None
    )
    planned = PlannedHost(HOST, frozenset(ENTRIES), HEALTHY, None, record, begin, "before", "new", 1, 60.0)

    assert release_behind(planned) == brings
