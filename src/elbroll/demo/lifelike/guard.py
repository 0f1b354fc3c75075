"""Keeping the user's AWS out of the demo's and the tests' world (aws.md M7)."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from elbroll.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
"""The account that moto plays."""
REGION = "us-east-1"
LOAD_IMAGES = "MOTO_EC2_LOAD_DEFAULT_AMIS"


def require_moto() -> None:
    """Raises UsageError with the line that installs it, where moto or its server is missing."""
    missing = [name for name in ("moto", "flask", "flask_cors") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the demo needs an AWS to play with, and its parts are not installed",
            why=(f"missing: {', '.join(missing)}",),
            fix=("pip install 'elbroll[demo]'",),
        )


def environment(endpoint: str | None = None) -> dict[str, str]:
    """Variables that make every AWS client use fake keys, no config file, and `endpoint` if one is given."""
    variables = {
        "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
        "AWS_SECRET_ACCESS_KEY": "demo-demo-demo-demo-demo-demo-demo-demo",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    return variables if endpoint is None else {**variables, "AWS_ENDPOINT_URL": endpoint}


def child_environment(endpoint: str) -> dict[str, str]:
    """The whole environment for a child process: ours, without anything of the user's AWS, aimed at `endpoint`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    loopback = "127.0.0.1,localhost"
    return {**kept, **environment(endpoint), "NO_PROXY": loopback, "no_proxy": loopback}


@contextmanager
def guarded(endpoint: str | None = None) -> Iterator[None]:
    """The same for this process, until the block ends."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    _replace_aws_variables(environment(endpoint))
    try:
        yield
    finally:
        _replace_aws_variables(before)


@contextmanager
def without_images() -> Iterator[None]:
    """Spare moto its list of machine images, which takes longer to load than all else in a new account."""
    before = os.environ.get(LOAD_IMAGES)
    os.environ[LOAD_IMAGES] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[LOAD_IMAGES]
        else:
            os.environ[LOAD_IMAGES] = before


def _replace_aws_variables(wanted: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(wanted)
