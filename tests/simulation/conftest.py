"""How many runs were simulated is told, for whoever reports it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """On stderr (`-s`), in the last lines of pytest, and as a property in JUnit reports."""
    before = World.simulated
    yield
    runs = World.simulated - before
    request.node.user_properties.append(("simulated_runs", runs))
    sys.stderr.write(f"{request.node.name}: {runs} simulated runs\n")
