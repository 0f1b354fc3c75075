"""The JSON documents of `--json`: plan, status, run, error. Unknown is null; fields are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.standing import Standing, results_of
from elbroll.model import RecordState
from elbroll.outputs.parts import Document, Origin, by, dump, error_of, head, record_of, stamp
from elbroll.outputs.phrases import shown_step
from elbroll.outputs.plandoc import differences, plan_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.status import FleetStatus, HostStatus
    from elbroll.errors import ElbrollError
    from elbroll.events import RunFinished
    from elbroll.model import HostResult

__all__ = [
    "Document",
    "Origin",
    "differences",
    "dump",
    "error_document",
    "head",
    "host_document",
    "plan_document",
    "run_document",
    "status_document",
]


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
        "next": [*fleet.unlock, *fleet.next],
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
