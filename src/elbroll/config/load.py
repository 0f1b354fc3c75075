"""elbroll.toml, environment and flags -> Settings. Nothing is contacted here."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from elbroll.config.schema import LbSettings, Settings
from elbroll.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Override = tuple[str, object]
"""(who said it: `--floor` or `ELBROLL_FLOOR`, value)."""
FILE = "elbroll.toml"
GLOBAL = ("aws", "ssh", "ledger", "hooks")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where each came from."""

    settings: Settings
    path: Path | None
    base: Path
    """Relative paths of the file are relative to this."""
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file as users read it."""
        return self.path.name if self.path else f"no {FILE}"

    def has_table(self, lb: str) -> bool:
        """Whether there is a table `[lb.NAME]`."""
        return lb in self.settings.lb

    def lb(self, name: str) -> LbSettings:
        """`[lb.NAME]` with `[defaults]` merged in, or `[defaults]` where there is no such table."""
        return self.settings.lb.get(name, self.settings.defaults)


def load(overrides: Mapping[str, Override], *, config: str | None, environ: Mapping[str, str], cwd: Path) -> Loaded:
    """Find, read, merge and check. Raises ConfigError with every fault at once."""
    path = _find(config, environ, cwd)
    told = _read(path) if path else {}
    merged = _merged(told, overrides)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        lines = [f"error: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError("\n".join(lines), faults=len(lines)) from error
    return Loaded(settings, path, path.parent if path else cwd)


def _find(config: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    named = config or environ.get("ELBROLL_CONFIG")
    if named:
        path = cwd / Path(named).expanduser()
        if not path.is_file():
            raise ConfigError(f"error: there is no config file {named}")
        return path
    for folder in (cwd, *cwd.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / ".git").exists() or folder == Path(environ.get("HOME", os.sep)):
            return None
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"error: {path.name}: {error}") from error


def _merged(told: dict[str, Any], overrides: Mapping[str, Override]) -> dict[str, Any]:
    defaults = told.get("defaults", {})
    tables = {name: _over(defaults, table) for name, table in told.get("lb", {}).items()}
    merged = {**told, "defaults": defaults, "lb": tables}
    for key, (_, value) in overrides.items():
        if key.split(".")[0] in GLOBAL:
            merged = _over(merged, _nested(key, value))
        else:
            merged["defaults"] = _over(merged["defaults"], _nested(key, value))
            merged["lb"] = {name: _over(table, _nested(key, value)) for name, table in merged["lb"].items()}
    return merged


def _nested(key: str, value: object) -> dict[str, Any]:
    head, _, rest = key.partition(".")
    return {head: _nested(rest, value) if rest else value}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables merge key by key; everything else replaces."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
