"""A lifelike AWS by a virtual clock, and the room's two ports over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balancers.site import Calls, Site
from elbroll.aws import Clients
from elbroll.demo.lifelike import REGION, InProcess, MotoClients, World, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto_clients() -> MotoClients:
    """Clients outlive a world, and take a third of a second to make."""
    return MotoClients()


@pytest.fixture(scope="session")
def session_clients() -> Clients:
    return Clients(region=REGION)


@pytest.fixture
def aws(moto_clients: MotoClients) -> Iterator[InProcess]:
    with in_process(moto_clients) as made:
        yield made


@pytest.fixture
def clients(session_clients: Clients, aws: InProcess) -> Clients:
    """Ours, within the world of this test."""
    assert aws.clock.monotonic() == 0
    return session_clients


@pytest.fixture
def site(aws: InProcess, clients: Clients) -> Site:
    return Site(aws, World(aws.client), clients)


@pytest.fixture
def calls(clients: Clients) -> Iterator[Calls]:
    """Every call that our clients make from here on."""
    with Calls(clients) as recorded:
        yield recorded
