"""The closing words: failure blocks to stderr, the standing with the way on to stdout. Printed at every end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.standing import Standing, apply, results_of
from elbroll.errors import ExitCode
from elbroll.events import RunFinished
from elbroll.model import Outcome, RecordState, Result, Step
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.hostlogs import log_of
from elbroll.outputs.ink import Line, Piece, Tone, line, table, wrapped
from elbroll.outputs.words import columns, counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from elbroll.events import Told
    from elbroll.model import Failure, HostId, HostResult
    from elbroll.outputs.ink import Pen
    from elbroll.outputs.words import Glyphs

TAIL = 20
"""Last lines of a failed host's output that a block shows."""
BLOCKS = 8
"""Failure blocks before the rest is left to the table."""
OUTPUT = Piece("| ")
"""Before each line that a host has printed."""
GOOD = frozenset({Outcome.DEPLOYED, Outcome.RESTORED, Outcome.DRAINED})
TONES = {
    Outcome.DEPLOYED: Tone.GOOD,
    Outcome.RESTORED: Tone.WARN,
    Outcome.DRAINED: Tone.GOOD,
    Outcome.LEFT_OUT: Tone.BAD,
    Outcome.UNKNOWN: Tone.BAD,
    Outcome.NOT_REACHED: Tone.WARN,
}


class Summary:
    """An outlet that says nothing until the run has ended. `out` None: only failures are told (`-qq`, `--json`)."""

    tick_every = None

    def __init__(
        self,
        err: Pen,
        out: Pen | None,
        glyphs: Glyphs,
        files: tuple[tuple[str, str], ...] = (),
        logs: Path | None = None,
    ) -> None:
        self._err = err
        self._out = out
        self._glyphs = glyphs
        self._files = files
        self._logs = logs
        self._standing = Standing()

    def take(self, told: Told) -> None:
        """Add up; at the end, tell. A closed stderr does not keep the standing from stdout, nor the reverse."""
        self._standing = apply(self._standing, told)
        if not isinstance(told.event, RunFinished):
            return
        try:
            told_of = failures(self._standing, told.event, self._glyphs, self._logs)
            self._err.write(row for each in told_of for row in _fitting(each, self._err.width))
        finally:
            if self._out is not None:
                self._close(self._out, told.event)

    def _close(self, out: Pen, end: RunFinished) -> None:
        """The standing goes to stderr where stdout is gone or full: every end names each host's place."""
        try:
            out.write(closing(self._standing, end, self._files, out.width))
        except (OSError, ValueError):
            self._err.write(closing(self._standing, end, self._files, self._err.width))

    def tick(self, elapsed: float) -> None:
        """Time alone is no news."""

    def close(self) -> None:
        """Nothing is held back."""


# --- what failed -------------------------------------------------------------------------------------


def failures(standing: Standing, end: RunFinished, glyphs: Glyphs, logs: Path | None = None) -> tuple[Line, ...]:
    """A block for each failed host, the first ones in full; then what ended the run as a whole.

    `logs`: the folder where whole outputs are.
    """
    failed = [(result, result.failure) for result in results_of(standing).values() if result.failure is not None]
    written: list[Line] = []
    for result, failure in failed[:BLOCKS]:
        written += [(), *_block(standing, result, failure, glyphs), *_whole(standing, result, failure, logs)]
    if len(failed) > BLOCKS:
        written += [(), line(f"{len(failed) - BLOCKS} more hosts failed; see the table below")]
    if end.failure is not None:
        head = line(Piece(f"{glyphs.bad} {clean_line(standing.lb)}: {clean_line(end.failure.message)}", Tone.BAD))
        written += [(), head, *_whys(end.failure)]
    return (*written, ()) if written else ()


def _fitting(written: Line, width: int | None) -> tuple[Line, ...]:
    """Broken between words, but for what a host has printed."""
    return (written,) if OUTPUT in written else wrapped(written, width, 9)


def _block(standing: Standing, result: HostResult, failure: Failure, glyphs: Glyphs) -> Iterable[Line]:
    name = _name(standing, result.host)
    yield line(Piece(f"{glyphs.bad} {phrases.failure_line(name, result, failure)}", Tone.BAD))
    yield from _whys(failure)
    shown = failure.tail[-TAIL:]
    for number, text in enumerate(shown):
        yield line("  host   " if number == 0 else "         ", OUTPUT, clean_line(text))


