"""A pool's lock as a ledger value and back. What cannot be read is held by somebody unknown (S-9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from elbroll.ledger.values import Fields, Owner, Unreadable, cut, stamp
from elbroll.model import Holder, LockSeen, PoolId, RunId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Final

    from elbroll.ledger.ports import Stored

PREFIX: Final = "/elbroll/v1/lock/"
STALE: Final = 300.0
"""Seconds without a beat after which a lock is called stale. A word in a message: no lock expires."""


class LockState(Enum):
    """Whether a pool may be taken."""

    FREE = "free"
    HELD = "held"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as read. `owner` is None where it was never written or cannot be read."""

    state: LockState
    owner: Owner | None = None
    holder: Holder | None = None
    beat: datetime | None = None
    """The last sign of life by the holder's own clock; only to be compared with `holder.started`."""
    doing: str | None = None
    broken_by: str | None = None
    """Whoever said `unlock`, as long as the holder of before that may not know yet."""

    @property
    def epoch(self) -> int:
        """0 where it was never written or cannot be read."""
        return self.owner.epoch if self.owner else 0


def key(pool: PoolId) -> str:
    """Where a pool's lock is kept."""
    return f"{PREFIX}{pool}"


def held(
    holder: Holder, epoch: int, beat: datetime, doing: str | None, broken_by: str | None = None
) -> Mapping[str, object]:
    """The fields of a taken lock. Flat, since `}}` would end a reference in Parameter Store (L3)."""
    fields = {
        "epoch": epoch,
        "run": holder.run,
        "state": LockState.HELD.value,
        "user": cut(holder.user, 150),
        "machine": cut(holder.machine, 150),
        "pid": holder.pid,
        "command": cut(holder.command, 150),
        "started": stamp(holder.started),
        "beat": stamp(beat),
        "url": cut(holder.url, 600) if holder.url is not None else None,
        "doing": cut(doing, 300) if doing is not None else None,
    }
    return {name: value for name, value in fields.items() if value is not None} | _broken(broken_by)


def freed(owner: Owner, broken_by: str | None = None) -> Mapping[str, object]:
    """The fields of a free lock: who freed it under which epoch, and by whose word if it was broken (S-9)."""
    return {"epoch": owner.epoch, "run": owner.run, "state": LockState.FREE.value, **_broken(broken_by)}


def _broken(by: str | None) -> dict[str, object]:
    return {} if by is None else {"broken_by": cut(by, 300)}


def decode(stored: Stored | None) -> Lock:
    """Never raises: a key that never was is free, what cannot be read is UNKNOWN."""
    if stored is None:
        return Lock(LockState.FREE)
    try:
        return _lock(Fields.of(stored.text))
    except Unreadable:
        return Lock(LockState.UNKNOWN)


def _lock(fields: Fields) -> Lock:
    owner = fields.owner()
    match fields.word("state"):
        case "free":
            return Lock(LockState.FREE, owner, broken_by=fields.text("broken_by"))
        case "held":
            holder = _holder(fields, owner.run)
            beat, doing, broken_by = fields.time("beat"), fields.text("doing"), fields.text("broken_by")
            return Lock(LockState.HELD, owner, holder, beat, doing, broken_by)
        case _:
            raise Unreadable("a state that this version does not know")


def _holder(fields: Fields, run: RunId) -> Holder:
    return Holder(
        run=run,
        user=fields.word("user"),
        machine=fields.word("machine"),
        pid=fields.number("pid"),
        command=fields.word("command"),
        started=fields.time("started"),
        url=fields.text("url"),
    )


def seen(pool: PoolId, stored: Stored) -> LockSeen:
    """What people and the engine see of a lock."""
    lock = decode(stored)
    return LockSeen(
        pool=pool,
        holder=lock.holder,
        epoch=lock.epoch,
        readable=lock.state is not LockState.UNKNOWN,
        age=stored.age,
        doing=lock.doing,
        version=stored.version,
    )
