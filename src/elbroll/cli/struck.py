"""Signals outside a run: the command ends where it stands, with the signal's own exit code."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
