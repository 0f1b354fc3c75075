"""Which elbroll.toml counts (interface.md 2)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "elbroll.toml"
VARIABLE = "ELBROLL_CONFIG"


def find(config: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The named file, else the nearest one upward; None where there is none. Raises ConfigError."""
    if config:
        return _named(config, "--config", cwd)
    if from_environment := environ.get(VARIABLE):
        return _named(from_environment, VARIABLE, cwd)
    home = environ.get("HOME")
    for folder in (cwd, *cwd.parents):
        if os.path.isfile(folder / FILE):  # noqa: PTH113 - unlike Path's, it takes "no right to look" for "no"
            return folder / FILE
        if os.path.lexists(folder / ".git") or (home and folder == Path(home)):
            return None
    return None


def _named(name: str, who: str, cwd: Path) -> Path:
    try:
        path = cwd / Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"error: {who} names {name}, and there is no such home\nNothing was done.") from error
    if not os.path.exists(path):  # noqa: PTH110 - as above
        raise ConfigError(f"error: {who} names {name}, and there is no such file\nNothing was done.")
    return path
