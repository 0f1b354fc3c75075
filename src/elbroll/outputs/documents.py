"""The JSON documents of `--json`: status, run, error, and what plans share. Unknown is null; fields only grow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from elbroll import __version__
from elbroll.core.standing import Standing, results_of
from elbroll.model import BalancerKind, RecordState, Registration
from elbroll.outputs.phrases import shown_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from elbroll.core.status import FleetStatus, HostStatus
    from elbroll.errors import ElbrollError
    from elbroll.events import RunFinished
    from elbroll.model import Failure, Holder, HostRecord, HostResult, Pool, PoolId

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """What every document names; account and region are None until they are known."""

    time: datetime
    account: str | None = None
    region: str | None = None


def dump(document: Mapping[str, Any]) -> str:
    """One line of pure ASCII without control characters, whatever is in the values (I-21)."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


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
    }


# --- status ------------------------------------------------------------------------------------------


def status_document(fleets: Iterable[FleetStatus], origin: Origin) -> Document:
    """`elbroll.status.v1`."""
    return {**head("elbroll.status.v1", origin), "fleets": [_fleet(each) for each in fleets]}


def _fleet(fleet: FleetStatus) -> Document:
    last, lock = fleet.last_run, fleet.lock
    return {
        "lb": fleet.lb,
        "total": fleet.total,
        "in_service": fleet.in_service,
        "floor": fleet.floor,
        "lock": None if lock is None else {"by": by(lock.holder), "age_seconds": lock.age, "doing": lock.doing},
        "hosts": [_host_status(each) for each in fleet.hosts],
        "last_run": None if last is None else {"run": last.run, "result": last.result, "exit": last.exit_code},
        "next": list(fleet.next),
    }


def _host_status(status: HostStatus) -> Document:
    return {
        "host": status.host.name,
        "instance": status.host.id,
        "zone": status.host.zone,
        "in_service": status.in_service,
        "attention": status.attention,
        "release": status.release,
        "pools": [
            {"pool": each.pool, "port": each.port, "state": each.state.value, "reason": each.reason}
            for each in status.pools
        ],
        "record": record_of(status.record),
    }


# --- run ---------------------------------------------------------------------------------------------


def run_document(standing: Standing, end: RunFinished, origin: Origin) -> Document:
    """`elbroll.run.v1`: what `deploy`, `exec`, `drain`, `restore` and `runs show` print."""
    started, count = standing.started, standing.count
    return {
        **head("elbroll.run.v1", origin),
        "run": standing.run,
        "command": started.command if started else None,
        "lb": standing.lb,
        "release": started.release if started else None,
        "result": end.result.value,
        "exit": end.exit_code,
        "seconds": round(end.seconds, 1),
        "started": stamp(standing.started_at),
        "by": by(started.holder) if started else None,
        "total": count.total if count else None,
        "in_service": count.in_service if count else None,
        "floor": count.floor if count else None,
        "hosts": [host_document(standing, result) for result in results_of(standing).values()],
        "error": error_of(end.failure),
        "next": [command for command, _ in end.next_commands],
    }


def host_document(standing: Standing, result: HostResult) -> Document:
    """One host's place at the end of a run."""
    known = standing.hosts.get(result.host)
    return {
        "host": known.name if known else result.host,
        "instance": result.host,
        "outcome": result.outcome.value,
        "in_service": result.in_service,
        "release_before": result.release_before,
        "release_after": result.release_after,
        "record": None if result.record in {None, RecordState.IN_SERVICE} else result.record,
        "seconds": round(result.seconds, 1),
        "steps": [
            {"step": shown_step(each.step), "result": each.result.value, "seconds": round(each.seconds, 1)}
            for each in result.steps
        ],
        "error": error_of(result.failure),
    }


def by(holder: Holder | None) -> Document | None:
    """Who runs or ran; None: somebody unknown."""
    return None if holder is None else {"run": holder.run, "user": holder.user, "url": holder.url}


def error_of(failure: Failure | None) -> Document | None:
    """A failure without its output, which stays in the logs."""
    return None if failure is None else {"code": failure.code, "message": failure.message, "why": list(failure.why)}


# --- error -------------------------------------------------------------------------------------------


def error_document(error: ElbrollError, origin: Origin) -> Document:
    """`elbroll.error.v1`: why a command ended without a result."""
    told = {
        "code": error.code,
        "message": error.message,
        "why": list(error.why),
        "now": error.now,
        "fix": list(error.fix),
    }
    return {**head("elbroll.error.v1", origin), "exit": int(error.exit_code), "error": told}
