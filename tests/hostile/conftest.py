"""Worlds for hostile guests, one for each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.shell import Shell
from cli.worlds import small_world

if TYPE_CHECKING:
    from collections.abc import Iterator
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
