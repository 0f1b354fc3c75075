"""elbroll as the matrix calls it: `launch.py VARIANT WORD...`.

Every variant calls AWS without the pauses that its limits want between calls: a matrix of hundreds of rolls
has no hours to wait, and no order of calls changes by it. All but `sound` have a bug that the judge must find.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from elbroll.aws.pace import TokenBucket
from elbroll.cli import main, unlocking
from elbroll.cli.signals import Signals
from elbroll.core import restoring
from elbroll.core.guard import Leave
from elbroll.engine import admitting, closing, host, leaving, preparing, returning, room, working
from elbroll.engine.book import HostBook
from elbroll.ledger.lease import KeptLease
from elbroll.model import HostRecord, RecordState, Step
from elbroll.transports import wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.walker import Walker
    from elbroll.model import Registration


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


def no_wait() -> None:
    """Commands while requests are under way (I-5)."""
    leaving._Drain.await_end = lambda _: None


def no_health() -> None:
    """A record is closed before the balancer has called its host healthy (I-2)."""
    returning.await_healthy = lambda walker, _: walker.room.back(walker.host)


def no_return() -> None:
    """A host is forgotten, and the next one leaves (I-1)."""
    no_health()
    returning._register = lambda _: None
    room.may_leave = lambda *_, **__: Leave()
    room.FleetRoom.fell_sick = lambda _: ()


def no_proof() -> None:
    """Deeds without a look at the lock (I-10)."""
    KeptLease.confirm = lambda *_: None


def late_word() -> None:
    """`deploying` is written after the command (I-24)."""
    begin, end = HostBook.deploying, HostBook.deployed

    def afterwards(book: HostBook, release: str | None) -> HostRecord:
        begin(book, release)
        return end(book, release)

    HostBook.deploying = lambda book, _: book.record
    HostBook.deployed = afterwards


def no_question() -> None:
    """A command of a dead run may still be alive: neither elbroll nor the host's own part of it asks (I-17)."""
    part = wrapper._part
    wrapper._part = lambda name: part(name).replace("each_open refuse BUSY", ":")
    working.await_earlier_jobs = preparing.await_earlier_jobs = lambda *_: None


def too_kind() -> None:
    """`restore` brings back a host whose version nobody knows (I-7)."""
    go_back = closing.go_back

    def back(walker: Walker, release: str | None) -> None:
        if walker.book.state is RecordState.DEPLOYING:
            closing.put_back(walker)
        else:
            go_back(walker, release)

    host.go_back = back
    restoring.BEGINS[RecordState.DEPLOYING] = Step.REGISTER


def no_group() -> None:
    """A host stands by without a record of it (A3)."""
    hold = HostBook.hold
    HostBook.hold = lambda book, seen, _group=None, alone=(): hold(book, seen, alone=alone)

    def stand_by(walker: Walker, *_: object) -> frozenset[Registration]:
        if walker.host.id in walker.room.fleet.scaling.members:
            walker.run.groups.enter_standby("web-asg", walker.host.id)
        return frozenset()

    leaving.enter = stand_by


def deaf() -> None:
    """A signal changes nothing (F-54)."""
    Signals._take = lambda *_: None


def no_release() -> None:
    """Locks are left behind without a word (I-4)."""
    KeptLease.release = lambda _: True


def modest() -> None:
    """An interrupted `unlock` says that nothing was changed, whatever was (I-9)."""
    unlocking._told_how_far = lambda *_: nullcontext()


VARIANTS = (
    *(sound, no_hold, no_verify, no_drain, no_wait, no_health),
    *(no_return, no_proof, late_word, no_question, too_kind, no_group),
    *(deaf, no_release, modest),
)


def main_of(variant: str) -> None:
    """Bend what is to be bent, then be elbroll."""
    TokenBucket.take = lambda _: None
    next(bend for bend in VARIANTS if bend.__name__ == variant)()
    main()


if __name__ == "__main__":
    chosen = sys.argv.pop(1).replace("-", "_")
    main_of(chosen)