def _whole(standing: Standing, result: HostResult, failure: Failure, logs: Path | None) -> Iterable[Line]:
    """Where the rest of a long output is."""
    host = standing.hosts.get(result.host)
    if failure.lines > len(failure.tail[-TAIL:]):
        where = f": {log_of(logs, host)}" if logs and host else ""
        yield line(f"         {failure.lines} lines in all{where}")


def _whys(failure: Failure) -> Iterable[Line]:
    for label, texts in (("why", failure.why), ("fix", failure.fix)):
        for number, text in enumerate(texts):
            yield line(f"  {label}".ljust(9) if number == 0 else "         ", clean_line(text))


# --- where everything stands -------------------------------------------------------------------------


def closing(
    standing: Standing, end: RunFinished, files: tuple[tuple[str, str], ...], width: int | None = None
) -> tuple[Line, ...]:
    """One line after a good end, the whole table after any other; the way on comes last.

    Broken between words where a terminal is that narrow, but for paths and commands, which are there to be pasted.
    """
    good = end.result is Result.SUCCESS
    told = _good(standing, end) if good else (_headline(standing, end), *_places(standing), _foot(standing))
    named = tuple(line(label.ljust(8), path) for label, path in files)
    return (*(row for each in told for row in wrapped(each, width, 4)), *named, *way_on(end.next_commands, width))


def way_on(commands: tuple[tuple[str, str], ...], width: int | None = None) -> tuple[Line, ...]:
    """`Next  COMMAND    what it does`, one command a line, ready to paste; what it does below where it does not fit."""
    wide = max((len(command) for command, _ in commands), default=0)
    longest = max((columns(does) for _, does in commands), default=0)
    beside = width is None or len("Next  ") + wide + 4 + longest <= width
    rows: list[Line] = []
    for number, (command, does) in enumerate(commands):
        first = "Next  " if number == 0 else "      "
        aside = f"{' ' * (wide - len(command))}    {clean_line(does)}" if does and beside else ""
        rows.append(line(first, Piece(clean_line(command), Tone.STRONG), aside))
        rows += wrapped(line(f"        {clean_line(does)}"), width, 8) if does and not beside else ()
    return tuple(rows)


def _good(standing: Standing, end: RunFinished) -> tuple[Line, ...]:
    command = standing.started.command if standing.started else ""
    names = _ended_as(standing, GOOD)
    count = _in_service(standing)
    took = f"{duration(end.seconds)} (run {standing.run})"
    match command:
        case "drain" if names:
            return (line(f"{_with_floor(standing)} {_out_on_purpose(standing, names)}"),)
        case "restore" if names:
            return (line(" ".join([f"{count}.", *_where_it_was(standing), *_serves_nowhere(standing)])),)
        case "exec" if names:
            return (line(f"The command ran on {counted(len(names), 'host')}, {count}. {took}"),)
        case _:
            return (line(f"{_lead(standing, names)} {', '.join([*_tally(standing), count])}. {took}"),)


def _lead(standing: Standing, names: list[str]) -> str:
    lb = clean_line(standing.lb)
    release = standing.plan.release if standing.plan else None
    gone = [result.outcome is Outcome.GONE for result in standing.results.values()]
    ended = any(gone) or RecordState.GONE in standing.records.values()
    already = "" if names or ended else "Nothing to do: "
    if not release or (ended and not names):
        return f"{already}{lb}:"
    others = [each for each in (standing.plan.skipped if standing.plan else ()) if each.release != release]
    who = phrases.listed(names) if names and others else lb
    verb = "are" if names and others and len(names) > 1 else "is"
    return f"{already}{who} {verb} on {clean_line(release)}."


def _tally(standing: Standing) -> list[str]:
    outcomes = [result.outcome for result in results_of(standing).values()]
    return [f"{outcomes.count(each)} {each}" for each in Outcome if each in outcomes]


def _ended_as(standing: Standing, outcomes: frozenset[Outcome]) -> list[str]:
    return [_name(standing, host) for host, each in results_of(standing).items() if each.outcome in outcomes]


