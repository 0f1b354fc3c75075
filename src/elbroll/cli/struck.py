"""Signals outside a run: the command ends where it stands, with the signal's own exit code."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_WORDS = 3.6
"""Seconds after a signal to leave at once, in which a command may still end by itself (safety.md 8)."""
SAYING = 1.2
"""Seconds for a last line."""


class Struck(BaseException):
    """A signal has come. No Exception, lest a library takes it for a fault of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = ExitCode(128 + number)


def hear(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, object]:
    """Install a handler for all three, and answer those from before.

    Even where SIGINT came in ignored, as it does for a job in the background, and where the default does nothing, as
    for the first process of a container; a SIGHUP that came in ignored was meant to be (`nohup`). Main thread only.
    """
    wanted = (each for each in CAUGHT if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN)
    return {number: signal.signal(number, handler) for number in wanted}


def unhear() -> None:
    """Nothing is left to be ended in order: from now on a signal simply kills."""
    for number in CAUGHT:
        if signal.getsignal(number) is strike:
            signal.signal(number, signal.SIG_DFL)


def strike(number: int, _: FrameType | None) -> None:
    """A handler, for one signal; another one kills. Raises Struck."""
    unhear()
    raise Struck(number)


def end_all_the_same() -> None:
    """From now on a signal for `strike` ends the process within 5 s also where no handler can run: while the system
    looks up a name, or threads are waited for that hang. Main thread only.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_by_force, args=(reader,), name="last-resort", daemon=True).start()


def _end_by_force(reader: int) -> None:
    while not _strikes(number := os.read(reader, 1)[0]):
        pass
    threading.Event().wait(LAST_WORDS)
    saying = threading.Thread(target=_say, args=(number,), name="last-words", daemon=True)
    saying.start()
    saying.join(SAYING)
    os._exit(128 + number)


def _strikes(number: int) -> bool:
    """Whether the handler is ours, or was until it ran; others mean something else by a signal (`elbroll demo`)."""
    return number in CAUGHT and signal.getsignal(number) in {strike, signal.SIG_DFL}


def _say(number: int) -> None:
    from elbroll.cli.saying import say  # noqa: PLC0415 - whoever is not struck does without

    say(f"interrupted by {signal.Signals(number).name}, in the middle of something that does not answer")
