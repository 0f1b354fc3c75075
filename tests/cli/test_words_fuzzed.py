"""What people and pipelines hand in: labels, HOST words, statuses, saved plans. Taken, or refused with a reason."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import story
from builders import a_fleet, a_host
from elbroll.cli.planning import _saved
from elbroll.cli.wishes import request
from elbroll.config.places import http_check, statuses
from elbroll.core.order import natural
from elbroll.core.plan import Request
from elbroll.core.select import called, matching, select
from elbroll.errors import ElbrollError, Refused, UsageError
from elbroll.model import Why
from elbroll.outputs.parts import Origin
from elbroll.outputs.plandoc import ASIDE, differences, plan_document
from elbroll.probes.matcher import Matcher
from fuzz import fuzzed, hostile, json_like, raw

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = [a_host(1), replace(a_host(2), name="web-2[/b]$(id)"), replace(a_host(3), name="*")]
PLAN = json.loads(json.dumps(plan_document(story.PLAN, Origin(story.BEGAN))))


@pytest.mark.rule("S-4", "F-1", "I-26")
@fuzzed
@given(hostile | st.from_regex(r"[A-Za-z0-9._+-]{1,140}"))
@example("-rf")
@example("v1\n")
@example("v" * 129)
@example("")
def test_a_label_is_a_word_for_every_shell_or_refused(label: str) -> None:
    try:
        asked = request(Why.ROLL, {"release": label})
    except UsageError:
        return
    assert asked.release is None or (asked.release == label == shlex.quote(label))
    assert not label.startswith("-")
    assert len(label) <= 128


@pytest.mark.rule("I-26", "I-8")
@fuzzed
@given(hostile | st.text(st.sampled_from("*?[]!-web12\\"), max_size=12))
@example("[")
@example("*")
@example("[!")
@example("[a-")
def test_a_host_word_chooses_hosts_or_is_refused(word: str) -> None:
    found = matching(word, HOSTS)
    chosen = select(a_fleet(members=HOSTS), Request(why=Why.ROLL, only=(word,)))

    assert all(host in HOSTS for host in found)
    assert all(host in found for host in HOSTS if word in called(host))
    assert chosen.chosen <= {host.id for host in HOSTS}
    assert bool(chosen.chosen) or bool(chosen.refusals)


@pytest.mark.rule("F-1", "I-7")
@fuzzed
@given(hostile | st.text(st.sampled_from("0123456789-, x\u0662\u00b2"), max_size=12))
def test_what_the_config_takes_for_statuses_the_probe_reads_the_same(text: str) -> None:
    try:
        taken = statuses(text)
    except ValueError:
        with pytest.raises(Refused):
            Matcher.of(text)
        return
    assert not any(status in Matcher.of(taken) for status in (-200, 1000, 200200))
    assert re.fullmatch(r"[0-9, -]+", taken)


@fuzzed
@given(hostile)
@example("/\U00018cd6")
@example("http://\u2460\u2461:80/x")
def test_a_health_url_is_taken_or_refused(text: str) -> None:
    try:
        taken = http_check(text)
    except ValueError:
        return
    assert taken == text
    assert taken.isprintable()
    assert taken.isascii()


@fuzzed
@given(hostile | st.text(), hostile | st.text())
def test_any_two_names_have_an_order(one: str, two: str) -> None:
    assert (natural(one) < natural(two)) + (natural(one) == natural(two)) + (natural(one) > natural(two)) == 1


@pytest.mark.rule("I-15", "F-2")
@fuzzed
@given(content=raw | json_like.map(lambda value: json.dumps(value).encode()))
@example(content=b"[" * 200_000)
@example(content=b'{"schema":' + b"9" * 5000 + b"}")
@example(content=b"\xff")
def test_any_file_is_a_saved_plan_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)

    with pytest.raises(ElbrollError) as caught:
        _saved(path)
    assert caught.value.message.startswith("--plan: ")
    assert all(len(text) <= 200 for text in caught.value.why)


@st.composite
def edited(draw: st.DrawFn) -> dict[str, object]:
    """A saved plan in which somebody has replaced some part, deep or not."""
    plan = json.loads(json.dumps(PLAN))
    place = plan
    while isinstance(place, (dict, list)) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if draw(st.booleans()) or not isinstance(place[key], (dict, list)) or not place[key]:
            place[key] = draw(json_like.filter(lambda value: value == value))  # noqa: PLR0124 - NaN is like nothing
            break
        place = place[key]
    return plan


@pytest.mark.rule("S-11", "I-15")
@fuzzed
@given(edited())
def test_a_saved_plan_that_was_edited_never_passes_for_another_one(plan: dict[str, object]) -> None:
    said = differences(plan, PLAN)

    assert promised(plan) == promised(PLAN) or said
    assert all(isinstance(text, str) for text in said)


def promised(value: object) -> object:
    """What of a saved plan is more than words for people."""
    if isinstance(value, dict):
        return {key: promised(item) for key, item in value.items() if key not in ASIDE}
    return [promised(item) for item in value] if isinstance(value, list) else value
