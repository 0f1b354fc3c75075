"""A fleet's status, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import story
from elbroll.core.status import FleetStatus, HostStatus, LastRun, PoolState
from elbroll.model import (
    BalancerKind,
    HostRecord,
    LockSeen,
    RecordState,
    Removed,
    Result,
    RunId,
    TargetState,
    Why,
)
from elbroll.outputs.documents import Origin, dump, status_document
from elbroll.outputs.ink import text_of
from elbroll.outputs.statusview import ci_job, status_lines

NOW = datetime(2026, 11, 22, 21, 37, 45, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=4)
RECORD = HostRecord(
    story.host(4).id,
    RecordState.DEPLOYED,
    Why.ROLL,
    story.RUN,
    SINCE,
    frozenset({Removed(story.registration(story.host(4)), story.RUN)}),
    step="verify",
)
FLEET = FleetStatus(
    lb="web-prod",
    kind=BalancerKind.ALB,
    region="us-east-1",
    total=6,
    in_service=5,
    floor=4,
    hosts=(
        HostStatus(
            story.host(4),
            in_service=False,
            attention=True,
            state="out",
            release="v143",
            since=SINCE,
            note="run 7f3a9c: verify",
            pools=(PoolState("web-prod-http", 8080, TargetState.GONE, "Target.NotRegistered"),),
            record=RECORD,
        ),
        HostStatus(story.host(5), True, False, "healthy", "v142", NOW - timedelta(days=9)),
    ),
    last_run=LastRun(story.RUN, Result.FAILURE, 4, SINCE, "ci", story.URL),
    next=("elbroll deploy --lb web-prod --release v143", "elbroll restore web-4"),
)
STATUS = """\
web-prod  alb  us-east-1                             5 of 6 in service, floor 4
  HOST   INSTANCE             ZONE  STATE    RELEASE  SINCE  NOTE
! web-4  i-0a1b2c3d4e5f60004  1b    out      v143     4m     run 7f3a9c: verify
  web-5  i-0a1b2c3d4e5f60005  1a    healthy  v142     9d
Last run  7f3a9c halted 4m ago by ci (acme/web#981), exit 4
Next      elbroll deploy --lb web-prod --release v143, or elbroll restore web-4
"""


def shown(fleet: FleetStatus) -> str:
    return "".join(text_of(each) + "\n" for each in status_lines(fleet, NOW))


def test_the_documented_status() -> None:
    assert shown(FLEET) == STATUS


def test_an_empty_fleet_has_no_table() -> None:
    assert shown(replace(FLEET, hosts=(), last_run=None, next=())).splitlines()[1:] == ["  no hosts"]


def test_what_frees_the_fleet_comes_first_on_a_line_of_its_own() -> None:
    lock = "elbroll unlock web-prod 81cc02     only if that run is truly dead"
    last = shown(replace(FLEET, unlock=(lock,))).partition("Next      ")[2]
    alone = shown(replace(FLEET, unlock=(lock,), next=())).partition("Next      ")[2]

    assert (
        last
        == f"""{lock}, then
          elbroll deploy --lb web-prod --release v143, or elbroll restore web-4
"""
    )
    assert alone == f"{lock}\n"


@pytest.mark.parametrize(("age", "said"), [(4.0, "alive 4s ago"), (900.0, "silent for 15m")])
def test_a_lock_names_its_holder_and_its_last_beat(age: float, said: str) -> None:
    holder = replace(story.HOLDER, run=RunId("81cc02"), started=NOW - timedelta(minutes=3))
    lock = LockSeen(story.POOL.id, holder, 3, age=age, doing="web-3")
    assert (
        f"Locked    by run 81cc02: ci (acme/web#981), since 3m, {said}, working on web-3"
        in shown(replace(FLEET, lock=lock)).splitlines()
    )


def test_a_lock_that_cannot_be_read_is_held_by_somebody_unknown() -> None:
    lines = shown(replace(FLEET, lock=LockSeen(story.POOL.id, None, 0, readable=False))).splitlines()
    assert "Locked    by somebody unknown: what stands in the lock cannot be read" in lines


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (LastRun(story.RUN), "7f3a9c began"),
        (LastRun(story.RUN, Result.SUCCESS, 0, SINCE, "ana"), "7f3a9c succeeded 4m ago by ana, exit 0"),
        (LastRun(story.RUN, Result.CANCELLATION, 130), "7f3a9c was interrupted, exit 130"),
        (LastRun(story.RUN, Result.ERROR, 1), "7f3a9c failed, exit 1"),
        (LastRun(story.RUN, Result.TIMEOUT, 9), "7f3a9c ran out of time, exit 9"),
    ],
)
def test_how_the_last_run_ended(last: LastRun, said: str) -> None:
    assert f"Last run  {said}" in shown(replace(FLEET, last_run=last)).splitlines()


@pytest.mark.parametrize(
    ("url", "job"),
    [
        (story.URL, "acme/web#981"),
        ("https://gitlab.com/acme/web/-/jobs/1", "https://gitlab.com/acme/web/-/jobs/1"),
        (None, ""),
    ],
)
def test_ci_jobs_are_named_shortly(url: str | None, job: str) -> None:
    assert ci_job(url) == job


@pytest.mark.rule("I-21")
def test_notes_and_names_are_shown_not_obeyed() -> None:
    hostile = replace(FLEET.hosts[0], host=story.host(4, "web\x1b[2J"), note="\u202ea\nb")
    lines = shown(replace(FLEET, hosts=(hostile,))).splitlines()
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)


def test_the_documented_json() -> None:
    document = json.loads(dump(status_document([FLEET], Origin(NOW, "123456789012", "us-east-1"))))
    (fleet,) = document["fleets"]
    assert fleet["hosts"][0] == {
        "host": "web-4",
        "instance": "i-0a1b2c3d4e5f60004",
        "zone": "us-east-1b",
        "in_service": False,
        "attention": True,
        "release": "v143",
        "pools": [{"pool": "web-prod-http", "port": 8080, "state": "gone", "reason": "Target.NotRegistered"}],
        "record": {
            "state": "deployed",
            "run": "7f3a9c",
            "since": "2026-11-22T21:33:45.000Z",
            "reason": "verify failed",
            "until": None,
            "standby": None,
        },
    }
    assert fleet["last_run"] == {"run": "7f3a9c", "result": "failure", "exit": 4}
    assert fleet["lock"] is None
