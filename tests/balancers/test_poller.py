"""One call a pool and tick, however many threads ask (Q1, S-14)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from builders import a_pool
from elbroll.balancers.poller import Poller
from elbroll.errors import Unanswered
from fakes import FakeClock

if TYPE_CHECKING:
    from elbroll.model import Pool, TargetSeen

WAITERS = 6


class CountedReads:
    """Counts real calls; each may be held in the air, and may fail."""

    def __init__(self) -> None:
        self.made = 0
        self.in_the_air = 0
        self.most_at_once = 0
        self.errors: list[BaseException] = []
        self.taken_off = threading.Semaphore(0)
        self.may_land = threading.Event()
        self.may_land.set()
        self._lock = threading.Lock()

    def __call__(self, _: Pool) -> tuple[TargetSeen, ...]:
        with self._lock:
            self.made += 1
            self.in_the_air += 1
            self.most_at_once = max(self.most_at_once, self.in_the_air)
            error = self.errors.pop(0) if self.errors else None
        self.taken_off.release()
        self.may_land.wait(10)
        with self._lock:
            self.in_the_air -= 1
        if error is not None:
            raise error
        return ()


class AskedClock(FakeClock):
    """Lets a test wait until so many have asked for the time: a look does on arrival, once more if it takes off."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = threading.Semaphore(0)

    def boottime(self) -> float:
        self._asked.release()
        return super().boottime()

    def await_asked(self, times: int) -> None:
        for _ in range(times):
            assert self._asked.acquire(timeout=10)


@pytest.fixture
def clock() -> AskedClock:
    return AskedClock()


@pytest.fixture
def reads() -> CountedReads:
    return CountedReads()


@pytest.fixture
def poller(reads: CountedReads, clock: FakeClock) -> Poller:
    return Poller(reads, clock)


POOL = a_pool("web")


def test_a_young_view_is_served_again(poller: Poller, reads: CountedReads, clock: FakeClock) -> None:
    first = poller.look(POOL, 5)
    clock.sleep(4.9)
    assert (poller.look(POOL, 5), reads.made) == (first, 1)


def test_a_view_as_old_as_the_limit_is_read_anew(poller: Poller, reads: CountedReads, clock: FakeClock) -> None:
    poller.look(POOL, 5)
    clock.sleep(5)
    assert (poller.look(POOL, 5).at, reads.made) == (clock.monotonic(), 2)


def test_a_view_from_before_a_sleep_is_old(poller: Poller, reads: CountedReads, clock: FakeClock) -> None:
    poller.look(a_pool(), 5)
    clock.suspend(6)
    poller.look(a_pool(), 5)
    assert reads.made == 2


def test_the_age_counts_from_before_the_call(clock: FakeClock) -> None:
    def slow(_: Pool) -> tuple[TargetSeen, ...]:
        clock.sleep(4)
        return ()

    began = clock.monotonic()
    assert Poller(slow, clock).look(POOL, 5).at == began


@pytest.mark.rule("T2")
def test_a_look_that_wants_no_age_is_always_a_call_of_its_own(poller: Poller, reads: CountedReads) -> None:
    poller.look(POOL, 0)
    poller.look(POOL, 0)
    assert reads.made == 2


def test_pools_are_read_apart(poller: Poller, reads: CountedReads) -> None:
    assert (poller.look(POOL, 60).pool, poller.look(a_pool("api"), 60).pool) == (POOL.id, a_pool("api").id)
    assert reads.made == 2


@pytest.mark.rule("Q5", "T19")
def test_after_a_write_older_readings_serve_nobody(poller: Poller, reads: CountedReads) -> None:
    poller.look(POOL, 60)
    poller.forget(POOL.id)
    poller.look(POOL, 60)
    poller.look(POOL, 60)
    assert reads.made == 2


@pytest.mark.rule("Q5")
def test_a_reading_in_the_air_during_a_write_does_not_serve_those_who_come_after(
    poller: Poller, reads: CountedReads
) -> None:
    reads.may_land.clear()
    with ThreadPoolExecutor(2) as threads:
        before = threads.submit(poller.look, POOL, 60)
        reads.taken_off.acquire()
        poller.forget(POOL.id)
        after = threads.submit(poller.look, POOL, 60)
        reads.may_land.set()
        assert before.result(10) is not after.result(10)
    assert (reads.made, reads.most_at_once) == (2, 1)


@pytest.mark.rule("Q1", "S-14", "F-14")
@pytest.mark.parametrize("max_age", [0, 5])
def test_all_who_wait_share_one_call(poller: Poller, reads: CountedReads, clock: AskedClock, max_age: float) -> None:
    reads.may_land.clear()
    with ThreadPoolExecutor(WAITERS + 1) as threads:
        first = threads.submit(poller.look, POOL, max_age)
        reads.taken_off.acquire()
        others = [threads.submit(poller.look, POOL, max_age) for _ in range(WAITERS)]
        clock.await_asked(2 + WAITERS)
        reads.may_land.set()
        views = {id(waiter.result(10)) for waiter in [first, *others]}
    assert len(views) == reads.made <= 2
    assert reads.most_at_once == 1


@pytest.mark.rule("Q1", "S-14")
def test_a_storm_of_threads_never_makes_two_calls_at_once(poller: Poller, reads: CountedReads) -> None:
    with ThreadPoolExecutor(8) as threads:
        views = list(threads.map(lambda _: poller.look(POOL, 0), range(200)))
    assert (len(views), reads.most_at_once) == (200, 1)


@pytest.mark.rule("F-14", "B3")
def test_a_failed_call_is_shared_by_those_who_waited_and_by_nobody_later(
    poller: Poller, reads: CountedReads, clock: AskedClock
) -> None:
    reads.may_land.clear()
    reads.errors = [Unanswered("silence")]
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(poller.look, POOL, 60)
        reads.taken_off.acquire()
        waiter = threads.submit(poller.look, POOL, 60)
        clock.await_asked(2 + 1)
        reads.may_land.set()
        assert isinstance(first.exception(10), Unanswered)
        assert isinstance(waiter.exception(10), Unanswered)
    poller.look(POOL, 60)
    assert reads.made == 2


def test_a_failure_is_not_served_to_the_next_try(poller: Poller, reads: CountedReads) -> None:
    reads.errors = [Unanswered("silence")]
    with pytest.raises(Unanswered):
        poller.look(POOL, 60)
    assert (poller.look(POOL, 60).pool, reads.made) == (POOL.id, 2)


@pytest.mark.parametrize("crash", [KeyboardInterrupt(), ZeroDivisionError()])
def test_a_crash_in_the_middle_of_a_call_leaves_the_pool_readable(
    poller: Poller, reads: CountedReads, crash: BaseException
) -> None:
    reads.errors = [crash]
    with pytest.raises(type(crash)):
        poller.look(POOL, 60)
    assert poller.look(POOL, 60).pool == POOL.id


def test_whoever_waited_for_a_call_that_crashed_gets_an_error_of_ours(
    poller: Poller, reads: CountedReads, clock: AskedClock
) -> None:
    reads.may_land.clear()
    reads.errors = [ZeroDivisionError()]
    with ThreadPoolExecutor(2) as threads:
        crashed = threads.submit(poller.look, POOL, 60)
        reads.taken_off.acquire()
        waiter = threads.submit(poller.look, POOL, 60)
        clock.await_asked(2 + 1)
        reads.may_land.set()
        assert isinstance(crashed.exception(10), ZeroDivisionError)
        assert isinstance(waiter.exception(10), Unanswered)
