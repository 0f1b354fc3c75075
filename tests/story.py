"""Scripted runs: the events that the engine tells, in the order and with the numbers of the documented examples."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from elbroll import events as e
from elbroll.core.plan import PlannedHost, PlannedPool, RolloutPlan, Skipped, SkipReason
from elbroll.core.standing import Standing, apply, exit_code_of, next_commands, results_of
from elbroll.model import (
    BalancerKind,
    Failure,
    HealthCheck,
    Holder,
    Host,
    HostId,
    HostRecord,
    HostResult,
    InstanceState,
    Outcome,
    Pool,
    PoolId,
    RecordState,
    Registration,
    Removed,
    Result,
    RunId,
    Step,
    StepResult,
    TargetState,
    TargetType,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN = RunId("7f3a9c")
BEGAN = datetime(2026, 11, 22, 21, 30, 40, tzinfo=UTC)
URL = "https://github.com/acme/web/actions/runs/981"
ZONES = ("us-east-1a", "us-east-1b")
POOL = Pool(
    id=PoolId("tg/web-prod-http/73e2d6bc24d8a067"),
    name="web-prod-http",
    kind=BalancerKind.ALB,
    target_type=TargetType.INSTANCE,
    arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-prod-http/73e2d6bc24d8a067",
    vpc="vpc-1",
    protocol="HTTP",
    port=8080,
    health_check=HealthCheck("HTTP", None, "/healthz", "200-299", 10, 5, 2, 2),
    deregistration_delay=300,
)


def host(number: int, name: str | None = None) -> Host:
    return Host(
        HostId(f"i-0a1b2c3d4e5f6{number:04}"),
        name or f"web-{number}",
        InstanceState.RUNNING,
        zone=ZONES[(number - 1) % 2],
        private_ip=f"10.0.{(number - 1) % 2 + 1}.{10 + number}",
    )


def registration(of: Host) -> Registration:
    return Registration(POOL.id, of.id, 8080)


def planned(of: Host, batch: int, before: str | None = "v142", after: str | None = "v143") -> PlannedHost:
    return PlannedHost(
        of,
        frozenset({registration(of)}),
        TargetState.HEALTHY,
        None,
        None,
        Step.DRAIN,
        before,
        after,
        batch,
        estimate=90.0,
    )


PLANNED_POOL = PlannedPool(
    POOL,
    own=True,
    until="idle",
    settle=5,
    drain_limit=360,
    healthy_about=20,
    healthy_limit=120,
    expected=6,
    capacity=6,
    floor=4,
    floor_why="configured",
)
PLAN = RolloutPlan(
    lb="web-prod",
    kind=BalancerKind.ALB,
    why=Why.ROLL,
    release="v143",
    pools=(PLANNED_POOL,),
    hosts=tuple(planned(host(number), (number + 1) // 2) for number in range(1, 6)),
    skipped=(Skipped(host(6), SkipReason.CURRENT, "v143"),),
    refusals=(),
    warnings=(),
    max_unavailable=2,
    total=6,
    in_service=6,
    floor=4,
    estimate=300,
    costliest=None,
    batches=3,
)
HOLDER = Holder(RUN, "ci", "runner-7", 4711, "deploy", BEGAN, URL)
BAD_GATEWAY = Failure(
    "verify-http",
    "GET 10.0.2.14:8080/healthz answered 502 for 0:30",
    why=("the app answers, but not with 200-299 (30 looks, the last at 21:33:41Z)",),
    tail=("web[812]: bind: address already in use",),
    lines=112,
)
STEPS = (Step.DRAIN, Step.DEPLOY, Step.VERIFY, Step.REGISTER)


@dataclass
class Story:
    """Collects events with their times; `at` sets the clock for what follows."""

    lb: str = "web-prod"
    told: list[e.Told] = field(default_factory=list)
    elapsed: float = 0.0

    def at(self, elapsed: float) -> Story:
        self.elapsed = elapsed
        return self

    def tell(self, *events: e.Event) -> Story:
        for event in events:
            time = BEGAN + timedelta(seconds=self.elapsed)
            self.told.append(e.Told(len(self.told) + 1, time, self.elapsed, RUN, self.lb, event))
        return self

    @property
    def standing(self) -> Standing:
        return add_up(self.told)


def add_up(told: Iterable[e.Told]) -> Standing:
    standing = Standing()
    for each in told:
        standing = apply(standing, each)
    return standing


def started(command: str = "deploy", **others: object) -> e.RunStarted:
    line = f"elbroll {command} --lb web-prod --release v143"
    begun = e.RunStarted(command, HOLDER, "123456789012", "us-east-1", "v143", "elbroll.toml", line=line)
    return replace(begun, **others)  # type: ignore[arg-type]


def capacity(in_service: int) -> e.CapacityChanged:
    return e.CapacityChanged(POOL.id, POOL.name, in_service, 4, 6)


def drain(of: Host) -> e.StepStarted:
    return e.StepStarted(of, Step.DRAIN, limit=360, pools=("web-prod-http:8080",), until="idle")


def deploy(of: Host) -> e.StepStarted:
    return e.StepStarted(of, Step.DEPLOY, limit=300, commands=2)


def verify(of: Host) -> e.StepStarted:
    checks = (f"GET {of.private_ip}:8080/healthz",)
    return e.StepStarted(of, Step.VERIFY, limit=30, checks=checks, consecutive=3)


def register(of: Host) -> e.StepStarted:
    return e.StepStarted(of, Step.REGISTER, limit=120, pools=("web-prod-http:8080",))


def ended(of: Host, step: Step, seconds: float, failure: Failure | None = None) -> e.StepFinished:
    return e.StepFinished(of, step, Result.FAILURE if failure else Result.SUCCESS, seconds, failure)


def deployed(of: Host, *seconds: float) -> e.HostFinished:
    steps = tuple(StepResult(step, Result.SUCCESS, each) for step, each in zip(STEPS, seconds, strict=True))
    result = HostResult(of.id, Outcome.DEPLOYED, True, "v142", "v143", steps, seconds=sum(seconds))
    return e.HostFinished(of, result)


def left_out(of: Host) -> e.HostFinished:
    steps = (
        StepResult(Step.DRAIN, Result.SUCCESS, 12),
        StepResult(Step.DEPLOY, Result.SUCCESS, 34),
        StepResult(Step.VERIFY, Result.FAILURE, 30),
    )
    note = "record kept: web-prod-http:8080"
    return e.HostFinished(
        of,
        HostResult(
            of.id,
            Outcome.LEFT_OUT,
            False,
            "v142",
            "v143",
            steps,
            BAD_GATEWAY,
            seconds=76,
            record=RecordState.DEPLOYED,
            note=note,
        ),
    )


def opening() -> Story:
    """A run in CI up to the end of prepare."""
    story = Story().tell(started(), e.PlanMade(PLAN), capacity(6))
    story.tell(e.StepStarted(None, Step.PREPARE, hosts=5))
    return story.at(12).tell(e.StepFinished(None, Step.PREPARE, Result.SUCCESS, 12, note="5 hosts ready"))


def first_batch() -> Story:
    """web-1 and web-2 deployed; interface's CI example, second by second."""
    one, two = host(1), host(2)
    story = opening()
    for each in (one, two):
        story.tell(e.HostStarted(each, 1, frozenset({registration(each)})))
        story.tell(
            e.RecordWritten(each, RecordState.HELD),
            drain(each),
        )
    story.tell(capacity(4))
    story.at(23).tell(ended(one, Step.DRAIN, 11), e.RecordWritten(one, RecordState.DEPLOYING), deploy(one))
    story.at(26).tell(ended(two, Step.DRAIN, 14), e.RecordWritten(two, RecordState.DEPLOYING), deploy(two))
    story.at(71).tell(ended(one, Step.DEPLOY, 48), e.RecordWritten(one, RecordState.DEPLOYED), verify(one))
    story.at(77).tell(ended(one, Step.VERIFY, 6), e.RecordWritten(one, RecordState.REGISTERING), register(one))
    story.tell(ended(two, Step.DEPLOY, 51), e.RecordWritten(two, RecordState.DEPLOYED), verify(two))
    story.at(83).tell(ended(two, Step.VERIFY, 6), e.RecordWritten(two, RecordState.REGISTERING), register(two))
    story.at(98).tell(capacity(5), ended(one, Step.REGISTER, 21), e.RecordWritten(one, RecordState.IN_SERVICE))
    story.tell(deployed(one, 11, 48, 6, 21))
    story.at(105).tell(capacity(6), ended(two, Step.REGISTER, 22), e.RecordWritten(two, RecordState.IN_SERVICE))
    return story.tell(deployed(two, 14, 51, 6, 22))


