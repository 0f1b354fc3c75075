"""All that a secret may look like when somebody prints it: quoted, escaped, encoded, line by line. Pure (I-20)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from elbroll.core.quoting import for_addresses, for_pages, for_programs, for_shells

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SHORTEST = 4
"""Characters; a shorter secret is not looked for: names and commands would turn into stars with it (T-32)."""
CORE = 8
"""Characters of base64 from which on a piece of a longer text is told apart from chance."""
WIDTHS = (64, 76)
"""Where programs break base64 into lines: PEM, and `base64` and MIME."""

_WRITERS = (for_shells, for_programs, for_pages, for_addresses)
_ENCODERS = (base64.standard_b64encode, base64.urlsafe_b64encode)


def disguises(secret: str, shortest_line: int) -> frozenset[str]:
    """Every form of a secret, and of its lines that have at least so many characters; no form is empty."""
    lines = (line.rstrip("\r") for line in secret.split("\n"))
    texts = {*_wholes(secret), *(line for line in lines if len(line) >= shortest_line)}
    forms = {form for text in texts for form in _forms(text)}
    forms.update(line for whole in _wholes(secret) for line in _broken(_raw(whole)))
    unquoted = " ".join(secret.split())  # as a shell hands it to `echo`
    return frozenset(forms | set(map(_shown, forms)) | {unquoted}) - {""}


def whole_lines(secret: str) -> frozenset[str]:
    """What tells something of a secret only as a line of its own: the short last line of base64 that was broken.

    Too short to be looked for anywhere, four characters that a program might well say. `base64` is often fed by
    `echo`, so a newline may belong to what was encoded.
    """
    raws = [_raw(whole) + end for whole in _wholes(secret) if whole for end in (b"", b"\n")]
    encoded = [encode(raw).decode() for encode in _ENCODERS for raw in raws]
    return frozenset(text[(len(text) - 1) // width * width :] for text in encoded for width in WIDTHS)


def finder(forms: Collection[str], lines: Collection[str]) -> re.Pattern[str] | None:
    """Finds the longest form at each place, and whole lines; None where there is nothing to find."""
    anywhere = [re.escape(form) for form in sorted(forms, reverse=True)]  # none comes before one that begins with it
    alone = [rf"(?m:^[ \t]*{re.escape(line)}[ \t\r]*$)" for line in sorted(lines)]
    return re.compile("|".join([*anywhere, *alone])) if anywhere or alone else None


def _wholes(secret: str) -> tuple[str, ...]:
    """The secret, and what is left of it without the blanks around it: files end in a newline that programs drop."""
    trimmed = secret.strip()
    return (secret, trimmed) if len(trimmed) >= SHORTEST else (secret,)


def _forms(text: str) -> Iterator[str]:
    yield from (text, text.strip())
    yield from (form for write in _WRITERS for form in write(text))
    yield from (_raw(text).hex(), _raw(text).hex().upper())
    yield from _base64(_raw(text))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _shown(form: str) -> str:
    """As the output of a host is decoded: what is no UTF-8 is counted out."""
    return _raw(form).decode("utf-8", "backslashreplace")


def _base64(secret: bytes) -> Iterator[str]:
    """Alone, or at any place inside something longer that was encoded as a whole."""
    for encode in _ENCODERS:
        alone = encode(secret).decode()
        yield from (alone, alone.rstrip("="), encode(secret + b"\n").decode())
        for before in range(3):
            first, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6  # characters made of the secret alone
            core = encode(b"\0" * before + secret).decode()[first:end]
            if len(core) >= CORE:
                yield core


def _broken(secret: bytes) -> Iterator[str]:
    """The lines of a secret that was encoded by itself, whatever follows it in the last one."""
    for encode in _ENCODERS:
        own = encode(secret).decode()[: len(secret) * 8 // 6]
        for width in WIDTHS:
            pieces = (own[start : start + width] for start in range(0, len(own), width))
            yield from (piece for piece in pieces if len(piece) >= CORE)
