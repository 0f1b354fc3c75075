"""Twenty calls at once, then five a second (Q1, T20)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.aws.pace import TokenBucket
from elbroll.demo.lifelike import VirtualClock


@pytest.mark.rule("T20", "Q1")
def test_a_small_account_does_not_wait() -> None:
    clock = VirtualClock()
    bucket = TokenBucket(clock, rate=5, burst=20)
    for _ in range(20):
        bucket.take()
    assert clock.monotonic() == 0


@pytest.mark.rule("T20", "Q1", "I-13")
def test_a_big_account_is_scanned_at_five_calls_a_second() -> None:
    clock = VirtualClock()
    bucket = TokenBucket(clock, rate=5, burst=20)
    for _ in range(120):
        bucket.take()
    assert clock.monotonic() == pytest.approx(20)


@pytest.mark.rule("I-13")
@given(st.lists(st.floats(0, 10), max_size=60))
def test_no_stretch_of_time_sees_more_than_burst_and_rate(pauses: list[float]) -> None:
    clock = VirtualClock()
    bucket = TokenBucket(clock, rate=5, burst=3)
    taken = []
    for pause in pauses:
        clock.sleep(pause)
        bucket.take()
        taken.append(clock.monotonic())
    for first, began in enumerate(taken):
        for last, ended in enumerate(taken[first:], first):
            assert last - first + 1 <= 3 + (ended - began) * 5 + 1e-6
