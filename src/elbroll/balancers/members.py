"""What both kinds of pool can do: tell their members' health, take members in, let members go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from elbroll.errors import ElbrollError
from elbroll.model import TargetState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from elbroll.model import Pool, Registration, TargetSeen


class Members(Protocol):
    """One kind of pool, as AWS tells it: no waiting, no caching, one call each. All raise what `aws.door` raises."""

    def listed(self, pool: Pool) -> tuple[TargetSeen, ...]:
        """Everybody whom the pool lists: registered and (mostly) draining ones; those gone are missing (T2)."""
        ...

    def asked(self, pool: Pool, registrations: Sequence[Registration]) -> tuple[TargetSeen, ...]:
        """These, asked for by exact id and port, so that one that is gone has a row that says so."""
        ...

    def add(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Register exactly these."""
        ...

    def remove(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """Deregister exactly these; a stranger may be refused or accepted, which says nothing (T6)."""
        ...


def same_entry(registration: Registration) -> tuple[str, int | None]:
    """What AWS tells two entries of a pool apart by."""
    return (registration.id, registration.port)


def one_each(rows: Iterable[TargetSeen]) -> tuple[TargetSeen, ...]:
    """One row an entry; one of which AWS says two things at once is neither capacity nor gone (F-26)."""
    found: dict[tuple[str, int | None], TargetSeen] = {}
    for row in rows:
        before = found.setdefault(same_entry(row.registration), row)
        if before.state not in {row.state, TargetState.UNKNOWN}:
            said = f"AWS says both {before.state} and {row.state}"
            found[same_entry(row.registration)] = replace(before, state=TargetState.UNKNOWN, reason=None, said=said)
    return tuple(found.values())


def must_be_of(pool: Pool, registrations: Collection[Registration]) -> None:
    """A bug if one is of another pool: it would be registered where it never was (I-3)."""
    strangers = [entry for entry in registrations if entry.pool != pool.id]
    if strangers:
        raise ElbrollError(f"{strangers[0].id} of {strangers[0].pool} was about to be sent to {pool.id}")
