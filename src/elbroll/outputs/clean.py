"""The one function through which untrusted text passes before it is shown (I-21).

Host output, tags, AWS's messages, bodies of answers: whatever somebody else wrote. What a terminal would obey, or
what would turn the direction of text or cannot be seen at all, becomes visible instead: `\\x1b`, `\\u202e`; bytes that
are no UTF-8: `\\xff`. What a CI service would obey is broken by the same means: `\\x23#[error]`, `\\x3a:error::`.
"""

from __future__ import annotations

import re
from itertools import chain

LIMIT = 4096
"""Bytes of a cleaned line, the note about the rest included."""
NOTE_ROOM = 40

_CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))
_SEPARATORS = (0x2028, 0x2029)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = (0xAD, 0x115F, 0x1160, 0x180E, 0x200B, *range(0x2060, 0x2065), *range(0x206A, 0x2070), 0x3164)
_UNSEEN_TOO = (0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))
"""Two names that differ in these look the same. Joiners stay: scripts and emoji need them."""
_SURROGATES = range(0xD800, 0xE000)
_BYTES = range(0xDC80, 0xDD00)
"""How `surrogateescape` shows bytes that could not be decoded."""


def _visible(code: int) -> str:
    if code in _BYTES:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_TABLE = {code: _visible(code) for code in chain(_CONTROLS, _SEPARATORS, _BIDI, _UNSEEN, _UNSEEN_TOO, _SURROGATES)}
_LINE_TABLE = {**_TABLE, 0x0A: _visible(0x0A)}
COMMAND = re.compile(r"#(?=#[A-Za-z]*\[)|(?<!\S):(?=:[A-Za-z-]*[G-Zg-z-])")
"""What begins a command of a CI service. GitHub obeys `##[x]` anywhere in a line, as Azure obeys `##vso[x]` and
TeamCity `##teamcity[x]`; `::x::` at the start of one, after any blanks. An address of IPv6 is none."""


def clean(text: str | bytes, limit: int = LIMIT) -> str:
    """Text of several lines; `\\r\\n` ends a line, a lone CR is shown. Each line is capped at `limit` bytes."""
    lines = _decoded(text).replace("\r\n", "\n").split("\n")
    return "\n".join(clean_line(line, limit) for line in lines)


def clean_line(text: str | bytes, limit: int = LIMIT) -> str:
    """Text that is one line and stays one: a newline inside is shown, one CR at the end is dropped."""
    line = inert(_decoded(text).removesuffix("\r"))
    if len(line) <= limit:
        cleaned = line.translate(_LINE_TABLE)
        if len(cleaned) * 4 <= limit or len(cleaned.encode()) <= limit:
            return cleaned
    return _cut(line, limit)


def inert(line: str) -> str:
    """The text without anything that a CI service would take for a command."""
    return COMMAND.sub(lambda found: _visible(ord(found[0])), line) if "##" in line or "::" in line else line


def _decoded(text: str | bytes) -> str:
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def _cut(line: str, limit: int) -> str:
    pieces: list[str] = []
    room = limit - NOTE_ROOM
    for char in line[:limit]:
        piece = char.translate(_LINE_TABLE)
        room -= len(piece.encode())
        if room < 0:
            break
        pieces.append(piece)
    return f"{''.join(pieces)} ... {len(line) - len(pieces)} more characters"
