"""Hooks that are only told: in order, beside the roll, and never longer than there is time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.clock import SystemClock
from elbroll.hooks import listeners as listening
from elbroll.hooks.command import Hook
from elbroll.hooks.listeners import Listeners
from punctual import timed, within

if TYPE_CHECKING:
    from pathlib import Path


HELD_UP = "while [ -e hold ]; do sleep 0.05; done"
"""Part of a hook that lasts until it is let go."""


def listeners(folder: Path, warnings: list[str], **lines: str) -> Listeners:
    hooks = {name: Hook(name, ("sh", "-c", line), folder) for name, line in lines.items()}
    return Listeners(hooks, SystemClock(), warnings.append)


@pytest.mark.rule("F-58", "I-16")
def test_telling_waits_for_nothing_and_the_second_hook_waits_for_the_first(tmp_path: Path) -> None:
    warnings: list[str] = []
    (hold := tmp_path / "hold").touch()
    told = listeners(tmp_path, warnings, started=f"{HELD_UP}; cat >> told", finished='cat >> told; echo " $X" >> told')
    told.tell("started", "begun,", {})
    told.tell("finished", "over", {"X": "exit 4"})
    hold.unlink()
    told.close(lambda: math.inf)

    assert (tmp_path / "told").read_text() == "begun,over exit 4\n"
    assert warnings == []


@pytest.mark.rule("F-58")
def test_one_that_fails_is_a_warning_with_its_last_line(tmp_path: Path) -> None:
    warnings: list[str] = []
    told = listeners(tmp_path, warnings, finished="echo no route; echo to the channel; exit 2")
    told.tell("finished", "", {})
    told.close(lambda: math.inf)

    assert warnings == ["the hook finished (sh) exited 2: to the channel"]


@timed
@pytest.mark.rule("F-54", "F-58")
def test_without_time_left_it_is_killed(tmp_path: Path) -> None:
    warnings: list[str] = []
    told = listeners(tmp_path, warnings, finished="sleep 600")
    told.tell("finished", "", {})
    with within(5):
        told.close(lambda: 0.0)

    eventually(lambda: warnings)
    assert "no more time" in warnings[0]


def test_who_wonders_is_told_once_what_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "WONDER", 0.1)
    said: list[str] = []
    (hold := tmp_path / "hold").touch()
    told = listeners(tmp_path, [], finished=f"{HELD_UP}; sleep 0.4")

    def say() -> None:
        said.append("waiting")
        hold.unlink()

    told.tell("finished", "", {})
    told.close(lambda: math.inf, say)

    assert said == ["waiting"]


def test_where_there_is_no_hook_nothing_happens(tmp_path: Path) -> None:
    told = listeners(tmp_path, [])
    told.tell("started", "", {})
    told.close(lambda: math.inf)
