"""Signals become words to the run (safety.md 8). Handlers only wake a thread; the thread does the rest.

As long as nothing is held, there is nothing to undo either: a signal then ends the command where it stands.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from elbroll.cli.saying import looking_now, say
from elbroll.cli.struck import CAUGHT, LAST_WORDS, Struck, hear, strike
from elbroll.core.ending import SIGNALS as EXITS
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import ExitCode, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Signals:
    """While entered, SIGINT, SIGTERM and SIGHUP ask the run to stop instead of ending the process.

    On a terminal a first SIGINT asks to finish what is in work; everything else asks to leave within 5 s. `strike` is
    called in the main thread beside that, and may raise. Main thread only.
    """

    def __init__(
        self, stop: Stop, heard: Callable[[str, StopMode], None], strike: Callable[[int], None], *, gentle: bool
    ) -> None:
        self._stop = stop
        self._heard = heard
        self._strike = strike
        self._gentle = gentle
        self._before: dict[signal.Signals, object] = {}
        self._reader, self._writer = os.pipe()
        self._woken = -1
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)

    def __enter__(self) -> Signals:
        os.set_blocking(self._writer, False)
        self._woken = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._thread.start()
        self._before = hear(lambda number, _: self._strike(number))
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._woken)
        os.close(self._writer)
        self._thread.join(1.0)
        os.close(self._reader)
        for number, handler in self._before.items():  # last: who was heard may still be telling
            with contextlib.suppress(TypeError):  # a handler that Python did not install
                signal.signal(number, handler)  # type: ignore[arg-type]

    def all_is_told(self) -> None:
        """What comes after this simply kills, where it would have been explained before: it has been explained."""
        self._before = {
            number: signal.SIG_DFL if handler is strike else handler for number, handler in self._before.items()
        }

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
    """Hears signals from the first look until the end; whoever can tell of them joins later.

    A context manager. A first Ctrl-C is gentle only where a person can send a second one.
    """

    def __init__(self, stop: Stop) -> None:
        self._signals = Signals(stop, self._heard, self._strike, gentle=sys.stderr.isatty())
        self._teller: Callable[[str, StopMode], None] | None = None
        self._first: str | None = None
        self._looking = looking_now()
        self._holds = False
        self._struck = False
        self._over = threading.Event()

    def __enter__(self) -> Ear:
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._teller is not None:
            self._signals.all_is_told()
        self._signals.__exit__()
        self._over.set()

    @contextlib.contextmanager
    def before_all(self) -> Iterator[None]:
        """From here on locks may be held: a signal ends whatever waits, with its own code. Raises Interrupted."""
        self._holds = True
        self._refuse_if_heard()
        try:
            yield
        except Interrupted as error:
            raise Interrupted(EXITS.get(self._first or "", error.exit_code)) from error

    def tell(self, teller: Callable[[str, StopMode], None]) -> None:
        """Pass signals on from now on. Raises Interrupted where one came before anything was begun."""
        self._teller = teller  # before the question: between the two a signal would be lost
        self._refuse_if_heard()

    def _refuse_if_heard(self) -> None:
        if self._first is not None:
            raise Interrupted(EXITS[self._first])

    def _strike(self, number: int) -> None:
        if not self._holds and not self._struck:
            self._struck = True
            raise Struck(number)

    def _heard(self, name: str, mode: StopMode) -> None:
        first, self._first = self._first is None, self._first or name
        if self._teller is not None:
            self._teller(name, mode)
        elif first:
            threading.Thread(target=self._end_by_force, args=(EXITS[name],), name="last-words", daemon=True).start()
            self._looking.end()
            say(f"{name}: ending before anything was begun")

    def _end_by_force(self, code: ExitCode) -> None:
        """The work may hang in a call that no signal ends; what it holds by then, nobody can free any more."""
        if not self._over.wait(LAST_WORDS):
            if self._holds:
                say("a lock may be left behind; this shows it, and how to free it: elbroll status")
            os._exit(code)
