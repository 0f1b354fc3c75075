"""A small world for the tests of one module, and `elbroll` in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.shell import Shell, wait_for
from cli.witness import everybody_serves, members
from cli.worlds import let_go, small_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from elbroll.demo.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two hosts, both also in a second group on another port. Each module has its own, since it takes seconds."""
    with small_world() as made:
        yield made


@pytest.fixture
def elbroll(world: World, tmp_path: Path) -> Shell:
    """The command line, on a computer of its own."""
    return Shell(world, tmp_path)


@pytest.fixture
def before(world: World) -> Iterator[dict[str, Any]]:
    """The memberships at the start of a test, which finds a world in which all serve."""
    wait_for(lambda: everybody_serves(world))
    yield members(world)
    for host in world.hosts:
        let_go(host)
