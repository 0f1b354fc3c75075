"""Secrets in what a host says, made unreadable before anybody hears it (I-20, T-32)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.disguises import SHORTEST, disguises, finder, whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.model import Secret

STARS = "***"


class Masker:
    """Replaces secrets by stars: plain or disguised, each line of several too."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        values = [value for secret in secrets if len(value := secret.reveal()) >= SHORTEST]
        forms = {form for value in values for form in disguises(value, SHORTEST) if len(form) >= SHORTEST}
        self.longest = max((len(form.encode("utf-8", "surrogateescape")) for form in forms), default=0)
        """Bytes of the longest form: a line may be cut only where no form can straddle the cut."""
        self._pattern = finder(forms, {line for value in values for line in whole_lines(value)})

    def __call__(self, text: str) -> str:
        """The text with every secret in it as stars."""
        return self._pattern.sub(STARS, text) if self._pattern else text
