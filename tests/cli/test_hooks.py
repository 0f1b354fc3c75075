"""Hooks of the config, in a real roll: who is asked, who is told, and what they can change."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from cli.witness import deeds, deploys, locks, members, moves, releases
from cli.worlds import hold_up, let_go

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--only", "demo-1", "--release")
NOTE = '{ echo "$ELBROLL_HOOK $ELBROLL_COMMAND $ELBROLL_LB $ELBROLL_RELEASE $ELBROLL_EXIT"; cat; echo; }'


def hooked(world: World, **hooks: str) -> str:
    """A config with these shell lines as hooks; each may use `$KEPT`, a file that the test reads."""
    text = world.config.read_text() + "\n[hooks]\n"
    for name, line in hooks.items():
        text += f"{name} = {json.dumps(['sh', '-c', line])}\n"
    path = world.directory / "hooked.toml"
    path.write_text(text)
    return str(path)


def told(kept: Path) -> list[str]:
    return kept.read_text().splitlines()


@pytest.mark.rule("F-58", "S-4")
def test_each_hook_is_told_what_happens_when_it_happens(
    elbroll: Shell, world: World, before: dict[str, Any], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    line = f'{NOTE} >> "$KEPT"; echo noise'
    config = hooked(world, gate=line, started=line, finished=line)
    ended = elbroll(*ROLL, "h1", "--json", "--config", config, KEPT=str(kept))

    assert (ended.code, ended.document["exit"]) == (0, 0), ended.err
    assert told(kept)[0::2] == ["gate deploy demo h1 ", "started deploy demo h1 ", "finished deploy demo h1 0"]
    plan, started, finished = map(json.loads, told(kept)[1::2])
    assert (plan["schema"], plan["lb"], plan["release"]) == ("elbroll.plan.v1", "demo", "h1")
    assert (started["type"], started["data"]["run"]) == ("dev.elbroll.run.started.v1", ended.document["run"])
    assert (finished["type"], finished["data"]["result"]) == ("dev.elbroll.run.finished.v1", "success")
    assert "noise" not in ended.err
    assert members(world) == before


@pytest.mark.rule("F-58", "I-15")
def test_a_gate_that_says_no_refuses_before_any_host_is_touched_and_frees_the_lock(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    done = len(moves(world))
    config = hooked(world, gate="echo release freeze until Monday; exit 1", started='touch "$HOME/told"')
    ended = elbroll(*ROLL, "h2", "--config", config)
    as_json = elbroll(*ROLL, "h2", "--config", config, "--json")

    assert (ended.code, as_json.code) == (5, 5)
    assert "the gate refuses: sh exited 1" in ended.err
    assert "release freeze until Monday" in ended.err
    assert as_json.document["error"]["code"] == "gate"
    assert (moves(world)[done:], members(world), locks(world)) == ([], before, {"free"})
    assert not (elbroll.home / "told").exists()
    assert "h2" not in releases(world).values()


@pytest.mark.rule("F-58", "I-15")
@pytest.mark.parametrize("words", [("plan",), ("deploy", "-n")], ids=" ".join)
def test_hooks_never_run_for_what_only_shows(
    elbroll: Shell, world: World, before: dict[str, Any], words: tuple[str, ...]
) -> None:
    done = len(deeds(world))
    line = 'touch "$HOME/told"; exit 1'
    config = hooked(world, gate=line, started=line, finished=line)
    shown = elbroll(*words, "--lb", "demo", "--release", "h3", "--config", config)
    status = elbroll("status", "--config", config)

    assert (shown.code, status.code) == (0, 0), shown.err + status.err
    assert not (elbroll.home / "told").exists()
    assert deeds(world)[done:] == []


@pytest.mark.rule("F-58", "I-16")
def test_hooks_that_fail_and_shout_are_warnings_and_the_way_back_is_never_gated(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    config = hooked(world, started="yes | head -c 1000000; exit 9", finished="echo '\x1b[2J::error::x' >&2; exit 8")
    drained = elbroll("drain", "demo-1", "--config", config, "--yes")
    shut = hooked(world, gate="exit 1")
    restored = elbroll("restore", "demo-1", "--config", shut)

    assert (drained.code, restored.code) == (0, 0), drained.err + restored.err
    assert "the hook started (sh) exited 9: y" in drained.err
    assert r"the hook finished (sh) exited 8: \x1b[2J::error::x" in drained.err
    assert "\x1b" not in drained.err + drained.out
    assert members(world) == before


@pytest.mark.rule("F-54", "F-58")
def test_a_cancelled_run_ends_within_5_s_however_long_its_hooks_would_take(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    hold_up(host)
    config = hooked(world, started="sleep 600", finished="sleep 600")
    run = elbroll.start(*ROLL, "h4", "--config", config)
    run.until(lambda: deploys(host)[-1:] == ["begin"])
    run.signal(signal.SIGTERM)
    ended = run.end()
    let_go(host)

    assert (ended.code, ended.seconds < 5.5) == (143, True), ended.err
    assert "demo-1" in ended.out
    assert elbroll(*ROLL, "h4").code == 0
    assert members(world) == before
