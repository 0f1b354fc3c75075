"""One JSON event a line: into the run's own folder, a copy for `--events`, or stdout."""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, TextIO

from elbroll.core.standing import Standing, apply
from elbroll.errors import UsageError
from elbroll.events import HostOutput, StepProgress
from elbroll.outputs.cloudevents import cloud_event
from elbroll.outputs.parts import dump

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.events import Told

BETWEEN = 10.0
"""Seconds between two lines of progress of one host's step."""


class Output(Enum):
    """Whether what hosts print becomes events too (`--events-output`)."""

    LEFT_OUT = False
    INCLUDED = True


class JsonLines:
    """An outlet of CloudEvents, one a line, in pure ASCII."""

    tick_every = None

    def __init__(self, stream: TextIO, output: Output = Output.LEFT_OUT) -> None:
        self._stream = stream
        self._output = output
        self._standing = Standing()
        self._looked: dict[tuple[str, str], float] = {}

    def take(self, told: Told) -> None:
        """Write it, unless it is output that was not asked for or progress that was just told.

        Nothing follows `run.finished`: what a hook got wrong after it, people are told elsewhere.
        """
        if self._standing.finished is not None:
            return
        self._standing = apply(self._standing, told)
        if self._skipped(told):
            return
        document = cloud_event(told, self._standing)
        if document is not None:
            self._stream.write(dump(document) + "\n")
            self._stream.flush()

    def tick(self, elapsed: float) -> None:
        """Time alone is no event."""

    def close(self) -> None:
        """Close the stream (`streams.unbuffered` leaves the process's own descriptors open)."""
        self._stream.close()

    def _skipped(self, told: Told) -> bool:
        event = told.event
        if isinstance(event, HostOutput):
            return self._output is Output.LEFT_OUT
        if not isinstance(event, StepProgress):
            return False
        key = (event.host.id, event.step)
        if told.elapsed - self._looked.get(key, -BETWEEN) < BETWEEN:
            return True
        self._looked[key] = told.elapsed
        return False


def open_new(path: Path) -> TextIO:
    """A new file for this user's eyes only; no link is followed and nothing is ever overwritten (S-10).

    Raises UsageError where the file exists or cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already", now="nothing was done", fix=("name another file",)) from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", now="nothing was done") from error
    return os.fdopen(descriptor, "w", encoding="ascii", errors="backslashreplace", newline="\n")
