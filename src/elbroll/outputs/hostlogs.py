"""Everything that hosts have printed, whole, a file a host: masked but not escaped, for `less -R` and for grep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TextIO

from elbroll.events import HostOutput
from elbroll.outputs.jsonl import open_new

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.events import Told
    from elbroll.model import Host

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class HostLogs:
    """An outlet. `folder` is made with the first line; files are for this user's eyes only."""

    tick_every = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}

    def take(self, told: Told) -> None:
        """Append a line of host output; everything else is told elsewhere."""
        if isinstance(told.event, HostOutput):
            file = self._file(told.event.host)
            file.write(told.event.text.rstrip("\n") + "\n")
            file.flush()

    def tick(self, elapsed: float) -> None:
        """Time alone prints nothing."""

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.close()

    def _file(self, host: Host) -> TextIO:
        if host.id not in self._files:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._files[host.id] = open_new(log_of(self._folder, host))
        return self._files[host.id]


def log_of(folder: Path, host: Host) -> Path:
    """Where a host's output is: by its name made harmless, and its id."""
    return folder / f"{UNSAFE.sub('_', host.name)[:60]}-{host.id}.log"
