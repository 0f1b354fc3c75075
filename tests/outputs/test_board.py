"""The board as a function of the standing, the time and the size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import story
from elbroll import events as e
from elbroll.core.standing import Standing, apply
from elbroll.model import Failure, HostResult, Outcome, PoolId, RecordState, Result, Step, TargetState
from elbroll.outputs.board import board, seconds_left
from elbroll.outputs.ink import text_of
from elbroll.outputs.scroll import scrolled
from elbroll.outputs.words import ASCII, UNICODE, columns

SECOND_BATCH = """\
────────────────────────────────────────────────────────────────────────────────
⠇ web-3  deploy   0:10  > Switching to v143
⠇ web-4  drain    0:12  3 connections left, limit 6:00
· web-5  waiting
  2 of 5 done   4 in service, floor 4   1:57 gone, about 2:45 to go
  Ctrl-C: start no more hosts, put web-4 back, await web-3"""
SCROLLED = """\
web-prod  alb  us-east-1  5 hosts, 2 at a time, floor 4 of 6          run 7f3a9c
✔ prepare  5 hosts ready  0:12
✔ web-1  deployed  1:26  drain 0:11  deploy 0:48  verify 0:06  register 0:21
✔ web-2  deployed  1:33  drain 0:14  deploy 0:51  verify 0:06  register 0:22
web-3 | Switching to v143
✘ web-4  left-out  1:16  drain 0:12  deploy 0:34  verify 0:30  record kept: web-prod-http:8080
✘ halting: web-4 failed in verify; awaiting web-3
✔ web-3  deployed  1:18  drain 0:02  deploy 0:48  verify 0:06  register 0:22"""


def drawn(told: story.Story, width: int = 80, height: int = 24) -> list[str]:
    standing = told.standing
    return [text_of(each) for each in board(standing, standing.elapsed, width, height, UNICODE)]


def above(told: story.Story) -> list[str]:
    standing, lines = Standing(), []
    for each in told.told:
        standing = apply(standing, each)
        lines += [text_of(line) for line in scrolled(each.event, standing, UNICODE, 80)]
    return lines


def crowd(number: int) -> story.Story:
    """A fleet of so many hosts, one failed, two done, three in work."""
    hosts = [story.host(each) for each in range(1, number + 1)]
    plan = replace(story.PLAN, hosts=tuple(story.planned(each, 1) for each in hosts), skipped=())
    told = story.Story().tell(story.started(), e.PlanMade(plan), story.capacity(number - 4))
    told.tell(story.deployed(hosts[0], 1, 2, 3, 4), story.deployed(hosts[1], 1, 2, 3, 4), story.left_out(hosts[2]))
    return told.tell(*(story.drain(each) for each in hosts[3:6]))


def test_the_documented_board() -> None:
    assert "\n".join(drawn(story.second_batch())) == SECOND_BATCH


def test_the_documented_lines_above_it() -> None:
    assert "\n".join(above(story.finish(story.halted()))) == SCROLLED


def test_without_unicode_it_is_ascii_and_says_the_same() -> None:
    standing = story.second_batch().standing
    lines = [text_of(each) for each in board(standing, 117, 80, 24, ASCII)]
    assert all(line.isascii() for line in lines)
    assert lines[1] == ">> web-3  deploy   0:10  > Switching to v143"


def test_once_the_run_is_over_there_is_no_board() -> None:
    assert drawn(story.good_end()) == []


def test_before_the_run_has_begun_there_is_no_board() -> None:
    assert board(Standing(), 0, 80, 24, UNICODE) == ()


def test_all_hosts_in_prepare_are_one_row() -> None:
    told = story.Story().tell(story.started(), e.PlanMade(story.PLAN), e.StepStarted(None, Step.PREPARE, hosts=5))
    assert drawn(told)[1] == "⠋ all    prepare  0:00  5 hosts"


def test_a_failed_host_stays_on_the_board() -> None:
    told = story.second_batch().at(181).tell(story.left_out(story.host(4)), e.HaltDecided("web-4 failed", ("web-3",)))
    lines = drawn(told)
    assert lines[1] == "✘ web-4  left-out  verify: GET 10.0.2.14:8080/healthz answered 502 for 0:30"
    assert lines[3] == "  halting: web-4 failed; awaiting web-3"


@pytest.mark.parametrize("height", [8, 12, 24])
def test_many_hosts_are_counted_not_drawn(height: int) -> None:
    lines = drawn(crowd(100), height=height)
    assert len(lines) <= height
    assert lines[1].startswith("✘ web-3")
    assert any(line.startswith("  +2 done, ") and line.endswith(" waiting") for line in lines)


def test_every_host_of_a_large_fleet_is_counted_once() -> None:
    lines = drawn(crowd(100), height=16)
    shown = len([line for line in lines if line[:1] in "✘⠋·⠇"])
    (count,) = [line for line in lines if line.startswith("  +")]
    assert count == f"  +2 done, {100 - 2 - shown} waiting"


def test_a_narrow_screen_cuts_names_and_then_from_the_right() -> None:
    long = replace(story.host(1), name="web-production-eu-central-1")
    told = story.Story().tell(story.started(), story.drain(long))
    assert drawn(told, width=40)[1] == "⠋ web-producti  drain    0:00"


def test_after_a_signal_it_says_what_another_one_does() -> None:
    told = story.second_batch().tell(e.SignalReceived("SIGINT", "finish", ("web-4",), ("web-3",)))
    assert drawn(told)[-1] == "  Ctrl-C: stop within 5 s, leave the rest as recorded"
    assert above(told)[-1].startswith("! SIGINT: no new host starts, web-4 put back, web-3 awaited.")


def test_a_lock_that_is_waited_for_is_on_the_board() -> None:
    told = story.Story().tell(story.started(), e.LockWaiting(story.POOL.id, None, 900))
    assert "  lock held by somebody unknown, waiting up to 15:00" in drawn(told)


def test_a_drain_says_that_the_place_is_on_record() -> None:
    assert above(story.drained())[-1] == "✔ web-4  drained  0:13  no connection for 5s"
    recorded = e.RecordWritten(story.host(4), story.RecordState.HELD, frozenset({story.registration(story.host(4))}))
    told = story.Story().tell(story.started("drain"), e.PlanMade(story.PLAN), recorded)
    assert above(told) == ["✔ recorded  web-4  web-prod-http:8080                                 run 7f3a9c"]


def test_a_restore_shows_the_record_then_the_return() -> None:
    assert above(story.restored()) == [
        "web-4  out since 2026-11-22 14:30Z, run 81cc02 (disk swap), record: held",
        "↺ web-4  restored  0:21  register 0:21",
    ]


def test_a_host_that_was_not_ready_says_why() -> None:
    host = story.host(3)
    result = HostResult(host.id, Outcome.SKIPPED, True, failure=Failure("ssh-access", "its host key is not known"))
    told = story.Story().tell(e.HostFinished(host, result))
    assert above(told) == ["✘ web-3  skipped  0:00  its host key is not known"]


def test_a_failed_prepare_is_marked() -> None:
    told = story.Story().tell(e.StepFinished(None, Step.PREPARE, Result.FAILURE, 3, note="4 hosts ready"))
    assert above(told) == ["✘ prepare  4 hosts ready  0:03"]


def test_the_estimate_shrinks_as_hosts_finish() -> None:
    told = story.Story().tell(story.started(), e.PlanMade(story.PLAN))
    assert seconds_left(told.standing, 0) == 300
    assert seconds_left(story.first_batch().standing, 105) == 180


@pytest.mark.rule("I-21")
@settings(max_examples=60)
@given(st.text(), st.text(max_size=40), st.integers(1, 200), st.integers(1, 60))
def test_whatever_a_host_says_the_board_keeps_its_size(text: str, name: str, width: int, height: int) -> None:
    host = replace(story.host(1), name=name)
    told = story.second_batch().tell(story.drain(host), e.HostOutput(host, Step.DRAIN, 1, text))
    told.tell(e.StepProgress(story.host(4), Step.DRAIN, text=text))
    standing = told.standing
    lines = board(standing, 120, width, height, UNICODE)
    assert len(lines) <= height
    assert all(columns("".join(piece.text for piece in line)) <= width for line in lines)
    assert all("\n" not in piece.text and "\x1b" not in piece.text for line in lines for piece in line)


def test_warnings_scroll_with_their_mark() -> None:
    told = story.Story().tell(e.Warned("record", "its record stays open", story.host(2)))
    assert above(told) == ["! web-2  its record stays open"]


def test_a_register_shows_what_each_pool_says() -> None:
    states = (("web-prod-http:8080", TargetState.INITIAL), ("api:9000", TargetState.HEALTHY))
    told = story.Story().tell(story.started(), story.register(story.host(1)))
    told.tell(e.StepProgress(story.host(1), Step.REGISTER, states=states))
    assert drawn(told)[1] == "⠋ web-1  register 0:00  web-prod-http:8080 initial, api:9000 healthy"


def test_entries_of_which_only_one_has_a_port_are_both_shown() -> None:
    entry = replace(story.registration(story.host(4)), pool=PoolId("clb/old"), port=None)
    told = story.Story().tell(story.started("drain"))
    told.tell(e.RecordWritten(story.host(4), RecordState.HELD, frozenset({entry, replace(entry, port=80)})))
    assert {"clb/old", "clb/old:80"} <= set(above(told)[0].replace(",", "").split())


def test_a_pool_that_is_not_known_is_named_by_its_id() -> None:
    entry = replace(story.registration(story.host(4)), pool=PoolId("clb/old"), port=None)
    told = story.Story().tell(story.started("drain"))
    told.tell(e.RecordWritten(story.host(4), RecordState.HELD, frozenset({entry})))
    assert above(told)[0].startswith("✔ recorded  web-4  clb/old   ")
