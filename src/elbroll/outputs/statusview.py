"""A fleet's status as people read it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elbroll.model import Result
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, line, table
from elbroll.outputs.words import age, columns, zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from elbroll.core.status import FleetStatus, HostStatus, LastRun
    from elbroll.model import LockSeen

COLUMNS = ("HOST", "INSTANCE", "ZONE", "STATE", "RELEASE", "SINCE", "NOTE")
USUAL = 80
STALE = 300.0
"""Seconds without a beat after which a lock's holder is called silent."""
GITHUB_RUN = re.compile(r"https://[^/]+/(?P<repository>[^/]+/[^/]+)/actions/runs/(?P<run>\d+)")


def status_lines(fleet: FleetStatus, now: datetime) -> tuple[Line, ...]:
    """One fleet: heading, hosts, lock, last run, what comes next."""
    return tuple(_lines(fleet, now))


def ci_job(url: str | None) -> str:
    """A CI job in a few letters: `acme/web#981`; another address as it is."""
    found = GITHUB_RUN.match(url or "")
    return f"{found['repository']}#{found['run']}" if found else clean_line(url or "")


def _lines(fleet: FleetStatus, now: datetime) -> Iterator[Line]:
    yield _heading(fleet)
    if fleet.hosts:
        head = (Piece("  "), *(Piece(text, Tone.DIM) for text in COLUMNS))
        yield from table([_joined(head), *(_joined(_row(each, now)) for each in fleet.hosts)])
    else:
        yield line("  no hosts")
    if fleet.lock is not None:
        yield line("Locked    ", Piece(locked_by(fleet.lock, now), Tone.WARN))
    if fleet.last_run is not None:
        yield line("Last run  ", _last(fleet.last_run, now))
    yield from _next(fleet)


def _next(fleet: FleetStatus) -> Iterator[Line]:
    """What frees the fleet has a line of its own: the rest is refused until then."""
    after = ", or ".join(clean_line(command) for command in fleet.next)
    lines = [*map(clean_line, fleet.unlock), *([after] if after else [])]
    for number, text in enumerate(lines):
        more = ", then" if fleet.next and number == len(fleet.unlock) - 1 else ""
        yield line("Next      " if number == 0 else "          ", text + more)


def _heading(fleet: FleetStatus) -> Line:
    left = "  ".join(filter(None, [clean_line(fleet.lb), fleet.kind.value, fleet.region]))
    right = f"{fleet.in_service} of {fleet.total} in service, floor {fleet.floor}"
    gap = max(2, USUAL - 1 - columns(left) - columns(right))
    tone = Tone.PLAIN if fleet.in_service >= fleet.floor else Tone.BAD
    return line(Piece(left, Tone.STRONG), " " * gap, Piece(right, tone))


def _row(status: HostStatus, now: datetime) -> tuple[Piece, ...]:
    return (
        Piece("! " if status.attention else "  ", Tone.WARN),
        Piece(phrases.name_of(status.host)),
        Piece(status.host.id),
        Piece(zone(status.host.zone)),
        Piece(clean_line(status.state), Tone.PLAIN if status.in_service else Tone.WARN),
        Piece(clean_line(status.release or "-")),
        Piece(age((now - status.since).total_seconds()) if status.since else "-"),
        Piece(clean_line(status.note or "")),
    )


def _joined(row: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The mark belongs to the name: no gap between them."""
    mark, name, *rest = row
    return (Piece(mark.text + name.text, mark.tone if mark.text.strip() else name.tone), *rest)


def locked_by(lock: LockSeen, now: datetime) -> str:
    """Who holds a pool, since when, and how long ago that was heard of."""
    if lock.holder is None:
        return "by somebody unknown: what stands in the lock cannot be read"
    holder = lock.holder
    job = ci_job(holder.url)
    who = f"{clean_line(holder.user)} ({job})" if job else clean_line(holder.user)
    since = f"since {age((now - holder.started).total_seconds())}"
    beat = "" if lock.age is None else f", {'silent for' if lock.age >= STALE else 'alive'} {age(lock.age)}"
    alive = f"{beat} ago" if lock.age is not None and lock.age < STALE else beat
    doing = f", working on {clean_line(lock.doing)}" if lock.doing else ""
    return f"by run {clean_line(holder.run)}: {who}, {since}{alive}{doing}"


def _last(last: LastRun, now: datetime) -> str:
    ended = f" {age((now - last.ended).total_seconds())} ago" if last.ended else ""
    job = ci_job(last.url)
    by = f" by {clean_line(last.user)}" if last.user else ""
    code = f", exit {last.exit_code}" if last.exit_code is not None else ""
    return f"{clean_line(last.run)} {_ended(last.result)}{ended}{by}{f' ({job})' if job else ''}{code}"


def _ended(result: Result | None) -> str:
    match result:
        case None:
            return "began"
        case Result.SUCCESS | Result.SKIP:
            return "succeeded"
        case Result.FAILURE:
            return "halted"
        case Result.TIMEOUT:
            return "ran out of time"
        case Result.CANCELLATION:
            return "was interrupted"
        case Result.ERROR:
            return "failed"
