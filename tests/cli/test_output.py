"""Where output goes, and what becomes of a roll that nobody listens to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import everybody_serves, members, releases

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = "elbroll deploy --lb demo --only demo-1 --release"


@pytest.mark.rule("F-57", "I-16")
def test_a_reader_that_leaves_early_stops_nothing(elbroll: Shell, world: World, before: dict[str, Any]) -> None:
    ended = elbroll.line(f"{ROLL} p1 --events - | head -1; exit ${{PIPESTATUS[0]}}")

    assert ended.code == 0, ended.err
    assert len(ended.lines) == 1
    assert "BrokenPipe" not in ended.err
    assert (members(world), releases(world)["demo-1"]) == (before, "p1")


@pytest.mark.rule("F-57", "I-16")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "2>/dev/full"])
def test_a_closed_or_full_stream_leaves_the_exit_code_true(
    elbroll: Shell, before: dict[str, Any], world: World, closed: str
) -> None:
    refused = elbroll.line(f"elbroll deploy --lb nobody --release v1 {closed}")
    planned = elbroll.line(f"elbroll plan --lb demo --release p9 {closed}")

    assert (refused.code, planned.code) == (2, 0), refused.err + planned.err
    assert "Traceback" not in refused.err + planned.err
    assert members(world) == before


@pytest.mark.rule("F-57", "I-16")
def test_a_result_that_does_not_fit_on_the_disk_is_no_success(elbroll: Shell) -> None:
    ended = elbroll.line("elbroll plan --lb demo --release p9 --json >/dev/full")

    assert ended.code == 5
    assert "could not be written" in ended.err


@pytest.mark.rule("F-57", "I-16")
def test_a_roll_that_can_tell_nobody_and_keep_nothing_completes(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    ended = elbroll.line(f"{ROLL} p2 --json --state-dir /dev/null/x >/dev/full 2>&-")

    assert ended.code == 0
    assert everybody_serves(world)
    assert (members(world), releases(world)["demo-1"]) == (before, "p2")


def test_a_pipe_gets_lines_without_cursor_tricks_even_if_colour_is_forced(elbroll: Shell, before: object) -> None:
    ended = elbroll.line(f"{ROLL} p3 2>&1 | cat", FORCE_COLOR="1", NO_COLOR=None)
    plain = elbroll.line("elbroll status 2>&1 | cat")

    assert "\r" not in ended.out
    assert set(_escapes(ended.out)) <= {"m"}
    assert "\x1b" not in plain.out
    assert "demo is on p3" in ended.out or "demo-1" in ended.out


@pytest.mark.rule("S-1", "I-21")
def test_json_is_one_document_and_events_are_lines(elbroll: Shell, world: World, before: dict[str, Any]) -> None:
    run = elbroll("deploy", "--lb", "demo", "--only", "demo-1", "--release", "p5", "--json")
    lines = elbroll("deploy", "--lb", "demo", "--only", "demo-1", "--release", "p6", "--events", "-")

    assert (run.code, lines.code) == (0, 0)
    assert (run.document["schema"], run.document["exit"]) == ("elbroll.run.v1", 0)
    assert {host["host"]: host["outcome"] for host in run.document["hosts"]}["demo-1"] == "deployed"
    types = [event["type"] for event in lines.lines]
    assert (types[0], types[-1]) == ("dev.elbroll.run.started.v1", "dev.elbroll.run.finished.v1")
    assert all(event["specversion"] == "1.0" for event in lines.lines)
    assert run.out.isascii()
    assert all("demo-1   drain" in ended.err for ended in (run, lines))
    assert members(world) == before


def test_events_and_json_on_one_stdout_are_refused(elbroll: Shell) -> None:
    ended = elbroll("deploy", "--lb", "demo", "--release", "p7", "--json", "--events", "-")

    assert ended.code == 2


def test_progress_for_a_terminal_without_one_is_refused(elbroll: Shell) -> None:
    assert elbroll("deploy", "--lb", "demo", "--release", "p8", "--progress", "tty").code == 2


def _escapes(text: str) -> list[str]:
    """The final letters of all escape sequences."""
    return [part.lstrip("[0123456789;?")[:1] for part in text.split("\x1b")[1:]]
