"""The three stores, each on the real thing or what comes nearest: moto for AWS, a folder for files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws
from moto.moto_api._internal import moto_api_backend

from elbroll.aws import Clients, Identity
from elbroll.ledger import open_store
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elbroll.ledger.ports import Store

REGION = "us-east-1"
IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/ci", REGION)
SURROUNDINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SPECS = {"ssm": "ssm", "s3": "s3://acme-ops/elbroll", "file": "file:ledger"}


@pytest.fixture(scope="module")
def _clients() -> Iterator[Clients]:
    """Fake keys, no files, nothing beyond this process (M7)."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in SURROUNDINGS.items():
            patched.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patched.delenv(name, raising=False)
        with mock_aws():
            yield Clients(region=REGION)


@pytest.fixture
def clients(_clients: Clients) -> Clients:
    """An account without parameters and with one empty bucket."""
    moto_api_backend.reset()
    _clients.s3.create_bucket(Bucket="acme-ops")
    return _clients


@dataclass(frozen=True)
class Kind:
    """A kind of store, for several runs over the same values."""

    name: str
    open: Callable[[], Store]
    delete_by_hand: Callable[[str], None]
    overwrite_by_hand: Callable[[str, str], None]
    raw: Callable[[str], str]
    """The newest text under a key, effective or not."""


@pytest.fixture(params=list(SPECS))
def kind(request: pytest.FixtureRequest, clients: Clients, tmp_path: Path) -> Kind:
    name: str = request.param
    folder = tmp_path / "ledger" / IDENTITY.account / REGION

    def file_of(key: str) -> Path:
        return folder / (key.replace("/", "+") + ".json")

    def object_of(key: str) -> dict[str, str]:
        return {"Bucket": "acme-ops", "Key": f"elbroll/{IDENTITY.account}/{REGION}{key}"}

    deleting: dict[str, Callable[[str], object]] = {
        "ssm": lambda key: clients.ssm.delete_parameter(Name=key),
        "s3": lambda key: clients.s3.delete_object(**object_of(key)),  # type: ignore[arg-type]
        "file": lambda key: file_of(key).unlink(),
    }
    writing: dict[str, Callable[[str, str], object]] = {
        "ssm": lambda key, text: clients.ssm.put_parameter(Name=key, Value=text, Type="String", Overwrite=True),
        "s3": lambda key, text: clients.s3.put_object(**object_of(key), Body=text.encode()),  # type: ignore[arg-type]
        "file": lambda key, text: file_of(key).write_text(text),
    }
    reading: dict[str, Callable[[str], str]] = {
        "ssm": lambda key: clients.ssm.get_parameter(Name=key)["Parameter"]["Value"],
        "s3": lambda key: clients.s3.get_object(**object_of(key))["Body"].read().decode(),  # type: ignore[arg-type]
        "file": lambda key: file_of(key).read_text(),
    }
    return Kind(
        name,
        lambda: open_store(SPECS[name], clients, IDENTITY, FakeClock(), tmp_path),
        lambda key: (deleting[name](key), None)[1],
        lambda key, text: (writing[name](key, text), None)[1],
        reading[name],
    )
