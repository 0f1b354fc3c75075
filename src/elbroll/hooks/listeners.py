"""Hooks that are only told: each runs in a thread of its own, one after the other, and changes nothing (I-16, F-58)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from elbroll.hooks.command import LOOK, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.engine.ports import Clock
    from elbroll.hooks.command import Hook


WONDER = 2.0
"""Seconds after which somebody might ask what is waited for."""


class Listeners:
    """Tells `started` and `finished`. `warn` hears of one that failed, from another thread."""

    def __init__(self, hooks: Mapping[str, Hook], clock: Clock, warn: Callable[[str], None]) -> None:
        self._hooks = hooks
        self._clock = clock
        self._warn = warn
        self._last: threading.Thread | None = None
        self._over = threading.Event()

    def tell(self, name: str, event: str, variables: Mapping[str, str]) -> None:
        """Begin the hook of that name, if there is one, once the one before it has ended. Waits for nothing."""
        hook = self._hooks.get(name)
        if hook is None:
            return
        before = self._last
        self._last = threading.Thread(
            target=self._run, args=(hook, event, variables, before), name=f"hook-{name}", daemon=True
        )
        self._last.start()

    def close(self, patience: Callable[[], float], waits: Callable[[], None] = lambda: None) -> None:
        """Wait until all have ended, while `patience` has seconds left; then kill what still runs.

        `waits` is called once, where that takes long enough for a person to wonder.
        """
        began: float | None = self._clock.monotonic()
        while self._last is not None and self._last.is_alive() and patience() > 0:
            if began is not None and self._clock.monotonic() - began >= WONDER:
                began = None
                waits()
            self._clock.sleep(LOOK)
        self._over.set()
        if self._last is not None:
            self._last.join(4 * LOOK)

    def _run(self, hook: Hook, event: str, variables: Mapping[str, str], before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        ended = run(hook, event, variables, self._clock, self._over.is_set)
        if not ended.well:
            last = f": {ended.output[-1]}" if ended.output else ""
            self._warn(f"the hook {hook.name} ({hook.words[0]}) {ended.said}{last}")