def second_batch() -> Story:
    """The board of the live example: web-3 in deploy, web-4 in drain, web-5 waiting."""
    three, four = host(3), host(4)
    story = first_batch()
    for each in (three, four):
        story.tell(e.HostStarted(each, 2, frozenset({registration(each)})))
        story.tell(e.RecordWritten(each, RecordState.HELD), drain(each))
    story.tell(capacity(4)).at(107)
    story.tell(ended(three, Step.DRAIN, 2), e.RecordWritten(three, RecordState.DEPLOYING), deploy(three))
    story.at(110).tell(e.HostOutput(three, Step.DEPLOY, 1, "Switching to v143"))
    return story.at(117).tell(e.StepProgress(four, Step.DRAIN, connections=3))


def halted() -> Story:
    """web-4 fails in verify, web-3 is awaited, web-5 is not reached."""
    three, four = host(3), host(4)
    story = second_batch().at(119)
    story.tell(ended(four, Step.DRAIN, 12), e.RecordWritten(four, RecordState.DEPLOYING), deploy(four))
    story.at(151).tell(ended(four, Step.DEPLOY, 34), e.RecordWritten(four, RecordState.DEPLOYED), verify(four))
    story.at(155).tell(ended(three, Step.DEPLOY, 48), e.RecordWritten(three, RecordState.DEPLOYED), verify(three))
    story.at(161).tell(ended(three, Step.VERIFY, 6), e.RecordWritten(three, RecordState.REGISTERING), register(three))
    story.at(181).tell(ended(four, Step.VERIFY, 30, BAD_GATEWAY), left_out(four))
    story.tell(e.HaltDecided("web-4 failed in verify", ("web-3",)))
    story.at(186).tell(capacity(5), ended(three, Step.REGISTER, 22), e.RecordWritten(three, RecordState.IN_SERVICE))
    return story.tell(deployed(three, 2, 48, 6, 22))


