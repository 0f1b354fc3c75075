"""A lifelike AWS in this process, by a virtual clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.aws import Clients
from elbroll.demo.lifelike import REGION, InProcess, MotoClients, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto_clients() -> MotoClients:
    """Clients outlive a world, and take a third of a second to make."""
    return MotoClients()


@pytest.fixture
def aws(moto_clients: MotoClients) -> Iterator[InProcess]:
    """An account of its own for each test."""
    with in_process(moto_clients) as made:
        yield made


@pytest.fixture(scope="session")
def session_clients() -> Clients:
    return Clients(region=REGION)


@pytest.fixture
def clients(session_clients: Clients, aws: InProcess) -> Clients:
    """Ours, within the world of this test."""
    assert aws.clock.monotonic() == 0
    return session_clients
