"""CI lines, as golden text."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

import story
from elbroll import events as e
from elbroll.model import Failure, HostResult, Outcome, Step
from elbroll.outputs.ink import Pen
from elbroll.outputs.plain import Detail, Plain
from elbroll.outputs.streams import Look

HALTED = """\
elbroll 0.1.0  deploy web-prod  run 7f3a9c  https://github.com/acme/web/actions/runs/981
plan     5 hosts, 2 at a time, floor 4 of 6, about 5 min, 1 skipped (already v143)
00:00    all      prepare    5 hosts over ssh
00:12    web-1    drain      from web-prod-http:8080, until idle, up to 6:00
00:12    web-2    drain      from web-prod-http:8080, until idle, up to 6:00
00:23    web-1    deploy     2 commands, up to 5:00
00:26    web-2    deploy     2 commands, up to 5:00
00:56    ...      web-1 deploy 0:33, web-2 deploy 0:30   4 in service, floor 4
01:11    web-1    verify     GET 10.0.1.11:8080/healthz, 3 in a row, up to 0:30
01:17    web-1    register   in web-prod-http:8080, wants healthy
01:17    web-2    verify     GET 10.0.2.12:8080/healthz, 3 in a row, up to 0:30
01:23    web-2    register   in web-prod-http:8080, wants healthy
01:38    web-1    deployed   1:26   5 in service
01:45    web-2    deployed   1:33   6 in service
01:45    web-3    drain      from web-prod-http:8080, until idle, up to 6:00
01:45    web-4    drain      from web-prod-http:8080, until idle, up to 6:00
01:47    web-3    deploy     2 commands, up to 5:00
01:59    web-4    deploy     2 commands, up to 5:00
02:29    ...      web-3 deploy 0:42, web-4 deploy 0:30   4 in service, floor 4
02:31    web-4    verify     GET 10.0.2.14:8080/healthz, 3 in a row, up to 0:30
02:35    web-3    verify     GET 10.0.1.13:8080/healthz, 3 in a row, up to 0:30
02:41    web-3    register   in web-prod-http:8080, wants healthy
03:01    web-4    failed     verify: GET 10.0.2.14:8080/healthz answered 502 for 0:30
03:01    web-4    left-out   1:16   4 in service   record kept: web-prod-http:8080
03:01    all      halt       web-4 failed in verify; awaiting web-3
03:06    web-3    deployed   1:18   5 in service
"""
LEAVING = "stop within 5 s, leave the rest as recorded"


def shown(told: story.Story, detail: Detail = Detail.NORMAL) -> str:
    """The lines, with a tick each second in between."""
    stream = io.StringIO()
    plain = Plain(Pen(stream, Look(color=False, animate=False, width=None)), detail)
    now = 0
    for each in told.told:
        for second in range(now, int(each.elapsed)):
            plain.tick(second)
        now = int(each.elapsed)
        plain.take(each)
    for second in range(now, now + 120):
        plain.tick(second)
    plain.close()
    return stream.getvalue()


def after(told: story.Story, *events: e.Event) -> list[str]:
    """The lines that these events are worth."""
    before = shown(told)
    return shown(told.tell(*events)).removeprefix(before).splitlines()


def begun() -> story.Story:
    return story.Story().tell(story.started(), e.PlanMade(story.PLAN))


def test_a_halted_roll_in_ci() -> None:
    assert shown(story.finish(story.halted())) == HALTED


def test_what_has_not_changed_is_not_repeated() -> None:
    told = begun()
    assert (
        after(told, story.capacity(6), story.capacity(6), e.RecordWritten(story.host(1), story.RecordState.HELD)) == []
    )


def test_silence_is_broken_by_one_line_for_all_hosts_in_work() -> None:
    told = story.opening().tell(story.drain(story.host(1)), e.StepProgress(story.host(1), Step.DRAIN, connections=3))
    assert shown(told).splitlines()[-2:] == [
        "01:12    ...      web-1 drain 1:00 (3 connections left)   6 in service, floor 4",
        "01:42    ...      web-1 drain 1:30 (3 connections left)   6 in service, floor 4",
    ]


def test_a_long_prepare_is_no_silence() -> None:
    told = begun().tell(e.StepStarted(None, Step.PREPARE, hosts=5))
    assert "00:30    ...      prepare 0:30   6 in service, floor 4" in shown(told).splitlines()


def test_nothing_is_said_once_the_run_is_over() -> None:
    assert shown(story.good_end()).splitlines()[-1].startswith("04:36    web-5    deployed")


def test_host_output_has_its_hosts_name_before_it() -> None:
    told = begun().tell(e.HostOutput(story.host(1), Step.DEPLOY, 1, "Switching to v143"))
    assert "web-1 | Switching to v143" in shown(told, Detail.OUTPUT).splitlines()
    assert "Switching" not in shown(told)


@pytest.mark.rule("I-21")
@pytest.mark.parametrize("text", ["::error::x", "a\nb", "\x1b[2Jx", "\r00:00    all  deployed", "web-2 | x"])
def test_no_host_can_imitate_elbroll_or_ci(text: str) -> None:
    told = begun().tell(e.HostOutput(story.host(1), Step.DEPLOY, 1, text))
    (written,) = set(shown(told, Detail.OUTPUT).splitlines()) - set(shown(begun()).splitlines())
    assert written.startswith("web-1 | ")
    assert written.isprintable()


@pytest.mark.rule("I-21")
def test_a_hostile_name_stays_on_its_line() -> None:
    host = replace(story.host(1), name="web\n03:00    all      deployed\x1b[1A")
    written = after(begun(), story.drain(host))[0]
    assert written.isprintable()
    assert written.startswith("00:00    web\\x0a03:00")


def test_records_are_told_with_vv() -> None:
    told = begun().tell(e.RecordWritten(story.host(1), story.RecordState.HELD))
    assert shown(told, Detail.RECORDS).splitlines()[-1] == "00:00    web-1    record     held"


def test_a_host_that_was_not_ready_says_why() -> None:
    failure = Failure("ssh-access", "its host key is not known", access=True)
    result = HostResult(story.host(3).id, Outcome.SKIPPED, True, failure=failure)
    assert after(begun(), e.HostFinished(story.host(3), result)) == [
        "00:00    web-3    skipped    6 in service   its host key is not known"
    ]


def test_waiting_for_a_lock_names_who_has_it() -> None:
    waiting = e.LockWaiting(story.POOL.id, replace(story.HOLDER, user="ana"), 900)
    assert after(begun(), waiting) == [
        "00:00    all      lock       held by run 7f3a9c (ana, deploy), waiting up to 15:00"
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            e.SignalReceived("SIGINT", "finish", ("web-4",), ("web-3",)),
            "SIGINT: no new host starts, web-4 put back, web-3 awaited. Once more: " + LEAVING,
        ),
        (
            e.SignalReceived("SIGTERM", "leave", ("web-4",)),
            f"SIGTERM: {LEAVING}, web-4 put back",
        ),
    ],
)
def test_a_signal_is_answered(event: e.SignalReceived, line: str) -> None:
    assert after(begun(), event) == [f"00:00    all      signal     {line}"]


def test_a_warning_is_a_line() -> None:
    assert after(begun(), e.Warned("record", "its record stays open", story.host(2))) == [
        "00:00    web-2    warning    its record stays open"
    ]


def test_warnings_of_the_plan_follow_it() -> None:
    plan = replace(story.PLAN, warnings=("web-5 is the only host of its zone",))
    assert shown(story.Story().tell(e.PlanMade(plan))).splitlines()[1] == (
        "plan     warning    web-5 is the only host of its zone"
    )


def test_a_restore_begins_with_what_the_record_says() -> None:
    assert shown(story.restored()).splitlines() == [
        "elbroll 0.1.0  restore web-prod  run 7f3a9c  https://github.com/acme/web/actions/runs/981",
        "web-4  out since 2026-11-22 14:30Z, run 81cc02 (disk swap), record: held",
        "00:00    web-4    register   in web-prod-http:8080, wants healthy",
        "00:21    web-4    restored   0:21   6 in service",
    ]


def test_long_names_widen_the_column_for_all() -> None:
    long = replace(story.host(1), name="web-production-eu-1")
    plan = replace(story.PLAN, hosts=(story.planned(long, 1),), skipped=())
    told = story.Story().tell(e.PlanMade(plan), e.StepStarted(None, Step.PREPARE), story.drain(long))
    assert shown(told).splitlines()[1:3] == [
        "00:00    all                  prepare    1 host over ssh",
        "00:00    web-production-eu-1  drain      from web-prod-http:8080, until idle, up to 6:00",
    ]


def test_a_bake_says_how_long_it_watches() -> None:
    told = begun().tell(e.StepStarted(story.host(1), Step.BAKE, limit=60))
    assert "00:00    web-1    bake       in service and watched for 1:00" in shown(told).splitlines()


def test_a_host_whose_first_step_has_not_begun_is_alive_too() -> None:
    told = begun().tell(e.HostStarted(story.host(1), 1, frozenset()))
    assert "00:30    ...      web-1 begins 0:30   6 in service, floor 4" in shown(told).splitlines()


def test_colour_repeats_what_the_words_say() -> None:
    stream = io.StringIO()
    plain = Plain(Pen(stream, Look(color=True, animate=False, width=None)))
    for each in story.halted().told:
        plain.take(each)
    assert "\x1b[31mleft-out\x1b[0m" in stream.getvalue()
    assert re.sub(r"\x1b\[\d*m", "", stream.getvalue()).splitlines()[0] == HALTED.splitlines()[0]
