"""Nothing that a terminal would obey gets through (I-21)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.outputs.clean import LIMIT, clean, clean_line

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\r\n\t\x00\x7f\x85\x9b\u202e\u2066\u2028\udcff\ud800"),
    )
)
BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def obeyed(char: str) -> bool:
    return (
        unicodedata.category(char) in {"Cc", "Cs"}
        or unicodedata.bidirectional(char) in BIDI
        or char in "\u061c\u200e\u200f"
    ) and char not in "\n\t"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202eabc", "\\u202eabc"),
        (b"caf\xe9", "caf\\xe9"),
        ("50%\r100%", "50%\\x0d100%"),
        ("done\r", "done"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x7f", "a\\x7f"),
        ("a\tb", "a\tb"),
        ("grün ✔ 漢字", "grün ✔ 漢字"),
        ("[/bold] [web-1]", "[/bold] [web-1]"),
        ("a\nb", "a\\x0ab"),
        ("a\u2028b", "a\\u2028b"),
        ("\udc80\ud800", "\\x80\\ud800"),
        ("web\u200b-1\ufeff", "web\\u200b-1\\ufeff"),
        ("a\U000e0041", "a\\U000e0041"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("::error file=x::forged", "\\x3a:error file=x::forged"),
        (" \t::ADD-MASK::x", " \t\\x3a:ADD-MASK::x"),
        ("ok ##[set-output name=x]1", "ok \\x23#[set-output name=x]1"),
        ("###[error]", "#\\x23#[error]"),
        ("##vso[task.complete]", "\\x23#vso[task.complete]"),
        ("std::move ## x ::1 ::ffff:10.0.0.1 [::1]", "std::move ## x ::1 ::ffff:10.0.0.1 [::1]"),
    ],
)
def test_a_line_shows_what_it_holds(text: str | bytes, shown: str) -> None:
    assert clean_line(text) == shown


def test_windows_line_ends_are_line_ends_and_a_lone_cr_is_none() -> None:
    assert clean("a\r\nb\rc") == "a\nb\\x0dc"


@pytest.mark.rule("I-21")
@given(HOSTILE)
def test_no_character_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not [char for char in clean(text) if obeyed(char)]


@pytest.mark.rule("I-21")
@given(HOSTILE)
def test_one_line_stays_one_line(text: str) -> None:
    assert len(clean_line(text).splitlines()) <= 1


@given(HOSTILE)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.binary())
def test_any_bytes_become_printable_text(data: bytes) -> None:
    clean(data).encode("utf-8")


@pytest.mark.parametrize("char", ["a", "\x1b", "\u202e", "漢", "\U0001f600"])
def test_a_gigantic_line_is_cut_and_says_so(char: str) -> None:
    shown = clean_line(char * 1_000_000)
    assert len(shown.encode()) <= LIMIT
    kept, note = shown.split(" ... ")
    assert note.endswith(" more characters")
    assert int(note.split()[0]) + len(kept) // len(clean_line(char)) == 1_000_000


def test_a_line_of_just_the_limit_is_whole() -> None:
    assert clean_line("a" * LIMIT) == "a" * LIMIT
