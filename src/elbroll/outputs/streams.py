"""Colour and animation, decided once for each stream, and the streams themselves (interface.md 4)."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TextIO, cast

from elbroll.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from _typeshed import ReadableBuffer
    from rich.console import Console


class When(StrEnum):
    """`--color`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Progress(StrEnum):
    """`--progress`."""

    AUTO = "auto"
    TTY = "tty"
    PLAIN = "plain"
    NONE = "none"


class Tty(Enum):
    """Whether a stream is a terminal."""

    YES = True
    NO = False


CI_LOGS = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE")
"""Services whose logs show colours."""


@dataclass(frozen=True, slots=True)
class Look:
    """How to write to one stream."""

    color: bool
    animate: bool
    width: int | None
    """Columns; None: no limit, nothing is wrapped."""


def wants_color(flag: When, env: Mapping[str, str], tty: Tty) -> bool:
    """`--color` > ELBROLL_COLOR > NO_COLOR > FORCE_COLOR > TERM=dumb > a terminal > a CI log that shows colours."""
    when = flag if flag is not When.AUTO else When(_chosen(When, env, "ELBROLL_COLOR"))
    if when is not When.AUTO:
        return when is When.ALWAYS
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    if env.get("TERM") == "dumb":
        return False
    return tty is Tty.YES or any(env.get(name) for name in CI_LOGS)


def wants_progress(flag: Progress, env: Mapping[str, str], stderr: Tty) -> Progress:
    """TTY, PLAIN or NONE. Raises UsageError for `tty` where stderr is no terminal."""
    progress = flag if flag is not Progress.AUTO else Progress(_chosen(Progress, env, "ELBROLL_PROGRESS"))
    if progress is Progress.TTY and stderr is Tty.NO:
        raise UsageError("--progress tty: stderr is no terminal", fix=("--progress plain, or leave the option out",))
    if progress is not Progress.AUTO:
        return progress
    still = env.get("CI") or env.get("TERM") == "dumb" or stderr is Tty.NO
    return Progress.PLAIN if still else Progress.TTY


def _chosen(kind: type[StrEnum], env: Mapping[str, str], name: str) -> str:
    word = env.get(name) or "auto"
    if word not in set(kind):
        raise UsageError(f'{name}: "{word}" is none of {", ".join(kind)}', fix=(f"unset {name}, or set one of them",))
    return word


def width_of(stream: TextIO, env: Mapping[str, str]) -> int | None:
    """Columns of the terminal, else COLUMNS, else None: no limit."""
    with contextlib.suppress(OSError, ValueError):
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or None
    columns = env.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else None


def tty_of(stream: TextIO) -> Tty:
    """Whether the stream is a terminal; a closed one is none."""
    with contextlib.suppress(OSError, ValueError):
        return Tty(stream.isatty())
    return Tty.NO


def console(stream: TextIO, look: Look) -> Console:
    """A rich console that asks neither the environment nor the stream again, and takes text as text."""
    from rich.console import Console  # noqa: PLC0415 - 50 ms that `--help` and plain output do without

    return Console(
        file=stream,
        color_system="standard" if look.color else None,
        force_terminal=look.color or look.animate,
        force_interactive=look.animate,
        no_color=not look.color,
        width=look.width,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        legacy_windows=False,
        _environ={},
    )


# --- streams -----------------------------------------------------------------------------------------


class _Descriptor(io.RawIOBase):
    """A file descriptor without a buffer, hence without a lock that a hung writer could hold at exit."""

    def __init__(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                left = left[os.write(self._number, left) :]
            except BlockingIOError:
                select.select((), (self._number,), ())
        return size


def unbuffered(stream: TextIO) -> TextIO:
    """The stream's descriptor for an outlet's thread: nothing stays in a buffer, odd characters never raise.

    A stream without a descriptor (a test's, a closed one) is returned as it is.
    """
    try:
        raw = _Descriptor(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return stream
    return io.TextIOWrapper(
        cast("BinaryIO", raw), encoding=stream.encoding, errors="backslashreplace", newline="", write_through=True
    )


def settle_at_exit() -> None:
    """Flush stdout and stderr for the last time; where a reader is gone, say nothing about it (F-57)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
