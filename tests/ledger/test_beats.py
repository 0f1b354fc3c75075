"""The thread that keeps locks alive."""

from __future__ import annotations

import threading

from elbroll.ledger.beats import ThreadBeats


def test_a_thread_beats_until_it_is_stopped() -> None:
    third = threading.Event()
    calls: list[str] = []

    def beat() -> None:
        calls.append(threading.current_thread().name)
        third.set() if len(calls) == 3 else None

    beats = ThreadBeats(every=0.001)
    beats.start(beat)
    came = third.wait(10)
    beats.stop()

    assert came
    assert set(calls) == {"elbroll-beats"}


def test_a_thread_never_beats_before_its_time() -> None:
    calls: list[int] = []
    beats = ThreadBeats(every=60.0)
    beats.start(lambda: calls.append(1))
    beats.stop()
    assert calls == []


def test_the_thread_does_not_keep_a_finished_process_alive() -> None:
    beats = ThreadBeats(every=60.0)
    beats.start(lambda: None)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "elbroll-beats" and thread.is_alive()][
        -1:
    ]
    beats.stop()
    assert thread.daemon
