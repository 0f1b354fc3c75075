"""Every text of a whole run made hostile, told by every output: shown, never obeyed (I-21, S-1)."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from wcwidth import wcwidth

import story
from elbroll.model import Secret
from elbroll.outputs.clean import LIMIT, clean, clean_line
from elbroll.outputs.hostlogs import log_of
from elbroll.outputs.ink import Pen
from elbroll.outputs.jsonl import JsonLines, Output
from elbroll.outputs.mask import STARS, Masker
from elbroll.outputs.parts import Origin, dump
from elbroll.outputs.plain import Detail, Plain
from elbroll.outputs.plandoc import plan_document
from elbroll.outputs.planview import PlanHead, plan_lines
from elbroll.outputs.streams import Look
from elbroll.outputs.summary import Summary
from elbroll.outputs.words import ASCII, UNICODE
from fuzz import TRICKS, fuzzed, hostile, raw, seldom
from hostile.output import controls, obeyed_by_ci
from outputs.test_live import Terminal, play

if TYPE_CHECKING:
    from elbroll.events import Told

QUIET = Look(color=False, animate=False, width=None)
OURS = re.compile(r"\x1b\[[0-9;]*[mKAJ]|\x1b\[\?25[lh]|\x1b\[[0-9]+[BC]")
"""What the live board itself sends to a terminal."""
LOUD = story.finish(story.halted())
HEAD = PlanHead("us-east-1", "123456789012", "ci", 1, 2, 300, "elbroll.toml:8", next=("elbroll deploy",))


def poisoned(value: Any, trick: str) -> Any:
    """The same with the trick on both sides of every text in it, ids and names of everything included."""
    if type(value) is str:
        return trick + value + trick
    if isinstance(value, (tuple, frozenset)):
        return type(value)(poisoned(item, trick) for item in value)
    if isinstance(value, Mapping):
        return {poisoned(key, trick): poisoned(item, trick) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: poisoned(getattr(value, each.name), trick) for each in dataclasses.fields(value)}
        return type(value)(**fields)
    return value


def told(trick: str) -> story.Story:
    made = story.Story()
    made.told = [dataclasses.replace(each, event=poisoned(each.event, trick)) for each in LOUD.told]
    return made


def in_lines(run: story.Story) -> str:
    stream = io.StringIO()
    pen = Pen(stream, QUIET)
    outlets = Plain(pen, Detail.RECORDS), Summary(pen, pen, ASCII)
    for each in run.told:
        for outlet in outlets:
            outlet.take(each)
    outlets[0].tick(1000)
    return stream.getvalue()


def as_json(run: list[Told]) -> list[str]:
    stream = io.StringIO()
    lines = JsonLines(stream, Output.INCLUDED)
    for each in run:
        lines.take(each)
    return stream.getvalue().split("\n")[:-1]


PLAIN_LINES = in_lines(LOUD).count("\n")


@pytest.mark.rule("I-21", "S-1")
@fuzzed
@given(hostile)
def test_plain_lines_and_the_summary_stay_lines_without_controls(trick: str) -> None:
    text = in_lines(told(trick))

    assert controls(text) <= {"\t"}
    assert text.count("\n") == PLAIN_LINES
    assert obeyed_by_ci(text) == []
    assert "left-out" in text
    text.encode("utf-8")


@pytest.mark.rule("I-21", "S-1")
@seldom
@given(hostile)
def test_the_board_sends_a_terminal_nothing_but_its_own_and_the_screen_shows_the_failure(trick: str) -> None:
    assume(all(wcwidth(char) > 0 or unicodedata.combining(char) for char in clean(trick)))  # pyte draws no other
    terminal = Terminal(160, 200)
    live = play(told(trick), terminal, Detail.OUTPUT, frames=1)
    live.close()
    written = terminal.stream.getvalue()
    shown = "\n".join(terminal.shown())

    assert controls(OURS.sub("", written)) <= {"\t", "\r"}
    assert not terminal.cursor_hidden
    assert "left-out" in shown


@pytest.mark.rule("I-21")
@fuzzed
@given(hostile)
def test_events_and_plans_are_one_line_of_ascii_each(trick: str) -> None:
    run = told(trick)
    plan = next(each.event.plan for each in run.told if hasattr(each.event, "plan"))
    lines = [*as_json(run.told), dump(plan_document(plan, Origin(story.BEGAN)))]

    assert all(line.isascii() and controls(line) == set() and len(line.splitlines()) == 1 for line in lines)
    assert obeyed_by_ci("\n".join(lines)) == []
    assert [json.loads(line)["type"] for line in lines[:-1]] == [
        json.loads(line)["type"] for line in as_json(LOUD.told)
    ]


@pytest.mark.rule("I-21")
@fuzzed
@given(hostile)
def test_a_plan_is_shown_in_as_many_lines_whatever_it_is_called(trick: str) -> None:
    stream = io.StringIO()
    Pen(stream, QUIET).write(plan_lines(poisoned(story.PLAN, trick), poisoned(HEAD, trick), UNICODE))
    text = stream.getvalue()

    assert controls(text) <= {"\t"}
    assert text.count("\n") == len(plan_lines(story.PLAN, HEAD, UNICODE))
    assert obeyed_by_ci(text) == []


@pytest.mark.rule("S-10", "I-26")
@fuzzed
@given(hostile)
def test_a_log_named_after_a_host_stays_in_its_folder(trick: str) -> None:
    host = dataclasses.replace(story.host(1), name=trick)

    assert log_of(Path("/runs/x"), host).parent == Path("/runs/x")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,120}", log_of(Path("/runs/x"), host).name)


@pytest.mark.rule("I-21")
@fuzzed
@given(hostile | raw, st.integers(200, LIMIT))
def test_cleaned_text_obeys_nobody_is_capped_and_is_clean(text: str | bytes, limit: int) -> None:
    line, several = clean_line(text, limit), clean(text, limit)

    assert controls(line) <= {"\t"}
    assert len(line.splitlines()) <= 1
    assert len(line.encode()) <= limit
    assert controls(several) <= {"\t"}
    assert clean_line(line, limit) == line
    assert clean(several, limit) == several
    assert obeyed_by_ci(several) == []


SECRETS = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: f"S3cr-t{text}.")


@pytest.mark.rule("I-20")
@fuzzed
@given(SECRETS)
def test_a_secret_in_every_text_of_a_run_shows_nowhere(secret: str) -> None:
    masker = Masker([Secret(secret)])
    run = story.Story()
    run.told = [dataclasses.replace(each, event=masker.value(each.event)) for each in told(f" {secret}").told]
    everything = in_lines(run) + "\n".join(json.loads(line)["message"] or "" for line in as_json(run.told))

    assert STARS in everything
    assert secret not in everything.replace(STARS, "")
    assert json.dumps(secret)[1:-1] not in "\n".join(as_json(run.told))


def test_the_poison_reaches_every_kind_of_text() -> None:
    text = in_lines(told("\x1b[2J"))

    assert text.count("\\x1b[2J") > PLAIN_LINES
    assert all(trick for trick in TRICKS)
