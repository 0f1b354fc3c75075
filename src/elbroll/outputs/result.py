"""The one JSON document of a run on stdout (`--json`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from elbroll.core.standing import Standing, apply
from elbroll.events import RunFinished
from elbroll.outputs.documents import run_document
from elbroll.outputs.ink import Piece, Tone, line
from elbroll.outputs.parts import dump

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.events import Told
    from elbroll.outputs.ink import Pen
    from elbroll.outputs.parts import Origin


class RunDocument:
    """An outlet that says nothing until the run has ended: `elbroll.run.v1`."""

    tick_every = None

    def __init__(self, stream: TextIO, origin: Callable[[], Origin], err: Pen) -> None:
        self._stream = stream
        self._err = err
        self._origin = origin
        self._standing = Standing()

    def take(self, told: Told) -> None:
        """Add up; at the end, write all at once. Where that fails, the exit code stands, and people are told why."""
        self._standing = apply(self._standing, told)
        if not isinstance(told.event, RunFinished):
            return
        try:
            self._stream.write(dump(run_document(self._standing, told.event, self._origin())) + "\n")
            self._stream.flush()
        except OSError as error:
            self._err.write(
                (line(Piece("warning: ", Tone.WARN), f"the result could not be written: {error.strerror}"),)
            )

    def tick(self, elapsed: float) -> None:
        """Time alone is no result."""

    def close(self) -> None:
        """Nothing is held back."""
