"""What answers prove, what output becomes: tables and properties without a host."""

from __future__ import annotations

import base64
import shlex
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.model import JobEnd, Secret
from elbroll.transports.exchange import Ended, Word
from elbroll.transports.jobs import asked_verdict, verdict
from elbroll.transports.masking import Masker
from elbroll.transports.output import LINE, PER_SECOND, Output
from elbroll.transports.wrapper import program
from fakes import FakeClock

LOST = Ended(None, sound=False)
START = Word("START", ("1",))


def words(*texts: str) -> list[Word]:
    return [Word(name, tuple(rest)) for name, *rest in (text.split() for text in texts)]


@pytest.mark.rule("H1", "H2", "H3")
@pytest.mark.parametrize(
    ("said", "ended", "end", "status"),
    [
        (["START 1", "EXIT 0 - -"], None, JobEnd.EXIT, 0),
        (["START 1", "EXIT 7 - -"], LOST, JobEnd.EXIT, 7),
        (["START 1", "EXIT 143 limit -"], None, JobEnd.TIMED_OUT, 143),
        (["START 1", "EXIT 0 limit -"], None, JobEnd.TIMED_OUT, 0),
        (["START 1", "EXIT 143 flood sudo,app"], None, JobEnd.TIMED_OUT, 143),
        (["EXIT 0 - -"], Ended(0, sound=True), JobEnd.NOT_RUN, None),
        (["BUSY other"], None, JobEnd.NOT_RUN, None),
        (["CUT"], None, JobEnd.NOT_RUN, None),
        (["REFUSED workdir"], None, JobEnd.NOT_RUN, None),
        ([], Ended(0, sound=True), JobEnd.NOT_RUN, None),
        ([], Ended(1, sound=True, noise=("no account",)), JobEnd.NOT_RUN, None),
    ],
)
def test_what_is_proven(said: list[str], ended: Ended | None, end: JobEnd, status: int | None):
    ending = verdict(words(*said), ended)

    assert ending
    assert (ending.end, ending.status) == (end, status)


@pytest.mark.rule("H1", "H3", "I-11")
@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ([], LOST),
        ([], None),
        ([], Ended(0, sound=False)),
        ([], Ended(None, sound=True)),
        (["START 1"], LOST),
        (["START 1"], Ended(0, sound=True)),
        (["DUP"], Ended(125, sound=True)),
        (["START 1", "EXIT x - -"], None),
        (["START 1", "EXIT"], None),
    ],
)
def test_what_is_not_proven_is_asked(said: list[str], ended: Ended | None):
    assert verdict(words(*said), ended) is None


@pytest.mark.rule("T-35", "T-38")
@pytest.mark.parametrize(
    ("said", "end"),
    [
        (["NEVER"], JobEnd.NOT_RUN),
        (["EXIT 0 - -"], JobEnd.EXIT),
        (["RUNNING", "EXIT 1 - -"], JobEnd.EXIT),
        (["EXIT 143 limit -"], JobEnd.TIMED_OUT),
        (["EXIT 143 buried -"], JobEnd.NOT_RUN),
        (["BUSY x"], JobEnd.NOT_RUN),
        (["REBOOTED"], JobEnd.UNKNOWN),
        (["RUNNING", "GONE"], JobEnd.UNKNOWN),
    ],
)
def test_what_asking_proves(said: list[str], end: JobEnd):
    ending = asked_verdict(words(*said))

    assert ending
    assert ending.end is end


@pytest.mark.parametrize("said", [[], ["RUNNING"], ["REFUSED job folder"]])
def test_what_asking_leaves_open(said: list[str]):
    assert asked_verdict(words(*said)) is None


def test_survivors_are_named():
    ending = verdict(words("START 1", "EXIT 137 limit sudo,app"), None)

    assert ending
    assert ending.cause == "stopped at its limit; may still run: sudo, app"


@pytest.mark.rule("I-26")
@pytest.mark.parametrize("word", ["it's", "a\nb"])
def test_no_argument_of_the_wrapper_can_be_parsed(word: str):
    with pytest.raises(ValueError, match="parsed"):
        program("base", call=("job", word))


# --- output ------------------------------------------------------------------------------------------


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_lines_are_the_same_wherever_reads_are_split(data: bytes, cuts: list[int]):
    heard: list[str] = []
    output = Output(FakeClock(), heard.append)
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})

    for start, end in pairwise(edges):
        output.feed(data[start:end])
    output.close()

    expected = data.split(b"\n")
    expected = expected[:-1] if expected[-1] == b"" else expected
    assert heard[:PER_SECOND] == [line.decode("utf-8", "backslashreplace") for line in expected][:PER_SECOND]
    assert output.lines == len(expected)


@pytest.mark.rule("T-43", "T-44")
def test_a_flood_is_counted_and_its_end_kept():
    heard: list[str] = []
    output = Output(FakeClock(), heard.append)

    output.feed(b"".join(b"%d\n" % number for number in range(100_000)))
    output.close()

    assert heard[:PER_SECOND] == [str(number) for number in range(PER_SECOND)]
    assert heard[PER_SECOND:] == [f"… {100_000 - PER_SECOND} lines not shown"]
    assert output.tail == tuple(str(number) for number in range(99_950, 100_000))
    assert output.lines == 100_000


@pytest.mark.rule("T-43")
def test_the_next_second_shows_lines_again():
    clock, heard = FakeClock(), []
    output = Output(clock, heard.append)

    output.feed(b"x\n" * (PER_SECOND + 5))
    clock.sleep(1.0)
    output.feed(b"y\n")

    assert heard[PER_SECOND:] == ["… 5 lines not shown", "y"]


@pytest.mark.rule("T-43")
@pytest.mark.parametrize("piece", [1000, 64 * 1024, 10_000_000])
def test_a_line_without_end_is_capped(piece: int):
    output = Output(FakeClock())

    for _ in range(10_000_000 // piece):
        output.feed(b"x" * piece)
    output.close()

    total = 10_000_000 // piece * piece
    assert output.tail == ("x" * LINE + f" … {total - LINE} bytes more",)


@pytest.mark.rule("I-20", "T-32")
@given(st.integers(0, 5000), st.text("ab'$ \\é", min_size=4, max_size=40))
def test_no_part_of_a_secret_survives_the_cut(before: int, text: str):
    output = Output(FakeClock(), masker=Masker([Secret("S3" + text)]))

    output.feed(b"." * before + ("S3" + text).encode() + b"." * 5000 + b"\n")

    assert "S3" not in output.tail[0]


# --- masking -----------------------------------------------------------------------------------------


@pytest.mark.rule("I-20", "T-32")
@pytest.mark.parametrize("text", ["hunter2-and-more", "it's $x", 'a "b" c', "päss wörd", "100%+/=?", "x\ny-line-two"])
def test_a_secret_is_masked_in_every_dress(text: str):
    masker = Masker([Secret(text)])
    raw = text.encode()

    for dressed in (text, base64.b64encode(raw).decode(), quote(text, safe=""), shlex.quote(text)):
        assert masker(f"<{dressed}>") in ("<***>", "<'***'>")
    for start in (b"a", b"ab"):
        assert base64.b64encode(raw).decode()[4:-4] not in masker(base64.b64encode(start + raw).decode())
        assert "***" in masker(base64.b64encode(start + raw + b"tail").decode())


def test_a_short_secret_does_not_star_ordinary_text():
    assert Masker([Secret("abc")])("abcabc") == "abcabc"
