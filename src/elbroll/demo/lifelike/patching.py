"""Putting our methods in the place of moto's, and always back (aws.md M5, M6)."""

from __future__ import annotations

import functools
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STOCK = "_lifelike_stock"
"""Where a replacement keeps what it replaces."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One method of a class of moto's, and what stands in for it.

    `instead` is called with the object first, then with what moto's method would get.
    """

    owner: type
    name: str
    instead: Callable[..., Any]

    @property
    def original(self) -> Callable[..., Any]:
        """What stands there now."""
        found: Callable[..., Any] = getattr(self.owner, self.name)
        return found

    def replacement(self) -> Callable[..., Any]:
        """A plain function, so that it binds to objects of the class."""
        call = _bound(self.instead)
        setattr(call, STOCK, stock(self.owner, self.name))
        return call


@dataclass(frozen=True, slots=True)
class Addition:
    """A method that a class of moto's lacks. `method` is called with the object first."""

    owner: type
    name: str
    method: Callable[..., Any]


def _bound(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(owner: Any, *args: Any, **kwargs: Any) -> Any:
        return method(owner, *args, **kwargs)

    return call


def stock(owner: type, name: str) -> Any:
    """moto's own method, also while a replacement stands there: of two worlds the one made last rules alone."""
    found = getattr(owner, name)
    return getattr(found, STOCK, found)


@contextmanager
def patched(patches: Iterable[Patch]) -> Iterator[None]:
    """Hold all patches in place; undone in reverse order however the block ends.

    Blocks may be nested, but must end in the order in which blocks do.
    """
    undo: list[tuple[Patch, Callable[..., Any]]] = []
    try:
        for patch in patches:
            undo.append((patch, patch.original))
            setattr(patch.owner, patch.name, patch.replacement())
        yield
    finally:
        for patch, original in reversed(undo):
            setattr(patch.owner, patch.name, original)


@contextmanager
def added(additions: Iterable[Addition]) -> Iterator[None]:
    """Hold all of them in place, beside those of a world around this one; undone however the block ends."""
    with ExitStack() as undo:
        for addition in additions:
            before = vars(addition.owner).get(addition.name)
            undo.callback(_give_back, addition, before)
            setattr(addition.owner, addition.name, _bound(addition.method))
        yield


def _give_back(addition: Addition, before: Any) -> None:
    if before is None:
        delattr(addition.owner, addition.name)
    else:
        setattr(addition.owner, addition.name, before)
