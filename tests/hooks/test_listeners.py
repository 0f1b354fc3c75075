"""Hooks that are only told: in order, beside the roll, and never longer than there is time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest

from elbroll.clock import SystemClock
from elbroll.hooks import listeners as listening
from elbroll.hooks.command import Hook
from elbroll.hooks.listeners import Listeners

if TYPE_CHECKING:
    from pathlib import Path


def listeners(folder: Path, warnings: list[str], **lines: str) -> Listeners:
    hooks = {name: Hook(name, ("sh", "-c", line), folder) for name, line in lines.items()}
    return Listeners(hooks, SystemClock(), warnings.append)


@pytest.mark.rule("F-58", "I-16")
def test_telling_waits_for_nothing_and_the_second_hook_waits_for_the_first(tmp_path: Path) -> None:
    warnings: list[str] = []
    told = listeners(tmp_path, warnings, started="sleep 0.3; cat >> told", finished='cat >> told; echo " $X" >> told')
    began = time.monotonic()
    told.tell("started", "begun,", {})
    told.tell("finished", "over", {"X": "exit 4"})
    waited = time.monotonic() - began
    told.close(lambda: math.inf)

    assert waited < 0.25
    assert (tmp_path / "told").read_text() == "begun,over exit 4\n"
    assert warnings == []


@pytest.mark.rule("F-58")
def test_one_that_fails_is_a_warning_with_its_last_line(tmp_path: Path) -> None:
    warnings: list[str] = []
    told = listeners(tmp_path, warnings, finished="echo no route; echo to the channel; exit 2")
    told.tell("finished", "", {})
    told.close(lambda: math.inf)

    assert warnings == ["the hook finished (sh) exited 2: to the channel"]


@pytest.mark.rule("F-54", "F-58")
def test_without_time_left_it_is_killed(tmp_path: Path) -> None:
    warnings: list[str] = []
    told = listeners(tmp_path, warnings, finished="sleep 600")
    told.tell("finished", "", {})
    began = time.monotonic()
    told.close(lambda: 0.0)

    assert time.monotonic() - began < 5
    assert "no more time" in warnings[0]


def test_who_wonders_is_told_once_what_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "WONDER", 0.1)
    said: list[str] = []
    told = listeners(tmp_path, [], finished="sleep 0.4")
    told.tell("finished", "", {})
    told.close(lambda: math.inf, lambda: said.append("waiting"))

    assert said == ["waiting"]


def test_where_there_is_no_hook_nothing_happens(tmp_path: Path) -> None:
    told = listeners(tmp_path, [])
    told.tell("started", "", {})
    told.close(lambda: math.inf)
