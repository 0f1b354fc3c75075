"""All that a secret may look like when somebody prints it: quoted, escaped, encoded, line by line. Pure (I-20)."""

from __future__ import annotations

import base64
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SHORTEST = 4
"""Characters; a shorter secret is not looked for: names and commands would turn into stars with it (T-32)."""
CORE = 8
"""Characters of base64 from which on a piece of a longer text is told apart from chance."""
WIDTHS = (64, 76)
"""Where programs break base64 into lines: PEM, and `base64` and MIME."""

_ENCODERS = (base64.standard_b64encode, base64.urlsafe_b64encode)


def disguises(secret: str, shortest_line: int) -> frozenset[str]:
    """Every form of a secret, and of its lines that have at least so many characters; no form is empty."""
    lines = (line.rstrip("\r") for line in secret.split("\n"))
    texts = {secret, *(line for line in lines if len(line) >= shortest_line)}
    forms = {form for text in texts for form in _forms(text)}
    return frozenset(forms.union(_broken(secret.encode("utf-8", "surrogateescape"))) - {""})


def whole_lines(secret: str) -> frozenset[str]:
    """What tells something of a secret only as a line of its own: the short last line of base64 that was broken.

    Too short to be looked for anywhere, four characters that a program might well say. `base64` is often fed by
    `echo`, so a newline may belong to what was encoded.
    """
    raw = secret.encode("utf-8", "surrogateescape")
    encoded = [encode(raw + end).decode() for encode in _ENCODERS for end in (b"", b"\n")]
    last = {text[(len(text) - 1) // width * width :] for text in encoded for width in WIDTHS}
    return frozenset(last - {""}) if raw else frozenset()


def finder(forms: Collection[str], lines: Collection[str]) -> re.Pattern[str] | None:
    """Finds the longest form at each place, and whole lines; None where there is nothing to find."""
    anywhere = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
    alone = [rf"(?m:^[ \t]*{re.escape(line)}[ \t\r]*$)" for line in sorted(lines)]
    return re.compile("|".join([*anywhere, *alone])) if anywhere or alone else None


def _forms(text: str) -> Iterator[str]:
    yield from (text, text.strip())
    yield from _for_shells(text)
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
    yield from _for_addresses(text)
    yield from _base64(text.encode("utf-8", "surrogateescape"))


def _for_shells(text: str) -> Iterator[str]:
    """As people quote it, and as `set -x`, `export -p`, `set` and `printf %q` of several shells print it."""
    yield shlex.quote(text)
    yield text.replace("'", "'\"'\"'")
    yield text.replace("'", "'\\''")
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)
    yield re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", text)
    yield re.sub(r'([\\"$`])', r"\\\1", text)
    yield re.sub(r"([\\'])", r"\\\1", text).replace("\n", "\\n").replace("\t", "\\t")


def _for_addresses(text: str) -> Iterator[str]:
    percent = (quote(text, "", errors="replace"), quote(text, errors="replace"), quote_plus(text, errors="replace"))
    for form in percent:
        yield form
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form)


def _base64(secret: bytes) -> Iterator[str]:
    """Alone, or at any place inside something longer that was encoded as a whole."""
    for encode in _ENCODERS:
        alone = encode(secret).decode()
        yield from (alone, alone.rstrip("="), encode(secret + b"\n").decode())
        for before in range(3):
            first, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6  # characters made of the secret alone
            core = encode(b"\0" * before + secret).decode()[first:end]
            yield core if len(core) >= CORE else ""


def _broken(secret: bytes) -> Iterator[str]:
    """The lines of a secret that was encoded by itself, whatever follows it in the last one."""
    for encode in _ENCODERS:
        own = encode(secret).decode()[: len(secret) * 8 // 6]
        for width in WIDTHS:
            pieces = (own[start : start + width] for start in range(0, len(own), width))
            yield from (piece for piece in pieces if len(piece) >= CORE)
