"""A lifelike AWS in this process, and a world builder for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.demo.lifelike import InProcess, MotoClients, World, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto_clients() -> MotoClients:
    return MotoClients()


@pytest.fixture
def aws(moto_clients: MotoClients) -> Iterator[InProcess]:
    with in_process(moto_clients) as made:
        yield made


@pytest.fixture
def world(aws: InProcess) -> World:
    return World(aws.client)
