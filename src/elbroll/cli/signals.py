"""Signals become words to the run (safety.md 8). Handlers only wake a thread; the thread does the rest."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from elbroll.cli.saying import looking_now, say
from elbroll.core.ending import SIGNALS as EXITS
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Heard = "Callable[[str, StopMode], None]"


class Signals:
    """While entered, SIGINT, SIGTERM and SIGHUP ask the run to stop instead of ending the process.

    On a terminal a first SIGINT asks to finish what is in work; everything else asks to leave within 5 s. Handlers
    are installed even where SIGINT came in ignored, as it does for a job in the background; a SIGHUP that came in
    ignored was meant to be (`nohup`). Main thread only.
    """

    def __init__(self, stop: Stop, heard: Callable[[str, StopMode], None], *, gentle: bool) -> None:
        self._stop = stop
        self._heard = heard
        self._gentle = gentle
        self._before: dict[signal.Signals, object] = {}
        self._reader, self._writer = os.pipe()
        self._woken = -1
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)

    def __enter__(self) -> Signals:
        os.set_blocking(self._writer, False)
        self._woken = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in CAUGHT:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _noted)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            with contextlib.suppress(TypeError):  # a handler that Python did not install
                signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._woken)
        os.close(self._writer)
        self._thread.join(1.0)
        os.close(self._reader)

    def _listen(self) -> None:
        while numbers := os.read(self._reader, 64):
            for number in numbers:
                self._take(signal.Signals(number))

    def _take(self, number: signal.Signals) -> None:
        if number not in CAUGHT:
            return
        first = self._stop.mode is StopMode.GO
        gentle = self._gentle and number is signal.SIGINT and first
        mode = StopMode.FINISH if gentle else StopMode.LEAVE
        self._stop.ask(mode)
        self._heard(number.name, mode)


class Ear:
    """Hears signals from before the lock is taken until the end; whoever can tell of them joins later.

    A context manager. A first Ctrl-C is gentle only where a person can send a second one.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._signals = Signals(stop, self._heard, gentle=sys.stderr.isatty())
        self._teller: Callable[[str, StopMode], None] | None = None
        self._first: str | None = None
        self._looking = looking_now()

    def __enter__(self) -> Ear:
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()

    @contextlib.contextmanager
    def before_all(self) -> Iterator[None]:
        """Waiting that a signal has ended ends with that signal's own code. Raises Interrupted."""
        try:
            yield
        except Interrupted as error:
            raise Interrupted(EXITS.get(self._first or "", error.exit_code)) from error

    def tell(self, teller: Callable[[str, StopMode], None]) -> None:
        """Pass signals on from now on. Raises Interrupted where one came before anything was begun."""
        if self._first is not None:
            raise Interrupted(EXITS[self._first])
        self._teller = teller

    def _heard(self, name: str, mode: StopMode) -> None:
        self._first = self._first or name
        if self._teller is not None:
            self._teller(name, mode)
        else:
            self._looking.end()
            say(f"{name}: ending before anything was begun")


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has the number; Python only needs a handler that is not the default."""
