"""JSON documents: the fields that scripts rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import story
from elbroll.core.planned import PlannedGroup
from elbroll.errors import Refused
from elbroll.model import RecordState, ScalingGroup
from elbroll.outputs.documents import (
    Origin,
    differences,
    dump,
    error_document,
    plan_document,
    run_document,
)

ORIGIN = Origin(story.BEGAN, "123456789012", "us-east-1")
HEAD = {
    "elbroll": "0.1.0",
    "time": "2026-11-22T21:30:40.000Z",
    "account": "123456789012",
    "region": "us-east-1",
}


def planned(plan: Any = story.PLAN, config: str = "sha256:1") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dump(plan_document(plan, ORIGIN, config)))
    return document


def test_the_plan_document() -> None:
    document = planned()
    assert document.items() >= {**HEAD, "schema": "elbroll.plan.v1", "lb": "web-prod", "release": "v143"}.items()
    assert document.items() >= {"total": 6, "in_service": 6, "floor": 4, "max_unavailable": 2}.items()
    assert document["estimate_seconds"] == 300
    assert [[host["host"] for host in batch["hosts"]] for batch in document["batches"]] == [
        ["web-1", "web-2"],
        ["web-3", "web-4"],
        ["web-5"],
    ]
    assert document["batches"][0]["hosts"][0] == {
        "host": "web-1",
        "instance": "i-0a1b2c3d4e5f60001",
        "zone": "us-east-1a",
        "state": "healthy",
        "record": None,
        "begin": "drain",
        "release_before": "v142",
        "release_after": "v143",
        "estimate_seconds": 90,
        "registrations": [
            {"pool": "web-prod-http", "kind": "target-group", "id": "i-0a1b2c3d4e5f60001", "port": 8080, "zone": None}
        ],
    }
    assert document["skipped"][0]["reason"] == "already-on-release"
    assert document["fingerprint"].startswith("sha256:")


def test_a_saved_plan_that_still_holds_has_no_differences() -> None:
    later = json.loads(
        dump(plan_document(story.PLAN, replace(ORIGIN, time=ORIGIN.time.replace(year=2027)), "sha256:1"))
    )
    assert differences(planned(), later) == ()


def test_times_alone_make_no_difference() -> None:
    assert differences(planned(), planned(replace(story.PLAN, estimate=1, warnings=("x",)))) == ()


@pytest.mark.rule("A1", "A4")
def test_groups_are_in_the_plan_and_their_sizes_make_no_difference() -> None:
    def grouped(desired: int) -> dict[str, Any]:
        group = ScalingGroup("web-asg", 2, desired, 6, "ELB")
        return planned(replace(story.PLAN, groups=(PlannedGroup(group, "standby", 5),)))

    assert grouped(4)["groups"] == [
        {
            "group": "web-asg",
            "mode": "standby",
            "hosts": 5,
            "min_size": 2,
            "desired": 4,
            "max_size": 6,
            "health_check": "ELB",
        }
    ]
    assert differences(grouped(4), grouped(5)) == ()


def test_each_difference_is_named() -> None:
    hosts = (replace(story.PLAN.hosts[0], release_before="v141"), *story.PLAN.hosts[2:])
    fresh = planned(replace(story.PLAN, hosts=hosts, floor=5, total=5), config="sha256:2")
    assert set(differences(planned(), fresh)) == {
        "floor: planned 4, now 5",
        "total: planned 6, now 5",
        "config: planned sha256:1, now sha256:2",
        "web-1: release before was v142, is v141",
        "web-2: no longer planned",
    }


def test_a_host_that_moved_between_skipped_and_planned_differs() -> None:
    fresh = planned(replace(story.PLAN, skipped=(), hosts=(*story.PLAN.hosts, story.planned(story.host(6), 3))))
    assert any(each.startswith("web-6: ") for each in differences(planned(), fresh))


def test_a_saved_plan_that_was_edited_is_not_believed() -> None:
    saved = planned()
    saved["batches"][0]["hosts"][0]["registrations"][0]["port"] = 9999
    assert differences(saved, planned())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["batches", "hosts", "x"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["batches", "skipped", "fingerprint", "floor"]), JSON))
def test_any_file_at_all_is_compared_without_a_fault(saved: dict[str, Any]) -> None:
    assert differences(saved, planned())


def test_the_run_document() -> None:
    told = story.finish(story.halted())
    standing = told.standing
    assert standing.finished is not None
    document = json.loads(dump(run_document(standing, standing.finished, ORIGIN)))
    assert document.items() >= {**HEAD, "schema": "elbroll.run.v1", "run": "7f3a9c", "command": "deploy"}.items()
    assert document.items() >= {"result": "failure", "exit": 4, "seconds": 186, "total": 6, "in_service": 5}.items()
    assert document["by"] == {"run": "7f3a9c", "user": "ci", "url": story.URL}
    assert document["next"] == ["elbroll deploy --lb web-prod --release v143", "elbroll restore web-4"]
    (failed,) = [host for host in document["hosts"] if host["outcome"] == "left-out"]
    assert failed["in_service"] is False
    assert failed["record"] == RecordState.DEPLOYED
    assert failed["steps"][-1] == {"step": "verify", "result": "failure", "seconds": 30}
    assert failed["error"]["code"] == "verify-http"


def test_the_error_document() -> None:
    error = Refused("no", why=("a",), now="nothing was changed", fix=("b",), code="floor")
    assert json.loads(dump(error_document(error, Origin(story.BEGAN)))) == {
        **HEAD,
        "account": None,
        "region": None,
        "schema": "elbroll.error.v1",
        "exit": 5,
        "error": {"code": "floor", "message": "no", "why": ["a"], "now": "nothing was changed", "fix": ["b"]},
    }


@pytest.mark.rule("I-21")
@given(st.text())
def test_documents_are_ascii_whatever_they_hold(text: str) -> None:
    written = dump({"text": text})
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written) == {"text": text}
