"""Worlds for hostile guests, one for each module."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cli.shell import Shell
from cli.worlds import small_world
from elbroll.cli.app import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elbroll.demo.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two hosts, both also in a second group on another port."""
    with small_world() as made:
        yield made


@pytest.fixture
def elbroll(world: World, tmp_path: Path) -> Shell:
    """The command line, on a computer of its own."""
    return Shell(world, tmp_path)


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    text: str


@pytest.fixture
def call(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """`elbroll` within this process, which saves its start."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ELBROLL_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(world.directory)

    def called(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["elbroll", *words])
        code = run(words)
        return Said(code, "".join(capfd.readouterr()))

    return called
