"""Events as CloudEvents 1.0: type, subject, a message for people, and data for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from elbroll import __version__, events
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.documents import host_document
from elbroll.outputs.parts import Document, Origin, error_of, registrations, stamp
from elbroll.outputs.plandoc import plan_document
from elbroll.outputs.words import counted, duration

if TYPE_CHECKING:
    from elbroll.core.standing import Standing
    from elbroll.events import Event, Told
    from elbroll.model import Host


@dataclass(frozen=True, slots=True)
class Content:
    """What one event says. `kind` is the middle of the type: `step.finished`."""

    kind: str
    message: str
    data: Document = field(default_factory=dict)
    host: Host | None = None


def cloud_event(told: Told, standing: Standing) -> Document | None:
    """The event as JSON, given the standing after it; None for one that has no type of its own."""
    content = _content(told.event, standing, told)
    if content is None:
        return None
    host = _host(content.host) if content.host else {}
    document = {
        "specversion": "1.0",
        "id": f"{told.run}-{told.number:06}",
        "source": _source(told, standing),
        "type": f"dev.elbroll.{content.kind}.v1",
        "time": stamp(told.time),
    }
    document |= {"subject": content.host.id} if content.host else {}
    data = {"run": told.run, "lb": told.lb, **host, **content.data}
    return {**document, "datacontenttype": "application/json", "message": content.message, "data": data}


def _source(told: Told, standing: Standing) -> str:
    started = standing.started
    account, region = (started.account, started.region) if started else (None, None)
    return f"//elbroll/{account or '-'}/{region or '-'}/{told.lb}"


def _host(host: Host) -> Document:
    return {"host": host.name, "instance": host.id, "zone": host.zone}


def _counts(standing: Standing) -> Document:
    count = standing.count
    return {"in_service": count.in_service, "floor": count.floor} if count else {}


def _set(**values: Any) -> Document:
    """Only the values that say something."""
    return {name: value for name, value in values.items() if value not in (None, "", [], 0)}


def _pools(standing: Standing) -> dict[Any, Any]:
    return {each.pool.id: each.pool for each in standing.plan.pools} if standing.plan else {}


@singledispatch
def _content(_event: Event, _standing: Standing, _told: Told) -> Content | None:
    return None


@_content.register(events.RunStarted)
def _run_started(event: events.RunStarted, _standing: Standing, told: Told) -> Content:
    holder = event.holder
    who = {"user": holder.user, "machine": holder.machine, "pid": holder.pid, "url": holder.url}
    data = {
        "elbroll": __version__,
        "schema": "elbroll.events.v1",
        "command": event.command,
        "line": event.line or None,
        "release": event.release,
        "account": event.account,
        "region": event.region,
        "config": event.config_file,
        "config_hash": event.config_hash,
        "store": event.store,
        "transport": event.transport,
        "who": who,
        **_set(reason=event.reason, until=stamp(event.until)),
    }
    return Content("run.started", f"{event.command} of {clean_line(told.lb)} begins", data)


@_content.register(events.PlanMade)
def _plan_made(event: events.PlanMade, standing: Standing, told: Told) -> Content:
    started = standing.started
    account, region = (started.account, started.region) if started else (None, None)
    plan = plan_document(event.plan, Origin(told.time, account, region), started.config_hash if started else None)
    return Content("plan.made", phrases.plan_line(event.plan), plan)


@_content.register(events.LockWaiting)
def _lock_waiting(event: events.LockWaiting, _standing: Standing, _told: Told) -> Content:
    text = phrases.lock_waiting(event)
    return Content("warning", f"lock {text}", {"code": "lock-waiting", "pool": event.pool, "message": text})


@_content.register(events.HostStarted)
def _host_started(event: events.HostStarted, standing: Standing, _told: Told) -> Content:
    entries = registrations(event.registrations, _pools(standing))
    data = {"batch": event.batch, "registrations": entries}
    return Content("host.started", f"{phrases.name_of(event.host)} begins", data, event.host)


@_content.register(events.StepStarted)
def _step_started(event: events.StepStarted, standing: Standing, _told: Told) -> Content:
    transport = standing.started.transport if standing.started else "ssh"
    step = phrases.shown_step(event.step)
    who = phrases.name_of(event.host) if event.host else "all"
    details = _set(
        pools=list(event.pools),
        until=event.until,
        commands=event.commands,
        checks=list(event.checks),
        consecutive=event.consecutive,
        hosts=event.hosts if event.host is None else None,
    )
    message = f"{who}: {step}, {phrases.beginning(event, transport)}"
    return Content("step.started", message, {"step": step, "limit": event.limit, **details}, event.host)


@_content.register(events.StepProgress)
def _step_progress(event: events.StepProgress, _standing: Standing, _told: Told) -> Content:
    states = [{"pool": pool, "state": state.value} for pool, state in event.states]
    step = phrases.shown_step(event.step)
    message = f"{phrases.name_of(event.host)} {step}: {clean_line(event.text or '') or 'looked again'}"
    data = {"step": step, "connections": event.connections, "states": states, "text": event.text}
    return Content("step.progress", message, data, event.host)


@_content.register(events.StepFinished)
def _step_finished(event: events.StepFinished, standing: Standing, _told: Told) -> Content:
    step = phrases.shown_step(event.step)
    who = phrases.name_of(event.host) if event.host else "all"
    took = duration(event.seconds)
    message = f"{who} ended {step} after {took}: {event.result}"
    if event.failure is not None:
        message = f"{who} failed in {step} after {took}: {clean_line(event.failure.message)}"
    data = {"step": step, "result": event.result.value, "seconds": round(event.seconds, 1), **_counts(standing)}
    return Content(
        "step.finished", message, {**data, **_set(note=event.note), "error": error_of(event.failure)}, event.host
    )


@_content.register(events.HostFinished)
def _host_finished(event: events.HostFinished, standing: Standing, _told: Told) -> Content:
    data = {**host_document(standing, event.result), **_set(note=event.result.note)}
    message = f"{phrases.name_of(event.host)} {event.result.outcome} after {duration(event.result.seconds)}"
    return Content("host.finished", message, data, event.host)


@_content.register(events.RecordWritten)
def _record_written(event: events.RecordWritten, standing: Standing, _told: Told) -> Content:
    entries = registrations(event.registrations, _pools(standing))
    data = {"state": event.state.value, "registrations": entries}
    return Content("record.written", f"{phrases.name_of(event.host)} recorded as {event.state}", data, event.host)


@_content.register(events.CapacityChanged)
def _capacity_changed(event: events.CapacityChanged, _standing: Standing, _told: Told) -> Content:
    data = {"pool": event.name, "in_service": event.in_service, "floor": event.floor, "total": event.total}
    message = f"{event.in_service} of {event.total} in service in {clean_line(event.name)}, floor {event.floor}"
    return Content("capacity.changed", message, data)


@_content.register(events.HostOutput)
def _host_output(event: events.HostOutput, _standing: Standing, _told: Told) -> Content:
    text = clean_line(event.text)
    data = {"step": phrases.shown_step(event.step), "stream": None, "line": event.number, "text": text}
    return Content("host.output", f"{phrases.name_of(event.host)} | {text}", data, event.host)


@_content.register(events.Warned)
def _warned(event: events.Warned, _standing: Standing, _told: Told) -> Content:
    return Content("warning", clean_line(event.message), {"code": event.code, "message": event.message}, event.host)


@_content.register(events.SignalReceived)
def _signal_received(event: events.SignalReceived, _standing: Standing, _told: Told) -> Content:
    data = {"signal": event.name, "mode": event.mode, "leaving": list(event.leaving), "awaited": list(event.awaited)}
    return Content("signal.received", phrases.signalled(event), data)


@_content.register(events.HaltDecided)
def _halt_decided(event: events.HaltDecided, _standing: Standing, _told: Told) -> Content:
    data = {"reason": event.reason, "hosts": list(event.working)}
    return Content("halt.decided", phrases.halting(event), data)


@_content.register(events.RunFinished)
def _run_finished(event: events.RunFinished, standing: Standing, _told: Told) -> Content:
    hosts = [host_document(standing, each) for each in standing.results.values()]
    data = {
        "result": event.result.value,
        "exit": event.exit_code,
        "seconds": round(event.seconds, 1),
        "hosts": hosts,
        "next": [command for command, _ in event.next_commands],
        "error": error_of(event.failure),
        **_counts(standing),
    }
    return Content(
        "run.finished", f"{event.result} after {duration(event.seconds)}, {counted(len(hosts), 'host')}", data
    )
