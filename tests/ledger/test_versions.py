"""Which of a parameter's values counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.ledger.values import Draft
from elbroll.ledger.versions import Version, effective
from ledger.things import unhurried


def a_version(number: int, base: int | str, nonce: str = "n") -> Version:
    return Version(number, Draft({"epoch": 1}, nonce).over(base))


@pytest.mark.rule("I-25")
def test_a_value_counts_if_it_was_written_over_the_version_below() -> None:
    assert effective([a_version(1, 0), a_version(2, 1)]) == a_version(2, 1)


@pytest.mark.rule("I-25", "L1")
def test_a_value_written_over_an_older_version_is_void() -> None:
    assert effective([a_version(1, 0), a_version(2, 1), a_version(3, 1)]) == a_version(2, 1)


@pytest.mark.rule("I-25")
def test_voids_in_a_row_change_nothing() -> None:
    history = [a_version(1, 0), *(a_version(number, 0) for number in range(2, 9))]
    assert effective(history) == a_version(1, 0)


@pytest.mark.rule("I-25")
def test_a_write_over_a_void_version_counts_again() -> None:
    assert effective([a_version(1, 0), a_version(2, 0), a_version(3, 2)]) == a_version(3, 2)


def test_without_any_version_nothing_counts() -> None:
    assert effective([]) is None


@pytest.mark.rule("F-11")
def test_a_hundred_voids_leave_nobody_known() -> None:
    assert effective([a_version(number, 3) for number in range(50, 150)]) is None


@pytest.mark.rule("F-13", "I-25")
def test_a_first_version_must_have_been_a_creation() -> None:
    assert effective([a_version(1, 7)]) is None


@pytest.mark.rule("F-11", "S-9")
@pytest.mark.parametrize("garbage", ["", "stop", "[]", '{"base":"1"}', '{"base":true}', '{"base":1.0}', "{}"])
def test_what_cannot_be_judged_is_not_skipped(garbage: str) -> None:
    assert effective([a_version(1, 0), Version(2, garbage), a_version(3, 0)]) is None


@pytest.mark.rule("F-15")
def test_a_gap_is_not_jumped_over() -> None:
    assert effective([a_version(1, 0), a_version(3, 1)]) is None


bases = st.lists(st.integers(0, 12), max_size=12)


@pytest.mark.rule("I-25")
@unhurried
@given(bases)
def test_the_effective_value_is_the_newest_that_was_based_on_its_predecessor(chosen: list[int]) -> None:
    history = [a_version(number, base) for number, base in enumerate(chosen, start=1)]
    counting = [number for number, base in enumerate(chosen, start=1) if base == number - 1]

    found = effective(history)

    assert (found.number if found else 0) == max(counting, default=0)


@pytest.mark.rule("I-25")
@unhurried
@given(bases, st.data())
def test_a_late_or_repeated_write_never_changes_what_counts(chosen: list[int], data: st.DataObject) -> None:
    history = [a_version(number, base) for number, base in enumerate(chosen, start=1)]
    older = data.draw(st.integers(0, len(history) + 3).filter(lambda base: base != len(history)))
    late = a_version(len(history) + 1, older)
    assert effective([*history, late]) == effective(history)


@unhurried
@given(bases, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(chosen: list[int], random: object) -> None:
    history = [a_version(number, base) for number, base in enumerate(chosen, start=1)]
    mixed = list(history)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert effective(mixed) == effective(history)
