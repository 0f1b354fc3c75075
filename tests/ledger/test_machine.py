"""The store's protocol under every interleaving, and that the machine would notice a broken one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from elbroll.errors import Superseded
from elbroll.ledger import hold
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores import ssm
from elbroll.model import RunId
from ledger.machine import Writers
from ledger.things import WEB, a_holder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.ledger.change import Patience
    from elbroll.ledger.versions import Version
    from ledger.things import Desk

FIXED = settings(
    max_examples=80, stateful_step_count=25, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False,
)  # fmt: skip
UNSHRUNK = settings(FIXED, phases=[Phase.generate])


@pytest.mark.rule("I-25", "I-11", "F-9", "L1")
def test_readers_agree_and_no_value_is_replaced_unseen() -> None:
    run_state_machine_as_test(Writers, settings=FIXED)


# --- seeded bugs: each must be noticed ---------------------------------------------------------------


def test_a_void_write_taken_for_effective_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def newest(history: Iterable[Version]) -> Version | None:
        return max(history, key=lambda version: version.number, default=None)

    monkeypatch.setattr(ssm, "effective", newest)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Writers, settings=UNSHRUNK)


def test_a_lost_write_taken_for_won_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssm.SsmStore, "_settled", lambda *_: Verdict.WON)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Writers, settings=UNSHRUNK)


def test_any_answer_taken_for_a_win_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    put = ssm.SsmStore._put

    def as_if_next(store: ssm.SsmStore, key: str, text: str, base: int) -> int | None:
        return base + 1 if put(store, key, text, base) is not None else None

    monkeypatch.setattr(ssm.SsmStore, "_put", as_if_next)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Writers, settings=UNSHRUNK)


def test_silence_taken_for_a_loss_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssm, "down", lambda *_: Superseded("lost"))
    with pytest.raises((AssertionError, Superseded)):
        run_state_machine_as_test(Writers, settings=UNSHRUNK)


def broken_while_reads_lag(ours: Desk, theirs: Desk) -> None:
    """The lock is broken, our next reads do not show it yet, and we confirm it."""
    lease = ours.ledger.acquire([WEB], a_holder())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    ours.clock.sleep(6)
    ours.client.hidden = 1
    with pytest.raises(Superseded):
        lease.confirm([WEB])


@pytest.mark.rule("I-10", "L1")
def test_a_lock_broken_while_reads_lag_supersedes(ours: Desk, theirs: Desk) -> None:
    broken_while_reads_lag(ours, theirs)


def test_a_lock_proven_by_a_read_is_noticed(ours: Desk, theirs: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_reading(holding: hold.Hold, _: Patience) -> None:
        desk = holding._desk
        holding._beaten(desk.store.read(f"/elbroll/v1/lock/{holding.pool}"))
        holding._beating.proof = desk.moment()

    monkeypatch.setattr(hold.Hold, "beat", by_reading)
    with pytest.raises(pytest.fail.Exception):
        broken_while_reads_lag(ours, theirs)


def test_a_lost_beat_taken_for_won_is_noticed(ours: Desk, theirs: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssm.SsmStore, "_settled", lambda *_: Verdict.WON)
    with pytest.raises(pytest.fail.Exception):
        broken_while_reads_lag(ours, theirs)
