"""The plan as people read it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from elbroll.model import TargetState
from elbroll.outputs import phrases
from elbroll.outputs.clean import clean_line
from elbroll.outputs.ink import Line, Piece, Tone, line, table
from elbroll.outputs.words import ASCII, counted, duration, roughly, zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.core.planned import PlannedGroup, PlannedHost, PlannedPool, Refusal, RolloutPlan, Skipped
    from elbroll.outputs.words import Glyphs

COLUMNS = ("BATCH", "HOST", "INSTANCE", "ZONE", "STATE", "RELEASE", "TAKES")


class Times(Enum):
    """What the estimates are made of."""

    MEASURED = "~"
    """Settings of the balancer, and how long earlier deploys took."""
    AT_LEAST = ">="
    """Settings alone: nothing is known of the deploy itself."""


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What stands above and below a plan beside the plan itself."""

    region: str | None = None
    account: str | None = None
    identity: str | None = None
    """Who the caller is, short: `role/deployer`."""
    prepare: int = 0
    """Commands on every host before the first drain."""
    commands: int = 0
    limit: float | None = None
    """Seconds for the commands of one host."""
    origin: str | None = None
    """Where they are written: `elbroll.toml:8`."""
    times: Times = Times.MEASURED
    next: tuple[str, ...] = ()
    """Commands that carry it out, ready to paste."""
    endpoint: str | None = None
    """Where AWS is asked, if not at its usual place (S-13)."""


def plan_lines(plan: RolloutPlan, head: PlanHead, glyphs: Glyphs = ASCII) -> tuple[Line, ...]:
    """The whole plan: heading, pools, hosts, sums, refusals with their arithmetic, warnings, what comes next."""
    return tuple(_lines(plan, head, glyphs))


def _lines(plan: RolloutPlan, head: PlanHead, glyphs: Glyphs) -> Iterator[Line]:
    yield _heading(plan, head)
    yield from (_pool(each) for each in plan.pools)
    yield from (_group(each) for each in plan.groups)
    if head.commands:
        yield _work(head)
    if plan.hosts or plan.skipped:
        yield from _hosts(plan, head.times, glyphs)
    yield from _sums(plan, head.times)
    for refusal in plan.refusals:
        yield from _refusal(refusal)
    for warning in plan.warnings:
        yield line(Piece("!", Tone.WARN), f" {clean_line(warning)}")
    if not plan.refusals and plan.hosts:
        yield from (
            line("Next  " if number == 0 else "      ", Piece(clean_line(command), Tone.STRONG))
            for number, command in enumerate(head.next)
        )


def _heading(plan: RolloutPlan, head: PlanHead) -> Line:
    """Which account, region and release this is about, before anything else (S-11)."""
    who = f" as {clean_line(head.identity)}" if head.identity else ""
    account = f"account {clean_line(head.account)}{who}" if head.account else ""
    endpoint = f"at {clean_line(head.endpoint)}" if head.endpoint else ""
    release = f"release {clean_line(plan.release)}" if plan.release else ""
    words = [plan.kind.value, head.region or "", account, endpoint, release]
    return line(Piece(clean_line(plan.lb), Tone.STRONG), "  ", "  ".join(filter(None, words)))


def _pool(planned: PlannedPool) -> Line:
    name = f"{clean_line(planned.pool.name)}:{planned.pool.port}"
    drain = f"drain until {planned.until}, up to {duration(planned.drain_limit)}"
    label = "pools    " if planned.own else "other    "
    return line("  ", Piece(label, Tone.DIM), f"{name}  {drain}  healthy in ~{duration(planned.healthy_about)}")


def _group(planned: PlannedGroup) -> Line:
    group = planned.group
    how = {"standby": "hosts stand by while out", "ignore": "hosts leave behind its back"}.get(planned.mode, "refused")
    sizes = f"at least {group.min_size}, wants {group.desired}, at most {group.max_size}"
    checks = f"health check {clean_line(group.health_check)}"
    return line("  ", Piece("group    ", Tone.DIM), f"{clean_line(group.name)}  {how}  {sizes}  {checks}")


