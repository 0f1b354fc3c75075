"""A plan as a JSON document: printed by `--json`, saved by `--out`, and compared again by `deploy --plan`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from elbroll.outputs.parts import Document, Origin, head, record_of, registrations
from elbroll.outputs.phrases import shown_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elbroll.core.planned import PlannedGroup, PlannedHost, RolloutPlan
    from elbroll.model import Pool, PoolId

SKIPPED = "skipped"
"""In the place of a batch number: a skipped host has nothing else to compare."""
ASIDE = frozenset({"time", "elbroll", "estimate_seconds", "warnings", "groups", "fingerprint"})
"""What a saved plan does not promise: when it was made, what it says for people, and sizes that groups change."""


def plan_document(plan: RolloutPlan, origin: Origin, config: str | None = None) -> Document:
    """`elbroll.plan.v1`. `config` is the hash of the settings in force; it is part of the fingerprint."""
    pools = {planned.pool.id: planned.pool for planned in plan.pools}
    numbers = sorted({each.batch for each in plan.hosts})
    document = {
        **head("elbroll.plan.v1", origin),
        "lb": plan.lb,
        "release": plan.release,
        "total": plan.total,
        "in_service": plan.in_service,
        "floor": plan.floor,
        "max_unavailable": plan.max_unavailable,
        "estimate_seconds": round(plan.estimate),
        "config": config,
        "batches": [
            {"number": number, "hosts": [_planned(each, pools) for each in plan.hosts if each.batch == number]}
            for number in numbers
        ],
        "skipped": [
            {"host": each.host.name, "instance": each.host.id, "reason": each.reason.value, "out": each.out}
            for each in plan.skipped
        ],
        "refusals": [
            {"code": each.code, "message": each.message, "why": list(each.why), "fix": list(each.fix)}
            for each in plan.refusals
        ],
        "warnings": list(plan.warnings),
        "groups": [_group(each) for each in plan.groups],
    }
    return {**document, "fingerprint": _fingerprint(document)}


def _planned(planned: PlannedHost, pools: Mapping[PoolId, Pool]) -> Document:
    return {
        "host": planned.host.name,
        "instance": planned.host.id,
        "zone": planned.host.zone,
        "state": planned.state.value,
        "record": record_of(planned.record),
        "begin": shown_step(planned.begin),
        "release_before": planned.release_before,
        "release_after": planned.release_after,
        "estimate_seconds": round(planned.estimate),
        "registrations": registrations(planned.registrations, pools),
    }


def _group(planned: PlannedGroup) -> Document:
    return {
        "group": planned.group.name,
        "mode": planned.mode,
        "hosts": planned.hosts,
        "min_size": planned.group.min_size,
        "desired": planned.group.desired,
        "max_size": planned.group.max_size,
        "health_check": planned.group.health_check,
    }


def _fingerprint(document: Document) -> str:
    promised = json.dumps(_promised(document), sort_keys=True).encode()
    return f"sha256:{hashlib.sha256(promised).hexdigest()}"


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, names) for key, item in value.items() if key not in names}
    return [_without(item, names) for item in value] if isinstance(value, list) else value


def _promised(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _promised(item) for key, item in value.items() if key not in ASIDE}
    return [_promised(item) for item in value] if isinstance(value, list) else value


# --- a saved plan ------------------------------------------------------------------------------------


def differences(saved: Document, fresh: Document) -> tuple[str, ...]:
    """How things differ from what a saved plan promised, one sentence each; empty if it still holds.

    The saved document is a file's content and may be anything.
    """
    if saved.get("fingerprint") == fresh["fingerprint"] == _fingerprint(saved):
        return ()
    found = [*_fields(saved, fresh), *_hosts(_by_instance(saved), _by_instance(fresh))]
    return tuple(found) or ("the saved plan was changed after it was made",)


def _fields(saved: Document, fresh: Document) -> Iterator[str]:
    for name in ("account", "region", "lb", "release", "floor", "max_unavailable", "total", "config", "refusals"):
        if saved.get(name) != fresh.get(name):
            yield f"{name.replace('_', ' ')}: planned {_shown(saved.get(name))}, now {_shown(fresh.get(name))}"


def _hosts(saved: Mapping[str, Document], fresh: Mapping[str, Document]) -> Iterator[str]:
    for instance in [*fresh, *(each for each in saved if each not in fresh)]:
        was, now = saved.get(instance), fresh.get(instance)
        name = (now or was or {}).get("host", instance)
        if was is None or now is None:
            yield f"{name}: {'not planned before' if was is None else 'no longer planned'}"
            continue
        fields = ("batch", "reason") if SKIPPED in (was["batch"], now["batch"]) else sorted({*was, *now} - ASIDE)
        for field in fields:
            if was.get(field) != now.get(field):
                yield f"{name}: {field.replace('_', ' ')} was {_shown(was.get(field))}, is {_shown(now.get(field))}"


def _by_instance(document: Document) -> dict[str, Document]:
    """Planned and skipped hosts with their place in the order; whatever is malformed counts as not there."""
    batches = document.get("batches") if isinstance(document.get("batches"), list) else []
    hosts = [
        {**host, "batch": batch.get("number")}
        for batch in batches or []
        if isinstance(batch, dict) and isinstance(batch.get("hosts"), list)
        for host in batch["hosts"]
        if isinstance(host, dict)
    ]
    skipped = document.get("skipped") if isinstance(document.get("skipped"), list) else []
    hosts += [{**host, "batch": SKIPPED} for host in skipped or [] if isinstance(host, dict)]
    return {str(host.get("instance")): host for host in hosts}


def _shown(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
