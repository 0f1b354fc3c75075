"""One set of clients for all tests of this room; nothing leaves the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.aws import Clients
from elbroll.demo.lifelike import REGION, guarded, require_moto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _fake_account() -> Iterator[None]:
    """Fake keys and no endpoint, for every test."""
    require_moto()
    from moto import mock_aws  # noqa: PLC0415 - moto before boto3 (M7)

    with guarded(), mock_aws():
        yield


@pytest.fixture(scope="session")
def shared_clients() -> Clients:
    """Clients outlive a world, and take a third of a second to make."""
    return Clients(region=REGION)


@pytest.fixture
def clients(shared_clients: Clients) -> Clients:
    return shared_clients
