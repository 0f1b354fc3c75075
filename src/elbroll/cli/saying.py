"""Words for people before a run has outlets: what is looked at meanwhile, and single lines on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, TextIO

import click

from elbroll.outputs.clean import clean_line
from elbroll.outputs.streams import Progress, tty_of, unbuffered, wants_progress, width_of
from elbroll.outputs.words import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.cli.options import Flags

PATIENCE = 1.0
"""Seconds for a terminal or pipe to take a line; one that does not is left to its thread (F-57)."""
KEY = "elbroll.looking"
ERASE = "\r\x1b[K"


class Looking:
    """A line at a terminal that says what is going on until there is more to show; `end` erases it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def end(self) -> None:
        """Once; harmless again, and from any thread."""
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            _write(stream, ERASE)


def look_at(what: str, flags: Flags) -> None:
    """Say at once what is looked at, before anything heavy is loaded; only at a terminal. Gone with the command."""
    if flags.quiet or wants_progress(Progress(flags.progress), os.environ, tty_of(sys.stderr)) is not Progress.TTY:
        return
    ctx, stream = click.get_current_context(), unbuffered(sys.stderr)
    looking = Looking(stream)
    ctx.meta[KEY] = looking
    ctx.call_on_close(looking.end)
    width = width_of(sys.stderr, os.environ) or 80
    _write(stream, cut(f"{clean_line(what)}: looking at pools, hosts and records ...", width - 1))


def looking_now() -> Looking:
    """The line of this command, if there is one. Main thread only."""
    ctx = click.get_current_context(silent=True)
    found = ctx.meta.get(KEY) if ctx is not None else None
    return found if isinstance(found, Looking) else Looking()


def say(text: str) -> None:
    """A line on stderr; whoever does not read it is not waited for."""
    looking_now().end()
    _write(unbuffered(sys.stderr), f"{clean_line(text)}\n")


def patiently(tell: Callable[[], None]) -> None:
    """Tell somebody who may have stopped reading; a reader who is gone is no news (F-57)."""
    writer = threading.Thread(target=_try, args=(tell,), name="saying", daemon=True)
    writer.start()
    writer.join(PATIENCE)


def _write(stream: TextIO, text: str) -> None:
    def write() -> None:
        stream.write(text)
        stream.flush()

    patiently(write)


def _try(tell: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        tell()
