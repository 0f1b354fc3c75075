"""Locks as text and back, and what is said about them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.ledger import locks, words
from elbroll.ledger.locks import LockState
from elbroll.ledger.ports import Stored
from elbroll.ledger.values import Draft, Owner
from elbroll.model import LockSeen, PoolId, RunId
from ledger.things import SINCE, WEB, a_holder, unhurried


def stored(fields: dict[str, object] | None = None, age: float | None = 4.0, **changes: object) -> Stored:
    beat = SINCE + timedelta(minutes=3)
    value = dict(fields or locks.held(a_holder("81cc02"), 5, beat, "web-3"))
    return Stored(Draft(value | changes, "nonce").over(11), 12, 12, age)


def test_a_taken_lock_comes_back_as_it_was() -> None:
    lock = locks.decode(stored())

    assert lock.state is LockState.HELD
    assert lock.owner == Owner(RunId("81cc02"), 5)
    assert lock.holder == a_holder("81cc02")
    assert lock.doing == "web-3"


HELD_TEXT = (
    '{"schema":1,"base":11,"nonce":"nonce","epoch":5,"run":"81cc02","state":"held","user":"ci","machine":"runner-3",'
    '"pid":4711,"command":"deploy","started":"2026-11-22T21:33:41Z","beat":"2026-11-22T21:36:41Z",'
    '"url":"https://github.com/acme/web/actions/runs/1042","doing":"web-3"}'
)


@pytest.mark.rule("I-10")
def test_the_form_of_a_lock_stays_what_other_versions_have_written() -> None:
    by_hand = locks.held(a_holder("81cc02", url=None), 5, SINCE, None)

    assert stored().text == HELD_TEXT
    assert {"url", "doing"} & set(by_hand) == set()
    assert dict(locks.freed(Owner(RunId("81cc02"), 6))) == {"epoch": 6, "run": "81cc02", "state": "free"}


@pytest.mark.rule("L3")
def test_words_in_a_lock_are_cut_to_what_they_may_take() -> None:
    long = "x" * 900
    holder = a_holder(user=long, machine=long, command=long, url=long)
    taken = locks.held(holder, 5, SINCE, long)
    broken = locks.freed(Owner(RunId("81cc02"), 6), broken_by=long)

    assert {name: len(str(taken[name])) for name in ("user", "machine", "command", "url", "doing")} == {
        "user": 150, "machine": 150, "command": 150, "url": 600, "doing": 300,
    }  # fmt: skip
    assert broken["broken_by"] == "x" * 300


def test_what_is_seen_of_a_lock_is_all_that_stands_in_it() -> None:
    assert locks.seen(WEB, stored()) == LockSeen(WEB, a_holder("81cc02"), 5, True, 4.0, "web-3", 12)
    assert locks.decode(stored()).beat == SINCE + timedelta(minutes=3)


def test_a_freed_lock_is_free_and_keeps_its_epoch() -> None:
    lock = locks.decode(stored(dict(locks.freed(Owner(RunId("81cc02"), 5), "ops@laptop"))))
    assert (lock.state, lock.epoch) == (LockState.FREE, 5)


def test_a_lock_that_never_was_is_free() -> None:
    assert locks.decode(None) == locks.Lock(LockState.FREE)


@pytest.mark.rule("F-11", "S-9")
@pytest.mark.parametrize(
    "wrong",
    [{"schema": 2}, {"state": "maybe"}, {"epoch": "5"}, {"epoch": -1}, {"run": 7}, {"beat": "now"}, {"user": None}],
    ids=str,
)
def test_a_lock_that_cannot_be_read_is_held_by_somebody_unknown(wrong: dict[str, object]) -> None:
    found = locks.seen(WEB, stored(**wrong))

    assert locks.decode(stored(**wrong)).state is LockState.UNKNOWN
    assert not found.readable
    assert found.holder is None
    assert found.called == "v12"


@pytest.mark.rule("F-11")
@unhurried
@given(st.text() | st.none())
def test_no_text_makes_a_lock_free(text: str | None) -> None:
    assert locks.decode(Stored(text, 1, 1)).state is LockState.UNKNOWN


@pytest.mark.rule("L3")
def test_a_lock_with_the_longest_words_fits_into_a_parameter() -> None:
    long = a_holder(user="ü" * 900, machine="m" * 900, command="{{c}}" * 900, url="https://" + "u" * 9000)
    text = Draft(locks.held(long, 10**9, SINCE, "ß" * 900), "0" * 16).over(10**9)

    assert len(text) < 4096
    assert "{{" not in text
    assert "}}" not in text
    assert json.loads(text)["run"] == long.run


@pytest.mark.rule("F-7")
def test_a_refusal_says_who_since_when_alive_and_at_what() -> None:
    error = words.locked(WEB, stored())

    assert error.message == "web-prod is locked by run 81cc02"
    assert error.why == ("ci (acme/web#1042), since 3m, alive 4s ago, working on web-3",)
    assert error.fix == ("--lock-wait 15m; elbroll unlock web-prod 81cc02 if it is truly dead",)


@pytest.mark.rule("F-8")
def test_a_lock_without_a_beat_for_five_minutes_is_called_stale() -> None:
    assert "since 8m, stale: last alive 5m ago" in words.locked(WEB, stored(age=300.0)).why[0]
    assert "alive 4m ago" in words.locked(WEB, stored(age=299.9)).why[0]
    assert "stale" not in words.locked(WEB, stored(age=299.9)).why[0]


def test_without_the_stores_time_no_age_is_claimed() -> None:
    assert words.locked(WEB, stored(age=None)).why == ("ci (acme/web#1042), since 3m, working on web-3",)
    held = dict(locks.held(a_holder(), 5, SINCE + timedelta(seconds=59), None))
    assert words.locked(WEB, stored(held, age=None)).why == ("ci (acme/web#1042), since 59s",)


def test_a_run_by_hand_is_named_by_its_computer() -> None:
    held = dict(locks.held(a_holder("81cc02", user="anna", url=None), 5, SINCE, None))
    assert words.locked(WEB, stored(held)).why[0] == "anna (runner-3), since 4s, alive 4s ago"


def test_a_job_elsewhere_is_named_by_its_address() -> None:
    held = dict(locks.held(a_holder("81cc02", url="https://ci.acme.example/job/7"), 5, SINCE, None))
    assert "ci (https://ci.acme.example/job/7)" in words.locked(WEB, stored(held)).why[0]


@pytest.mark.rule("F-11")
def test_an_unreadable_lock_is_refused_by_its_version() -> None:
    error = words.locked(PoolId("clb/api"), Stored(None, 12, 12))

    assert error.message == "api is locked by somebody unknown"
    assert "version 12" in error.why[0]
    assert error.fix == ("elbroll unlock api v12 if you know that no run is at work",)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h 0m"),
        (7500, "2h 5m"),
        (86399, "23h 59m"),
        (86400, "1d 0h"),
        (90000, "1d 1h"),
        (50 * 86400 - 1, "49d 23h"),
    ],
)
def test_spans_are_short_words(seconds: float, said: str) -> None:
    assert words.span(seconds) == said
