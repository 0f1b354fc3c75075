"""What a host, a proxy or a file says, made fit to stand in a message (H28): harmless lines."""

from __future__ import annotations

import unicodedata

MOST = 4096
"""Characters of foreign text that a message may carry (T-3)."""


def cleaned(said: str | bytes, most: int = MOST) -> tuple[str, ...]:
    """The lines of a foreign text without blank ones, what a terminal would act on shown as escapes."""
    text = said.decode("utf-8", "backslashreplace") if isinstance(said, bytes) else said
    lines = (visible(line).strip() for line in text[:most].splitlines())
    return tuple(line for line in lines if line)


def visible(text: str) -> str:
    """The text with control, bidi and other invisible characters written out, `\\x1b` for ESC."""
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _harmless(char: str) -> bool:
    return char == " " or unicodedata.category(char)[0] not in "CZ"
