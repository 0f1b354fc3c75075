"""What the ledger needs of a store: compare-and-set of one key, and reading them all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.ledger.values import Draft


@dataclass(frozen=True, slots=True)
class Stored:
    """A key's effective value as read. `text` None: nothing effective can be made out, so its holder is unknown."""

    text: str | None
    base: int | str
    """What a write over it names: a version number, an ETag, a counter."""
    version: int
    """Names this value for people."""
    age: float | None = None
    """Seconds since it was written, by the store's clock against the date of the same answer."""


class Verdict(Enum):
    """What became of a write. A fourth outcome, not knowing, is the error StoreDown."""

    WON = "won"
    """The store has shown it to be effective."""
    LOST = "lost"
    """Another write came first: read afresh and decide again."""
    DELETED = "deleted"
    """The key was there and is no more: somebody deleted it by hand (F-13)."""


class Store(Protocol):
    """A place for values. Safe to call from several threads. Nothing is ever deleted.

    Every method may raise StoreDown (no verdict: ask again), StoreError, PermissionDenied, CredentialsError.
    """

    @property
    def limit(self) -> int:
        """Bytes that a value may have."""
        ...

    def ready(self, writes: int) -> None:
        """Return once so many writes can follow each other without a pause: what has to be proven together would
        never be fresh together where each write waits for its turn (Q2, 3.5)."""
        ...

    def read(self, key: str) -> Stored | None:
        """The effective value; None where the key does not exist. May be stale, but never older than what this
        object has read or written before: raises Superseded where a key or its versions vanished (F-13)."""
        ...

    def write(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        """Write if `over` is still what is stored (None: nothing is). After StoreDown it may be repeated with the
        same arguments until there is a verdict; late copies do no harm."""
        ...

    def list(self, prefix: str) -> Mapping[str, Stored]:
        """All keys below a prefix that ends in a slash, to the last page, or an error."""
        ...
