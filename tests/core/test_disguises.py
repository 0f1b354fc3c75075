"""What a secret may look like when a shell or an encoder prints it (I-20)."""

from __future__ import annotations

import base64
import subprocess

import pytest

from elbroll.core.disguises import disguises

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


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["alone", "with a newline"])
def test_base64_broken_into_lines_is_known_line_by_line(width: int, end: bytes) -> None:
    encoded = base64.b64encode(LONG.encode() + end).decode()
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]

    known = {"", *disguises(LONG, 4)}
    assert all(any(form in line and len(line) - len(form) <= 4 for form in known) for line in lines)


def test_nothing_has_no_disguise() -> None:
    assert "" not in disguises("", 4)
    assert disguises("   \n", 4).isdisjoint({""})
