"""Several runs over one pool and one host: whoever confirms holds the lock, and no record goes back to a former run."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from elbroll.clock import SystemClock
from elbroll.errors import Locked, StoreDown, Superseded
from elbroll.ledger import KeptLedger, Manner, locks, records
from elbroll.ledger.stores.file import FileStore
from elbroll.ledger.values import loads
from elbroll.model import RunId
from ledger.parameters import Fate, ParameterLog
from ledger.things import HOST, WEB, Desk, StillBeats, a_holder, a_record

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.ledger.lease import KeptLease

RUNS = ("111111", "222222", "333333")
runs = st.sampled_from(range(len(RUNS)))
fates = st.lists(st.sampled_from(Fate), max_size=3)


class Runs(RuleBasedStateMachine):
    """Each run has a computer of its own; faults hit its next calls."""

    def __init__(self) -> None:
        super().__init__()
        self.log = ParameterLog()
        self.desks = [Desk(self.log, run, outage=5.0) for run in RUNS]
        self.leases: dict[int, KeptLease] = {}

    def faulty(self, run: int, fates: list[Fate], hidden: int) -> None:
        self.desks[run].client.fates.extend(fates)
        self.desks[run].client.hidden = hidden

    def counting(self, key: str) -> list[dict[str, object]]:
        values = [loads(text) or {} for text in self.log.written.get(key, [])]
        return [value for number, value in enumerate(values, start=1) if value["base"] == number - 1]

    @rule(run=runs, fates=fates, hidden=st.integers(0, 2))
    def acquire(self, run: int, fates: list[Fate], hidden: int) -> None:
        self.faulty(run, fates, hidden)
        try:
            self.leases[run] = self.desks[run].ledger.acquire([WEB], a_holder(RUNS[run]))
        except (Locked, StoreDown):
            return
        assert self.counting(locks.key(WEB))[-1]["run"] == RUNS[run]

    @rule(run=runs, victim=runs)
    def unlock(self, run: int, victim: int) -> None:
        with suppress(StoreDown):  # faults that were meant for an earlier call
            self.desks[run].ledger.unlock([WEB], RunId(RUNS[victim]))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), fates=fates, hidden=st.integers(0, 2))
    def confirm(self, data: st.DataObject, fates: list[Fate], hidden: int) -> None:
        run = data.draw(st.sampled_from(sorted(self.leases)))
        self.desks[run].clock.sleep(6)
        self.faulty(run, fates, hidden)
        try:
            self.leases[run].confirm([WEB])
        except (Superseded, StoreDown):
            return
        newest = self.counting(locks.key(WEB))[-1]
        assert (newest["run"], newest["state"]) == (RUNS[run], "held")

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), fates=fates, hidden=st.integers(0, 2))
    def write(self, data: st.DataObject, fates: list[Fate], hidden: int) -> None:
        run = data.draw(st.sampled_from(sorted(self.leases)))
        self.faulty(run, fates, hidden)
        try:
            self.leases[run].write(a_record(run="111111"))
        except (Superseded, StoreDown):
            return
        assert self.counting(records.key(HOST))[-1]["run"] == RUNS[run]

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.leases.pop(data.draw(st.sampled_from(sorted(self.leases)))).release()

    @rule()
    def late_requests_arrive(self) -> None:
        self.log.deliver()

    @invariant()
    def epochs_of_locks_only_rise(self) -> None:
        epochs = [value["epoch"] for value in self.counting(locks.key(WEB))]
        assert epochs == sorted(epochs, key=lambda epoch: int(str(epoch)))

    @invariant()
    def a_pool_changes_hands_only_through_free(self) -> None:
        values = self.counting(locks.key(WEB))
        for before, after in pairwise(values):
            assert before["state"] == "free" or after["state"] == "free" or before["run"] == after["run"]

    @invariant()
    def no_record_goes_back_to_a_former_holder(self) -> None:
        epochs = [int(str(value["epoch"])) for value in self.counting(records.key(HOST))]
        assert epochs == sorted(epochs)


Runs.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.rule("I-10", "I-11", "I-25", "F-9", "F-10")
class TestRuns(Runs.TestCase):
    """Found by pytest."""


@pytest.mark.rule("I-10")
def test_threads_of_one_run_confirm_at_the_same_time(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "ledger", (), SystemClock())
    ledger = KeptLedger(store, SystemClock(), Manner(beats=StillBeats))
    lease = ledger.acquire([WEB], a_holder())
    lease.write(a_record())
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(5):
                lease.confirm([WEB])
                lease.write(a_record())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert ledger.locks()[WEB].holder == a_holder()
