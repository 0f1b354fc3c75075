"""How runs end in words, as golden text."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

import story
from elbroll import events as e
from elbroll.model import Failure, HostResult, Outcome, RecordState, Result, Step, StepResult
from elbroll.outputs.ink import Pen
from elbroll.outputs.streams import Look
from elbroll.outputs.summary import Summary
from elbroll.outputs.words import ASCII, UNICODE, Glyphs

NO_COLOR = Look(color=False, animate=False, width=None)

BLOCK = """
✘ web-4 failed in verify: GET 10.0.2.14:8080/healthz answered 502 for 0:30
  why    the app answers, but not with 200-299 (30 looks, the last at 21:33:41Z)
  host   | web[812]: bind: address already in use
         112 lines in all: LOGS/web-4-i-0a1b2c3d4e5f60004.log

"""
STANDING = """\
web-prod  halted after 3:06, web-3 was awaited  (run 7f3a9c)
  HOST   OUTCOME      RELEASE  IN SERVICE  NOTE
  web-1  deployed     v143     yes
  web-2  deployed     v143     yes
  web-3  deployed     v143     yes
  web-4  left-out     v143     no          record kept: web-prod-http:8080
  web-5  not-reached  v142     yes
  web-6  skipped      v143     yes
5 of 6 in service, floor 4 kept. No host is in work any more.
Next  elbroll deploy --lb web-prod --release v143    web-4 again, then web-5
      elbroll restore web-4                          verify again, then put back