def _out_on_purpose(standing: Standing, names: list[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    until = f" until {standing.started.until:%H:%MZ}" if standing.started and standing.started.until else ""
    reason = f" ({clean_line(standing.started.reason)})" if standing.started and standing.started.reason else ""
    return f"{phrases.listed(names)} {verb} out on purpose{until}{reason}."


def _where_it_was(standing: Standing) -> Iterable[str]:
    back = [host for host, result in results_of(standing).items() if result.outcome is Outcome.RESTORED]
    served = [host for host in back if results_of(standing)[host].in_service]
    if len(served) > 1:
        yield f"{phrases.listed([_name(standing, host) for host in served])} are where they were."
    elif served:
        pools = ", ".join(clean_line(pool) for pool in standing.places.get(served[0], ()))
        yield f"{_name(standing, served[0])} is where it was" + (f": {pools}" if pools else ".")


def _serves_nowhere(standing: Standing) -> Iterable[str]:
    for host, result in results_of(standing).items():
        if result.outcome is Outcome.RESTORED and not result.in_service:
            yield f"{_name(standing, host)} serves nowhere: none of its pools exists any more. Its record is closed."


def _name(standing: Standing, host: HostId) -> str:
    known = standing.hosts.get(host)
    return phrases.name_of(known) if known else clean_line(host)


def _in_service(standing: Standing) -> str:
    return f"{standing.count.in_service} of {standing.count.total} in service" if standing.count else "nothing counted"


def _with_floor(standing: Standing) -> str:
    return f"{_in_service(standing)}, floor {standing.count.floor}." if standing.count else f"{_in_service(standing)}."


def _headline(standing: Standing, end: RunFinished) -> Line:
    awaited = standing.halt.working if standing.halt else ()
    verb = "was" if len(awaited) == 1 else "were"
    aside = f", {phrases.listed(map(clean_line, awaited))} {verb} awaited" if awaited else ""
    ended = Piece(_ended(standing, end), Tone.BAD)
    return line(clean_line(standing.lb), "  ", ended, f" after {duration(end.seconds)}{aside}  (run {standing.run})")


def _ended(standing: Standing, end: RunFinished) -> str:
    if standing.signals:
        return f"stopped by {standing.signals[-1].name}"
    if standing.halt is None and any(each.code == "newcomer" for each in standing.warnings):
        return "done, but not on every host,"
    words = {
        ExitCode.BUG: "ended by a bug of elbroll's",
        ExitCode.TIMEOUT: "ended by its time limit",
        ExitCode.HELP_NEEDED: "halted, help needed,",
        ExitCode.REFUSED: "refused",
        ExitCode.ACCESS: "refused access",
    }
    return next((word for code, word in words.items() if code == end.exit_code), "halted")


def _places(standing: Standing) -> tuple[Line, ...]:
    head = tuple(Piece(text, Tone.DIM) for text in ("HOST", "OUTCOME", "RELEASE", "IN SERVICE", "NOTE"))
    rows = [head, *(_row(standing, host, result) for host, result in results_of(standing).items())]
    return tuple((Piece("  "), *row) for row in table(rows))


def _row(standing: Standing, host: HostId, result: HostResult) -> tuple[Piece, ...]:
    serves = {True: Piece("yes"), False: Piece("no", Tone.BAD), None: Piece("unknown", Tone.BAD)}[result.in_service]
    failure = f"{result.failure.code}" if result.failure and not result.note else ""
    return (
        Piece(_name(standing, host)),
        Piece(result.outcome.value, TONES.get(result.outcome, Tone.PLAIN)),
        Piece(phrases.release_of(result) or "-"),
        serves,
        Piece(clean_line(result.note or failure)),
    )


def _foot(standing: Standing) -> Line:
    count = standing.count
    if count is None:
        return line(_running_on(standing))
    kept = f"floor {count.floor} kept" if count.in_service >= count.floor else f"BELOW the floor of {count.floor}"
    seen = "When last seen " if _is_unsure(standing) else ""
    return line(f"{seen}{_in_service(standing)}, {kept}. {_running_on(standing)}")


def _is_unsure(standing: Standing) -> bool:
    """Whether a host's place was not read after its last deed: then the count may be from before it."""
    return any(result.in_service is None for result in results_of(standing).values())


def _running_on(standing: Standing) -> str:
    """After a second signal a host's command is not killed: it may run on."""
    on = [_name(standing, host) for host, result in results_of(standing).items() if _left_running(result)]
    return f"The command on {phrases.listed(on)} may still run." if on else "No host is in work any more."


def _left_running(result: HostResult) -> bool:
    """In deploy; or in prepare, which has no step of a walk."""
    in_prepare = result.outcome is Outcome.SKIPPED and result.failure is not None and result.failure.code == "abandoned"
    in_deploy = any(each.step is Step.DEPLOY and each.result is Result.CANCELLATION for each in result.steps)
    return in_prepare or in_deploy
