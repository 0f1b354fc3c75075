"""Promises in seconds, on a computer that may be busy: late once proves nothing, late every time does."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 5
_P = ParamSpec("_P")


class Late(AssertionError):
    """It took longer than was promised."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside takes less than that; belongs into a `timed` test, which may be late for other reasons."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= seconds:
        raise Late(f"took {took:.2f} s, and not less than {seconds:g} s")


def timed(test: Callable[_P, None]) -> Callable[_P, None]:
    """A test that begins anew where it was late, so often; whatever else it finds counts at once."""

    @wraps(test)
    def tried(*given: _P.args, **named: _P.kwargs) -> None:
        for _ in range(TRIES - 1):
            try:
                return test(*given, **named)
            except Late:
                continue
        return test(*given, **named)

    return tried
