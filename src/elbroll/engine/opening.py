"""Before anything leaves: records of earlier runs that hold nothing any more are closed (safety.md 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.begin import held_release, is_well
from elbroll.engine.book import HostBook
from elbroll.engine.closing import close
from elbroll.engine.journal import Journal, StepFailed
from elbroll.engine.lives import DEAD
from elbroll.engine.returning import put_back
from elbroll.engine.waiting import patiently
from elbroll.engine.walker import LOOKS_FOR, Walker
from elbroll.errors import ElbrollError
from elbroll.model import RecordState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elbroll.engine.context import Run
    from elbroll.engine.room import FleetRoom
    from elbroll.events import Event
    from elbroll.model import Host, HostId, HostRecord, PoolId, PoolView


class Opening:
    """Looks through the fleet's records once. What cannot be closed stays open, which is harmless, and is told."""

    def __init__(self, run: Run, room: FleetRoom, records: Mapping[HostId, HostRecord]) -> None:
        self._run = run
        self._room = room
        self._records = dict(records)

    def closed(self, resumed: Collection[HostId]) -> dict[HostId, HostRecord]:
        """The records as they are afterwards; those of `resumed` hosts are left to their own walks."""
        hosts = self._room.fleet.hosts
        readable = (record for record in self._records.values() if record.state is not RecordState.UNREADABLE)
        mine = [record for record in readable if record.open and record.host in hosts]
        dead = [record for record in mine if hosts[record.host].state in DEAD]
        for record in dead:
            self._gone(hosts[record.host], record)
        held = [record for record in mine if record.host not in resumed and record not in dead]
        views = self._views() if held else {}
        for record in held:
            if is_well(record, views):
                self._serves(hosts[record.host], record)
        return self._records

    def _views(self) -> Mapping[PoolId, PoolView]:
        """None at all where nobody answers: then nothing is closed."""
        try:
            return patiently(
                lambda: self._room.views(self._room.fleet.pools, 0.0),
                clock=self._run.clock,
                budget=LOOKS_FOR,
                give_up=lambda: self._run.stop.mode > 0,
            )
        except ElbrollError:
            return {}

    def _gone(self, host: Host, record: HostRecord) -> None:
        """It stays expected in this run (I-8), and is no part of the next one's fleet."""
        book = HostBook(host, record, self._run)
        try:
            self._records[host.id] = book.gone()
        except ElbrollError as error:
            self._warn(host, f"its record stays open: {error.message}")

    def _serves(self, host: Host, record: HostRecord) -> None:
        """One more register of each entry, since reads lag, and two further healthy reads."""
        book = HostBook(host, record, self._run)
        walker = Walker(self._run, self._room, host, book, Journal(host, _Nobody(), self._run.clock))
        try:
            put_back(walker)
            close(walker, held_release(record))
        except StepFailed as failure:
            self._warn(host, f"it serves, but its record stays open: {failure}")
            return
        self._room.serves_after_all(host)
        self._records[host.id] = book.closed or record
        self._warn(host, f"it served although its record said {record.state}: closed")

    def _warn(self, host: Host, text: str) -> None:
        self._run.sink.tell(events.Warned("record", text, host))


class _Nobody:
    """Steps of a host that is not walked are nobody's news; its record's are, and go their own way."""

    def tell(self, event: Event) -> None:
        """Nothing."""
