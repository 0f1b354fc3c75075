"""A run's lease, watched for the time that passes without us (F-56)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from elbroll.engine.vigil import Awakening, Vigil, WakefulLease
from elbroll.ledger.beats import ThreadBeats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.cli.session import Session
    from elbroll.engine.ports import Lease, Sink
    from elbroll.engine.survey import Survey


@contextmanager
def wakeful(session: Session, survey: Survey, lease: Lease, sink: Sink) -> Iterator[Lease]:
    """The lease to work under: a deed that would follow upon a gap waits until everything was proven anew."""
    vigil, ticks = Vigil(session.clock), ThreadBeats()
    awakening = Awakening(
        hosts=tuple(survey.fleet.hosts.values()),
        transport=session.transport,
        prove=session.clients.identity,
        clock=session.clock,
        sink=sink,
        stop=session.stop,
    )
    ticks.start(vigil.tick)
    try:
        yield WakefulLease(lease, vigil, awakening)
    finally:
        ticks.stop()
