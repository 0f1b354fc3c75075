"""A run's own folder: its events as JSON lines, its debug log; for people, never read for a decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.cli.session import Session
    from elbroll.cli.tasks import Task
    from elbroll.model import RunId
    from elbroll.outputs.bus import Outlet


def state_dir(given: Path | None) -> Path:
    """`--state-dir`, else the platform's own place."""
    if given is not None:
        return given
    from platformdirs import user_state_path  # noqa: PLC0415 - help does without

    return user_state_path("elbroll")


class RunFolder:
    """`runs/RUN` in the state directory, made when the first outlet opens. A full disk is no reason to stop."""

    def __init__(self, given: Path | None, run: RunId) -> None:
        self.path = state_dir(given) / "runs" / run

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What the summary names."""
        return (("Events", _short(self.path / "events.jsonl")),)

    def outlets(self, wishes: Mapping[str, object], task: Task, session: Session) -> list[Outlet]:
        """The events of this run as JSON lines, and the copy that was asked for."""
        return []


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
