"""Durations, counts, zones and glyphs."""

from __future__ import annotations

import io

import pytest

from elbroll.outputs import words


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (12, "0:12"), (59.6, "1:00"), (86, "1:26"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(("elapsed", "shown"), [(0, "00:00"), (12.9, "00:12"), (671, "11:11"), (3723, "1:02:03")])
def test_stamps_never_run_ahead(elapsed: float, shown: str) -> None:
    assert words.stamp(elapsed) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "about 1 s"), (40, "about 40 s"), (300, "about 5 min"), (7200, "about 2 h")],
)
def test_estimates(seconds: float, shown: str) -> None:
    assert words.roughly(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(-5, "0s"), (12, "12s"), (240, "4m"), (11000, "3h"), (800000, "9d")])
def test_ages(seconds: float, shown: str) -> None:
    assert words.age(seconds) == shown


def test_counts() -> None:
    assert [words.counted(1, "host"), words.counted(2, "host"), words.counted(0, "entry", "entries")] == [
        "1 host",
        "2 hosts",
        "0 entries",
    ]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("us-east-1a", "1a"), ("us-gov-west-1b", "1b"), ("us-west-2-lax-1a", "2-lax-1a"), (None, ""), ("all", "all")],
)
def test_zones_lose_their_region(zone: str | None, shown: str) -> None:
    assert words.zone(zone) == shown


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", words.UNICODE), ("ascii", words.ASCII), ("latin-1", words.ASCII)]
)
def test_glyphs_are_chosen_by_trying(encoding: str, glyphs: words.Glyphs) -> None:
    assert words.glyphs_for(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is glyphs


def test_a_stream_without_an_encoding_is_believed_to_be_ascii() -> None:
    assert words.glyphs_for(io.StringIO()) is words.ASCII


def test_the_busy_glyph_turns() -> None:
    assert words.UNICODE.spin(0) != words.UNICODE.spin(0.25)