def finish(story: Story) -> Story:
    """Ends a story as the engine does: with the exit code and the way on of the standing."""
    standing = story.standing
    code = exit_code_of(standing)
    result = Result.SUCCESS if code == 0 else Result.FAILURE
    way = next_commands(standing, standing.plan)
    return story.tell(e.RunFinished(result, code, results_of(standing), story.elapsed, way))


def good_end() -> Story:
    """All five hosts deployed."""
    story = first_batch()
    for number, at in ((3, 190), (4, 193), (5, 276)):
        each = host(number)
        story.tell(e.HostStarted(each, (number + 1) // 2, frozenset({registration(each)})), drain(each), capacity(5))
        story.at(at).tell(deployed(each, 12, 48, 6, 20))
    return finish(story.tell(capacity(6)))


def drained() -> Story:
    """`elbroll drain web-4 --reason "disk swap" --for 2h`."""
    four = host(4)
    until = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    plan = replace(PLAN, why=Why.DRAIN, release=None, hosts=(planned(four, 1, after="v142"),), skipped=())
    story = Story().tell(started("drain", release=None, reason="disk swap", until=until), e.PlanMade(plan))
    story.tell(e.HostStarted(four, 1, frozenset({registration(four)})), e.RecordWritten(four, RecordState.HELD))
    story.tell(drain(four)).at(13).tell(capacity(5), ended(four, Step.DRAIN, 13))
    steps = (StepResult(Step.DRAIN, Result.SUCCESS, 13),)
    result = HostResult(four.id, Outcome.DRAINED, False, "v142", "v142", steps, seconds=13, record=RecordState.HELD)
    return finish(story.tell(e.HostFinished(four, replace(result, note="no connection for 5s"))))


def restored() -> Story:
    """`elbroll restore web-4`, after that drain."""
    four = host(4)
    since = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    removed = frozenset({Removed(registration(four), RUN)})
    record = HostRecord(four.id, RecordState.HELD, Why.DRAIN, RunId("81cc02"), since, removed, reason="disk swap")
    out = replace(planned(four, 1, after="v142"), record=record, state=TargetState.GONE, begin=Step.REGISTER)
    plan = replace(PLAN, why=Why.DRAIN, release=None, hosts=(out,), skipped=(), in_service=5)
    story = Story().tell(started("restore", release=None), e.PlanMade(plan), capacity(5))
    story.tell(e.HostStarted(four, 1, frozenset({registration(four)})), register(four))
    story.at(21).tell(capacity(6), ended(four, Step.REGISTER, 21), e.RecordWritten(four, RecordState.IN_SERVICE))
    steps = (StepResult(Step.REGISTER, Result.SUCCESS, 21),)
    result = HostResult(four.id, Outcome.RESTORED, True, "v142", "v142", steps, seconds=21)
    return finish(story.tell(e.HostFinished(four, replace(result, record=RecordState.IN_SERVICE))))


def restored_nowhere() -> Story:
    """`elbroll restore web-4 --give-up web-prod-http`, after its pool was deleted."""
    four = host(4)
    out = replace(planned(four, 1, after=None), state=TargetState.GONE, begin=Step.REGISTER)
    plan = replace(PLAN, release=None, hosts=(out,), skipped=(), pools=(), total=0, in_service=0)
    story = Story().tell(started("restore", release=None), e.PlanMade(plan))
    story.tell(e.HostStarted(four, 1, frozenset({registration(four)})), e.RecordWritten(four, RecordState.IN_SERVICE))
    return finish(story.tell(e.HostFinished(four, HostResult(four.id, Outcome.RESTORED, in_service=False))))


def executed() -> Story:
    """`elbroll exec --lb web-prod --only 'web-[12]' -- sudo systemctl restart web`."""
    line = "elbroll exec --lb web-prod --only 'web-[12]' -- sudo systemctl restart web"
    plan = replace(PLAN, why=Why.EXEC, release=None, hosts=PLAN.hosts[:2], skipped=())
    story = Story().tell(started("exec", release=None, line=line), e.PlanMade(plan), capacity(6))
    story.at(45).tell(deployed(host(1), 10, 3, 6, 22), deployed(host(2), 10, 3, 6, 22))
    return finish(story)
