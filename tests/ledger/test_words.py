"""What the ledger says when it says no: who, where things stand, and the next command."""

from __future__ import annotations

import pytest

from elbroll.ledger import locks, words
from elbroll.ledger.ports import Stored
from elbroll.ledger.values import Draft, Owner
from elbroll.model import PoolId, RunId
from ledger.things import HOST, SINCE, WEB, a_holder

OURS = RunId("7f3a9c")


def stored(fields: object) -> Stored:
    return Stored(Draft(fields, "nonce").over(3), 4, 4, 4.0)  # type: ignore[arg-type]


@pytest.mark.rule("F-10", "I-10")
@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (stored(locks.held(a_holder("81cc02"), 5, SINCE, None)), "run 81cc02 holds it now"),
        (stored(locks.freed(Owner(OURS, 2), "ops@laptop")), "its lock was freed by hand"),
        (Stored("stop!", 4, 4), "its lock cannot be read any more"),
        (None, "its lock was freed by hand"),
    ],
)
def test_a_lost_lock_says_what_became_of_it_and_how_to_look(seen: Stored | None, why: str) -> None:
    error = words.lock_lost(WEB, OURS, seen)

    assert error.message == "run 7f3a9c no longer holds web-prod"
    assert error.why == (why,)
    assert error.now == "no further step is taken"
    assert error.fix == ("elbroll status --lb web-prod",)


@pytest.mark.rule("F-10", "F-11")
@pytest.mark.parametrize(
    ("by", "why"), [(RunId("81cc02"), "run 81cc02 has written it"), (None, "what stands there now cannot be read")]
)
def test_a_lost_record_says_who_has_it_now_and_how_to_look(by: RunId | None, why: str) -> None:
    error = words.record_lost(HOST, OURS, by)

    assert error.message == f"the record of {HOST} is no longer in the hands of run 7f3a9c"
    assert error.why == (why,)
    assert error.now == "no further step is taken"
    assert error.fix == ("elbroll status",)


@pytest.mark.rule("F-13")
def test_a_deleted_key_says_that_no_run_did_it_and_that_nothing_follows() -> None:
    error = words.deleted("/elbroll/v1/host/i-1")

    assert error.message == "/elbroll/v1/host/i-1 was deleted from the ledger by hand"
    assert "elbroll never deletes a key" in error.why[0]
    assert error.now == "no further step is taken"
    assert error.fix == ("elbroll status",)


@pytest.mark.parametrize(
    ("pool", "name"),
    [("tg/web-prod/1a2b3c4d", "web-prod"), ("clb/api-prod", "api-prod"), ("strange", "strange"), ("", "")],
)
def test_a_pool_goes_by_its_own_name(pool: str, name: str) -> None:
    assert words.pool_name(PoolId(pool)) == name


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://github.com/acme/web/actions/runs/1042", "acme/web#1042"),
        ("http://github.acme.example/acme/web/actions/runs/7", "acme/web#7"),
        ("https://github.com/acme/web/actions/runs/1042/job/3", "https://github.com/acme/web/actions/runs/1042/job/3"),
        ("", "runner-3"),
        (None, "runner-3"),
    ],
)
def test_a_holder_is_named_by_the_place_to_look_at(url: str | None, where: str) -> None:
    held = stored(locks.held(a_holder("81cc02", url=url), 5, SINCE, None))
    assert words.locked(WEB, held).why == (f"ci ({where}), since 4s, alive 4s ago",)


def test_an_unreadable_lock_says_why_it_may_be_unreadable() -> None:
    assert words.locked(WEB, Stored(None, 12, 12)).why == (
        "its lock (version 12) cannot be read: garbage, or of a newer elbroll",
    )
