"""The one function through which untrusted text passes before it is shown (I-21).

Host output, tags, AWS's messages, bodies of answers: whatever somebody else wrote. What a terminal would obey, or
what would turn the direction of text, becomes visible instead: `\\x1b`, `\\u202e`; bytes that are no UTF-8: `\\xff`.
"""

from __future__ import annotations

from itertools import chain

LIMIT = 4096
"""Bytes of a cleaned line, the note about the rest included."""
NOTE_ROOM = 40

_CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))
_SEPARATORS = (0x2028, 0x2029)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SURROGATES = range(0xD800, 0xE000)
_BYTES = range(0xDC80, 0xDD00)
"""How `surrogateescape` shows bytes that could not be decoded."""


def _visible(code: int) -> str:
    if code in _BYTES:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


_TABLE = {code: _visible(code) for code in chain(_CONTROLS, _SEPARATORS, _BIDI, _SURROGATES)}
_LINE_TABLE = {**_TABLE, 0x0A: _visible(0x0A)}


def clean(text: str | bytes, limit: int = LIMIT) -> str:
    """Text of several lines; `\\r\\n` ends a line, a lone CR is shown. Each line is capped at `limit` bytes."""
    lines = _decoded(text).replace("\r\n", "\n").split("\n")
    return "\n".join(clean_line(line, limit) for line in lines)


def clean_line(text: str | bytes, limit: int = LIMIT) -> str:
    """Text that is one line and stays one: a newline inside is shown, one CR at the end is dropped."""
    line = _decoded(text).removesuffix("\r")
    if len(line) <= limit:
        cleaned = line.translate(_LINE_TABLE)
        if len(cleaned) * 4 <= limit or len(cleaned.encode()) <= limit:
            return cleaned
    return _cut(line, limit)


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
