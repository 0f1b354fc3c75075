"""Events as JSON lines: every line a valid CloudEvent of the documented types, in ASCII."""

from __future__ import annotations

import io
import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import story
from elbroll import events as e
from elbroll.errors import UsageError
from elbroll.model import Step
from elbroll.outputs.jsonl import JsonLines, Output, open_new

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {
    "run.started",
    "plan.made",
    "host.started",
    "host.finished",
    "step.started",
    "step.progress",
    "step.finished",
    "record.written",
    "capacity.changed",
    "host.output",
    "warning",
    "signal.received",
    "halt.decided",
    "run.finished",
}
CLOUD_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "message", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"pattern": "^[0-9a-f]{6}-[0-9]{6}$"},
        "source": {"pattern": "^//elbroll/[^/]+/[^/]+/[^/]+$"},
        "type": {"enum": [f"dev.elbroll.{each}.v1" for each in sorted(TYPES)]},
        "time": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "subject": {"pattern": "^i-"},
        "datacontenttype": {"const": "application/json"},
        "message": {"type": "string", "minLength": 1},
        "data": {"type": "object", "required": ["run", "lb"]},
    },
    "additionalProperties": False,
}


class Kept(io.StringIO):
    """A stream whose content outlives its closing."""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


def text(told: story.Story, output: Output = Output.LEFT_OUT) -> str:
    stream = Kept()
    outlet = JsonLines(stream, output)
    for each in told.told:
        outlet.take(each)
    outlet.close()
    return stream.kept


def lines(told: story.Story, output: Output = Output.LEFT_OUT) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(told, output).splitlines()]


def of_type(told: story.Story, kind: str) -> list[dict[str, Any]]:
    return [each for each in lines(told, Output.INCLUDED) if each["type"] == f"dev.elbroll.{kind}.v1"]


def everything() -> story.Story:
    told = story.halted()
    told.tell(e.Warned("record", "its record stays open", story.host(2)), e.SignalReceived("SIGTERM", "leave"))
    told.tell(e.LockWaiting(story.POOL.id, story.HOLDER, 60))
    return story.finish(told)


def test_every_line_is_a_cloud_event() -> None:
    for line in lines(everything(), Output.INCLUDED):
        jsonschema.validate(line, CLOUD_EVENT)


def test_every_documented_type_is_told() -> None:
    assert {each["type"].split(".", 2)[2].rsplit(".", 1)[0] for each in lines(everything(), Output.INCLUDED)} == TYPES


def test_a_run_begins_and_ends_with_itself() -> None:
    kinds = [each["type"] for each in lines(everything())]
    assert kinds[:2] == ["dev.elbroll.run.started.v1", "dev.elbroll.plan.made.v1"]
    assert kinds[-1] == "dev.elbroll.run.finished.v1"


def test_the_documented_event() -> None:
    (failed,) = [each for each in of_type(story.halted(), "step.finished") if each["data"]["result"] == "failure"]
    assert failed["source"] == "//elbroll/123456789012/us-east-1/web-prod"
    assert failed["subject"] == "i-0a1b2c3d4e5f60004"
    assert failed["time"] == "2026-11-22T21:33:41.000Z"
    assert failed["message"] == ("web-4 failed in verify after 0:30: GET 10.0.2.14:8080/healthz answered 502 for 0:30")
    assert failed["data"] == {
        "run": "7f3a9c",
        "lb": "web-prod",
        "host": "web-4",
        "instance": "i-0a1b2c3d4e5f60004",
        "zone": "us-east-1b",
        "step": "verify",
        "result": "failure",
        "seconds": 30,
        "in_service": 4,
        "floor": 4,
        "error": {
            "code": "verify-http",
            "message": story.BAD_GATEWAY.message,
            "why": list(story.BAD_GATEWAY.why),
        },
    }


def test_the_beginning_names_who_and_what() -> None:
    (begun,) = of_type(story.opening(), "run.started")
    assert begun["data"]["line"] == "elbroll deploy --lb web-prod --release v143"
    assert begun["data"]["who"]["url"] == story.URL
    assert begun["data"]["elbroll"]


def test_the_end_names_every_host_and_the_way_on() -> None:
    (end,) = of_type(story.finish(story.halted()), "run.finished")
    assert {each["host"]: each["outcome"] for each in end["data"]["hosts"]} == {
        "web-1": "deployed",
        "web-2": "deployed",
        "web-3": "deployed",
        "web-4": "left-out",
        "web-5": "not-reached",
        "web-6": "skipped",
    }
    assert end["data"]["exit"] == 4
    assert end["data"]["next"] == ["elbroll deploy --lb web-prod --release v143", "elbroll restore web-4"]


def test_a_finished_host_says_whether_it_serves() -> None:
    ended = {each["data"]["host"]: each["data"]["in_service"] for each in of_type(story.halted(), "host.finished")}
    assert ended == {"web-1": True, "web-2": True, "web-3": True, "web-4": False}


def test_host_output_is_told_only_when_asked_for() -> None:
    assert not [each for each in lines(story.second_batch()) if "output" in each["type"]]
    (output,) = of_type(story.second_batch(), "host.output")
    assert output["data"]["text"] == "Switching to v143"


def test_progress_of_a_step_is_told_every_ten_seconds_at_most() -> None:
    told = story.first_batch()
    for second in range(200, 231):
        told.at(second).tell(e.StepProgress(story.host(3), Step.DRAIN, connections=2))
        told.tell(e.StepProgress(story.host(4), Step.DRAIN, connections=2))
    assert len(of_type(told, "step.progress")) == 8


@pytest.mark.rule("I-21")
@given(st.text(), st.text())
def test_whatever_a_host_says_the_line_is_ascii_and_one(said: str, name: str) -> None:
    host = replace(story.host(1), name=name)
    told = story.Story().tell(e.HostOutput(host, Step.DEPLOY, 1, said), e.Warned("x", said, host))
    written = text(told, Output.INCLUDED)
    assert written.isascii()
    assert len(written.splitlines()) == 2
    assert all(line.isprintable() for line in written.splitlines())
    assert json.loads(written.splitlines()[1])["data"]["message"] == said


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with open_new(tmp_path / "events.jsonl") as stream:
        stream.write("{}\n")
    assert stat.S_IMODE((tmp_path / "events.jsonl").stat().st_mode) == 0o600


@pytest.mark.rule("S-10")
def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        open_new(path)
    assert path.read_text() == "mine"


@pytest.mark.rule("S-10")
def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        open_new(tmp_path / "events.jsonl")
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        open_new(tmp_path / "missing" / "events.jsonl")


def test_nothing_follows_the_last_event() -> None:
    stream = io.StringIO()
    outlet = JsonLines(stream)
    for told in story.good_end().tell(e.Warned("hook", "the hook finished exited 1")).told:
        outlet.take(told)
    assert json.loads(stream.getvalue().splitlines()[-1])["type"] == "dev.elbroll.run.finished.v1"
