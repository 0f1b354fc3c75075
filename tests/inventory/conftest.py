"""A lifelike EC2, and the room's port over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.aws import Clients
from elbroll.demo.lifelike import REGION, InProcess, MotoClients, Vpc, World, in_process
from elbroll.inventory import Ec2Inventory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto_clients() -> MotoClients:
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
def world(aws: InProcess) -> World:
    return World(aws.client)


@pytest.fixture
def vpc(world: World) -> Vpc:
    return world.a_vpc()


@pytest.fixture
def inventory(clients: Clients, aws: InProcess) -> Ec2Inventory:
    return Ec2Inventory(clients, aws.clock)
