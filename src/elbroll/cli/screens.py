"""Which outlets a run has: what is chosen once from options, environment and streams."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from elbroll.outputs.ink import Pen
from elbroll.outputs.plain import Detail, Plain
from elbroll.outputs.streams import (
    Look,
    Progress,
    When,
    tty_of,
    unbuffered,
    wants_color,
    wants_progress,
    width_of,
)
from elbroll.outputs.summary import Summary
from elbroll.outputs.words import glyphs_for

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from elbroll.cli.options import Flags
    from elbroll.cli.session import Session
    from elbroll.outputs.bus import Outlet


class Screens:
    """Pens for stdout and stderr, made once a process."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self.progress = wants_progress(Progress(flags.progress), os.environ, tty_of(sys.stderr))
        self.err = self._pen(sys.stderr)
        self.out = self._pen(sys.stdout)
        self.glyphs = glyphs_for(sys.stderr)

    def outlets(self, logs: Path, *, quiet_summary: bool) -> list[Outlet]:
        """Progress and the closing words, in one line, as they share a screen. `quiet_summary`: stdout is taken."""
        summary = Summary(self.err, None if quiet_summary else self._summary_pen(), self.glyphs, logs=logs)
        progress = self._progress()
        return [progress, summary] if progress else [summary]

    def documents(self, session: Session) -> list[Outlet]:
        """The result as JSON, in a line of its own: a reader who stops reading holds up nothing else."""
        if not self._flags.as_json:
            return []
        from elbroll.outputs.result import RunDocument  # noqa: PLC0415 - only for --json

        return [RunDocument(unbuffered(sys.stdout), lambda: session.origin, self.err)]

    def _progress(self) -> Outlet | None:
        if self._flags.quiet or self.progress is Progress.NONE:
            return None
        if self.progress is Progress.TTY:
            from elbroll.outputs.live import Live  # noqa: PLC0415 - rich costs 50 ms

            look = self._look(sys.stderr, animate=True)
            return Live(unbuffered(sys.stderr), look, self.glyphs, self._detail)
        return Plain(self.err, self._detail)

    @property
    def _detail(self) -> Detail:
        return Detail(min(self._flags.verbose, 2))

    def _summary_pen(self) -> Pen | None:
        if self._flags.as_json or self._flags.quiet > 1:
            return None
        return self.err if sys.__stdout__ is None else self.out  # born closed: the standing is told all the same

    def _pen(self, stream: TextIO) -> Pen:
        return Pen(unbuffered(stream), self._look(stream, animate=False))

    def _look(self, stream: TextIO, *, animate: bool) -> Look:
        color = wants_color(When(self._flags.color), os.environ, tty_of(stream))
        return Look(color, animate, width_of(stream, os.environ))
