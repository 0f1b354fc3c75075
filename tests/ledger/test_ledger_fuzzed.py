"""A value that is not ours, or no longer whole: held by somebody unknown, never free and never empty (F-11, S-9)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elbroll.ledger import locks, records, words
from elbroll.ledger.locks import LockState
from elbroll.ledger.ports import Stored
from elbroll.ledger.values import Draft, Owner, base_of, cut, dumps, loads, nonce_of
from elbroll.ledger.versions import Version, effective
from elbroll.model import RecordState, RunId
from fuzz import fuzzed, hostile, json_like
from ledger.test_records import any_record, written
from ledger.things import HOST, SINCE, WEB, a_holder

if TYPE_CHECKING:
    from elbroll.model import HostRecord

BEAT = SINCE + timedelta(minutes=3)
HELD = Draft(locks.held(a_holder(), 5, BEAT, "web-3"), "0123456789abcdef").over(11)
FREE = Draft(locks.freed(Owner(RunId("7f3a9c"), 5)), "0123456789abcdef").over(11)
cuts = st.floats(0, 1, exclude_max=True)


def stored(text: str | None) -> Stored:
    return Stored(text, 12, 12, 4.0)


@st.composite
def damaged(draw: st.DrawFn, whole: str) -> str:
    """A stored text that somebody has edited by hand, or a disk by itself."""
    start = int(draw(cuts) * len(whole))
    end = start + draw(st.integers(0, 12))
    return whole[:start] + draw(hostile | st.just(whole[start:end] * 2)) + whole[end:]


@pytest.mark.rule("F-11", "I-2")
@fuzzed
@given(any_record, cuts)
def test_a_record_that_lost_its_end_is_unreadable(record: HostRecord, where: float) -> None:
    text = written(record)
    found = records.decode(HOST, text[: int(where * len(text))])

    assert found.state is RecordState.UNREADABLE
    assert found.open


@pytest.mark.rule("F-11", "I-2", "S-5")
@fuzzed
@given(any_record.flatmap(lambda record: damaged(written(record))))
def test_a_record_that_was_tampered_with_reads_as_one_that_could_be_written_or_not_at_all(text: str) -> None:
    found = records.decode(HOST, text)

    assert found.state is RecordState.UNREADABLE or records.decode(HOST, written(found)) == found
    assert found.host == HOST


@pytest.mark.rule("F-11", "S-5")
@fuzzed
@given(any_record, st.sampled_from(["state", "out", "by", "host", "since", "after"]), json_like)
def test_a_key_that_is_there_twice_makes_a_record_unreadable(record: HostRecord, name: str, value: object) -> None:
    text = written(record)
    doubled = f"{text[:-1]},{json.dumps(name)}:{json.dumps(value)},{json.dumps(name)}:{json.dumps(value)}}}"

    assert records.decode(HOST, doubled).state is RecordState.UNREADABLE


@pytest.mark.rule("S-9", "F-11")
@fuzzed
@given(st.sampled_from([HELD, FREE]), cuts)
def test_a_lock_that_lost_its_end_is_not_free(text: str, where: float) -> None:
    assert locks.decode(stored(text[: int(where * len(text))])).state is LockState.UNKNOWN


@pytest.mark.rule("S-9", "F-11")
@fuzzed
@given(damaged(HELD) | damaged(HELD).flatmap(damaged))
@example(HELD.replace('"state":"held"', '"state":"held","state":"free"'))
@example(HELD[:-1] + ',"state":"free"}')
def test_a_held_lock_that_was_tampered_with_is_not_free(text: str) -> None:
    lock = locks.decode(stored(text))
    locks.seen(WEB, stored(text))
    refused = words.locked(WEB, stored(text))

    assert lock.state is not LockState.FREE
    assert "is locked by" in refused.message


@pytest.mark.rule("S-9", "F-11")
@fuzzed
@given(st.dictionaries(st.sampled_from(sorted(json.loads(HELD))), json_like))
def test_a_lock_of_any_fields_is_free_only_where_it_says_so_and_who_freed_it(forged: dict[str, object]) -> None:
    value = {**json.loads(HELD), **forged}
    lock = locks.decode(stored(json.dumps(value)))

    assert lock.state is not LockState.FREE or (value["state"] == "free" and lock.owner is not None)


@pytest.mark.rule("I-25", "F-11")
@fuzzed
@given(st.lists(st.sampled_from([HELD, FREE]).flatmap(damaged) | hostile | json_like.map(json.dumps), max_size=6))
def test_whatever_stands_in_a_history_what_counts_was_written_over_the_version_below(texts: list[str]) -> None:
    history = [Version(number, text) for number, text in enumerate(texts, start=1)]
    found = effective(history)

    assert found is None or (found in history and base_of(found.text) == found.number - 1)
    assert all(nonce_of(text) is None or isinstance(nonce_of(text), str) for text in texts)


@pytest.mark.rule("L3")
@fuzzed
@given(hostile, st.integers(0, 300))
def test_a_text_is_cut_to_the_bytes_it_may_take_and_no_further(text: str, size: int) -> None:
    kept = cut(text, size)

    assert text.startswith(kept)
    assert len(dumps({"": kept})) - len('{"":""}') <= size
    assert cut(kept, size) == kept
    assert kept == text or len(dumps({"": text[: len(kept) + 1]})) - len('{"":""}') > size


@pytest.mark.rule("L3", "F-11")
@fuzzed
@given(st.dictionaries(hostile, hostile | st.integers(-(2**60), 2**60) | st.booleans(), max_size=4))
def test_whatever_is_written_is_ascii_without_references_and_reads_the_same(value: dict[str, object]) -> None:
    text = dumps(value)

    assert text.isascii()
    assert "{{" not in text
    assert "}}" not in text[:-1]
    assert loads(text) == value
