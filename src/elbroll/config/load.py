"""elbroll.toml, environment and flags -> Settings. Nothing is contacted here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elbroll.config.check import Override, faults_in_file, faults_in_said, nested, settings_of
from elbroll.config.discover import FILE, find
from elbroll.config.document import read
from elbroll.config.environment import from_environment, with_numbers
from elbroll.config.faults import refusal
from elbroll.config.keys import is_global
from elbroll.config.origins import origins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from elbroll.config.schema import LbSettings, Settings

__all__ = ["Loaded", "Override", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where each came from."""

    settings: Settings
    path: Path | None
    base: Path
    """Relative paths of the file are relative to this."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Dotted key to `elbroll.toml:6`, `ELBROLL_FLOOR` or `--floor`; what is missing here is built in."""

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
    path = find(config, environ, cwd)
    document = read(path, cwd) if path else None
    said = with_numbers({**from_environment(environ, overrides), **overrides})
    faults = [*(faults_in_file(document) if document else ()), *faults_in_said(said)]
    shown = document.shown if document else None
    if faults:
        raise refusal(faults, shown)
    settings, clashes = settings_of(_merged(document.told if document else {}, said), document)
    if settings is None or clashes:
        raise refusal(clashes, shown)
    return Loaded(settings, path, path.parent if path else cwd, origins(document, said, settings.lb))


def _merged(told: Mapping[str, Any], said: Mapping[str, Override]) -> dict[str, Any]:
    """By precedence: what was said, then [lb.NAME], then [defaults]."""
    merged = {name: table for name, table in told.items() if is_global(name)}
    defaults = told.get("defaults", {})
    tables = {name: _over(defaults, table) for name, table in told.get("lb", {}).items()}
    for key, (_, value) in said.items():
        if is_global(key):
            merged = _over(merged, nested(key, value))
        else:
            defaults = _over(defaults, nested(key, value))
            tables = {name: _over(table, nested(key, value)) for name, table in tables.items()}
    return {**merged, "defaults": defaults, "lb": tables}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables merge key by key; lists and texts replace."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
