"""What an event is in words: shared by the live board, plain lines, the summary and JSON lines' `message`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from elbroll.core.planned import SkipReason
from elbroll.model import Outcome, RecordState, Result, Step
from elbroll.outputs.clean import clean_line
from elbroll.outputs.words import counted, duration, roughly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.planned import PlannedHost, RolloutPlan
    from elbroll.core.standing import Count, Work
    from elbroll.events import HaltDecided, LockWaiting, SignalReceived, StepStarted
    from elbroll.model import Failure, Host, HostRecord, HostResult, StepResult

BRIEF = 12
"""Names in a list before the rest is counted."""
SKIPPED_AS = {
    SkipReason.CURRENT: "already {release}",
    SkipReason.NOT_SELECTED: "not selected",
    SkipReason.DRAINED: "drained on purpose",
    SkipReason.GONE: "gone",
}
LEAVING = "stop within 5 s, leave the rest as recorded"
INTERRUPTED = frozenset({"interrupted", "abandoned"})
"""Codes of what a signal has ended: no failure of the host's."""
SHOWN_AS = {Step.CLOSE: Step.REGISTER, Step.GUARD: Step.DRAIN}
"""Steps that users know by another one's name (interface.md 6)."""


def name_of(host: Host) -> str:
    """The host's name, safe to show; never empty."""
    return clean_line(host.name) or host.id


def shown_step(step: Step) -> str:
    """The step as users know it."""
    return SHOWN_AS.get(step, step).value


def listed(names: Iterable[str]) -> str:
    """Names with commas; of many, the first ones and a count."""
    every = list(names)
    rest = len(every) - BRIEF
    return ", ".join([*every[:BRIEF], f"{rest} more"] if rest > 0 else every)


# --- the plan ----------------------------------------------------------------------------------------


def pace(plan: RolloutPlan) -> str:
    """`5 hosts, 2 at a time, floor 4 of 6`."""
    hosts = counted(len(plan.hosts), "host")
    return f"{hosts}, {plan.max_unavailable} at a time, floor {plan.floor} of {plan.total}"


def skips(plan: RolloutPlan) -> tuple[str, ...]:
    """`1 skipped (already v143)`, one for each reason."""
    numbers = Counter(each.reason for each in plan.skipped)
    return tuple(f"{numbers[reason]} skipped ({skip_reason(plan, reason)})" for reason in SkipReason if numbers[reason])


def skip_reason(plan: RolloutPlan, reason: SkipReason) -> str:
    """Why hosts are skipped, for people: `already v143`."""
    return SKIPPED_AS[reason].format(release=clean_line(plan.release or "on it"))


def plan_line(plan: RolloutPlan) -> str:
    """`5 hosts, 2 at a time, floor 4 of 6, about 5 min, 1 skipped (already v143)`."""
    return ", ".join([pace(plan), roughly(plan.estimate), *skips(plan)])


def out_since(planned: PlannedHost, record: HostRecord) -> str:
    """What the record says of a host that is about to be put back."""
    reason = f" ({clean_line(record.reason)})" if record.reason else ""
    since = f"{record.since:%Y-%m-%d %H:%MZ}"
    return f"{name_of(planned.host)}  out since {since}, run {clean_line(record.run)}{reason}, record: {record.state}"


# --- steps -------------------------------------------------------------------------------------------


def beginning(started: StepStarted, transport: str = "ssh") -> str:
    """What a step is about to do, with its limit."""
    limit = "" if started.limit is None else f", up to {duration(started.limit)}"
    pools = listed(clean_line(pool) for pool in started.pools)
    match started.step:
        case Step.PREPARE:
            return f"{counted(started.hosts, 'host')} over {transport}"
        case Step.DRAIN:
            return f"from {pools}, until {started.until}{limit}"
        case Step.DEPLOY:
            return f"{counted(started.commands, 'command')}{limit}"
        case Step.VERIFY:
            asked = listed(clean_line(check) for check in started.checks)
            return f"{asked}, {started.consecutive} in a row{limit}"
        case Step.REGISTER:
            return f"in {pools}, wants healthy"
        case Step.BAKE:
            return "in service and watched" + (f" for {duration(started.limit)}" if started.limit else "")
        case Step.GUARD | Step.CLOSE:
            return ""


def latest(work: Work) -> str:
    """What was last seen of a host in work, with a drain's limit; empty if nothing was."""
    text = seen(work)
    if text and work.step is not None and work.step.step is Step.DRAIN and work.step.limit is not None:
        return f"{text}, limit {duration(work.step.limit)}"
    return text if text or work.line is None else f"> {clean_line(work.line)}"


def seen(work: Work) -> str:
    """The last look of the step that the host is in."""
    progress = work.progress
    if progress is None:
        return ""
    if progress.connections:
        return f"{counted(progress.connections, 'connection')} left"
    states = ", ".join(f"{clean_line(pool)} {state}" for pool, state in progress.states)
    return clean_line(progress.text or "") or states


def step_times(steps: Iterable[StepResult]) -> str:
    """`drain 0:11  deploy 0:48  verify 0:06  register 0:21`."""
    return "  ".join(f"{shown_step(each.step)} {duration(each.seconds)}" for each in steps)


# --- ends --------------------------------------------------------------------------------------------


def failed_step(result: HostResult) -> str:
    """The step that failed, as users know it; prepare if none had begun."""
    ended = [each.step for each in result.steps if each.result is not Result.SUCCESS]
    return shown_step(ended[-1]) if ended else Step.PREPARE.value


def failure_line(name: str, result: HostResult, failure: Failure) -> str:
    """`web-4 failed in verify: GET … answered 502`; never begun: `web-4 not reached: …`."""
    message = clean_line(failure.message)
    if failure.code in INTERRUPTED:
        return f"{name} interrupted in {failed_step(result)}: {message}"
    if result.outcome is Outcome.NOT_REACHED:
        return f"{name} not reached: {message}"
    if result.steps and all(each.result is Result.SUCCESS for each in result.steps):
        return f"{name}: {message}"  # its steps have all ended well, and it went wrong afterwards
    return f"{name} failed in {failed_step(result)}: {message}"


def capacity(count: Count) -> str:
    """`4 in service, floor 4`."""
    return f"{count.in_service} in service, floor {count.floor}"


def release_of(result: HostResult) -> str:
    """What the host runs now, as far as known."""
    if result.record is RecordState.DEPLOYING:
        return "?"
    return clean_line(result.release_after or result.release_before or "")


def halting(halt: HaltDecided) -> str:
    """`web-4 failed in verify; awaiting web-3`."""
    working = f"; awaiting {listed(clean_line(name) for name in halt.working)}" if halt.working else ""
    return f"{clean_line(halt.reason)}{working}"


def signalled(signal: SignalReceived) -> str:
    """What a signal does, and what another one would."""
    back = f", {listed(map(clean_line, signal.leaving))} put back" if signal.leaving else ""
    awaited = f", {listed(map(clean_line, signal.awaited))} awaited" if signal.awaited else ""
    if signal.mode == "finish":
        return f"{signal.name}: no new host starts{back}{awaited}. Once more: {LEAVING}"
    return f"{signal.name}: {LEAVING}{back}"


def lock_waiting(waiting: LockWaiting) -> str:
    """Whose lock is waited for, and for how long."""
    holder = waiting.holder
    who = (
        f"run {holder.run} ({clean_line(holder.user)}, {clean_line(holder.command)})" if holder else "somebody unknown"
    )
    return f"held by {who}, waiting up to {duration(waiting.seconds_left)}"
