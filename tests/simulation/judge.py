"""Judges what reaches the simulated world while it happens, with none of elbroll's code.

It reads the raw ledger, the answers that AWS gave to each run, and what hosts really do. `breaches` begin with the
number of the rule that was broken.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from elbroll import events
from elbroll.model import Outcome, Registration, Step, TargetState
from simulation.groups import StandbyJudge
from simulation.notes import MOVES, OPEN, Notes, Record, record_of

if TYPE_CHECKING:
    from elbroll.model import Host, HostId, Job, Pool, PoolId
    from simulation.process import Process
    from simulation.world import World

FRESH = 3.0
PROOF = 5.0
SETTLE = 2.0
IN_A_ROW = 3


class Judge:
    """Watches a world from now on."""

    def __init__(self, world: World, *, max_unavailable: int = 1, max_failures: int = 0) -> None:
        self.world = world
        self.breaches: list[str] = []
        self.records: dict[HostId, Record] = {}
        self.locks: dict[str, tuple[str, str]] = {}
        """Pool -> (state, run), the effective ones."""
        self.notes: dict[str, Notes] = {}
        self.sent: dict[Registration, int] = {}
        """Which of all that happened was the entry's last register."""
        self.owed: set[Registration] = set()
        """Taken out by us, and not registered since."""
        self.proven: dict[HostId, bool] = {}
        """Hosts on which a command of ours began: whether it ended well and a full row of good answers followed."""
        self.standby = StandbyJudge(self)
        self._row: dict[HostId, int] = {}
        self._order = 0
        self._max_unavailable = max_unavailable
        self._max_failures = max_failures

    def must(self, holds: bool, rule: str) -> None:
        """One rule, at one moment."""
        if not holds:
            self.breaches.append(rule)

    def of(self, process: Process) -> Notes:
        """What is known of a run."""
        return self.notes.setdefault(process.run, Notes())

    # --- what a run is told

    def on_answer(self, process: Process, pool: PoolId, rows: dict[Registration, TargetState]) -> None:
        """AWS has answered a look."""
        notes = self.of(process)
        notes.answers[pool] = (self.world.time, rows)
        self._order += 1
        notes.read[pool] = self._order
        for entry, state in rows.items():
            if state not in {TargetState.GONE, TargetState.DRAINING}:
                host = self.world.owners[entry].id
                notes.expected.setdefault(pool, {}).setdefault(host, set()).add(entry)

    def on_count(self, process: Process, host: Host) -> None:
        """A host's connections were counted."""
        self.of(process).counted[host.id] = self.world.time

    def on_asked(self, host: HostId, *, well: bool) -> None:
        """An app has answered a question."""
        self._row[host] = self._row.get(host, 0) + 1 if well else 0
        work = self.world.alive(host)
        if host in self.proven and self._row[host] >= IN_A_ROW and work is None and not self.world.apps[host].half:
            self.proven[host] = True

    def on_event(self, process: Process, event: events.Event) -> None:
        """A run has told something."""
        notes = self.of(process)
        if isinstance(event, events.PlanMade):
            notes.planned = frozenset(planned.host.id for planned in event.plan.hosts)
            self._expect_recorded(notes)
            mine = all(self.locks[pool] == ("held", process.run) for pool in notes.beats)
            notes.waiting = {one: self._rank(notes, one) for one in notes.planned if mine}
        if isinstance(event, events.HostStarted):
            rank = notes.waiting.pop(event.host.id, 0)
            self.must(
                rank <= min(notes.waiting.values(), default=2), "I-18: recorded first, then sick, then well hosts"
            )
        if isinstance(event, events.HostFinished):
            notes.waiting.pop(event.host.id, None)  # its machine may die before its turn
            notes.left_out += event.result.outcome is Outcome.LEFT_OUT
        self.after()

    def _rank(self, notes: Notes, host: HostId) -> int:
        places = {entry for hosts in notes.expected.values() for entry in hosts.get(host, ())}
        rows = {entry: notes.answers.get(entry.pool, (0.0, {}))[1].get(entry) for entry in places}
        return 0 if self._is_out(host) else 1 if TargetState.UNHEALTHY in rows.values() else 2

    def _expect_recorded(self, notes: Notes) -> None:
        for host, record in self.records.items():
            for entry in record.entries if record.open else ():
                notes.expected.setdefault(entry.pool, {}).setdefault(host, set()).add(entry)

    # --- what a run does

    def on_contact(self, process: Process, host: Host) -> None:
        """A host's address is dialled."""
        planned = self.of(process).planned
        self.must(host.id in planned, "I-8: contacted a host that was not planned")

    def on_deed(self, process: Process, name: str, pool: Pool, entries: tuple[Registration, ...]) -> None:
        """A register or deregister is about to take effect."""
        for entry in entries:
            host = self.world.owners[entry].id if entry in self.world.owners else None
            self.must(host is not None, f"I-3: {name} of what was never there: {entry}")
            if host is not None:
                self.may_do(process, host, name)
                self.leaves(process, pool, entry, host) if name == "deregister" else self.comes_back(entry, host)
        self.after()

    def may_do(self, process: Process, host: HostId, name: str) -> None:
        """A deed on a planned host, under its record, with every lock proven since that was written."""
        notes, record = self.of(process), self.records.get(host)
        again = name == "register" and record is not None and self._reads_well(notes, record)
        self.must(host in notes.planned or again, f"I-8: {name} of a host that was not planned")
        self.must(record is not None and record.open, "I-2: a deed without an open record")
        for pool in {entry.pool for entry in record.entries} if record else ():
            when, order = notes.beats.get(pool, (-1e9, -1))
            self.must(self.world.time - when <= PROOF, f"I-10: no proof of the lock of {pool}")
            self.must(order > notes.recorded.get(host, -1), "I-10: the lock was proven before the record")

    def _reads_well(self, notes: Notes, record: Record) -> bool:
        """Then a register of what is there already is harmless, and settles who is on whose word (safety.md 2.2)."""
        answers = {entry: notes.answers.get(entry.pool, (0.0, {}))[1].get(entry) for entry in record.entries}
        return record.state in {"held", "registering"} and set(answers.values()) == {TargetState.HEALTHY}

    def leaves(self, process: Process, pool: Pool, entry: Registration, host: HostId) -> None:
        """An entry is about to be taken out."""
        record = self.records.get(host)
        self.must(record is not None and entry in record.entries, f"I-2: deregistered unrecorded {entry}")
        if entry in self.world.members and self.world.members[entry].left is None:
            self._floor_holds(self.of(process), pool, host)
            self.owed.add(entry)

    def comes_back(self, entry: Registration, host: HostId) -> None:
        """An entry is about to be registered."""
        record = self.records.get(host)
        state = record.state if record else None
        self.must(record is not None and entry in record.entries, f"I-12: registered what is in no record: {entry}")
        self.must(state in {"held", "registering"}, f"I-7: registered in state {state}")
        self.must(self.proven.get(host, True), "I-7: registered unproven")
        self._order += 1
        self.sent[entry] = self._order
        self.owed.discard(entry)

    def on_command(self, process: Process, host: Host, job: Job) -> None:
        """A command is about to begin."""
        self.must(self.world.alive(host.id) is None, "I-17: two commands alive on one host")
        if job.id.step is not Step.DEPLOY:
            return
        self.may_do(process, host.id, "command")
        self.standby.on_command(process, host.id)
        record, now = self.records.get(host.id), self.world.time
        self.must(record is not None and record.state == "deploying", "I-24: a command before `deploying`")
        self.must(record is not None and record.run == process.run, "I-24: a command under another run's record")
        self._out_and_quiet(self.of(process), host, now)
        self.proven[host.id], self._row[host.id] = False, 0

    def _out_and_quiet(self, notes: Notes, host: Host, now: float) -> None:
        """As far as a run can know: what somebody else did since it looked last is not its breach."""
        for entry in self.world.registered(host.id):
            looked, member = notes.answers.get(entry.pool, (-1e9, {}))[0], self.world.members[entry]
            unseen = member.by_hand and member.since >= looked
            self.must(unseen, f"I-5: a command on a host registered in {entry.pool}")
        mine = [one for entry, one in self.world.members.items() if self.world.owners[entry].id == host.id]
        if not any(one.by_hand for one in mine):
            quiet = now - self.world.last_traffic(host.id)
            self.must(quiet >= SETTLE, f"I-5: a command {quiet:.1f} s after the last connection")

    # --- capacity, by what the run was told

    def _floor_holds(self, notes: Notes, pool: Pool, host: HostId) -> None:
        looked, rows = notes.answers.get(pool.id, (-1e9, {}))
        age = self.world.time - looked
        self.must(age <= FRESH, f"I-1: deregistered by a reading {age:.1f} s old")
        expected = notes.expected.get(pool.id, {})
        healthy = {one for one in expected if self._sound(expected[one], rows)}
        capacity = {one for one in healthy if not self._is_out(one)} - {host}
        if host in healthy and not notes.consented:
            borne = min(notes.left_out, self._max_failures)
            floor = max(1, len(expected) - self._max_unavailable - borne)
            self.must(len(capacity) >= floor, f"I-1: {len(capacity)} left in {pool.name}, floor {floor}")
            self._zone_holds(pool, host, expected, capacity)
        well = [entry for entry, state in rows.items() if state is TargetState.HEALTHY]
        serving = [entry for entry in well if self.world.owners[entry].id == host or not self._is_out_at(entry)]
        self.must(bool(serving), f"I-1: {pool.name} fails open and a host left")

    def _zone_holds(
        self, pool: Pool, host: HostId, expected: dict[HostId, set[Registration]], capacity: set[HostId]
    ) -> None:
        zone = self.world.hosts[host].zone
        there = {one for one in expected if self.world.hosts[one].zone == zone}
        if len(there) > 1 or not pool.cross_zone:
            self.must(bool(there & capacity), f"I-1: nobody left of {pool.name} in {zone}")

    def _sound(self, entries: set[Registration], rows: dict[Registration, TargetState]) -> bool:
        return all(rows.get(entry) is TargetState.HEALTHY for entry in entries)

    def _is_out(self, host: HostId) -> bool:
        record = self.records.get(host)
        return record is not None and record.open

    def _is_out_at(self, entry: Registration) -> bool:
        return self._is_out(self.world.owners[entry].id)

    # --- the ledger

    def on_put(self, process: Process, key: str) -> None:
        """Something was written; whether it counts, the raw text says."""
        values = self.world.log.written[key]
        value = json.loads(values[-1])
        if value["base"] != len(values) - 1:
            return
        self._order += 1
        kind, _, name = key.removeprefix("/elbroll/v1/").partition("/")
        if kind == "lock":
            self._on_lock(process, name, value)
        else:
            self._on_record(process, name, value)  # type: ignore[arg-type]
        self.after()

    def _on_lock(self, process: Process, pool: str, value: dict[str, Any]) -> None:
        before = self.locks.get(pool)
        taken = value["state"] == "held" and before is not None and before[0] == "held"
        self.must(not taken or before == ("held", value["run"]), f"I-10: took the held lock of {pool}")
        self.locks[pool] = (value["state"], value["run"])
        if value["state"] == "held":
            self.of(process).beats[pool] = (self.world.time, self._order)

    def _on_record(self, process: Process, host: HostId, value: dict[str, Any]) -> None:
        before, after = self.records.get(host), record_of(host, value)
        state = before.state if before else None
        notes = self.of(process)
        if before is not None and before.state == after.state and not after.open:
            return
        self.must(after.state in MOVES[state], f"I-24: from {state} to {after.state}")
        if before is not None and before.open and after.open:
            self.must(before.entries <= after.entries, "I-2: an open record lost an entry")
            self.must(before.standby in {None, after.standby}, "I-2: an open record lost its group")
        if after.state == "in-service" and before is not None:
            self._closed_well(notes, host, before)
            self.standby.on_closed(process, host)
        if after.state == "gone":
            self.must(host in self.world.dead, "I-8: a live host was called gone")
        new = state not in OPEN and after.open
        self.must(bool(after.entries) or not new, "F-17: recorded a host that is registered nowhere")
        self.must(not (new and notes.left_out > self._max_failures), "I-18: a new host after too many failures")
        sealed = before is not None and (before.state, before.entries) == (after.state, after.entries)
        self.must(not after.open or host in notes.planned or sealed, "I-8: recorded a host that was not planned")
        if new:
            self.proven.pop(host, None)
        self.records[host] = after
        notes.recorded[host] = self._order

    def _closed_well(self, notes: Notes, host: HostId, before: Record) -> None:
        """Every item was read healthy after its last register, unless its pool is no more."""
        for entry in before.entries:
            if entry.pool in self.world.deleted:
                self.owed.discard(entry)
                continue
            state = notes.answers.get(entry.pool, (0.0, {}))[1].get(entry)
            self.must(state is TargetState.HEALTHY, f"I-2: closed while {entry.pool} says {state}")
            since = notes.read.get(entry.pool, -1) > self.sent.get(entry, -1)
            self.must(since, f"I-2: closed without a reading of {entry.pool} since its last register")
            if entry in self.world.registered(host):
                self.owed.discard(entry)  # maybe by somebody else's hand
        self.must(self.proven.get(host, True), "I-7: closed unproven")

    # --- the end of a run

    def on_success(self, process: Process, release: str) -> None:
        """A deploy says that all is well, and nobody else has done anything meanwhile (I-9)."""
        notes = self.of(process)
        for host in sorted(notes.planned - self.world.dead):
            record, wanted = self.records.get(host), self._places(notes, host)
            self.must(record is not None and not record.open, f"I-9: success, and the record of {host} is open")
            self.must(self.world.app(host).release == release, f"I-9: success, and {host} runs something else")
            self.must(wanted <= self.world.registered(host), f"I-9: success, and {host} is out")
            sick = {entry for entry in wanted if self.world.state(entry) is not TargetState.HEALTHY}
            self.must(not sick, f"I-9: success, and {host} is not healthy in {sick}")

    def _places(self, notes: Notes, host: HostId) -> set[Registration]:
        known = (entries for hosts in notes.expected.values() for one, entries in hosts.items() if one == host)
        return {entry for entries in known for entry in entries if self.world.lives(entry)}

    # --- always

    def after(self) -> None:
        """What holds at every moment."""
        for entry in self.owed:
            host = self.world.owners[entry].id
            record = self.records.get(host)
            kept = record is not None and record.open and entry in record.entries
            known = kept or host in self.world.dead or entry.pool in self.world.deleted
            self.must(known, f"I-2: {entry} was taken out and forgotten")
        self.standby.after()
