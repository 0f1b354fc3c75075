"""Where listening for signals ends."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from elbroll.cli.signals import Ear
from elbroll.cli.struck import strike
from elbroll.engine.stop import Stop, StopMode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _struck() -> Iterator[None]:
    """As `main` leaves it: a signal raises, once."""
    before = signal.signal(signal.SIGTERM, strike)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.rule("F-54")
@pytest.mark.usefixtures("_struck")
def test_a_second_signal_at_the_very_end_says_nothing_over_what_a_run_has_told() -> None:
    ending, told = threading.Event(), []

    def tell(name: str, mode: StopMode) -> None:
        ending.wait(10)
        os.kill(os.getpid(), signal.SIGTERM)
        told.append((name, mode))

    with Ear(Stop()) as ear:
        with ear.before_all():
            ear.tell(tell)
        os.kill(os.getpid(), signal.SIGTERM)
        ending.set()

    assert told == [("SIGTERM", StopMode.LEAVE)]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.rule("F-54")
@pytest.mark.usefixtures("_struck")
def test_where_no_run_has_begun_the_handler_of_before_is_back() -> None:
    with Ear(Stop()):
        pass

    assert signal.getsignal(signal.SIGTERM) is strike
