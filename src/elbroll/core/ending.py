"""How a run ends: the place of every host, the exit code, and the commands that lead on. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, assert_never

from elbroll.core.names import gives_up, host_word
from elbroll.core.plan import SkipReason
from elbroll.errors import ElbrollError, ExitCode, Superseded
from elbroll.model import OPEN_STATES, HostResult, Outcome, RecordState, Result, StepResult, TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elbroll.core.plan import PlannedHost, RolloutPlan, Skipped
    from elbroll.core.standing import Standing, Work
    from elbroll.model import HostId, PoolId

SIGNALS = {"SIGHUP": ExitCode.HANGUP, "SIGINT": ExitCode.INTERRUPT, "SIGTERM": ExitCode.TERMINATE}
FIRST = (ExitCode.HELP_NEEDED, ExitCode.BUG, ExitCode.TIMEOUT, ExitCode.HALTED)
"""If several apply: signal, then these in this order, then whatever is left."""
BEFORE_ANY_CHANGE = frozenset({ExitCode.ACCESS, ExitCode.REFUSED, ExitCode.LOCKED, ExitCode.DECLINED})
"""Codes that promise that nothing was done; once something was, they are `halted`."""
RESTORABLE = frozenset({RecordState.HELD, RecordState.DEPLOYED, RecordState.REGISTERING})
"""Restore refuses `deploying`, and closed records need none (safety.md 2.2)."""
REFUSALS = frozenset({"floor", "standby", "superseded", "not-registered", "unsettled"})
"""Failures of hosts to which nothing was done."""
NOT_AGAIN = re.compile(r" --(plan|events)(=| )('[^']*'|\S+)")
"""A saved plan no longer holds once some of it was done, and a file of events is never written over."""
NAMED_AT_MOST = 4
LOCK_LEFT = "lock-left"
"""The warning that the run may have left its lock behind."""


# --- places ------------------------------------------------------------------------------------------


def results_of(standing: Standing) -> Mapping[HostId, HostResult]:
    """The place of every host of the plan: those walked, then those not reached, then those skipped."""
    plan = standing.plan
    if plan is None:
        return standing.results
    planned = {each.host.id: _place_of(each, standing) for each in plan.hosts}
    skipped = {each.host.id: _skipped(each) for each in plan.skipped}
    return {**planned, **skipped, **standing.results}


def _place_of(planned: PlannedHost, standing: Standing) -> HostResult:
    """As long as its walk has not ended: not reached, or cut off in the middle."""
    work, record = standing.working.get(planned.host.id), standing.records.get(planned.host.id)
    if work is None or record is None:
        return not_reached(planned)
    return _cut_off(planned, work, record, standing)


def _cut_off(planned: PlannedHost, work: Work, record: RecordState, standing: Standing) -> HostResult:
    """Ended by force in mid-walk: what its record says is all that is known (F-54)."""
    out = record in {RecordState.DEPLOYING, RecordState.DEPLOYED}
    current = StepResult(work.step.step, Result.CANCELLATION, standing.elapsed - work.since) if work.step else None
    return HostResult(
        planned.host.id,
        Outcome.LEFT_OUT if record in OPEN_STATES else Outcome.UNKNOWN,
        in_service=False if out else None,
        release_before=planned.release_before,
        release_after=planned.release_before if record is RecordState.HELD else planned.release_after,
        steps=(*work.done, *([current] if current else [])),
        seconds=standing.elapsed - work.began,
        record=record,
        note="record kept: " + ", ".join(standing.places.get(planned.host.id, ())),
    )


def not_reached(planned: PlannedHost) -> HostResult:
    """The place of a host with which nothing was begun: as the plan found it."""
    return HostResult(
        planned.host.id,
        Outcome.NOT_REACHED,
        in_service=planned.state is TargetState.HEALTHY,
        release_before=planned.release_before,
        release_after=planned.release_before,
        record=planned.record.state if planned.record else None,
    )


def _skipped(skipped: Skipped) -> HostResult:
    outcome = Outcome.GONE if skipped.reason is SkipReason.GONE else Outcome.SKIPPED
    out = skipped.out or outcome is Outcome.GONE
    return HostResult(skipped.host.id, outcome, not out, skipped.release, skipped.release)


# --- the exit code -----------------------------------------------------------------------------------


def exit_code_of(standing: Standing, error: BaseException | None = None) -> ExitCode:
    """What the process is to return, from everything told so far and from what ended the run as a whole.

    If several apply: signal, then 10, 1, 9, 4. An access error or a refusal counts as such only while nothing was
    changed. Ask before `RunFinished` is told, after the last `HostFinished`.
    """
    if standing.signals:
        return SIGNALS.get(standing.signals[-1].name, ExitCode.INTERRUPT)
    codes = set(_codes(standing, error))
    return next((code for code in FIRST if code in codes), min(codes, default=ExitCode.OK))


def _codes(standing: Standing, error: BaseException | None) -> Iterable[ExitCode]:
    results = results_of(standing)
    if any(result.outcome is Outcome.UNKNOWN for result in results.values()):
        yield ExitCode.HELP_NEEDED
    if _below_floor(standing):
        yield ExitCode.HELP_NEEDED
    if isinstance(error, Superseded) and not standing.touched:
        yield ExitCode.LOCKED  # another run has the fleet, and nothing was done (safety.md 3)
    elif error is not None:
        yield _settled(standing, error.exit_code if isinstance(error, ElbrollError) else ExitCode.BUG)
    elif any(failed(standing, result) for result in results.values()) or standing.halt is not None:
        yield _settled(standing, _halted_by(standing, results.values()))


def _below_floor(standing: Standing) -> bool:
    """Whether a pool has fewer hosts in service than its floor, or than the plan found if that was less already.

    Hosts taken out on purpose in this run were taken out with consent, so they do not count against it.
    """
    on_purpose = sum(result.outcome is Outcome.DRAINED for result in standing.results.values())
    found = {each.pool.id: each.capacity for each in standing.plan.pools} if standing.plan else {}
    return any(
        seen.in_service + on_purpose < min(seen.floor, found.get(pool, seen.floor))
        for pool, seen in standing.capacity.items()
    )


def _settled(standing: Standing, code: ExitCode) -> ExitCode:
    return ExitCode.HALTED if standing.touched and code in BEFORE_ANY_CHANGE else code


def _halted_by(standing: Standing, results: Iterable[HostResult]) -> ExitCode:
    failures = [result.failure for result in results if result.failure is not None]
    if any(failure.access for failure in failures):
        return ExitCode.ACCESS
    codes = {failure.code for failure in failures}
    if standing.touched or codes - REFUSALS:
        return ExitCode.HALTED
    return ExitCode.LOCKED if "superseded" in codes else ExitCode.REFUSED


def failed(standing: Standing, result: HostResult) -> bool:
    """Whether this result keeps the run from being a success (I-9)."""
    match result.outcome:
        case Outcome.GONE:
            return False
        case Outcome.RESTORED:
            return result.failure is not None or _command(standing) != "restore"
        case Outcome.DEPLOYED | Outcome.DRAINED | Outcome.SKIPPED:
            return result.failure is not None
        case Outcome.LEFT_OUT | Outcome.NOT_REACHED | Outcome.UNKNOWN:
            return True
        case _:
            assert_never(result.outcome)


# --- the way on --------------------------------------------------------------------------------------


def next_commands(standing: Standing, plan: RolloutPlan | None) -> tuple[tuple[str, str], ...]:
    """(command, what it does), ready to paste, most useful first; empty where nothing is left to do.

    Names come from AWS and are not trusted: one that a shell might read in another way is replaced by the id (I-26).
    """
    results = results_of(standing)
    unknown = [host for host, result in results.items() if result.outcome is Outcome.UNKNOWN]
    ways = [_again(standing, plan), *_restores(standing, results)]
    if unknown:
        ways.insert(
            0, (f"elbroll status --lb {shlex.quote(standing.lb)}", f"find out about {_list(standing, unknown)}")
        )
    return tuple(way for way in (*_unlock(standing), *ways) if way is not None)


def _unlock(standing: Standing) -> Iterable[tuple[str, str]]:
    """First of all, as every other way on would meet our own lock."""
    if standing.started and any(warning.code == LOCK_LEFT for warning in standing.warnings):
        lb, run = shlex.quote(standing.lb), standing.started.holder.run
        yield f"elbroll unlock {lb} {run}", "the lock could not be freed"


def _again(standing: Standing, plan: RolloutPlan | None) -> tuple[str, str] | None:
    results = results_of(standing)
    again = [host for host, result in results.items() if _wants_another_try(standing, result)]
    rest = [host for host, result in results.items() if result.outcome is Outcome.NOT_REACHED]
    if not again and not rest:
        return None
    told = [f"{_list(standing, again)} again"] if again else []
    told += [_list(standing, rest)] if rest else []
    command = _rerun(standing, plan, [*again, *rest])
    return (command, ", then ".join(told)) if command else None


def _wants_another_try(standing: Standing, result: HostResult) -> bool:
    tried = result.outcome in {Outcome.LEFT_OUT, Outcome.RESTORED, Outcome.SKIPPED}
    return tried and failed(standing, result)


def _rerun(standing: Standing, plan: RolloutPlan | None, hosts: list[HostId]) -> str | None:
    lb = shlex.quote(standing.lb)
    words = " ".join(_word(standing, host) for host in hosts)
    match _command(standing):
        case "deploy":
            if standing.started and standing.started.line:
                return NOT_AGAIN.sub("", standing.started.line)
            release = plan.release if plan else standing.started and standing.started.release
            return f"elbroll deploy --lb {lb}" + (f" --release {shlex.quote(release)}" if release else "")
        case "exec":
            only = " ".join(f"--only {_word(standing, host)}" for host in hosts)
            line = standing.started.line.partition(" -- ")[2] if standing.started else ""
            return f"elbroll exec --lb {lb} {only} -- {line}" if line else None
        case "drain":
            return f"elbroll drain {words}"
        case _:
            return None


def _restores(standing: Standing, results: Mapping[HostId, HostResult]) -> Iterable[tuple[str, str]]:
    """One `restore` for the hosts that go back at once and one for those that are verified first; each host whose
    record names a deleted pool has its own, since without giving that up its record stays open (F-35)."""
    at_once, verified = [], []
    for host, result in results.items():
        state = _open_record(standing, result)
        if state in RESTORABLE and (lost := _lost(standing, host)):
            yield f"elbroll restore {_word(standing, host)} {gives_up(lost)}", "give up what no longer exists"
        elif state in {RecordState.HELD, RecordState.REGISTERING}:
            at_once.append(host)
        elif state is RecordState.DEPLOYED:
            verified.append(host)
    for hosts, does in ((verified, "verify again, then put back"), (at_once, "put back")):
        if hosts:
            words = " ".join(_word(standing, host) for host in hosts)
            yield f"elbroll restore {words}", "" if _command(standing) == "drain" else does


def _lost(standing: Standing, host: HostId) -> list[PoolId]:
    """Pools of the host's record that AWS does not have, or not any more."""
    kept = standing.kept.get(host, frozenset())
    there = {each.pool.id for each in standing.plan.pools} if standing.plan else kept
    ended = {pool for pool, seen in standing.capacity.items() if not seen.total}
    return sorted(kept - (there - ended))


def _open_record(standing: Standing, result: HostResult) -> RecordState | None:
    state = standing.records.get(result.host, result.record)
    return state if state in OPEN_STATES and result.outcome is not Outcome.SKIPPED else None


def _command(standing: Standing) -> str:
    return standing.started.command if standing.started else ""


def _word(standing: Standing, host: HostId) -> str:
    """The host's name if it is plain and no other host has it, else its id."""
    known = standing.hosts.get(host)
    names = [each.name for each in standing.hosts.values()]
    return host_word(known.name if known and names.count(known.name) == 1 else None, host)


def _list(standing: Standing, hosts: list[HostId]) -> str:
    shown = [_word(standing, host) for host in hosts[:NAMED_AT_MOST]]
    rest = len(hosts) - len(shown)
    return ", ".join([*shown, f"{rest} more"] if rest else shown)
