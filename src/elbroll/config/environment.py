"""What the environment says beside the options: AWS's own variables beat `[aws]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.config.keys import annotation_of
from elbroll.config.schema import LbSettings, Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.config.check import Override

_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_NUMBERS = (int, int | None)


def from_environment(environ: Mapping[str, str], overrides: Mapping[str, Override]) -> dict[str, Override]:
    """Region and profile. Where the environment brings credentials no profile counts, unless an option names one."""
    said: dict[str, Override] = {}
    if region := _first(_REGION, environ):
        said["aws.region"] = (region, environ[region])
    if "aws.profile" in overrides:
        return said
    if credentials := _first(_CREDENTIALS[:1], environ):
        said["aws.profile"] = (credentials, None)
    elif environ.get("AWS_PROFILE"):
        said["aws.profile"] = ("AWS_PROFILE", environ["AWS_PROFILE"])
    elif credentials := _first(_CREDENTIALS[1:], environ):
        said["aws.profile"] = (credentials, None)
    return said


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    return next((name for name in names if environ.get(name)), None)


def with_numbers(said: Mapping[str, Override]) -> dict[str, Override]:
    """Texts of options as numbers, where the key holds a number; the file has its own way to write them."""
    return {key: (who, _number(key, value)) for key, (who, value) in said.items()}


def _number(key: str, value: object) -> object:
    wanted = annotation_of(LbSettings, key) or annotation_of(Written, key)
    short = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10
    return int(str(value)) if short and wanted in _NUMBERS else value
