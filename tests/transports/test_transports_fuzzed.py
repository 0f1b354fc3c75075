"""Whatever a host, a console or a file says to the transport: an answer or a refusal of ours, never a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from elbroll.errors import ElbrollError
from elbroll.model import JobEnd, Secret
from elbroll.transports.cleaned import cleaned
from elbroll.transports.console import NothingThere, fingerprints
from elbroll.transports.exchange import Ended, Word
from elbroll.transports.jobs import asked_verdict, verdict
from elbroll.transports.knownhosts import Names, Standing, judged, types_listed
from elbroll.transports.knownhosts import parsed as known_hosts
from elbroll.transports.masking import STARS, Masker
from elbroll.transports.output import LINE, TAIL, Output
from elbroll.transports.sockets import parse
from elbroll.transports.sshconfig import HostConfig, Question, obeyed, parsed
from elbroll.transports.talking import MOST_WORDS, listen
from fakes import FakeClock
from fuzz import TRICKS, fuzzed, hostile, hostile_line, raw
from transports.test_knownhosts import ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.transports.exchange import Exchange

ENDS = (
    "10.0.1.5:443",
    "[::ffff:10.0.1.5]:8080",
    "[fe80::1]%eth0:8080",
    "*:8080",
    "0.0.0.0:99999999999",
    ":8080",
    "x:²",
)
SS_WORDS = st.sampled_from([*ENDS, "0", "ESTAB", "bytes_sent:7", "lastsnd:" + "9" * 5000, "lastrcv:x", "²", "-1"])
SS_LINES = st.lists(SS_WORDS | hostile, max_size=7).map(" ".join)


@pytest.mark.rule("E3", "S-1")
@fuzzed
@given(st.lists(SS_LINES | SS_LINES.map(lambda line: f"\t {line}"), max_size=6).map("\n".join))
@example("0 0 10.0.1.5:8080 10.0.0.1:" + "9" * 5000)
@example("0 0 10.0.1.5:8080 10.0.0.1:443\n\t bytes_sent:" + "9" * 5000)
def test_whatever_ss_prints_is_counted_or_not_understood(text: str) -> None:
    found = parse(text, {8080})

    assert found is None or all(each.local_port == 8080 and 0 <= each.peer_port < 65536 for each in found)


@pytest.mark.rule("E3")
@fuzzed
@given(st.lists(st.tuples(st.integers(1, 65535), st.integers(0, 10**12), st.booleans()), max_size=5), hostile)
def test_a_line_that_makes_no_sense_among_good_ones_is_never_read_as_quiet(
    rows: Sequence[tuple[int, int, bool]], noise: str
) -> None:
    good = [f"0 0 10.0.1.5:8080 10.0.0.1:{port}\n\t bytes_sent:{sent}" for port, sent, _ in rows]
    odd = f"0 x {noise}".replace("\n", " ").replace("\t", " ")
    assume(len(odd.splitlines()) == 1)

    assert len(parse("\n".join(good), {8080}) or ()) == len(rows)
    assert parse("\n".join([*good, odd]), {8080}) is None


NAMES = (
    "i-0a1b2c3d4e5f60001",
    "*",
    "!*",
    "[10.0.1.11]:22",
    "10.0.1.?",
    "|1|",
    "|1|a|b|c",
    "|1|AAAA|AAAA",
    "[",
    "é",
    "@x",
)
KNOWN = st.lists(
    st.sampled_from([*NAMES, "@revoked", "@cert-authority", ONE.type, ONE.line, ONE.line.split()[1], "AAAA", "==="])
    | hostile,
    max_size=5,
).map(" ".join)


@pytest.mark.rule("T-11", "H17")
@fuzzed
@given(st.lists(KNOWN | hostile, max_size=5).map("\n".join), st.binary(max_size=30))
def test_no_known_hosts_file_crashes_the_matcher_or_hides_its_own_good_line(text: str, tail: bytes) -> None:
    names = Names(("i-0a1b2c3d4e5f60001",))
    data = text.encode("utf-8", "surrogatepass")
    book = known_hosts(data + b"\n" + tail, "f")
    types_listed(book.entries, names)
    judged(book.entries, names, ONE)

    with_ours = known_hosts(data + f"\ni-0a1b2c3d4e5f60001 {ONE.line}\n".encode(), "f")
    assert judged(with_ours.entries, names, ONE).standing in {Standing.KNOWN, Standing.REVOKED}


OPTIONS = (
    "hostname",
    "user",
    "port",
    "identityfile",
    "identityagent",
    "hostkeyalias",
    "userknownhostsfile",
    "proxycommand",
)
SAID = st.sampled_from(
    ["", "none", "~nobody-at-all/x", "~", "${HOME}/%h", "%%%", "0x16", "-1", "99999999", "22", "$X", "a\0b"]
)
CONFIG = st.lists(st.tuples(st.sampled_from(OPTIONS), SAID | hostile_line).map(" ".join), max_size=6).map("\n".join)


@pytest.mark.rule("T-25", "H22")
@fuzzed
@given(CONFIG, st.booleans())
def test_whatever_ssh_prints_is_obeyed_or_refused(printed: str, chosen: bool) -> None:
    try:
        found = obeyed(parsed(printed), Question("web-1"), chosen=chosen)
    except ElbrollError:
        return
    assert isinstance(found, HostConfig)
    assert 0 < found.port < 65536


BLOCK = st.sampled_from(
    ["-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----", "ssh-ed25519 AAAA", ONE.line]
)


@pytest.mark.rule("E2")
@fuzzed
@given(st.lists(BLOCK | hostile, max_size=8).map("\n".join))
@example("-----BEGIN SSH HOST KEY KEYS-----\nssh-rsa AAAAB\n-----END SSH HOST KEY KEYS-----")
@example("-----BEGIN SSH HOST KEY KEYS-----\nssh-rsa AAAAB3Nz=\n-----END SSH HOST KEY KEYS-----")
def test_whatever_a_console_shows_are_fingerprints_or_nothing(text: str) -> None:
    try:
        found = fingerprints(text)
    except NothingThere:
        return
    assert all(each.startswith("SHA256:") and len(each) == 50 for each in found)


WORD = st.builds(
    Word,
    st.sampled_from(["START", "EXIT", "BUSY", "CUT", "REFUSED", "NEVER", "DUP", "GONE", "REBOOTED", "RUNNING", "WHY"])
    | hostile,
    st.lists(st.sampled_from(["0", "7", "00", "256", "-", "limit", "²", "9" * 5000]) | hostile, max_size=4).map(tuple),
)
ENDED = st.none() | st.builds(
    Ended, st.none() | st.integers(0, 255), st.booleans(), st.lists(hostile, max_size=2).map(tuple)
)


@pytest.mark.rule("S-1", "T-30", "H1")
@fuzzed
@given(st.lists(WORD, max_size=5), ENDED)
@example([Word("EXIT", ("9" * 5000, "-", "-"))], None)
def test_only_a_started_command_that_says_exit_0_has_succeeded(words: list[Word], ended: Ended | None) -> None:
    found, asked = verdict(words, ended), asked_verdict(words)
    says_zero = any(word.name == "EXIT" and word.rest[:1] and set(word.rest[0]) == {"0"} for word in words)
    begun = any(word.name == "START" for word in words)

    for ending, started in ((found, begun), (asked, True)):
        well = ending is not None and ending.end is JobEnd.EXIT and ending.status == 0
        assert not well or (says_zero and started)
        assert ending is None or ending.status is None or 0 <= ending.status <= 255


class Chatterbox:
    """Knows the nonce, and has nothing but control lines to say."""

    def __init__(self, words: int) -> None:
        self._items: list[Word | Ended] = [*[Word("OPEN", ("x" * 1000,))] * words, Ended(0, sound=True)]

    def next(self, _: float) -> Word | Ended:
        return self._items.pop(0)


@pytest.mark.rule("S-14", "F-45")
def test_a_flood_of_control_lines_is_heard_to_its_end_and_not_kept() -> None:
    talk = listen(cast("Exchange", Chatterbox(MOST_WORDS * 3)), Output(FakeClock()), FakeClock(), lambda _: True)

    assert len(talk.words) == MOST_WORDS
    assert talk.ended == Ended(0, sound=True)


SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="*\n\r\0"), min_size=8, max_size=60).filter(str.strip)


@pytest.mark.rule("T-32", "T-43", "I-20", "F-45")
@fuzzed
@given(SECRETS, raw, raw, st.lists(st.integers(1, 40), max_size=12), st.sampled_from([0, 4000, 4096, 5000]))
def test_no_secret_passes_wherever_it_stands_and_however_it_is_cut(
    secret: str, before: bytes, after: bytes, cuts: list[int], filling: int
) -> None:
    heard: list[str] = []
    output = Output(FakeClock(), heard.append, Masker([Secret(secret)]))
    data = before + b"x" * filling + secret.encode() + after + b"\n" + secret.encode()
    for size in cuts:
        output.feed(data[:size])
        data = data[size:]
    output.feed(data)
    output.close()

    assert not any(secret in text for text in (*heard, *output.tail))
    assert all(len(text) <= LINE + 60 for text in heard)
    assert len(output.tail) <= TAIL
    assert heard[-1] == STARS or secret.strip() in STARS


@pytest.mark.rule("H28", "I-21")
@fuzzed
@given(hostile | raw)
def test_what_stands_in_a_message_is_harmless_lines(said: str | bytes) -> None:
    lines = cleaned(said)

    assert all(line.isprintable() and len(line.splitlines()) == 1 for line in lines)
    assert cleaned("\n".join(lines), 1_000_000) == lines


def test_the_tricks_hold_every_kind_of_control() -> None:
    text = "".join(TRICKS)
    assert all(char in text for char in "\x1b\x9b\x07\r\n\x00\x7f\u202e\u2066\u2028\ud800")
