"""The plan as people read it, as golden text."""

from __future__ import annotations

from dataclasses import replace

import pytest

import story
from elbroll.core.plan import Refusal, RolloutPlan, Skipped, SkipReason
from elbroll.core.planned import PlannedGroup
from elbroll.model import HostRecord, RecordState, Removed, ScalingGroup, TargetState, Why
from elbroll.outputs.ink import text_of
from elbroll.outputs.planview import PlanHead, Times, plan_lines
from elbroll.outputs.words import UNICODE

HEAD = PlanHead(
    region="us-east-1",
    account="123456789012",
    identity="role/deployer",
    prepare=1,
    commands=2,
    limit=300,
    origin="elbroll.toml:8",
    next=("elbroll deploy --lb web-prod --release v143",),
)
PLAN = """\
web-prod  alb  us-east-1  account 123456789012 as role/deployer  release v143
  pools    web-prod-http:8080  drain until idle, up to 6:00  healthy in ~0:20
  prepare  1 command  deploy  2 commands, up to 5:00   (elbroll.toml:8)
  BATCH  HOST   INSTANCE             ZONE  STATE    RELEASE       TAKES
  1      web-1  i-0a1b2c3d4e5f60001  1a    healthy  v142 -> v143  ~1:30
  1      web-2  i-0a1b2c3d4e5f60002  1b    healthy  v142 -> v143  ~1:30
  2      web-3  i-0a1b2c3d4e5f60003  1a    healthy  v142 -> v143  ~1:30
  2      web-4  i-0a1b2c3d4e5f60004  1b    healthy  v142 -> v143  ~1:30
  3      web-5  i-0a1b2c3d4e5f60005  1a    healthy  v142 -> v143  ~1:30
  -      web-6  i-0a1b2c3d4e5f60006  1b    -        v143          skipped
Plan: 5 hosts in 3 batches of at most 2, 1 skipped (already v143).
In service: never fewer than 4 of 6 (floor 4: configured).   Time: about 5 min.
Next  elbroll deploy --lb web-prod --release v143
"""


def shown(plan: RolloutPlan, head: PlanHead = HEAD) -> str:
    return "".join(text_of(each) + "\n" for each in plan_lines(plan, head))


def test_the_documented_plan() -> None:
    assert shown(story.PLAN) == PLAN


def test_without_history_times_are_lower_bounds() -> None:
    lines = shown(story.PLAN, replace(HEAD, times=Times.AT_LEAST))
    assert ">=1:30" in lines
    assert "Time: at least 5:00." in lines
    assert "≥1:30" in text_of(plan_lines(story.PLAN, replace(HEAD, times=Times.AT_LEAST), UNICODE)[4])


def test_a_refused_plan_shows_the_arithmetic_and_no_command_that_would_do_it() -> None:
    refusal = Refusal(
        "floor", "draining web-1 would leave 3 of 6", ("web-2 unhealthy", "web-4 out"), ("restore web-4",)
    )
    lines = shown(replace(story.PLAN, refusals=(refusal,))).splitlines()
    assert lines[-4:] == [
        "refused: draining web-1 would leave 3 of 6",
        "  why   web-2 unhealthy",
        "        web-4 out",
        "  fix   restore web-4",
    ]


def test_nothing_to_do_says_so() -> None:
    assert shown(replace(story.PLAN, hosts=(), batches=0)).splitlines()[-1] == (
        "Plan: nothing to do, 1 skipped (already v143)."
    )


@pytest.mark.rule("A1", "A4")
@pytest.mark.parametrize(
    ("mode", "how"),
    [("standby", "hosts stand by while out"), ("ignore", "hosts leave behind its back"), ("refuse", "refused")],
)
def test_groups_are_shown_with_their_sizes_checks_and_the_word_for_them(mode: str, how: str) -> None:
    group = PlannedGroup(ScalingGroup("web-asg", 2, 4, 6, "ELB"), mode, 3)
    lines = shown(replace(story.PLAN, groups=(group,))).splitlines()
    assert lines[2] == f"  group    web-asg  {how}  at least 2, wants 4, at most 6  health check ELB"


def test_a_host_that_is_out_is_called_out() -> None:
    out = replace(story.PLAN.hosts[0], state=TargetState.GONE)
    away = Skipped(story.host(6), SkipReason.DRAINED, "v142", out=True)
    lines = shown(replace(story.PLAN, hosts=(out,), skipped=(away,), batches=1)).splitlines()
    assert lines[4] == "  1      web-1  i-0a1b2c3d4e5f60001  1a    out    v142 -> v143  ~1:30"
    assert lines[5] == "  -      web-6  i-0a1b2c3d4e5f60006  1b    out    v142          drained on purpose"


@pytest.mark.rule("S-5")
@pytest.mark.parametrize(
    ("state", "shown_as"),
    [
        (TargetState.GONE, "out, deployed"),
        (TargetState.DRAINING, "out, deployed"),
        (TargetState.UNHEALTHY, "unhealthy"),
    ],
)
def test_a_host_that_is_out_by_a_record_shows_how_far_it_came(state: TargetState, shown_as: str) -> None:
    host = story.PLAN.hosts[0].host
    removed = frozenset({Removed(story.registration(host), story.RUN)})
    record = HostRecord(host.id, RecordState.DEPLOYED, Why.ROLL, story.RUN, story.BEGAN, removed)
    recorded = replace(story.PLAN.hosts[0], state=state, record=record)
    row = shown(replace(story.PLAN, hosts=(recorded,), skipped=(), batches=1)).splitlines()[4]
    assert row.split("  1a    ")[1].startswith(f"{shown_as}  ")


def test_other_pools_warnings_and_the_costliest_setting_are_shown() -> None:
    other = replace(story.PLANNED_POOL, own=False, pool=replace(story.POOL, name="api-prod-http", port=9000))
    plan = replace(
        story.PLAN, pools=(story.PLANNED_POOL, other), warnings=("alone in its zone",), costliest="checks: 30s"
    )
    lines = shown(plan).splitlines()
    assert lines[2].startswith("  other    api-prod-http:9000  drain until idle")
    assert "checks: 30s" in lines
    assert "! alone in its zone" in lines


@pytest.mark.rule("S-13")
def test_a_foreign_endpoint_is_shown() -> None:
    assert (
        "at http://127.0.0.1:5000" in shown(story.PLAN, replace(HEAD, endpoint="http://127.0.0.1:5000")).splitlines()[0]
    )


@pytest.mark.rule("I-21")
def test_hostile_names_stay_on_their_line() -> None:
    hostile = replace(story.PLAN.hosts[0], host=story.host(1, "\x1b[2J\nPlan: nothing to do."))
    lines = shown(replace(story.PLAN, hosts=(hostile,))).splitlines()
    assert len(lines) == len(PLAN.splitlines()) - 4
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("state", "shown_as"),
    [(TargetState.HEALTHY, "healthy"), (TargetState.UNHEALTHY, "unhealthy"), (TargetState.GONE, "-"), (None, "-")],
)
def test_a_skipped_host_shows_the_state_it_is_in(state: TargetState | None, shown_as: str) -> None:
    skipped = Skipped(story.host(6), SkipReason.CURRENT, "v143", state=state)
    line = shown(replace(story.PLAN, skipped=(skipped,))).splitlines()[-4]
    assert line.split()[4] == shown_as
