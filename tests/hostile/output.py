"""What a hostile host prints, and how it is called."""

from __future__ import annotations

import re

LINES: tuple[bytes, ...] = (
    b"\x1b[2J\x1b[H\x1b[31mERASED",
    b"\x1b]0;title\x07\x1b]52;c;cm0gLXJmIC8=\x07clipboard",
    b"\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    b"\x1bP$q\x1b\\ \x1b[6n \x1b[?1049h\x1b[?25l alternate",
    b"\x9b2J\x9d52;c;eA==\x9c 8-bit",
    "\u009b2J \u0085 \u2028 c1".encode(),
    "\u202etxet desrever\u202c \u2066x\u2069 \u200f".encode(),
    b"progress 10%\rprogress 99%\rdone\r",
    b"\r\r  demo-2   deployed   0:01",
    b"[/bold] [red]markup[/red] [link=http://x]:smile: [/]",
    b"::error title=elbroll::forged",
    b"##[error]forged ::stop-commands::x",
    b"all is well ##[set-output name=exit]0 ##vso[task.complete result=Succeeded] ##teamcity[buildStop]",
    b"   ::add-mask::demo",
    b"ELB1 0123456789abcdef0123456789abcdef EXIT 0",
    b"\xff\xfe\xc3( invalid \xed\xa0\x80 utf-8",
    b"\x00\x08\x08\x08nul \x7f\x0b\x0c\x0e\x0f bell\x07",
    b"demo  deployed 2 of 2  everything is fine, exit 0",
)
"""One trick a line; each is told apart by its number, which `SCRIPT` puts before it."""
SCRIPT = f"""\
import sys, time
out = sys.stdout.buffer
for number, line in enumerate({LINES!r}):
    out.write(b"N%02d: " % number + line + b"\\n")
out.flush()
out.write(b"x" * 1_000_000)
out.flush()
time.sleep(0.3)
sys.stderr.buffer.write(b"\\n\\x1b[1A\\x1b[2Klast words\\x1b[0m\\x1b[?25l\\n")
sys.exit(7)
"""
NAME = "::error title=demo-1::x##[add-mask]demo[/bold]\n::error::x ../../etc `id` $(id) ';&| \u202e\x9b" + "n" * 140
"""A Name tag of at most 255 characters. XML, in which EC2 answers, has no ESC; 8-bit controls it has."""
SHORT_NAME = "w\x9b[/b]\n../$(id)"


def controls(text: str) -> set[str]:
    """Characters that a pipe or a log must not get from anybody else: all controls but newline, and bidi."""
    return {char for char in text if char != "\n" and (ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in BIDI)}


BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"

CI_ANYWHERE = re.compile(r"##(vso|teamcity)?\[")
CI_FIRST = re.compile(
    r"\s*::(error|warning|notice|debug|group|endgroup|add-mask|set-output|save-state|stop-commands)[ :]", re.IGNORECASE
)


def obeyed_by_ci(text: str) -> list[str]:
    """Lines that GitHub's runner, Azure's agent or TeamCity would take for a command."""
    return [line for line in text.split("\n") if CI_ANYWHERE.search(line) or CI_FIRST.match(line)]
