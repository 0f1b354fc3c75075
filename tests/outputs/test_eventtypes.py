"""The table of event types against the events themselves, told with all that they may carry."""

from __future__ import annotations

import pytest

import story
from elbroll import events as e
from elbroll.model import Result, Step, TargetState
from elbroll.outputs.cloudevents import cloud_event
from elbroll.outputs.eventtypes import EVERYWHERE, TYPES

HOST = story.host(4)


def whole() -> story.Story:
    """Every event of a run, each detail set in at least one of its kind."""
    told = story.opening()
    told.tell(story.started("drain", reason="disk swap", until=story.BEGAN), e.LockWaiting(story.POOL.id, None, 9.0))
    told.tell(e.HostStarted(HOST, 1, frozenset()), story.drain(HOST), story.deploy(HOST), story.verify(HOST))
    told.tell(e.StepProgress(HOST, Step.DRAIN, 3, (("web", TargetState.DRAINING),), "text"))
    told.tell(e.StepFinished(HOST, Step.VERIFY, Result.FAILURE, 3.0, story.BAD_GATEWAY, "note"))
    told.tell(e.RecordWritten(HOST, story.RecordState.HELD), e.HostOutput(HOST, Step.DEPLOY, 1, "text"))
    told.tell(e.Warned("code", "message", HOST), e.SignalReceived("SIGINT", "finish"), e.HaltDecided("reason"))
    told.tell(story.left_out(HOST), story.capacity(5))
    return story.finish(told)


def seen() -> dict[str, set[str]]:
    """The data of each type, over all events of the run."""
    fields: dict[str, set[str]] = {}
    told = whole().told
    for number, each in enumerate(told):
        document = cloud_event(each, story.add_up(told[: number + 1]))
        assert document is not None
        kind = document["type"].removeprefix("dev.elbroll.").removesuffix(".v1")
        fields.setdefault(kind, set()).update(document["data"])
    return fields


def test_the_table_has_every_type_and_no_other() -> None:
    assert seen().keys() == TYPES.keys()


@pytest.mark.parametrize("kind", sorted(TYPES.keys() - {"plan.made"}))
def test_the_table_names_all_that_an_event_carries_and_nothing_else(kind: str) -> None:
    assert {*EVERYWHERE, *TYPES[kind].data} == seen()[kind]


def test_a_plan_is_told_as_its_document() -> None:
    assert {"schema", "batches", "refusals", "fingerprint"} <= seen()["plan.made"]


def test_every_event_of_the_engine_has_a_type() -> None:
    told = {type(each.event).__name__ for each in whole().told}

    assert {each.__name__ for each in e.Event.__subclasses__()} == told