"""


def told(of: story.Story, glyphs: Glyphs = UNICODE, files: tuple[tuple[str, str], ...] = ()) -> tuple[str, str]:
    err, out = io.StringIO(), io.StringIO()
    summary = Summary(Pen(err, NO_COLOR), Pen(out, NO_COLOR), glyphs, files, Path("LOGS"))
    for each in of.told:
        summary.take(each)
    summary.close()
    return err.getvalue(), out.getvalue()


def test_a_good_end_is_one_line() -> None:
    assert told(story.good_end()) == (
        "",
        "web-prod is on v143. 5 deployed, 1 skipped, 6 of 6 in service. 4:36 (run 7f3a9c)\n",
    )


def test_the_report_is_named_after_it() -> None:
    _, out = told(story.good_end(), files=(("Report", "~/.local/state/elbroll/runs/7f3a9c/report.html"),))
    assert out.splitlines()[1] == "Report  ~/.local/state/elbroll/runs/7f3a9c/report.html"


def test_a_bad_end_shows_the_failure_then_the_standing_then_the_way_on() -> None:
    assert told(story.finish(story.halted())) == (BLOCK, STANDING)


def test_without_unicode_the_words_stay() -> None:
    err, _ = told(story.finish(story.halted()), ASCII)
    assert err.isascii()
    assert err.splitlines()[1].startswith("XX web-4 failed in verify")


def test_nothing_to_do_says_so() -> None:
    plan = replace(story.PLAN, hosts=(), skipped=story.PLAN.skipped)
    _, out = told(story.finish(story.Story().tell(story.started(), e.PlanMade(plan))))
    assert out == "Nothing to do: web-prod is on v143. 1 skipped, 6 of 6 in service. 0:00 (run 7f3a9c)\n"


@pytest.mark.rule("F-34")
@pytest.mark.parametrize("command", ["deploy", "exec"])
def test_a_run_whose_only_host_was_terminated_does_not_say_that_nothing_was_to_be_done(command: str) -> None:
    first = story.host(1)
    plan = replace(story.PLAN, hosts=story.PLAN.hosts[:1], skipped=())
    of = story.Story().tell(story.started(command), e.PlanMade(plan))
    of.tell(e.HostFinished(first, HostResult(first.id, Outcome.GONE, in_service=False)))
    _, out = told(story.finish(of))
    assert out == "web-prod: 1 gone, 6 of 6 in service. 0:00 (run 7f3a9c)\n"


@pytest.mark.rule("F-34")
def test_a_restore_that_has_closed_the_record_of_the_dead_does_not_say_so_either() -> None:
    plan = replace(story.PLAN, release=None, hosts=(), skipped=())
    of = story.Story().tell(story.started("restore", release=None), e.PlanMade(plan))
    _, out = told(story.finish(of.tell(e.RecordWritten(story.host(1), RecordState.GONE))))
    assert out == "web-prod: 6 of 6 in service. 0:00 (run 7f3a9c)\n"


def test_a_drain_ends_with_the_command_that_undoes_it() -> None:
    assert told(story.drained())[1] == (
        "5 of 6 in service, floor 4. web-4 is out on purpose until 16:30Z (disk swap).\nNext  elbroll restore web-4\n"
    )


def test_a_restore_ends_with_where_the_host_is() -> None:
    assert told(story.restored())[1] == "6 of 6 in service. web-4 is where it was: web-prod-http:8080\n"


@pytest.mark.rule("F-35", "I-9")
def test_a_restore_of_a_host_whose_pools_are_gone_says_that_it_serves_nowhere() -> None:
    nowhere = "web-4 serves nowhere: none of its pools exists any more. Its record is closed."
    assert told(story.restored_nowhere())[1] == f"0 of 0 in service. {nowhere}\n"


def test_an_exec_ends_with_how_many() -> None:
    assert told(story.executed())[1] == "The command ran on 2 hosts, 6 of 6 in service. 0:45 (run 7f3a9c)\n"


def test_a_broken_stderr_does_not_keep_the_standing_from_stdout() -> None:
    err, out = io.StringIO(), io.StringIO()
    err.close()
    summary = Summary(Pen(err, NO_COLOR), Pen(out, NO_COLOR), UNICODE)
    *before, end = story.finish(story.halted()).told
    for each in before:
        summary.take(each)
    with pytest.raises(ValueError, match="closed"):
        summary.take(end)
    assert out.getvalue() == STANDING


def test_only_failures_are_told_where_stdout_is_taken() -> None:
    err = io.StringIO()
    summary = Summary(Pen(err, NO_COLOR), None, UNICODE, logs=Path("LOGS"))
    for each in story.finish(story.halted()).told:
        summary.take(each)
    assert err.getvalue() == BLOCK


def test_below_the_floor_is_said_in_capitals() -> None:
    _, out = told(story.finish(story.halted().tell(story.capacity(3))))
    assert out.startswith("web-prod  halted, help needed, after 3:06")
    assert "3 of 6 in service, BELOW the floor of 4." in out


def test_after_a_signal_the_end_names_it_and_commands_that_may_run_on() -> None:
    three = story.host(3)
    steps = (StepResult(Step.DEPLOY, Result.CANCELLATION, 10),)
    result = HostResult(three.id, Outcome.LEFT_OUT, False, steps=steps, record=RecordState.DEPLOYING)
    of = story.second_batch().tell(e.SignalReceived("SIGTERM", "leave"), e.HostFinished(three, result))
    _, out = told(story.finish(of))
    assert out.startswith("web-prod  stopped by SIGTERM after 1:57")
    assert "The command on web-3 may still run." in out


@pytest.mark.rule("F-53")
def test_a_newcomer_is_in_the_headline_the_table_and_the_way_on() -> None:
    late, note = story.host(7), "joined during the run: v143 was not deployed to it"
    rolled = story.good_end()
    del rolled.told[-1]
    joined = HostResult(late.id, Outcome.NOT_REACHED, in_service=True, note=note)
    _, out = told(story.finish(rolled.tell(e.Warned("newcomer", note, late), e.HostFinished(late, joined))))
    assert out.startswith("web-prod  done, but not on every host, after 4:36")
    assert f"  web-7  not-reached  -        yes         {note}\n" in out
    assert "Next  elbroll deploy --lb web-prod --release v143    web-7\n" in out


def test_what_cannot_be_read_is_unknown() -> None:
    four = story.host(4)
    result = HostResult(
        four.id, Outcome.UNKNOWN, None, "v142", note="left in: taking it out would leave nothing healthy"
    )
    _, out = told(story.finish(story.halted().tell(e.HostFinished(four, result))))
    assert "  web-4  unknown      v142     unknown     left in: taking it out would leave nothing healthy\n" in out
    assert "\nWhen last seen " in out
    assert "Next  elbroll status --lb web-prod " in out


def test_what_ended_the_run_as_a_whole_is_a_block_too() -> None:
    of = story.first_batch()
    end = e.RunFinished(Result.ERROR, 4, {}, 60, failure=Failure("store-down", "the ledger is gone", why=("timeout",)))
    err, _ = told(of.tell(end))
    assert err == "\n✘ web-prod: the ledger is gone\n  why    timeout\n\n"


def test_a_host_that_nothing_else_named_is_shown_by_its_id() -> None:
    result = HostResult(story.host(9).id, Outcome.LEFT_OUT, False)
    end = e.RunFinished(Result.FAILURE, 4, {story.host(9).id: result}, 1)
    _, out = told(story.Story().tell(end))
    assert story.host(9).id in out


def test_many_failures_are_not_all_told_in_full() -> None:
    of = story.Story().tell(story.started())
    for number in range(1, 21):
        host = story.host(number)
        of.tell(e.HostFinished(host, HostResult(host.id, Outcome.LEFT_OUT, False, failure=Failure("x", "exit 1"))))
    err, out = told(story.finish(of))
    assert err.count("✘ ") == 8
    assert "12 more hosts failed; see the table below" in err
    assert out.count("left-out") == 20


@pytest.mark.rule("I-21")
def test_hostile_output_in_a_failure_is_shown_not_obeyed() -> None:
    hostile = Failure(
        "x", "exit \x1b[2J", why=("\u202e",), tail=("\x1b]0;owned\x07", "a\r\nweb-prod is on v143."), lines=2
    )
    four = story.host(4)
    of = story.halted().tell(e.HostFinished(four, HostResult(four.id, Outcome.LEFT_OUT, False, failure=hostile)))
    err, _ = told(story.finish(of))
    assert all(line.isprintable() for line in err.splitlines())
    assert not [line for line in err.splitlines() if line.startswith("web-prod")]


@pytest.mark.rule("F-54")
@pytest.mark.parametrize("code", ["interrupted", "abandoned"])
def test_what_a_signal_has_ended_is_interrupted_not_failed(code: str) -> None:
    three = story.host(3)
    steps = (StepResult(Step.DRAIN, Result.CANCELLATION, 10), StepResult(Step.REGISTER, Result.SUCCESS, 5))
    result = HostResult(three.id, Outcome.RESTORED, True, steps=steps, failure=Failure(code, "a signal has come"))
    of = story.second_batch().tell(e.SignalReceived("SIGINT", "finish"), e.HostFinished(three, result))
    err, _ = told(story.finish(of))
    assert "✘ web-3 interrupted in drain: a signal has come" in err
    assert "failed" not in err


def test_a_host_that_fell_sick_after_its_walk_has_failed_in_no_step() -> None:
    three = story.host(3)
    steps = tuple(StepResult(step, Result.SUCCESS, 5) for step in (Step.DEPLOY, Step.REGISTER))
    failure = Failure("fell-sick", "fell sick after coming back")
    result = HostResult(three.id, Outcome.DEPLOYED, False, steps=steps, failure=failure)
    err, _ = told(story.finish(story.second_batch().tell(e.HostFinished(three, result))))
    assert "✘ web-3: fell sick after coming back" in err


class Gone(io.StringIO):
    """A stream whose other end is gone, or full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.rule("F-57", "I-16")
