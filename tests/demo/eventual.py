"""Waiting in real time, for what other threads and processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(holds: Callable[[], object], limit: float = 30.0) -> None:
    """Return once something is so; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.02)
