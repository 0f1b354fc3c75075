"""A lifelike AWS in this process, and a world builder for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from elbroll.demo.lifelike import REGION, InProcess, MotoClients, World, guarded, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto_clients() -> MotoClients:
    return MotoClients()


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """Holds the service models, which take longest to load; keys and endpoint are looked up by its clients' makers."""
    with guarded():
        made = boto3.Session(region_name=REGION)
        made.get_credentials()
    return made


@pytest.fixture
def aws(moto_clients: MotoClients) -> Iterator[InProcess]:
    with in_process(moto_clients) as made:
        yield made


@pytest.fixture
def world(aws: InProcess) -> World:
    return World(aws.client)
