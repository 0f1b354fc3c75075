"""One host's page in the ledger: the only place where the engine writes records (safety.md 2.2 to 2.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.scaling import lost_in_standby
from elbroll.model import HostRecord, RecordState, Removed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from elbroll.engine.context import Run
    from elbroll.model import Host, PoolId, Registration


class HostBook:
    """A host's record, written before the deed and confirmed when a method returns.

    Raises what `Lease.write` raises: IllegalMove and RecordTooBig before anything is written, Superseded, StoreDown.
    """

    def __init__(self, host: Host, record: HostRecord | None, run: Run) -> None:
        self.host = host
        self.record = record if record is not None and record.open else None
        self._closed = record if record is not None and not record.open else None
        self._run = run

    @property
    def state(self) -> RecordState | None:
        """The open record's state; None where the host is not recorded as out."""
        return self.record.state if self.record else None

    @property
    def closed(self) -> HostRecord | None:
        """The record as it was closed last."""
        return self._closed

    @property
    def release_before(self) -> str | None:
        """What the host ran before this run touched it, as far as the ledger knows."""
        if self.record is not None:
            return self.record.release_before
        return self._closed.release_after if self._closed else None

    @property
    def registrations(self) -> frozenset[Registration]:
        """Where the host belongs: everything that was taken out and is not yet back."""
        return frozenset(item.registration for item in self.removed)

    @property
    def removed(self) -> frozenset[Removed]:
        """The same, with what was noted when it was taken out."""
        return self.record.registrations if self.record else frozenset()

    def pools(self) -> frozenset[PoolId]:
        """Pools of the record."""
        return frozenset(registration.pool for registration in self.registrations)

    @property
    def standby_group(self) -> str | None:
        """The Auto Scaling group in which the host is recorded to stand by."""
        return self.record.standby_group if self.record else None

    def hold(
        self, seen: Iterable[Registration], standby_group: str | None = None, alone: Collection[Registration] = ()
    ) -> HostRecord:
        """Record what is about to be removed: the union with an open record, whose state is kept (2.4).

        `standby_group`: the host is about to stand by there as well (A3). `alone`: those on whose port nobody else is.
        """
        removed = {item.registration: item for item in self.record.registrations} if self.record else {}
        for registration in seen:
            removed.setdefault(registration, Removed(registration, self._run.id, alone=registration in alone))
        registrations = frozenset(removed.values())
        if self.record is not None:
            group = self.record.standby_group or standby_group
            held = replace(self.record, registrations=registrations, run=self._run.id, standby_group=group)
            return self._write(held)
        return self._write(
            HostRecord(
                host=self.host.id,
                name=self.host.name,
                state=RecordState.HELD,
                why=self._run.why,
                run=self._run.id,
                since=self._run.clock.now(),
                registrations=registrations,
                lb=self._run.lb,
                reason=self._run.reason,
                until=self._run.until,
                release_before=self.release_before,
                standby_group=standby_group,
            )
        )

    def deploying(self, release: str | None) -> HostRecord:
        """Before the first byte of a deploy command; each call is a new attempt."""
        record = self._open()
        again = record.state in (RecordState.DEPLOYING, RecordState.DEPLOYED, RecordState.REGISTERING)
        return self._write(
            replace(
                record,
                state=RecordState.DEPLOYING,
                why=self._run.why,
                run=self._run.id,
                release_after=release,
                attempt=record.attempt + 1 if again or record.release_after else record.attempt,
                step=None,
                error=None,
            )
        )

    def deployed(self, release: str | None) -> HostRecord:
        """After exit status 0, or when a host that never got healthy has been taken out again."""
        return self._write(replace(self._open(), state=RecordState.DEPLOYED, release_after=release, run=self._run.id))

    def registering(self) -> HostRecord:
        """Before the first register."""
        return self._write(replace(self._open(), state=RecordState.REGISTERING, run=self._run.id))

    def failed(self, step: str, error: str) -> HostRecord:
        """The state stays; what failed is noted for `status`."""
        return self._write(replace(self._open(), step=step, error=error, run=self._run.id))

    def unresolvable(self, pools: Collection[PoolId]) -> HostRecord:
        """These pools no longer exist: their items stay, marked, until somebody gives them up by name (2.4)."""
        record = self._open()
        marked = (replace(item, unresolvable=True) for item in record.registrations if item.registration.pool in pools)
        kept = (item for item in record.registrations if item.registration.pool not in pools)
        return self._write(replace(record, registrations=frozenset([*marked, *kept]), run=self._run.id))

    def in_service(self, release: str | None) -> HostRecord:
        """Close: after every registration was seen healthy."""
        return self._close(RecordState.IN_SERVICE, release)

    def gone(self) -> HostRecord:
        """Close: AWS says that the instance is terminated.

        A group that let it stand by wants one host less ever since, which is told, as nobody undoes it (A2, A4).
        """
        record = self._open()
        closed = self._close(RecordState.GONE, record.release_after)
        if record.standby_group is not None:
            text = lost_in_standby(self.host.name, record.standby_group)
            self._run.sink.tell(events.Warned("standby-lost", text, self.host))
        return closed

    def _close(self, state: RecordState, release: str | None) -> HostRecord:
        record = self._open()
        closed = replace(
            record,
            state=state,
            run=self._run.id,
            since=self._run.clock.now(),
            registrations=frozenset(),
            was=self.registrations,
            release_after=release,
            step=None,
            error=None,
            reason=None,
            until=None,
            standby_group=None,
        )
        self._write(closed)
        self.record, self._closed = None, closed
        return closed

    def _open(self) -> HostRecord:
        if self.record is None:
            raise LookupError(f"{self.host.id} has no open record")
        return self.record

    def _write(self, record: HostRecord) -> HostRecord:
        self._run.lease.write(record)
        self.record = record
        self._run.sink.tell(events.RecordWritten(self.host, record.state, self.registrations or record.was))
        return record
