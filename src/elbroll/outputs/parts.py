"""What the JSON documents and events share: the head, registrations, records, who and why. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from elbroll import __version__
from elbroll.model import BalancerKind, Registration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from elbroll.model import Failure, Holder, HostRecord, Pool, PoolId

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """What every document names; account and region are None until they are known."""

    time: datetime
    account: str | None = None
    region: str | None = None


def dump(document: Mapping[str, Any]) -> str:
    """One line of pure ASCII without control characters, whatever is in the values (I-21).

    Nor with `##`: GitHub looks for `##[x]` anywhere in a line, inside of a document too.
    """
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f").replace("##", "#\\u0023")


def stamp(time: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def head(schema: str, origin: Origin) -> Document:
    """The fields that every document begins with."""
    return {
        "schema": schema,
        "elbroll": __version__,
        "time": stamp(origin.time),
        "account": origin.account,
        "region": origin.region,
    }


def registrations(entries: Iterable[Registration], pools: Mapping[PoolId, Pool]) -> list[Document]:
    """Registrations in a fixed order; a pool that is not known is named by its id."""
    return [_registration(entry, pools.get(entry.pool)) for entry in sorted(entries, key=_order)]


def _order(entry: Registration) -> tuple[str, str, int]:
    return (entry.pool, entry.id, entry.port or 0)


def _registration(entry: Registration, pool: Pool | None) -> Document:
    classic = entry.pool.startswith("clb/") if pool is None else pool.kind is BalancerKind.CLASSIC
    return {
        "pool": pool.name if pool else entry.pool,
        "kind": "classic" if classic else "target-group",
        "id": entry.id,
        "port": entry.port,
        "zone": entry.zone,
    }


def record_of(record: HostRecord | None) -> Document | None:
    """An open record, for people and scripts."""
    if record is None:
        return None
    return {
        "state": record.state.value,
        "run": record.run,
        "since": stamp(record.since),
        "reason": record.reason or (f"{record.step} failed" if record.step else None),
        "until": stamp(record.until),
        "standby": record.standby_group,
    }


def by(holder: Holder | None) -> Document | None:
    """Who runs or ran; None: somebody unknown."""
    return None if holder is None else {"run": holder.run, "user": holder.user, "url": holder.url}


def error_of(failure: Failure | None) -> Document | None:
    """A failure without its output, which stays in the logs."""
    return None if failure is None else {"code": failure.code, "message": failure.message, "why": list(failure.why)}
