"""The host's own work: commands over the transport, and the question whether its app is well."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.engine.journal import Abandoned, StepFailed
from elbroll.engine.waiting import Pace, wait_until
from elbroll.engine.walker import failed
from elbroll.errors import HostUnreachable, Unanswered
from elbroll.model import Failure, Job, JobEnd, JobId, OnLoss, ProbeAnswer, Result, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elbroll.engine.ports import Probe
    from elbroll.engine.waiting import Wait
    from elbroll.engine.walker import Walker
    from elbroll.model import JobResult

STARTING = 0.25
"""Seconds between looks at an app that is not well yet; good looks keep the configured interval."""
UNAWAITED = frozenset({JobEnd.NOT_RUN, JobEnd.UNKNOWN})
"""Ends of a job from which we have turned away ourselves."""
REACH = 15.0
"""Seconds in which a host must answer before its first command is sent."""


def deploy(
    walker: Walker, lines: Sequence[str], release: str | None, look_again: Callable[[Step], None] = lambda _: None
) -> None:
    """Record `deploying`, run every line, record `deployed`. Raises StepFailed.

    A host that cannot be reached before the first command has begun keeps its record (F-39). `look_again` goes on
    looking at its traffic until that command starts, and returns once there is none (F-32).
    """
    limit = walker.run.settings.deploy.timeout
    about = events.StepStarted(walker.host, Step.DEPLOY, limit=limit, commands=len(lines))
    with walker.journal.step(about):
        _reach(walker)
        await_earlier_jobs(walker, Step.DEPLOY)
        look_again(Step.DEPLOY)
        still_out(walker, Step.DEPLOY)
        walker.book.deploying(release)
        look_again(Step.DEPLOY)
        run_jobs(walker, Step.DEPLOY, lines)
        walker.book.deployed(release)
        unless_back(walker, Step.DEPLOY)


def run_jobs(walker: Walker, step: Step, lines: Sequence[str]) -> None:
    """Each line as a job of its own, within what is left of `deploy.timeout` (T-31, T-34). Raises StepFailed."""
    clock = walker.run.clock
    end = clock.monotonic() + walker.run.settings.deploy.timeout
    for number, line in enumerate(lines, 1):
        if step is Step.DEPLOY:
            still_out(walker, step)
            walker.run.lease.confirm(walker.book.pools())
        job = _job(walker, step, number, line, end - clock.monotonic())
        result = walker.run.transport.run(
            walker.host, job, lambda text: walker.journal.heard(step, text), walker.run.stop
        )
        if not result.success:
            if walker.leaving_now() and result.end in UNAWAITED:
                raise Abandoned(step, *([result.cause] if result.cause else ()))
            raise _job_failed(step, number, len(lines), result)


def verify(walker: Walker, release: str | None) -> None:
    """The app asked on its own host, until a full row of good answers. Raises StepFailed."""
    settings = walker.run.settings.verify
    probes = walker.run.checks.of(walker.host, walker.book.registrations, release)
    if not probes:
        return
    asks = tuple(probe.asks for probe in probes)
    about = events.StepStarted(
        walker.host, Step.VERIFY, limit=settings.timeout, checks=asks, consecutive=settings.consecutive
    )
    with walker.journal.step(about):
        wait = wait_until(
            lambda: _ask_all(walker, probes),
            lambda asked: asked.answer.well,
            clock=walker.run.clock,
            limit=settings.timeout,
            pace=Pace(min(settings.interval, STARTING), again=settings.interval, good_looks=settings.consecutive),
            stopped=walker.leaving_now,
        )
        if not wait.reached:
            walker.abandon_if_told(Step.VERIFY)
            raise _verify_failed(wait)


def _reach(walker: Walker) -> None:
    """A harmless word, so that an unreachable host is found before its record says that a deploy began."""
    answer = walker.run.transport.look(walker.host, ":", {}, REACH)
    if not answer.success:
        raise HostUnreachable(f"{walker.host.name} does not run commands", why=(answer.cause or "no reason given",))


def await_earlier_jobs(walker: Walker, step: Step) -> None:
    """A command of an earlier run may still be alive on the host, recorded or not: never two at once (I-17).

    Raises StepFailed, HostUnreachable.
    """
    wait = wait_until(
        lambda: walker.run.transport.open_jobs(walker.host),
        lambda jobs: not jobs,
        clock=walker.run.clock,
        limit=walker.run.settings.deploy.timeout,
        pace=Pace(2.0),
        stopped=walker.interrupted if step is Step.PREPARE else walker.leaving_now,
    )
    if not wait.reached:
        walker.abandon_if_told(step)
        if wait.silence is not None:
            raise wait.silence
        jobs = ", ".join(wait.last or ())
        raise failed(step, "job-still-runs", f"a command of an earlier run is still running on the host: {jobs}")


def still_out(walker: Walker, step: Step) -> None:
    """Somebody may have registered the host meanwhile: no command goes to one that serves (F-36, I-5).

    Raises StepFailed.
    """
    if back := walker.seen_registered():
        raise failed(step, "undone", f"registered again by somebody else: {walker.named(back)}")


def unless_back(walker: Walker, step: Step) -> None:
    """As `still_out` once no command follows: silence then says nothing, and is waited out elsewhere (F-37)."""
    with suppress(Unanswered):
        still_out(walker, step)


def _job(walker: Walker, step: Step, number: int, line: str, limit: float) -> Job:
    run, deploy_settings = walker.run, walker.run.settings.deploy
    attempt = walker.book.record.attempt if walker.book.record else 1
    return Job(
        id=JobId(run.id, step, attempt, number),
        line=line,
        limit=max(1.0, limit),
        env={**deploy_settings.env, **variables(walker)},
        secrets=run.secrets,
        workdir=deploy_settings.workdir,
        on_loss=OnLoss.KEEP,
    )


def variables(walker: Walker) -> dict[str, str]:
    """What commands on the host see beside `env` and `secrets`."""
    run, host = walker.run, walker.host
    return {
        "ELBROLL_RELEASE": run.release or "",
        "ELBROLL_HOST": host.name,
        "ELBROLL_INSTANCE_ID": host.id,
        "ELBROLL_LB": run.lb,
        "ELBROLL_RUN": run.id,
    }


def _job_failed(step: Step, number: int, of: int, result: JobResult) -> StepFailed:
    what = f"command {number} of {of}" if of > 1 else "the command"
    match result.end:
        case JobEnd.EXIT:
            code, text = f"{step}-exit", f"{what} exited {result.status}"
        case JobEnd.TIMED_OUT:
            code, text = f"{step}-timeout", f"{what} was stopped after {result.seconds:.0f} s"
        case JobEnd.NOT_RUN:
            code, text = f"{step}-not-run", f"{what} did not run"
        case JobEnd.UNKNOWN:
            code, text = f"{step}-unknown", f"nobody knows how {what} ended"
    why = (result.cause,) if result.cause else ()
    ended = Result.TIMEOUT if result.end is JobEnd.TIMED_OUT else Result.FAILURE
    return StepFailed(step, Failure(code, text, why=why, tail=result.tail, lines=result.lines), ended)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question and its answer."""

    asks: str
    answer: ProbeAnswer


def _ask_all(walker: Walker, probes: Sequence[Probe]) -> _Asked:
    """The first answer that is not well, else the last: one bad answer breaks the row (F-46)."""
    asked = _Asked("", ProbeAnswer(True, ""))
    for probe in probes:
        asked = _Asked(probe.asks, probe.look())
        if not asked.answer.well:
            walker.journal.tell(events.StepProgress(walker.host, Step.VERIFY, text=asked.answer.said))
            return asked
    return asked


def _verify_failed(wait: Wait[_Asked]) -> StepFailed:
    """Names the question that failed, with its last answer."""
    for_long = f"for {int(wait.seconds) // 60}:{int(wait.seconds) % 60:02d}"
    if wait.silence is not None or wait.last is None:
        text = f"the app could not be asked {for_long}: {wait.silence}"
    elif wait.last.answer.well:
        text = f"{wait.last.asks} {wait.last.answer.said} in the end, but not often enough in a row {for_long}"
    else:
        text = f"{wait.last.asks} {wait.last.answer.said} {for_long}"
    why = (f"{wait.looks} looks, none of them well for long enough",)
    return StepFailed(Step.VERIFY, Failure("verify-http", text, why=why), Result.TIMEOUT)
