"""Faults that AWS calls can be made to meet, at the door of the service rather than in the SDK (aws.md M8)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from elbroll.demo.lifelike.timeline import LOOKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.demo.lifelike.wire import Request

ANY = "*"
"""As an action: every call."""
DEEDS = "!"
"""As an action: every call that is meant to change something."""


class Kind(StrEnum):
    """What becomes of a call."""

    REFUSE = "refuse"
    """An error instead of an answer; nothing is applied. `Detail.code`, else a plain 500."""
    THROTTLE = "throttle"
    """Refused with the service's own word for too many calls."""
    DENY = "deny"
    """Refused for missing rights."""
    LOSE_ANSWER = "lose-answer"
    """Applied, but the caller gets a 500."""
    CUT = "cut"
    """Applied, but the connection ends without an answer."""
    CUT_BEFORE = "cut-before"
    """The connection ends before anything is applied."""
    DELAY = "delay"
    """Applied and answered `Detail.seconds` late, by the simulation's clock."""
    BEFORE = "before"
    """`Detail.act` is called, then the call is applied and answered."""
    AFTER = "after"
    """The call is applied, `Detail.act` is called, then it is answered: the moment for a kill."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What some kinds need to know, and which calls are meant."""

    code: str = "InternalFailure"
    status: int = 500
    message: str = "We encountered an internal error. Please try again."
    seconds: float = 0.0
    skip: int = 0
    """So many calls of the action go through unharmed first."""
    where: Callable[[Request], bool] | None = None
    """Only calls for which this is true count at all."""
    act: Callable[[], None] | None = None


@dataclass(slots=True)
class _Planned:
    action: str
    kind: Kind
    left: int | None
    detail: Detail
    skipped: int = field(default=0)

    def meets(self, request: Request) -> bool:
        """Counts the call if it is one of those meant."""
        if self.left == 0 or not self._means(request):
            return False
        if self.skipped < self.detail.skip:
            self.skipped += 1
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def _means(self, request: Request) -> bool:
        named = not request.action.startswith(LOOKING) if self.action == DEEDS else self.action in {ANY, request.action}
        return named and (self.detail.where is None or self.detail.where(request))


class Faults:
    """The faults still to come. Safe for many threads; a call meets the first one that fits."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def add(self, action: str, kind: Kind, times: int | None = 1, detail: Detail | None = None) -> None:
        """Let the next `times` calls of an action (`DeregisterTargets`, ANY, DEEDS) fail; None: until `clear`.

        The SDK repeats calls by itself, and each repetition counts: for an outage use None, and end it by time.
        """
        with self._lock:
            self._planned.append(_Planned(action, kind, times, detail or Detail()))

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._planned.clear()

    def next_for(self, request: Request) -> tuple[Kind, Detail] | None:
        """What this call meets, if anything; it is used up by asking."""
        with self._lock:
            met = next((planned for planned in self._planned if planned.meets(request)), None)
        return (met.kind, met.detail) if met else None