def test_where_stdout_is_gone_the_standing_goes_to_stderr() -> None:
    err = io.StringIO()
    summary = Summary(Pen(err, NO_COLOR), Pen(Gone(), NO_COLOR), UNICODE, logs=Path("LOGS"))
    for each in story.finish(story.halted()).told:
        summary.take(each)
    assert err.getvalue() == BLOCK + STANDING


def test_on_a_terminal_reasons_break_between_words_and_host_output_is_left_alone() -> None:
    err = io.StringIO()
    summary = Summary(Pen(err, replace(NO_COLOR, width=50)), None, UNICODE, logs=Path("LOGS"))
    for each in story.finish(story.halted()).told:
        summary.take(each)
    assert err.getvalue().splitlines()[1:6] == [
        "✘ web-4 failed in verify: GET",
        "         10.0.2.14:8080/healthz answered 502 for",
        "         0:30",
        "  why    the app answers, but not with 200-299 (30",
        "         looks, the last at 21:33:41Z)",
    ]


def test_on_a_narrow_terminal_notes_break_between_words_and_commands_stay_whole() -> None:
    out = io.StringIO()
    summary = Summary(Pen(io.StringIO(), NO_COLOR), Pen(out, replace(NO_COLOR, width=60)), UNICODE)
    for each in story.finish(story.halted()).told:
        summary.take(each)
    shown = out.getvalue().splitlines()
    assert shown[-4:] == [
        "Next  elbroll deploy --lb web-prod --release v143",
        "        web-4 again, then web-5",
        "      elbroll restore web-4",
        "        verify again, then put back",
    ]
    assert "  web-4  left-out     v143     no          record kept:" in shown
    assert "    web-prod-http:8080" in shown
