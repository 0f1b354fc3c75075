"""Who walks: threads in real runs, one after the other where a test wants one fixed order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.model import HostId

T = TypeVar("T")
Done = tuple["HostId", "T | BaseException"]


class Crew(Protocol[T]):
    """Does work for hosts; an exception is a result like any other."""

    def start(self, host: HostId, work: Callable[[], T]) -> None:
        """Begin; never blocks for longer than the work itself."""
        ...

    def next_done(self) -> Done[T]:
        """The next piece of work that has ended; waits for it. At least one must be under way."""
        ...


class Inline(Generic[T]):
    """Does each piece of work at once, in the caller's thread."""

    def __init__(self) -> None:
        self._done: deque[Done[T]] = deque()

    def start(self, host: HostId, work: Callable[[], T]) -> None:
        """Begin and end."""
        self._done.append((host, _ended(work)))

    def next_done(self) -> Done[T]:
        """In the order of starting."""
        return self._done.popleft()


class Threads(Generic[T]):
    """Up to `size` pieces of work side by side; a context manager that waits for them at its end."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix="host")
        self._done: SimpleQueue[Done[T]] = SimpleQueue()

    def __enter__(self) -> Threads[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, host: HostId, work: Callable[[], T]) -> None:
        """Begin as soon as a thread is free."""
        self._pool.submit(lambda: self._done.put((host, _ended(work))))

    def next_done(self) -> Done[T]:
        """In the order of ending."""
        return self._done.get()


def _ended(work: Callable[[], T]) -> T | BaseException:
    try:
        return work()
    except BaseException as error:
        return error
