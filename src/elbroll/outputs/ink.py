"""Lines made of pieces with a tone. Colour only repeats what a word already says, so text alone is enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from elbroll.outputs.clean import clean_line, inert
from elbroll.outputs.streams import console
from elbroll.outputs.words import columns, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from elbroll.outputs.streams import Look


class Tone(StrEnum):
    """What a piece of text is; the values are rich's styles."""

    PLAIN = ""
    GOOD = "green"
    WARN = "yellow"
    BAD = "red"
    STRONG = "bold"
    DIM = "dim"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of one tone, without a newline. Whoever forgot to clean it is helped here: nothing else is shown."""

    text: str
    tone: Tone = Tone.PLAIN

    def __post_init__(self) -> None:
        """Pieces are all that people see, so what is harmless here is harmless everywhere (I-21)."""
        if not self.text.isprintable() or inert(self.text) != self.text:
            object.__setattr__(self, "text", clean_line(self.text))


WORDS = re.compile(r"\s*(?P<word>\S+)")
"""Words, each with the blanks before it."""

Line = tuple[Piece, ...]
"""One line for people."""


def line(*pieces: str | Piece) -> Line:
    """A line of texts and pieces."""
    return tuple(Piece(each) if isinstance(each, str) else each for each in pieces)


def text_of(written: Line) -> str:
    """The line without tones or trailing blanks."""
    return "".join(piece.text for piece in written).rstrip()


def fitted(written: Line, width: int | None) -> Line:
    """The line cut to a width, in columns; None: as it is."""
    if width is None:
        return written
    kept: list[Piece] = []
    for piece in written:
        room = width - sum(columns(each.text) for each in kept)
        kept.append(Piece(cut(piece.text, room), piece.tone))
    return tuple(kept)


def wrapped(written: Line, width: int | None, indent: int = 2) -> tuple[Line, ...]:
    """The line broken between words, the rest of it indented; None: as it is. Blanks at a break are left out."""
    text = "".join(piece.text for piece in written)
    if width is None or columns(text.rstrip()) <= width:
        return (written,)
    first, *rest = _rows(text, width, indent)
    return (_part(written, *first), *((Piece(" " * indent), *_part(written, *row)) for row in rest))


def _rows(text: str, width: int, indent: int) -> Iterator[tuple[int, int]]:
    """Where each row begins and ends; a row has one word at least."""
    start = end = used = 0
    for word in WORDS.finditer(text):
        if end and used + columns(word[0]) > width:
            yield start, end
            start, used = word.start("word"), indent
        used += columns(word["word"] if start == word.start("word") else word[0])
        end = word.end()
    yield start, max(end, start)


def _part(written: Line, start: int, end: int) -> Line:
    pieces: list[Piece] = []
    at = 0
    for piece in written:
        kept = piece.text[max(0, start - at) : max(0, end - at)]
        pieces += [Piece(kept, piece.tone)] if kept else []
        at += len(piece.text)
    return tuple(pieces)


def rich_text(lines: Iterable[Line]) -> Text:
    """Lines as one rich text, for a board that is redrawn."""
    from rich.text import Text  # noqa: PLC0415 - as above

    drawn = [Text.assemble(*((piece.text, piece.tone.value) for piece in each)) for each in lines]
    return Text("\n", no_wrap=True, overflow="crop").join(drawn)


def table(rows: Iterable[tuple[Piece, ...]], gap: str = "  ") -> tuple[Line, ...]:
    """Rows in columns as wide as their widest cell; the last column ends where it ends."""
    cells = list(rows)
    widths = [max(columns(cell.text) for cell in column) for column in zip(*cells, strict=True)]
    return tuple(tuple(_padded(row, widths, gap)) for row in cells)


def _padded(row: tuple[Piece, ...], widths: list[int], gap: str) -> Iterable[Piece]:
    for cell, width in zip(row[:-1], widths[:-1], strict=True):
        yield cell
        yield Piece(" " * (width - columns(cell.text)) + gap)
    yield row[-1]


class Pen:
    """Writes lines to one stream, in colour or not. Raises OSError or ValueError when the stream is gone."""

    def __init__(self, stream: TextIO, look: Look) -> None:
        self._stream = stream
        self._look = look
        self._console = console(stream, look) if look.color else None

    @property
    def width(self) -> int | None:
        """Columns, or None where nothing is to be wrapped or cut."""
        return self._look.width

    def write(self, lines: Iterable[Line]) -> None:
        """Each line with its newline, at once."""
        shown = list(lines)
        if self._console is None:
            self._stream.write("".join(text_of(each) + "\n" for each in shown))
        else:
            for each in shown:
                self._console.print(rich_text((each,)), soft_wrap=True)
        self._stream.flush()
