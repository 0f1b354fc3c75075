"""One local command: its words without a shell, data on stdin and in the environment, never longer than its limit."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.engine.ports import Clock

LIMIT = 30.0
"""Seconds that a hook may take."""
LOOK = 0.05
"""Seconds between two looks whether it has ended."""
KEPT = 8192
"""Bytes of its output that are kept: the last ones."""
LINES = 10
LONGEST = 200
"""Lines of its output that are shown, and characters of each."""
LAST_WORDS = 1.0
"""Seconds for output that is still on its way when the command itself has ended."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One of `[hooks]`: relative paths start at `folder`, that of the config, and there it runs."""

    name: str
    words: tuple[str, ...]
    folder: Path
    mask: Callable[[str], str] = str
    """Takes secrets out of what it says; before that is cut, since half a secret is not found any more (I-20)."""

    @property
    def argv(self) -> list[str]:
        """The words as they are run: `~` and a relative path of the program are made whole, nothing else changes."""
        program = Path(self.words[0]).expanduser()
        found = self.folder / program if "/" in self.words[0] else program
        return [str(found), *self.words[1:]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a hook ended. `said` is a predicate: `exited 3`; `output` its last lines, untrusted."""

    well: bool
    said: str
    output: tuple[str, ...] = ()


def run(hook: Hook, told: str, variables: Mapping[str, str], clock: Clock, cut_short: Callable[[], bool]) -> Ended:
    """Run it in a process group of its own, which is killed at the limit or when `cut_short` says so (F-58).

    The data travels by stdin and environment alone (S-4). Never raises for what the command does.
    """
    try:
        child = _started(hook, variables)
    except (OSError, ValueError) as error:
        return Ended(False, f"did not start: {getattr(error, 'strerror', None) or error}")
    talk = _Talk(child, told)
    why = _watched(child, clock, cut_short)
    if why is not None:
        _kill_group(child)
        child.wait()
    output = talk.heard(hook.mask)
    if why is not None:
        return Ended(False, why, output)
    return Ended(child.returncode == 0, _exit(child.returncode), output)


def _started(hook: Hook, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - words of the operator's own config, no shell
        hook.argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=hook.folder,
        env={**os.environ, **variables, "ELBROLL_HOOK": hook.name},
        start_new_session=True,
        bufsize=0,
    )


def _watched(child: subprocess.Popen[bytes], clock: Clock, cut_short: Callable[[], bool]) -> str | None:
    """Why it has to be killed; None once it has ended by itself."""
    end = clock.monotonic() + LIMIT
    while child.poll() is None:
        if cut_short():
            return "was stopped: there was no more time for it"
        if clock.monotonic() >= end:
            return f"was stopped after {LIMIT:.0f} s"
        clock.sleep(LOOK)
    return None


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _exit(status: int) -> str:
    return f"exited {status}" if status >= 0 else f"died by signal {-status}"


class _Talk:
    """Feeds a child and drains it, so that neither side can hold up the other, nor us."""

    def __init__(self, child: subprocess.Popen[bytes], told: str) -> None:
        self._kept = b""
        self._more = False
        self._drain = threading.Thread(target=self._listen, args=(child.stdout,), name="hook-output", daemon=True)
        self._drain.start()
        threading.Thread(target=_feed, args=(child.stdin, told.encode()), name="hook-input", daemon=True).start()

    def heard(self, mask: Callable[[str], str]) -> tuple[str, ...]:
        """The last lines. Something left running in the background may keep the pipe: nobody waits for that."""
        self._drain.join(LAST_WORDS)
        text = mask(self._kept.decode("utf-8", "backslashreplace")) if self._kept else ""
        if self._more:  # what is kept may begin in the midst of a secret
            text = text.partition("\n")[2] or text[len(text) // 2 :]
        return tuple(line[:LONGEST] for line in text.splitlines()[-LINES:])

    def _listen(self, stream: IO[bytes]) -> None:
        with suppress(OSError), stream:
            while piece := stream.read(KEPT):
                self._more = self._more or len(self._kept) + len(piece) > KEPT
                self._kept = (self._kept + piece)[-KEPT:]


def _feed(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:  # it need not read what it is told
        left = memoryview(data)
        while left:
            left = left[stream.write(left) :]
