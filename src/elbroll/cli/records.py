"""A run's own folder: its events as JSON lines, its debug log; for people, never read for a decision."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from elbroll.errors import UsageError
from elbroll.outputs.jsonl import JsonLines, Output, open_new
from elbroll.outputs.streams import unbuffered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from elbroll.model import RunId
    from elbroll.outputs.bus import Outlet


def state_dir(given: Path | None) -> Path:
    """`--state-dir`, else the platform's own place."""
    if given is not None:
        return given
    from platformdirs import user_state_path  # noqa: PLC0415 - help does without

    return user_state_path("elbroll")


class RunFolder:
    """`runs/RUN` in the state directory, 0700. A folder that cannot be made is a warning, never a reason to stop."""

    def __init__(self, given: Path | None, run: RunId) -> None:
        self.path = state_dir(given) / "runs" / run

    def outlets(self, wishes: Mapping[str, object]) -> list[Outlet]:
        """The events of this run as JSON lines, and the copy that was asked for. Raises UsageError for the copy."""
        wanted = Output.INCLUDED if wishes.get("events_output") else Output.LEFT_OUT
        copy = wishes.get("events")
        outlets: list[Outlet] = [JsonLines(_copy(str(copy)), wanted)] if copy else []
        try:
            self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
            outlets.append(JsonLines(open_new(self.path / "events.jsonl")))
        except (OSError, UsageError) as error:
            click.echo(f"warning: this run is not kept: {error}", err=True)
        return outlets


def _copy(name: str) -> TextIO:
    return unbuffered(sys.stdout) if name == "-" else open_new(Path(name))
