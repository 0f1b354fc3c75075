"""`config show`, `check` and `schema`: the settings in force; nothing is contacted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from elbroll.cli.secrets import cautions
from elbroll.cli.session import Session
from elbroll.config.describe import json_schema, origin_lines
from elbroll.errors import ExitCode, NotFound
from elbroll.outputs.parts import dump

if TYPE_CHECKING:
    from elbroll.cli.options import Flags
    from elbroll.config.load import Loaded


def show_config(flags: Flags, lb: str | None, *, origin: bool) -> ExitCode:
    """Every key with its value, and on request its source."""
    loaded = Session(flags).loaded
    if lb is not None and not loaded.has_table(lb):
        raise NotFound(f"there is no table [lb.{lb}] in {loaded.name}", near=tuple(loaded.settings.lb))
    rows = origin_lines(loaded, lb)
    if flags.as_json:
        told = {key: {"value": value, "origin": source} for key, value, source in rows}
        click.echo(dump({"schema": "elbroll.config.v1", "file": _file(loaded), "settings": told}))
        return ExitCode.OK
    wide = max((len(f"{key} = {value}") for key, value, _ in rows), default=0)
    for key, value, source in rows:
        text = f"{key} = {value}"
        click.echo(f"{text:<{wide}}  {source}" if origin else text)
    return ExitCode.OK


def check_config(flags: Flags) -> ExitCode:
    """Raises ConfigError with every fault at once; warns of files that others may read and should not (S-10)."""
    loaded = Session(flags).loaded
    for text in {text: None for lb in loaded.settings.lb for text in cautions(loaded, loaded.lb(lb))}:
        click.echo(f"warning: {text}", err=True)
    if flags.as_json:
        click.echo(dump({"schema": "elbroll.config.v1", "file": _file(loaded), "faults": 0}))
    elif loaded.path is None:
        click.echo("There is no elbroll.toml here; the built-in settings apply.")
    else:
        tables = ", ".join(loaded.settings.lb) or "none"
        click.echo(f"{loaded.path} is well. Load balancers: {tables}.")
    return ExitCode.OK


def print_schema(flags: Flags) -> ExitCode:
    """The JSON Schema, the same with and without `--json`."""
    _ = flags
    click.echo(json.dumps(json_schema(), indent=1))
    return ExitCode.OK


def _file(loaded: Loaded) -> str | None:
    return str(loaded.path) if loaded.path else None
