"""A fault of elbroll's own, in the middle of a roll or before one: the truth is told all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.shell import Ended, Running
from cli.witness import locks, members, releases, states
from elbroll.cli.bugs import outside_a_run
from hostile.output import controls

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--release")
SEEDED = """
import sys
import {module} as module
whole = module.{name}
def broken(*given, **named):
    if {when}:
        {does}
    return whole(*given, **named)
module.{name} = broken
from elbroll.cli import main
main(sys.argv[1:])
"""


def with_bug(elbroll: Shell, words: tuple[str, ...], module: str, name: str, when: str = "True") -> Ended:
    """Run a command of an elbroll in which that function raises."""
    does = 'raise KeyError("TargetHealth")'
    return start(elbroll, words, SEEDED.format(module=module, name=name, when=when, does=does)).end()


def start(elbroll: Shell, words: tuple[str, ...], script: str) -> Running:
    child = subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=elbroll.environment({}),
        cwd=elbroll.folder,
    )
    return Running(child)


def debug_log_named_in(text: str, home: Path) -> str:
    """The whole of the file that the error asks to send, which must be ours alone to read."""
    (log,) = [path for path in home.rglob("debug.log") if str(path) in text]
    assert log.stat().st_mode & 0o077 == 0
    return log.read_text()


@pytest.mark.rule("I-2", "I-4")
def test_a_bug_in_a_hosts_walk_frees_the_locks_keeps_the_record_and_says_where_all_stand(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    ended = with_bug(elbroll, (*ROLL, "b1"), "elbroll.engine.host", "verify")

    assert ended.code == 10, ended.err
    assert "elbroll has a bug: KeyError 'TargetHealth' (ours, not yours)" in ended.err
    assert "KeyError: 'TargetHealth'" in debug_log_named_in(ended.err, elbroll.home)
    assert "demo-1" in ended.out
    assert ended.next[0].startswith("elbroll status")
    assert (locks(world), states(world)["demo-1"]) == ({"free"}, "deployed")
    assert elbroll("restore", "demo-1").code == 0
    assert members(world) == before


@pytest.mark.rule("I-2", "I-4")
def test_a_bug_between_two_hosts_is_exit_1_and_every_host_serves(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    ended = with_bug(elbroll, (*ROLL, "b2", "--json"), "elbroll.engine.fleet", "next_move", "given[0].results")

    assert ended.code == 1, ended.err
    assert (ended.document["exit"], ended.document["error"]["code"]) == (1, "bug")
    assert "elbroll has a bug" in ended.err
    assert "KeyError: 'TargetHealth'" in debug_log_named_in(ended.err, elbroll.home)
    assert locks(world) == {"free"}
    assert members(world) == before
    assert sorted(release == "b2" for release in releases(world).values()) == [False, True]


def test_a_bug_before_anything_was_begun_names_a_file_too(elbroll: Shell, world: World, before: object) -> None:
    ended = with_bug(elbroll, ("plan", "--lb", "demo", "--release", "b3"), "elbroll.cli.planning", "plan_for")

    assert ended.code == 1
    assert "elbroll has a bug: KeyError 'TargetHealth' (ours, not yours)" in ended.err
    assert "Traceback" not in ended.err
    assert "KeyError: 'TargetHealth'" in debug_log_named_in(ended.err, elbroll.home)


@pytest.mark.rule("F-57")
@pytest.mark.rule("I-21")
def test_a_traceback_that_is_kept_holds_nothing_that_a_terminal_would_obey(tmp_path: Path) -> None:
    told = outside_a_run(ValueError("\x1b[2J\x9b\u202e\r"), ["status", "--state-dir", str(tmp_path)])
    kept = debug_log_named_in(" ".join(told.fix), tmp_path)

    assert "ValueError: \\x1b[2J" in kept
    assert controls(kept) == set()


def test_a_bug_with_nowhere_to_keep_it_is_told_all_the_same(elbroll: Shell, before: object) -> None:
    words = ("plan", "--lb", "demo", "--release", "b3", "--state-dir", "/dev/null/x")
    ended = with_bug(elbroll, words, "elbroll.cli.planning", "plan_for")

    assert (ended.code, "elbroll has a bug" in ended.err, "send" in ended.err) == (1, True, False)


@pytest.mark.rule("F-54", "I-2")
def test_an_engine_that_hangs_is_ended_by_force_within_5_s_of_a_signal(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    hangs = "import time; time.sleep(600)"
    script = SEEDED.format(module="elbroll.engine.host", name="verify", when="True", does=hangs)
    run = start(elbroll, (*ROLL, "b4"), script)
    run.until(lambda: states(world).get("demo-1") == "deployed" and releases(world)["demo-1"] == "b4")
    run.signal(signal.SIGTERM)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (143, True), ended.err
    assert "record kept: " in ended.out
    assert (locks(world), states(world)["demo-1"]) == ({"free"}, "deployed")
    assert ended.next[0].startswith("elbroll ")
    assert elbroll("restore", "demo-1").code == 0
    assert members(world) == before
