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


def test_nothing_has_no_disguise() -> None:
    assert "" not in disguises("", 4)
    assert disguises("   \n", 4).isdisjoint({""})
    assert whole_lines("") == frozenset()
    assert finder((), ()) is None
