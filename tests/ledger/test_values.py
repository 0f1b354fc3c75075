"""Values as text: what they must have, and what is said of those that lack it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from elbroll.ledger.values import Draft, Fields, Owner, Unreadable, base_of, cut, dumps, loads, nonce_of, stamp
from elbroll.model import RunId
from elbroll.model.ids import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_value_is_compact_and_begins_with_what_stores_look_at() -> None:
    text = Draft({"epoch": 2, "run": "7f3a9c", "note": "a {b}"}, "n1").over(7)
    assert text == r'{"schema":1,"base":7,"nonce":"n1","epoch":2,"run":"7f3a9c","note":"a \u007bb\u007d"}'


def test_what_is_no_number_in_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps({"age": float("nan")})


@pytest.mark.rule("F-11")
@pytest.mark.parametrize("text", ["NaN", '{"a":NaN}', '{"a":-Infinity}', '{"a":1,"a":1}', "[1]", '"a"', "7", "", "{"])
def test_what_is_no_plain_object_is_no_value(text: str) -> None:
    assert loads(text) is None


@pytest.mark.rule("I-25")
@pytest.mark.parametrize(
    ("text", "base"),
    [('{"base":4}', 4), ('{"base":0}', 0), ('{"base":true}', None), ('{"base":"4"}', None), ("{", None)],
)
def test_a_base_is_a_whole_number_or_unknown(text: str, base: int | None) -> None:
    assert base_of(text) == base


@pytest.mark.rule("I-25")
@pytest.mark.parametrize(
    ("text", "nonce"), [('{"nonce":"a"}', "a"), ('{"nonce":7}', None), ("{}", None), ("[", None), (None, None)]
)
def test_a_mark_is_a_text_or_unknown(text: str | None, nonce: str | None) -> None:
    assert nonce_of(text) == nonce


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    ("text", "size", "kept"),
    [("abc", 3, "abc"), ("abcd", 3, "abc"), ("üü", 6, "ü"), ("ü", 5, ""), ("", 0, ""), ("a{", 7, "a{"), ("a{", 6, "a")],
)
def test_a_text_is_cut_to_its_written_size(text: str, size: int, kept: str) -> None:
    assert cut(text, size) == kept


def test_moments_are_written_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 11, 22, 23, 33, 41, tzinfo=there)) == "2026-11-22T21:33:41Z"
    assert stamp(datetime(2026, 11, 22, 21, 33, 41, 500, tzinfo=UTC)) == "2026-11-22T21:33:41.000500Z"


# --- reading -----------------------------------------------------------------------------------------

FIELDS = Fields.of(
    json.dumps(
        {
            "schema": 1, "run": "7f3a9c", "epoch": 0, "word": "w", "empty": "", "most": 2**53 - 1, "yes": True,
            "when": "2026-11-22T23:33:41+02:00", "list": [{"a": 1}], "null": None,
        }
    )
)  # fmt: skip


def test_each_kind_of_field_is_read_as_it_stands() -> None:
    assert (FIELDS.word("word"), FIELDS.word("empty"), FIELDS.text("none"), FIELDS.text("null")) == (
        "w",
        "",
        None,
        None,
    )
    assert (FIELDS.number("epoch"), FIELDS.number("most"), FIELDS.maybe_number("none")) == (0, 2**53 - 1, None)
    assert (FIELDS.flag("yes"), FIELDS.flag("none")) == (True, False)
    assert FIELDS.time("when") == FIELDS.maybe_time("when") == datetime(2026, 11, 22, 21, 33, 41, tzinfo=UTC)
    assert FIELDS.time("when").tzinfo is UTC
    assert FIELDS.maybe_time("none") is None
    assert [item.number("a") for item in FIELDS.items("list")] == [1]
    assert FIELDS.items("none") == ()
    assert FIELDS.owner() == Owner(RunId("7f3a9c"), 0)


@pytest.mark.rule("F-11")
@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: FIELDS.word("none"), "none is missing"),
        (lambda: FIELDS.run("none"), "none is missing"),
        (lambda: FIELDS.number("none"), "none is missing"),
        (lambda: FIELDS.time("none"), "none is missing"),
        (lambda: FIELDS.text("epoch"), "epoch is no text"),
        (lambda: FIELDS.shaped("empty", LABEL), "empty is none"),
        (lambda: FIELDS.maybe_number("word"), "word is no number"),
        (lambda: FIELDS.maybe_number("yes"), "yes is no number"),
        (lambda: FIELDS.flag("epoch"), "epoch is neither true nor false"),
        (lambda: FIELDS.flag("null"), "null is neither true nor false"),
        (lambda: FIELDS.time("word"), "no moment"),
        (lambda: FIELDS.items("word"), "word is no list"),
        (lambda: FIELDS.items("null"), "null is no list"),
        (lambda: Fields("w"), "not an object"),
        (lambda: Fields.of(None), "not an object"),
        (lambda: Fields.of("[]"), "not an object"),
        (lambda: Fields.of("{}"), "schema is missing"),
        (lambda: Fields.of('{"schema":2}'), "schema 2"),
        (lambda: Fields.of('{"schema":0}'), "schema 0"),
        (lambda: Fields.of('{"schema":1,"a":-1}').number("a"), "a is no number"),
        (lambda: Fields.of('{"schema":1,"a":9007199254740992}').number("a"), "a is no number"),
        (lambda: Fields.of('{"schema":1,"a":"2026-11-22T10:00:00"}').time("a"), "a moment without a zone"),
    ],
)
def test_what_is_wrong_with_a_field_is_said(read: Callable[[], object], said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read()
    assert str(caught.value) == said
