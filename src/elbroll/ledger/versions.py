"""Which value of a versioned parameter counts (safety.md 2.5). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.ledger.values import base_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Version:
    """One accepted write of a parameter. `age` in seconds by the store's clock, where it is known."""

    number: int
    text: str
    age: float | None = None


def effective(history: Iterable[Version]) -> Version | None:
    """The newest value that was written over the version right below it; all above it are void.

    None where no kept version counts, or one on the way cannot be judged or is missing: nobody may write over
    that, because its holder is unknown. Voids are written by runs that had read too early; they change nothing.
    """
    kept = {version.number: version for version in history}
    number = max(kept, default=0)
    while number in kept:
        base = base_of(kept[number].text)
        if base is None:
            return None
        if base == number - 1:
            return kept[number]
        number -= 1
    return None
