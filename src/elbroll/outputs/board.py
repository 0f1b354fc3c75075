"""The board at the foot of a terminal while a run goes on. Pure.

It is a function of the standing, the time and the size; `outputs/live.py` is the thread around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.model import Outcome, Step
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, fitted, line
from elbroll.outputs.words import columns, cut, duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.standing import Standing, Work
    from elbroll.model import Host, HostResult
    from elbroll.outputs.words import Glyphs

USUAL = 80
"""Columns that the rule takes at most."""
AROUND = 6
"""Lines of the screen that are not for hosts: rule, count, footer, and room to breathe."""
SHORTEST_NAME = 12
NARROW = 60
"""Columns under which names are cut and details fall away from the right."""
STEP_COLUMN = 9
GOES_BACK = frozenset({Step.PREPARE, Step.GUARD, Step.DRAIN})
HURT = frozenset({Outcome.LEFT_OUT, Outcome.UNKNOWN, Outcome.RESTORED})


def board(standing: Standing, now: float, width: int, height: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Everything below the rule, at most `height` lines of at most `width` columns; nothing once the run is over."""
    if standing.finished is not None or standing.started is None:
        return ()
    rule = line(Piece(glyphs.rule * min(width, USUAL), Tone.DIM))
    rows = _rows(standing, now, width, max(1, height - AROUND), glyphs)
    drawn = (rule, *rows, *_footer(standing, now))
    return tuple(fitted(each, width) for each in drawn[:height])


def _rows(standing: Standing, now: float, width: int, room: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Failed hosts, then those in work, then those to come, and a count of what there is no room for."""
    hurt = [(host, result) for host, result in standing.results.items() if result.outcome in HURT and result.failure]
    named = _name_room(standing, width)
    rows = [_failed(standing.hosts[host], result, named, glyphs) for host, result in hurt if host in standing.hosts]
    rows += [_preparing(standing, now, named, glyphs)] if standing.prepare is not None else []
    rows += [_busy(work, now, named, glyphs) for work in standing.working.values()]
    waiting = [] if standing.prepare is not None else [phrases.name_of(host) for host in _waiting(standing)]
    rows += [_row(glyphs.idle, name, named, "waiting", glyphs) for name in waiting]
    if len(rows) <= room:
        return tuple(rows)
    kept = rows[: room - 1]
    hidden = len(rows) - len(kept)
    to_come = min(hidden, len(waiting))
    counts = [f"+{len(standing.results) - len(hurt)} done"]
    counts += [f"{hidden - to_come} in work or failed"] if hidden > to_come else []
    counts += [f"{to_come} waiting"] if to_come else []
    return (*kept, line("  ", ", ".join(counts)))


def _waiting(standing: Standing) -> list[Host]:
    if standing.plan is None or standing.halt is not None or standing.signals:
        return []
    begun = {*standing.working, *standing.results}
    return [each.host for each in standing.plan.hosts if each.host.id not in begun]


def _name_room(standing: Standing, width: int) -> int:
    names = [columns(phrases.name_of(host)) for host in standing.hosts.values()]
    longest = max(names, default=0)
    return longest if width >= NARROW else min(longest, SHORTEST_NAME)


def _row(glyph: str, name: str, named: int, text: str, glyphs: Glyphs, tone: Tone = Tone.PLAIN) -> Line:
    shown = cut(name, named)
    pad = " " * (named - columns(shown))
    return line(Piece(glyph.ljust(glyphs.width), tone), f" {shown}{pad}  {text}")


def _failed(host: Host, result: HostResult, named: int, glyphs: Glyphs) -> Line:
    message = clean_line(result.failure.message) if result.failure else ""
    text = f"{result.outcome}  {phrases.failed_step(result)}: {message}"
    return _row(glyphs.bad, phrases.name_of(host), named, text, glyphs, Tone.BAD)


def _busy(work: Work, now: float, named: int, glyphs: Glyphs) -> Line:
    step = phrases.shown_step(work.step.step) if work.step else "begins"
    since = duration(int(max(0.0, now - work.since)))
    text = f"{step.ljust(STEP_COLUMN)}{since}  {phrases.latest(work)}"
    return _row(glyphs.spin(now), phrases.name_of(work.host), named, text, glyphs, Tone.WARN)


def _preparing(standing: Standing, now: float, named: int, glyphs: Glyphs) -> Line:
    hosts = standing.prepare.hosts if standing.prepare else 0
    since = duration(int(max(0.0, now - standing.prepare_since)))
    return _row(
        glyphs.spin(now), "all", named, f"{'prepare'.ljust(STEP_COLUMN)}{since}  {hosts} hosts", glyphs, Tone.WARN
    )


# --- the footer --------------------------------------------------------------------------------------


def _footer(standing: Standing, now: float) -> Iterable[Line]:
    if standing.lock is not None:
        yield line("  ", Piece(f"lock {phrases.lock_waiting(standing.lock)}", Tone.WARN))
    if standing.halt is not None:
        yield line("  ", Piece(f"halting: {phrases.halting(standing.halt)}", Tone.BAD))
    yield line("  ", "   ".join(filter(None, (_done(standing), _capacity(standing), _time(standing, now)))))
    yield line("  ", Piece(_keys(standing), Tone.DIM))


def _done(standing: Standing) -> str:
    if standing.plan is None:
        return ""
    planned = {each.host.id for each in standing.plan.hosts}
    return f"{len(planned & standing.results.keys())} of {len(planned)} done"


def _capacity(standing: Standing) -> str:
    return phrases.capacity(standing.count) if standing.count else ""


def _time(standing: Standing, now: float) -> str:
    gone = f"{duration(int(now))} gone"
    left = seconds_left(standing, now)
    return gone if left is None else f"{gone}, about {duration(left)} to go"


def seconds_left(standing: Standing, now: float) -> float | None:
    """The plan's estimate, less the share of the hosts' work that is done; None where that says nothing."""
    plan = standing.plan
    if plan is None or standing.halt is not None or standing.signals:
        return None
    whole = sum(each.estimate for each in plan.hosts)
    if not whole:
        return None
    done = 0.0
    for each in plan.hosts:
        work = standing.working.get(each.host.id)
        spent = min(now - work.began, 0.95 * each.estimate) if work else 0.0
        done += each.estimate if each.host.id in standing.results else spent
    left = plan.estimate * (1 - done / whole)
    return round(left / 5) * 5 or None


def _keys(standing: Standing) -> str:
    """What Ctrl-C would do now."""
    if standing.signals:
        again = standing.signals[-1].mode == "finish"
        return f"Ctrl-C: {phrases.LEAVING}" if again else phrases.LEAVING
    back, awaited = _by_signal(standing)
    acts = ["start no more hosts"] if _waiting(standing) else []
    acts += [f"put {phrases.listed(back)} back"] if back else []
    acts += [f"await {phrases.listed(awaited)}"] if awaited else []
    return f"Ctrl-C: {', '.join(acts) or 'end'}"


def _by_signal(standing: Standing) -> tuple[list[str], list[str]]:
    back: list[str] = []
    awaited: list[str] = []
    for work in standing.working.values():
        goes_back = work.step is None or work.step.step in GOES_BACK
        (back if goes_back else awaited).append(phrases.name_of(work.host))
    return back, awaited
