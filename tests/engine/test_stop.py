"""How a signal reaches the work."""

from __future__ import annotations

import threading
import time

import pytest

from elbroll.engine.stop import Stop, StopMode


def test_a_mode_only_ever_gets_stricter() -> None:
    stop = Stop()
    stop.ask(StopMode.LEAVE)
    stop.ask(StopMode.FINISH)
    assert stop.mode is StopMode.LEAVE


def test_who_waits_returns_after_its_time() -> None:
    began = time.monotonic()
    Stop().wait(0.05)
    assert time.monotonic() - began >= 0.04


@pytest.mark.rule("F-54")
def test_who_waits_is_woken_by_a_signal() -> None:
    stop = Stop()
    began = time.monotonic()
    threading.Timer(0.05, stop.ask, [StopMode.FINISH]).start()
    stop.wait(30.0)
    assert time.monotonic() - began < 10.0
