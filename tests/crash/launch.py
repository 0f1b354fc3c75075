"""elbroll as the matrix calls it: `launch.py VARIANT WORD...`.

Every variant calls AWS without the pauses that its limits want between calls: a matrix of hundreds of rolls
has no hours to wait, and no order of calls changes by it. All but `sound` have a bug that the judge must find.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from elbroll.aws.pace import TokenBucket
from elbroll.cli import main
from elbroll.engine import admitting, host, leaving, working
from elbroll.engine.book import HostBook
from elbroll.model import HostRecord, RecordState

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.walker import Walker
    from elbroll.model import Registration, Step


def sound() -> None:
    """As it is."""


def no_hold() -> None:
    """A host leaves without a record (I-2)."""
    write = HostBook._write

    def forgetful(book: HostBook, record: HostRecord) -> HostRecord:
        if record.state is RecordState.HELD:
            book.record = record
            return record
        return write(book, record)

    HostBook._write = forgetful


def no_verify() -> None:
    """A host comes back unproven (I-7)."""
    host.verify = lambda *_: None


def no_drain() -> None:
    """Commands on a serving host (I-5)."""

    def stay(walker: Walker, **_: object) -> Callable[[Step], None]:
        admitting.admit(walker)
        return lambda _step: None

    host.leave = stay
    working.still_out = lambda *_: None


def no_group() -> None:
    """A host stands by without a record of it (A3)."""
    hold = HostBook.hold
    HostBook.hold = lambda book, seen, _group=None: hold(book, seen)

    def stand_by(walker: Walker, *_: object) -> frozenset[Registration]:
        if walker.host.id in walker.room.fleet.scaling.members:
            walker.run.groups.enter_standby("web-asg", walker.host.id)
        return frozenset()

    leaving.enter = stand_by


def main_of(variant: str) -> None:
    """Bend what is to be bent, then be elbroll."""
    TokenBucket.take = lambda _: None
    variants = {"sound": sound, "no-hold": no_hold, "no-verify": no_verify, "no-drain": no_drain, "no-group": no_group}
    variants[variant]()
    main()


if __name__ == "__main__":
    chosen = sys.argv.pop(1)
    main_of(chosen)
