"""One change to one key, when others are quicker."""

from __future__ import annotations

from itertools import count

import pytest

from elbroll.errors import StoreDown, Superseded
from elbroll.ledger.change import Change, Desk, Patience
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
    with pytest.raises(StoreDown, match="too many others"):
        a_change(store, clock).settle(Patience(clock, 20.0, lambda: False))
    assert store.writes == 20
    assert clock.time - 1000.0 < 6.0


@pytest.mark.rule("F-13")
def test_a_key_deleted_between_look_and_write_supersedes() -> None:
    clock = FakeClock()
    with pytest.raises(Superseded, match="deleted"):
        a_change(AnsweringStore(Verdict.DELETED), clock).settle(Patience(clock, 20.0, lambda: False))


@pytest.mark.parametrize("date", [None, "yesterday", "Mon, 99 Nov 2026 15:58:30 GMT"])
def test_without_a_usable_date_no_age_is_claimed(date: str | None) -> None:
    headers = {} if date is None else {"date": date}
    assert age_of(DAWN, {"ResponseMetadata": {"HTTPHeaders": headers}}) is None
