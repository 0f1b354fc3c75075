"""Secrets in what a host says, made unreadable before anybody hears it (I-20, T-32)."""

from __future__ import annotations

import base64
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elbroll.model import Secret

SHORTEST = 4
"""Characters; shorter secrets would turn ordinary text into stars."""
STARS = "***"


class Masker:
    """Replaces secrets by stars: plain, each line of several, base64, percent- and shell-quoted."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret.reveal()) if len(form) >= SHORTEST}
        self.longest = max((len(form.encode("utf-8", "surrogateescape")) for form in forms), default=0)
        """Bytes of the longest form: a line may be cut only where no form can straddle the cut."""
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """The text with every secret in it as stars."""
        return self._pattern.sub(STARS, text) if self._pattern else text


def _forms(secret: str) -> Iterator[str]:
    if len(secret) < SHORTEST:
        return
    for plain in {secret, *secret.split("\n")}:
        if len(plain) >= SHORTEST:
            yield plain
            yield from (quote(plain, safe="", errors="replace"), quote(plain, errors="replace"))
            yield quote_plus(plain, errors="replace")
            yield from (shlex.quote(plain), plain.replace("'", "'\\''"), _backslashed(plain))
            yield from _encoded(plain.encode("utf-8", "surrogateescape"))


def _backslashed(text: str) -> str:
    """As `printf %q` writes it."""
    return re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", text)


def _encoded(secret: bytes) -> Iterator[str]:
    """Base64 as a whole, and what of it is the same wherever the secret stands in a longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(secret).decode()
        for shift in range(3):
            text = encode(b"\0" * shift + secret).decode().rstrip("=")
            core = text[-(-shift * 8 // 6) : len(text) - (1 if (shift + len(secret)) % 3 else 0)]
            if len(core) >= 2 * SHORTEST:
                yield core
