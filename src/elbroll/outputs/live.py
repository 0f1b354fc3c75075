"""The board on a terminal: finished hosts scroll away above it, four times a second it is drawn anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from rich.live import Live as Screen

from elbroll.core.standing import Standing, apply
from elbroll.events import HostOutput
from elbroll.outputs.board import board
from elbroll.outputs.ink import Line, rich_text, wrapped
from elbroll.outputs.plain import Detail
from elbroll.outputs.scroll import scrolled
from elbroll.outputs.streams import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.events import Told
    from elbroll.outputs.streams import Look
    from elbroll.outputs.words import Glyphs

FRAME = 0.25
"""Seconds."""
UNKNOWN_SIZE = (80, 24)


class Live:
    """An outlet for a terminal. `size` answers (columns, lines); asked for each frame, as terminals are resized."""

    tick_every = FRAME

    def __init__(
        self,
        stream: TextIO,
        look: Look,
        glyphs: Glyphs,
        detail: Detail = Detail.NORMAL,
        size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        self._console = console(stream, look)
        self._glyphs = glyphs
        self._detail = detail
        self._size = size or (lambda: size_of(stream))
        self._standing = Standing()
        self._screen = Screen(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
            vertical_overflow="crop",
        )

    def take(self, told: Told) -> None:
        """Scroll what is final; the rest is drawn with the next frame."""
        self._standing = apply(self._standing, told)
        if not self._screen.is_started:
            self._screen.start()
        if self._detail >= Detail.OUTPUT or not isinstance(told.event, HostOutput):
            width = self._size()[0]
            self._scroll(scrolled(told.event, self._standing, self._glyphs, width), width)
        if self._standing.finished is not None:
            self._screen.stop()

    def tick(self, elapsed: float) -> None:
        """Draw one frame."""
        if self._screen.is_started:
            self._draw(elapsed)

    def close(self) -> None:
        """Erase the board, give the cursor back."""
        self._screen.stop()

    def _draw(self, elapsed: float) -> None:
        width, height = self._size()
        self._console.size = (width, height)
        drawn = board(self._standing, elapsed, width, height - 1, self._glyphs)
        self._screen.update(rich_text(drawn), refresh=True)

    def _scroll(self, written: tuple[Line, ...], width: int) -> None:
        for each in written:
            self._console.print(rich_text(wrapped(each, width)), soft_wrap=True)


def size_of(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of the terminal."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return UNKNOWN_SIZE
    return columns or UNKNOWN_SIZE[0], lines or UNKNOWN_SIZE[1]
