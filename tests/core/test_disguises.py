"""What a secret may look like when a shell or an encoder prints it (I-20)."""

from __future__ import annotations

import base64
import re
import subprocess

import pytest

from elbroll.core.disguises import disguises, finder, whole_lines

SECRET = "p'a\"ss $HOME `id` \\!&; 100%"
LONG = "0123456789abcdef" * 12
LINES = "first' line $(id)\nsecond\" line\\"
PRINTED = {
    "set -x": 'set -x; : "$S"',
    "export -p": "export -p",
    "set": "set",
    "printf %q": "printf '%q\\n' \"$S\"",
    "printf %s": "printf '%s\\n' \"$S\"",
}


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("how", PRINTED)
@pytest.mark.parametrize("secret", [SECRET, LINES], ids=["one line", "two lines"])
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_whatever_a_shell_prints_of_a_secret_is_one_of_its_disguises(shell: str, secret: str, how: str) -> None:
    ran = subprocess.run([shell, "-c", PRINTED[how]], env={"S": secret}, capture_output=True, text=True, check=False)
    shown = ran.stdout + ran.stderr
    for form in sorted(disguises(secret, 4), key=len, reverse=True):
        shown = shown.replace(form, "***")

    assert not any(word in shown for word in ("HOME `", "first", "second"))


BYTES = {"alone": b"", "with a newline": b"\n"}


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", ["alone", "with a newline"])
@pytest.mark.parametrize("length", [*range(4, 12), *range(44, 62), 120])
def test_base64_broken_into_lines_is_known_line_by_line(width: int, end: str, length: int) -> None:
    secret = (LONG * 2)[:length]
    encoded = base64.b64encode(secret.encode() + BYTES[end]).decode()
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    pattern = finder(disguises(secret, 4), whole_lines(secret))

    assert pattern is not None
    assert all(re.fullmatch(r"\*\*\*.?[A-Za-z]?[gKo]?=*", pattern.sub("***", line)) for line in lines), (
        "a newline at most"
    )
    assert pattern.sub("***", "\n".join(lines)).count("***") == len(lines)


@pytest.mark.rule("I-20")
def test_a_short_end_of_base64_is_a_secret_only_as_a_line_of_its_own() -> None:
    secret = "x" * 48 + "a"
    pattern = finder(disguises(secret, 4), whole_lines(secret))

    assert "YQ==" in whole_lines(secret)
    assert pattern is not None
    assert pattern.sub("***", "say YQ== and\n  YQ==\r\nYQ==x") == "say YQ== and\n***\nYQ==x"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    ("secret", "lines"),
    [
        ("", set()),
        ("abcd", {"YWJjZA==", "YWJjZAo="}),
        ("???>", {"Pz8/Pg==", "Pz8_Pg==", "Pz8/Pgo=", "Pz8_Pgo="}),
        ("x" * 48, {"eHh4" * 16, "eHh4" * 16 + "Cg==", "Cg=="}),
        ("x" * 49, {"eA==", "eHh4" * 16 + "eA==", "eAo=", "eHh4" * 16 + "eAo="}),
    ],
)
def test_of_broken_base64_the_last_line_is_looked_for_alone(secret: str, lines: set[str]) -> None:
    assert whole_lines(secret) == lines


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    ("secret", "whole", "shown"),
    [
        ("abcdef", "abcdefzz", "***eno="),
        ("abcdefg", "uabcdefgz", "dW***d6"),
        ("abcdefg", "uuabcdefgz", "dXV***eg=="),
        ("abcdefg", "uuuabcdefgz", "dXV1***3o="),
        ("?>?>?>?>", "u?>?>?>?>u", "dT***dQ=="),
        ("abcde", "abcdezz", "YWJjZGV6eg=="),
    ],
)
def test_a_secret_is_found_in_the_base64_of_something_longer_where_chance_is_unlikely(
    secret: str, whole: str, shown: str
) -> None:
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        assert masked(secret, encode(whole.encode()).decode()) == shown


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(("width", "length"), [(64, 54), (64, 55), (76, 63), (76, 64)])
def test_lines_of_base64_are_known_whatever_follows_the_secret_in_the_last(width: int, length: int) -> None:
    encoded = base64.b64encode((LONG[:length] + "\xffand more").encode()).decode()
    first, second = encoded[:width], encoded[width:]

    assert masked(LONG[:length], first) == "***"
    assert masked(LONG[:length], second) == f"***{second[length * 8 // 6 - width :]}"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(("width", "length"), [(64, 49), (64, 60), (76, 58), (76, 90)])
def test_base64_broken_into_lines_is_known_without_the_blanks_around_the_secret_too(width: int, length: int) -> None:
    encoded = base64.b64encode(LONG[:length].encode()).decode()

    assert masked(f" {LONG[:length]}\n", f"{encoded[:width]}\n{encoded[width:]}") == "***\n***"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        ("first-line\r\nsecond-line\r\n", "first-line|second-line", "***|***"),
        ("one two-three\nfour", "one two-three, four", "***, ***"),
        ("abcdX\nefgh", "abcdX", "***"),
        ("line  \nother", "[line  ] [line]", "[***] [***]"),
        ("  line\nother", "[  line] [line]", "[***] [***]"),
        ("abcd\nxyz", "abcd, xyz", "***, xyz"),
        ("p wd\r\nmore", "p%20wd", "***"),
        (" p ss ", "p%20ss", "***"),
        (" abcd ", "YWJjZA==", "***"),
        (" ab ", "ab YWI= 6162", "ab YWI= 6162"),
    ],
)
def test_lines_and_what_stands_between_blanks_are_secrets_too_if_they_are_long_enough(
    secret: str, said: str, shown: str
) -> None:
    pattern = finder({form for form in disguises(secret, 4) if len(form) >= 4}, ())

    assert pattern is not None
    assert pattern.sub("***", said) == shown


def test_a_word_has_no_forms_but_its_own_and_its_encodings() -> None:
    assert disguises("jkl9", 4) == {"jkl9", "amtsOQ==", "amtsOQ", "amtsOQo=", "6a6b6c39", "6A6B6C39"}
    assert disguises("abcdeW", 4) == {"abcdeW", "YWJjZGVX", "YWJjZGVXCg==", "616263646557"}


def test_a_long_secret_has_so_few_forms_that_they_are_soon_looked_for() -> None:
    assert len(disguises("".join(f"{number:03x}" for number in range(640)), 4)) < 150


def test_a_form_is_found_with_and_without_lines_to_look_for() -> None:
    forms, lines = finder({"abcd", "abcd+"}, ()), finder((), {"YQ=="})

    assert forms is not None
    assert lines is not None
    assert (forms.sub("***", "abcd+YQ=="), lines.sub("***", "YQ==")) == ("***YQ==", "***")


def test_nothing_has_no_disguise() -> None:
    assert disguises("", 4).isdisjoint({""})
    assert disguises("   \n", 4).isdisjoint({""})
    assert finder((), ()) is None


def masked(secret: str, text: str) -> str:
    """The text without the secret."""
    pattern = finder(disguises(secret, 4), whole_lines(secret))
    assert pattern is not None
    return pattern.sub("***", text)