def _work(head: PlanHead) -> Line:
    prepare = f"{counted(head.prepare, 'command')}  " if head.prepare else ""
    limit = f", up to {duration(head.limit)}" if head.limit is not None else ""
    origin = f"   ({clean_line(head.origin)})" if head.origin else ""
    deploy = f"{counted(head.commands, 'command')}{limit}{origin}"
    first = (Piece("prepare  ", Tone.DIM), Piece(prepare)) if prepare else ()
    return line("  ", *first, Piece("deploy  " if prepare else "deploy   ", Tone.DIM), deploy)


def _hosts(plan: RolloutPlan, times: Times, glyphs: Glyphs) -> Iterator[Line]:
    head = tuple(Piece(text, Tone.DIM) for text in COLUMNS)
    sign = glyphs.at_least if times is Times.AT_LEAST else times.value
    rows = [head, *(_planned(each, sign) for each in plan.hosts), *(_skipped(plan, each) for each in plan.skipped)]
    return ((Piece("  "), *row) for row in table(rows))


def _state(planned: PlannedHost) -> str:
    """An open record says more of a host that is out than AWS does (S-5)."""
    if planned.state not in {TargetState.GONE, TargetState.DRAINING}:
        return planned.state.value
    if planned.record:
        return f"out, {planned.record.state}"
    return "out" if planned.state is TargetState.GONE else planned.state.value


def _planned(planned: PlannedHost, sign: str) -> tuple[Piece, ...]:
    before, after = clean_line(planned.release_before or "?"), clean_line(planned.release_after or "")
    state = _state(planned)
    well = planned.state is TargetState.HEALTHY
    return (
        Piece(str(planned.batch)),
        Piece(phrases.name_of(planned.host)),
        Piece(planned.host.id),
        Piece(zone(planned.host.zone)),
        Piece(state, Tone.PLAIN if well else Tone.WARN),
        Piece(f"{before} -> {after}" if after else before),
        Piece(f"{sign}{duration(planned.estimate)}"),
    )


def _skipped(plan: RolloutPlan, skipped: Skipped) -> tuple[Piece, ...]:
    why = phrases.skip_reason(plan, skipped.reason)
    already = why.startswith("already")
    return (
        Piece("-", Tone.DIM),
        Piece(phrases.name_of(skipped.host)),
        Piece(skipped.host.id),
        Piece(zone(skipped.host.zone)),
        _state_of(skipped),
        Piece(clean_line(skipped.release or "?")),
        Piece("skipped" if already else why, Tone.DIM),
    )


def _state_of(skipped: Skipped) -> Piece:
    if skipped.out:
        return Piece("out", Tone.WARN)
    if skipped.state in {None, TargetState.GONE}:
        return Piece("-")
    return Piece(skipped.state.value, Tone.PLAIN if skipped.state is TargetState.HEALTHY else Tone.WARN)


def _sums(plan: RolloutPlan, times: Times) -> Iterator[Line]:
    skipped = ", ".join(phrases.skips(plan))
    if not plan.hosts:
        yield line(f"Plan: nothing to do{', ' + skipped if skipped else ''}.")
        return
    batches = counted(plan.batches, "batch", "batches")
    most = f" of at most {plan.max_unavailable}" if plan.batches > 1 else ""
    yield line(", ".join(filter(None, [f"Plan: {counted(len(plan.hosts), 'host')} in {batches}{most}", skipped])), ".")
    fewest = max(plan.floor, plan.in_service - plan.max_unavailable)
    took = roughly(plan.estimate) if times is Times.MEASURED else f"at least {duration(plan.estimate)}"
    if not plan.refusals:
        yield line(f"In service: never fewer than {fewest} of {plan.total} (floor {_floor(plan)}).   Time: {took}.")
    if plan.costliest:
        yield line(clean_line(plan.costliest))


def _refusal(refusal: Refusal) -> Iterator[Line]:
    yield line(Piece("refused: ", Tone.BAD), clean_line(refusal.message))
    for label, texts in (("why", refusal.why), ("fix", refusal.fix)):
        for number, text in enumerate(texts):
            yield line(f"  {label}   " if number == 0 else "        ", clean_line(text))


def _floor(plan: RolloutPlan) -> str:
    """The floor with its arithmetic, of the own pool that has the strictest."""
    why = next((each.floor_why for each in plan.pools if each.own and each.floor == plan.floor), "")
    return f"{plan.floor}: {clean_line(why)}" if why else str(plan.floor)
