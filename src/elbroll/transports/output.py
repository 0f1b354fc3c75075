"""What a command says, in bounded memory: whole lines, capped and masked, the last ones always kept (T-43, T-44)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.transports.masking import Masker

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock

LINE = 4096
"""Bytes of a line that are shown; the rest is counted."""
ASIDE = 200
"""Characters that are shown of what is said beside a command."""
TAIL = 50
PER_SECOND = 200
"""Lines that are handed on in each second; the rest is counted."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: bytes
    dropped: int = 0


class Output:
    """Takes bytes, hands on lines. Decoded line by line, so that no character is split; undecodable bytes show as
    escapes. Only a newline ends a line."""

    def __init__(self, clock: Clock, heard: Callable[[str], None] | None = None, masker: Masker | None = None) -> None:
        self._clock = clock
        self._heard = heard
        self._masker = masker or Masker()
        self._keep = LINE + self._masker.longest
        self._tail: deque[_Line] = deque(maxlen=TAIL)
        self._open = bytearray()
        self._open_dropped = 0
        self._second = 0
        self._shown = 0
        self._hidden = 0
        self.lines = 0
        self.received = 0
        """Bytes so far."""

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, masked."""
        return tuple(self._text(line) for line in self._tail)

    def aside(self, text: str) -> str:
        """A line that was said beside the command: masked before it is cut, so that no part of a secret is left."""
        return self._masker(text)[:ASIDE]

    def feed(self, data: bytes) -> None:
        """Some more bytes, ending anywhere."""
        self.received += len(data)
        first, newline, rest = data.partition(b"\n")
        self._grow(first)
        if newline:
            self._end_line()
            whole, newline, last = rest.rpartition(b"\n")
            if newline:
                self._whole(whole + newline)
            self._grow(last)

    def close(self) -> None:
        """No more bytes will come: what stands without a newline is a line too."""
        if self._open or self._open_dropped:
            self._end_line()
        self._tell_hidden()

    def _grow(self, part: bytes) -> None:
        room = self._keep - len(self._open)
        self._open += part[:room]
        self._open_dropped += max(0, len(part) - room)

    def _end_line(self) -> None:
        line = _Line(bytes(self._open), self._open_dropped)
        self._open.clear()
        self._open_dropped = 0
        self._count([line], 1)

    def _whole(self, block: bytes) -> None:
        """Lines in one piece; of a flood only those that are shown and the last ones are ever cut apart."""
        count = block.count(b"\n")
        first = block.split(b"\n", self._allowance(count))
        lines, flood = first[:-1], first[-1]
        if flood:
            lines += flood[:-1].rsplit(b"\n", TAIL)[-TAIL:]
        self._count([self._cut(line) for line in lines], count)

    def _cut(self, line: bytes) -> _Line:
        return _Line(line[: self._keep], max(0, len(line) - self._keep))

    def _count(self, lines: list[_Line], count: int) -> None:
        allowed = self._allowance(count)
        for line in lines[:allowed]:
            self._show(line)
        self._shown += min(allowed, count)
        self._hidden += max(0, count - allowed)
        self._tail.extend(lines)
        self.lines += count

    def _allowance(self, wanted: int) -> int:
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._shown = second, 0
        return max(0, min(wanted, PER_SECOND - self._shown))

    def _show(self, line: _Line) -> None:
        self._tell_hidden()
        if self._heard:
            self._heard(self._text(line))

    def _tell_hidden(self) -> None:
        hidden, self._hidden = self._hidden, 0
        if hidden and self._heard:
            self._heard(f"… {hidden} lines not shown")

    def _text(self, line: _Line) -> str:
        text = self._masker(line.text.decode("utf-8", "backslashreplace"))
        cut = text[: len(text) - self._masker.longest] if line.dropped and self._masker.longest else text
        shown = cut[:LINE]
        dropped = line.dropped + len(text) - len(shown)
        return f"{shown} … {dropped} bytes more" if dropped else shown
