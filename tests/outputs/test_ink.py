"""Lines of pieces: broken between words, without losing any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.outputs.ink import Line, Piece, Tone, line, text_of, wrapped
from elbroll.outputs.words import columns

TEXTS = st.lists(st.text("ab é漢 ", max_size=12), max_size=6)


def rows(written: Line, width: int | None, indent: int = 2) -> list[str]:
    return [text_of(each) for each in wrapped(written, width, indent)]


@pytest.mark.parametrize(
    ("width", "wanted"),
    [
        (None, ["one two  three"]),
        (14, ["one two  three"]),
        (13, ["one two", "  three"]),
        (5, ["one", "  two", "  three"]),
        (1, ["one", "  two", "  three"]),
    ],
)
def test_a_line_breaks_between_words(width: int | None, wanted: list[str]) -> None:
    assert rows(line("one ", Piece("two  three", Tone.BAD)), width) == wanted


def test_tones_stay_with_their_words() -> None:
    broken = wrapped(line("one ", Piece("two", Tone.BAD)), 4)
    assert Piece("two", Tone.BAD) in broken[1]


@given(TEXTS, st.integers(1, 40), st.integers(0, 9))
def test_no_word_is_lost_and_only_a_long_one_sticks_out(texts: list[str], width: int, indent: int) -> None:
    written = line(*texts)
    shown = rows(written, width, indent)
    assert " ".join(shown).split() == text_of(written).split()
    assert all(columns(row) <= width or len(row.split()) == 1 for row in shown)
