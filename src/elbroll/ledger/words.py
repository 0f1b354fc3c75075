"""What the ledger says when it says no: errors with who, since when and what to do."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from elbroll.errors import Locked, Superseded
from elbroll.ledger import locks

if TYPE_CHECKING:
    from datetime import timedelta

    from elbroll.ledger.ports import Stored
    from elbroll.model import Holder, PoolId, RunId

GITHUB_RUN = re.compile(r"https?://[^/]+/([^/]+/[^/]+)/actions/runs/(\d+)")


def pool_name(pool: PoolId) -> str:
    """The balancer's or target group's own name."""
    parts = pool.split("/")
    return parts[1] if len(parts) > 1 else pool


def locked(pool: PoolId, stored: Stored) -> Locked:
    """Another run holds the pool, or nobody can tell who does (F-7, F-8, F-11)."""
    lock, name = locks.decode(stored), pool_name(pool)
    word = locks.seen(pool, stored).called
    unlock = f"elbroll unlock {shlex.quote(name)} {word}"
    if lock.holder is None or lock.beat is None:
        return Locked(
            f"{name} is locked by somebody unknown",
            why=(f"its lock (version {stored.version}) cannot be read: garbage, or of a newer elbroll",),
            fix=(f"{unlock} if you know that no run is at work",),
        )
    return Locked(
        f"{name} is locked by run {word}",
        why=(f"{_who(lock.holder)}, {_times(lock.beat - lock.holder.started, stored.age)}{_work(lock.doing)}",),
        fix=(f"--lock-wait 15m; {unlock} if it is truly dead",),
    )


def _who(holder: Holder) -> str:
    run = GITHUB_RUN.fullmatch(holder.url) if holder.url else None
    where = f"{run[1]}#{run[2]}" if run else holder.url or holder.machine
    return f"{holder.user} ({where})"


def _times(beating: timedelta, age: float | None) -> str:
    """The holder's own clock up to its last beat, the store's clock from there on: never two clocks compared."""
    since = f"since {span(beating.total_seconds() + (age or 0.0))}"
    if age is None:
        return since
    return f"{since}, stale: last alive {span(age)} ago" if age >= locks.STALE else f"{since}, alive {span(age)} ago"


def _work(doing: str | None) -> str:
    return f", working on {doing}" if doing else ""


def span(seconds: float) -> str:
    """`4s`, `3m`, `2h 5m`, `3d 1h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def lock_lost(pool: PoolId, run: RunId, stored: Stored | None) -> Superseded:
    """The lock that we took carries somebody else's epoch, or is free (F-10)."""
    lock, name = locks.decode(stored), pool_name(pool)
    match lock.state:
        case locks.LockState.HELD if lock.owner is not None:
            by = f"run {lock.owner.run} holds it now"
        case locks.LockState.UNKNOWN:
            by = "its lock cannot be read any more"
        case _:
            by = "its lock was freed by hand"
    return _superseded(f"run {run} no longer holds {name}", by, f"elbroll status --lb {shlex.quote(name)}")


def record_lost(what: str, run: RunId, by: RunId | None) -> Superseded:
    """A record that we work on was written by somebody else."""
    why = f"run {by} has written it" if by else "what stands there now cannot be read"
    return _superseded(f"the record of {what} is no longer in the hands of run {run}", why, "elbroll status")


def deleted(key: str) -> Superseded:
    """A key that was there is gone, or began anew: elbroll deletes nothing, so a person did (F-13)."""
    why = "elbroll never deletes a key, and does not create it anew in passing"
    return _superseded(f"{key} was deleted from the ledger by hand", why, "elbroll status")


def _superseded(what: str, why: str, fix: str) -> Superseded:
    return Superseded(what, why=(why,), now="no further step is taken", fix=(fix,))
