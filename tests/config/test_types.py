"""Texts as values, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.config.types import amount, duration, duration_or_auto, duration_text, limit, quote
from elbroll.model import Amount


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1m30s", 90), ("0.5s", 0.5), ("0s", 0), ("1h1s", 3601)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "value", ["", "5", "m", "5 m", "-5m", "30s1m", "1d", "\u0665s", "9999999h", 300, 5.0, True, None]
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="wants a duration"):
        duration(value)


def test_a_limit_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match='wants more than "0s"'):
        limit("0s")


def test_auto_is_no_number() -> None:
    assert duration_or_auto("auto") is None


@given(st.integers(0, 365 * 24 * 3600 * 10))
def test_a_duration_is_shown_as_it_may_be_written(tenths: int) -> None:
    assert duration(duration_text(tenths / 10)) == pytest.approx(tenths / 10)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(2, Amount(count=2)), ("2", Amount(count=2)), ("25%", Amount(percent=25)), ("0.5%", Amount(percent=0.5))],
)
def test_amounts(value: object, wanted: Amount) -> None:
    assert amount(value) == wanted


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "0", "0%", "101%", None, "9" * 5000])
def test_zero_never_switches_a_check_off(value: object) -> None:
    with pytest.raises(ValueError, match="wants a count"):
        amount(value)


def test_a_quoted_text_shows_what_is_in_it() -> None:
    assert quote('a"b\\\x1b') == '"a\\"b\\\\\\u001B"'
