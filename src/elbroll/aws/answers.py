"""Reading answers of AWS: every page, and no half answers (F-15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.aws.door import door
from elbroll.aws.rows import half
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar("T")

PAGES = 10_000
"""Of one listing: more than any account has to tell (L4)."""


def everything(
    paginator: Callable[[], Any],
    key: str,
    action: str,
    arguments: Mapping[str, Any] | None = None,
    before_each: Callable[[], None] = lambda: None,
) -> tuple[Any, ...]:
    """The entries under `key` on all pages of a botocore paginator, which is made behind the door too.

    `before_each` is called before each page, to pace the calls. Raises what `door` raises, and Unanswered if a page
    lacks the key: part of a list is no list.
    """
    found: list[Any] = []
    tokens: set[str] = set()
    before_each()
    with door(action):
        for page in paginator().paginate(**(arguments or {})):
            found.extend(part(page, key, action))
            if token := page.get("NextMarker") or page.get("NextToken"):
                onward(token, tokens, action)
                before_each()
    return tuple(found)


def part(answer: Mapping[str, Any], key: str, action: str) -> Any:
    """A part that an answer must have. Raises Unanswered where AWS has left it out."""
    if key not in answer:
        raise half(action, f"{key} is missing from it")
    return answer[key]


def onward(token: str, tokens: set[str], action: str) -> None:
    """Note what leads to the next page. Raises Unanswered where the pages never end (I-13)."""
    if token in tokens or len(tokens) == PAGES:
        raise Unanswered(f"{action} goes round in circles")
    tokens.add(token)


def chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time (Q3)."""
    left = list(items)
    for start in range(0, len(left), size):
        yield left[start : start + size]
