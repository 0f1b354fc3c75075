"""A host's record as a ledger value and back. Whatever is stored reads as a record or as UNREADABLE."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from elbroll.errors import RecordTooBig
from elbroll.ledger.values import Draft, Fields, Owner, Unreadable, cut, stamp
from elbroll.model import (
    HostId,
    HostRecord,
    PoolId,
    RecordState,
    Registration,
    Removed,
    RunId,
    Why,
)
from elbroll.model.ids import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

PREFIX: Final = "/elbroll/v1/host/"
GROWTH: Final = 420
"""Bytes that a record may still need on its way after `held`: the release label, the failed step, its code."""
PLAIN: Final = re.compile(r"[!-~]{1,300}")
"""What AWS names pools, targets and zones by."""
LAST_PORT: Final = 65535
LONGEST_BASE: Final = "0" * 20
TEXTS: Final = (("name", 150), ("lb", 100), ("reason", 300), ("step", 40), ("error", 160))
"""Texts of people and hosts, and the bytes that each may take."""
MARKS: Final = ("unresolvable", "alone")
"""What may be true of an entry; left out where it is not."""


def key(host: HostId) -> str:
    """Where a host's record is kept."""
    return f"{PREFIX}{host}"


# --- writing -----------------------------------------------------------------------------------------


def encode(record: HostRecord, owner: Owner) -> Mapping[str, object]:
    """The fields of a record, empty ones left out. `by` is the record's run, `run` is who writes it down."""
    fields: dict[str, object | None] = {
        "epoch": owner.epoch,
        "run": owner.run,
        "host": record.host,
        "state": record.state,
        "why": record.why,
        "by": record.run,
        "since": stamp(record.since),
        "until": stamp(record.until) if record.until else None,
        "before": record.release_before,
        "after": record.release_after,
        "attempt": record.attempt if record.attempt != 1 else None,
        "standby": record.standby_group,
        "out": [_removed(item, record) for item in _sorted(record.registrations)],
        "was": [_registration(item, record.host) for item in sorted(record.was, key=repr)],
    }
    texts = {name: cut(text, size) for name, size in TEXTS if (text := getattr(record, name)) is not None}
    return {name: value for name, value in {**fields, **texts}.items() if value is not None and value != []}


def _sorted(items: Iterable[Removed]) -> list[Removed]:
    return sorted(items, key=lambda item: (repr(item.registration), item.run))


def _removed(item: Removed, record: HostRecord) -> dict[str, object]:
    """The run is left out where it is the record's own, which it nearly always is."""
    run = {} if item.run == record.run else {"run": item.run}
    marks = {name: True for name in MARKS if getattr(item, name)}
    return _registration(item.registration, record.host) | run | marks


def _registration(item: Registration, host: HostId) -> dict[str, object]:
    """The id is left out where it is the host's own."""
    entry = {
        "pool": item.pool,
        "id": None if item.id == host else item.id,
        "port": item.port,
        "zone": item.zone,
        "quic": item.quic_server_id,
    }
    return {name: value for name, value in entry.items() if value is not None}


def check_size(record: HostRecord, owner: Owner, limit: int) -> None:
    """Raises RecordTooBig. A host is only taken out if its record has room for the whole walk (F-28)."""
    size = len(Draft(encode(record, owner), "0" * 16).over(LONGEST_BASE))
    needed = size + (GROWTH if record.state is RecordState.HELD else 0)
    if needed > limit:
        raise RecordTooBig(
            f"the record of {record.host} needs {needed} bytes; this ledger store takes {limit}",
            why=(f"the host has {len(record.registrations) or len(record.was)} registrations",),
            fix=('store = "s3://bucket/prefix" in [ledger] of elbroll.toml: S3 takes larger records',),
        )


# --- reading -----------------------------------------------------------------------------------------


def decode(host: HostId, text: str | None) -> HostRecord:
    """The record in a stored text; UNREADABLE where there is none that we understand. Never raises."""
    try:
        return _record(host, Fields.of(text))
    except Unreadable as error:
        return _unreadable(host, str(error))


def owner_of(text: str | None) -> Owner | None:
    """Who wrote a value; None where that cannot be read."""
    try:
        return Fields.of(text).owner()
    except Unreadable:
        return None


def _record(host: HostId, fields: Fields) -> HostRecord:
    fields.owner()  # a writer whom nobody can make out is somebody unknown
    if fields.word("host") != host:
        raise Unreadable("it names another host")
    run = fields.run("by")
    return HostRecord(
        host=host,
        state=_state(fields.word("state")),
        why=_why(fields.word("why")),
        run=run,
        since=fields.time("since"),
        registrations=frozenset(_read_removed(item, host, run) for item in fields.items("out")),
        name=fields.text("name"),
        lb=fields.text("lb"),
        reason=fields.text("reason"),
        until=fields.maybe_time("until"),
        release_before=fields.shaped("before", LABEL),
        release_after=fields.shaped("after", LABEL),
        attempt=_attempt(fields),
        step=fields.text("step"),
        error=fields.text("error"),
        was=frozenset(_read_registration(item, host) for item in fields.items("was")),
        standby_group=fields.text("standby"),
    )


def _state(word: str) -> RecordState:
    if word == RecordState.UNREADABLE or word not in set(RecordState):
        raise Unreadable("a state that this version does not know")
    return RecordState(word)


def _why(word: str) -> Why:
    if word not in set(Why):
        raise Unreadable("a reason that this version does not know")
    return Why(word)


def _attempt(fields: Fields) -> int:
    attempt = fields.maybe_number("attempt")
    return 1 if attempt is None else attempt


def _read_removed(fields: Fields, host: HostId, run: RunId) -> Removed:
    own = run if fields.text("run") is None else fields.run("run")
    return Removed(_read_registration(fields, host), own, *map(fields.flag, MARKS))


def _read_registration(fields: Fields, host: HostId) -> Registration:
    own, pool, port = fields.shaped("id", PLAIN), fields.shaped("pool", PLAIN), fields.maybe_number("port")
    if pool is None:
        raise Unreadable("an entry without its pool")
    if port is None and pool.startswith("tg/"):
        raise Unreadable("a target without its port")  # AWS would take the group's own instead (I-3)
    if port is not None and port > LAST_PORT:
        raise Unreadable("a port that is none")
    return Registration(
        pool=PoolId(pool),
        id=host if own is None else own,
        port=port,
        zone=fields.shaped("zone", PLAIN),
        quic_server_id=fields.shaped("quic", PLAIN),
    )


def _unreadable(host: HostId, error: str) -> HostRecord:
    """Nothing in it is true but the host and that somebody wrote it."""
    return HostRecord(
        host=host,
        state=RecordState.UNREADABLE,
        why=Why.ROLL,
        run=RunId("unknown"),
        since=datetime(1970, 1, 1, tzinfo=UTC),
        registrations=frozenset(),
        error=error,
    )
