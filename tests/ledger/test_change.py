"""One change to one key, when others are quicker."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from elbroll.errors import StoreDown, Superseded
from elbroll.ledger.change import Change, Desk, Moment, Patience
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.stores.shut import age_of
from fakes import DAWN, FakeClock


class AnsweringStore:
    """Gives the same verdict to every write."""

    limit = 4096

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.writes = 0

    def read(self, key: str) -> Stored | None:
        return None

    def write(self, key: str, draft: object, over: Stored | None) -> Verdict:
        self.writes += 1
        return self.verdict

    def list(self, prefix: str) -> dict[str, Stored]:
        return {}


def a_change(store: AnsweringStore, clock: FakeClock) -> Change:
    numbers = count(1)
    return Change(Desk(store, clock, lambda: f"n{next(numbers)}", numbers), "/elbroll/v1/lock/x", lambda _: {"a": 1})


@pytest.mark.rule("I-13")
def test_a_write_that_is_always_beaten_ends() -> None:
    store, clock = AnsweringStore(Verdict.LOST), FakeClock()
    with pytest.raises(StoreDown, match="too many others write to /elbroll/v1/lock/x"):
        a_change(store, clock).settle(Patience(clock, 20.0, lambda: False))
    assert store.writes == 20
    assert 20 * 0.05 <= clock.time - 1000.0 <= 20 * 0.25


@pytest.mark.rule("F-13")
def test_a_key_deleted_between_look_and_write_supersedes() -> None:
    clock = FakeClock()
    with pytest.raises(Superseded, match="deleted"):
        a_change(AnsweringStore(Verdict.DELETED), clock).settle(Patience(clock, 20.0, lambda: False))


@pytest.mark.rule("I-10", "F-56")
@pytest.mark.parametrize(
    ("boottime", "wall", "fresh"),
    [
        (0, 0, True),
        (5, 5, True),
        (5.01, 5, False),
        (5, 5.01, False),
        (0, -5, True),
        (0, -5.01, False),
        (3600, 0, False),
    ],
)
def test_a_moment_is_recent_by_both_clocks_or_not_at_all(boottime: float, wall: float, fresh: bool) -> None:
    then, now = Moment(1, 50.0, DAWN), Moment(2, 50.0 + boottime, DAWN + timedelta(seconds=wall))
    assert then.within(5.0, now) is fresh


@pytest.mark.rule("F-12", "I-13")
@pytest.mark.parametrize(
    ("budget", "stopped", "least", "most"), [(0, False, 0, 0), (20, False, 20, 20), (20, True, 0, 0)]
)
def test_silence_is_borne_for_the_budget_and_not_after_a_signal(
    budget: float, stopped: bool, least: float, most: float
) -> None:
    clock = FakeClock()

    def silent() -> None:
        raise StoreDown("nobody answers")

    with pytest.raises(StoreDown, match="nobody answers"):
        Patience(clock, budget, lambda: stopped)(silent)
    assert least <= clock.time - 1000.0 <= most + 0.01


@pytest.mark.rule("F-8")
@pytest.mark.parametrize(("seconds", "age"), [(400, 400.0), (0, 0.0), (-3, 0.0)])
def test_an_age_is_the_time_from_the_change_to_the_date_and_never_negative(seconds: int, age: float) -> None:
    date = (DAWN + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert age_of(DAWN, {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}) == age


@pytest.mark.parametrize("answer", [{}, {"ResponseMetadata": {}}, {"ResponseMetadata": {"HTTPHeaders": {}}}])
def test_without_any_date_no_age_is_claimed(answer: dict[str, object]) -> None:
    assert age_of(DAWN, answer) is None
    assert age_of(None, {"ResponseMetadata": {"HTTPHeaders": {"date": "Sun, 22 Nov 2026 21:30:00 GMT"}}}) is None


@pytest.mark.parametrize("date", [None, "yesterday", "Mon, 99 Nov 2026 15:58:30 GMT"])
def test_without_a_usable_date_no_age_is_claimed(date: str | None) -> None:
    headers = {} if date is None else {"date": date}
    assert age_of(DAWN, {"ResponseMetadata": {"HTTPHeaders": headers}}) is None
