"""The types of events and their data, for `elbroll help events`; a test holds them against cloudevents.py. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 80
INDENT = " " * 6
EVERYWHERE = ("run", "lb")
"""In the data of every event."""
OF_A_HOST = ("host", "instance", "zone")
"""Besides, in every event about one host."""


@dataclass(frozen=True, slots=True)
class EventType:
    """When an event is told, and the data it may carry besides `EVERYWHERE`; some only where they say something."""

    when: str
    data: tuple[str, ...]


TYPES: Mapping[str, EventType] = {
    "run.started": EventType(
        "the first line of every run",
        (
            *("elbroll", "schema", "command", "line", "release", "account", "region", "config", "config_hash"),
            *("store", "transport", "who", "reason", "until"),
        ),
    ),
    "plan.made": EventType("what is about to be done, as plan --json prints it", ()),
    "host.started": EventType("a host's walk begins", (*OF_A_HOST, "batch", "registrations")),
    "host.finished": EventType(
        "its place is final for this run",
        (
            *(*OF_A_HOST, "outcome", "in_service", "release_before", "release_after", "seconds"),
            *("steps", "record", "error", "note"),
        ),
    ),
    "step.started": EventType(
        "a step of a host begins, or prepare of all hosts",
        (*OF_A_HOST, "step", "limit", "pools", "until", "commands", "checks", "consecutive", "hosts"),
    ),
    "step.progress": EventType(
        "a look that was not yet the end, at most every 10 s",
        (*OF_A_HOST, "step", "connections", "states", "text"),
    ),
    "step.finished": EventType(
        "it has ended, one way or the other",
        (*OF_A_HOST, "step", "result", "seconds", "note", "error", "in_service", "floor"),
    ),
    "record.written": EventType("the ledger has confirmed a record", (*OF_A_HOST, "state", "registrations")),
    "capacity.changed": EventType("a fresh count of a pool", ("pool", "in_service", "floor", "total")),
    "host.output": EventType(
        "a line that a command printed, only with --events-output", (*OF_A_HOST, "step", "stream", "line", "text")
    ),
    "warning": EventType("something to know that stops nothing", (*OF_A_HOST, "code", "message", "pool")),
    "signal.received": EventType("and what it makes the run do", ("signal", "mode", "leaving", "awaited")),
    "halt.decided": EventType("no new host starts from here on", ("reason", "hosts")),
    "run.finished": EventType(
        "the last line of every run",
        ("result", "exit", "seconds", "hosts", "next", "error", "in_service", "floor"),
    ),
}
"""By the middle of the type: `dev.elbroll.step.finished.v1`."""


def reference() -> str:
    """Every type with its data, for people."""
    return "\n\n".join((_head(), *(_entry(kind, told) for kind, told in TYPES.items())))


def _head() -> str:
    text = (
        "Each run keeps events.jsonl; --events FILE adds a copy. Each line is a CloudEvent of type "
        "dev.elbroll.TYPE.v1 with a message for people and data for programs. "
        f"All data has {' and '.join(EVERYWHERE)}; HOST stands for {', '.join(OF_A_HOST)} where it is about one host. "
        "Fields are only ever added; a new meaning is a new v2."
    )
    return textwrap.fill(text, WIDTH)


def _entry(kind: str, told: EventType) -> str:
    of_a_host = told.data[: len(OF_A_HOST)] == OF_A_HOST
    fields = ("HOST", *told.data[len(OF_A_HOST) :]) if of_a_host else told.data
    listed = textwrap.wrap(", ".join(fields), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return "\n".join([f"  {kind}  {told.when}", *listed])
