"""Two computers over one store."""

from __future__ import annotations

import pytest

from ledger.parameters import ParameterLog
from ledger.things import Desk


@pytest.fixture
def log() -> ParameterLog:
    return ParameterLog()


@pytest.fixture
def ours(log: ParameterLog) -> Desk:
    return Desk(log, "ours")


@pytest.fixture
def theirs(log: ParameterLog) -> Desk:
    return Desk(log, "theirs")
