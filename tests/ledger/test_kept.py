"""Taking, showing and breaking locks."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from elbroll.aws import Clients, Identity
from elbroll.errors import Interrupted, Locked, StoreDown, Superseded, UsageError
from elbroll.ledger import KeptLedger, locks, open_store
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores.file import FileStore
from elbroll.ledger.values import Draft, loads
from elbroll.model import PoolId, RecordState, RunId
from fakes import FakeClock
from ledger.parameters import Fate
from ledger.things import API, HOST, WEB, Desk, a_holder, a_record, passing

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.parameters import ParameterLog

OTHER = PoolId("tg/web-prod9/ffffffffffffffff")
WEB_KEY, API_KEY = locks.key(WEB), locks.key(API)


def newest(log: ParameterLog, key: str) -> dict[str, object]:
    return loads(log.written[key][-1]) or {}


def test_pools_are_taken_in_the_order_of_their_keys(ours: Desk) -> None:
    ours.ledger.acquire([WEB, API, WEB], a_holder())
    puts = [asked["Name"] for name, asked in ours.client.calls if name == "put_parameter"]
    assert puts == [API_KEY, WEB_KEY]


@pytest.mark.rule("I-10")
def test_each_acquire_raises_the_epoch_by_one(ours: Desk, theirs: Desk) -> None:
    ours.ledger.acquire([WEB], a_holder()).release()
    theirs.ledger.acquire([WEB], a_holder("81cc02"))

    assert theirs.ledger.locks()[WEB].epoch == 2
    assert theirs.ledger.locks()[WEB].holder == a_holder("81cc02")


@pytest.mark.rule("F-7")
def test_a_busy_pool_refuses_with_its_holder(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    lease = theirs.ledger.acquire([WEB], a_holder("81cc02"))
    lease.doing("web-3")
    theirs.clock.sleep(180)
    lease.beat_if_due()
    passing(log, 4)

    with pytest.raises(Locked, match="web-prod is locked by run 81cc02") as caught:
        ours.ledger.acquire([WEB], a_holder())

    assert "alive 4s ago, working on web-3" in caught.value.why[0]
    assert "elbroll unlock web-prod 81cc02" in caught.value.fix[0]


@pytest.mark.rule("F-7")
def test_if_one_pool_is_busy_none_is_held(ours: Desk, theirs: Desk) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))

    with pytest.raises(Locked):
        ours.ledger.acquire([API, WEB], a_holder())

    assert set(ours.ledger.locks()) == {WEB}
    assert ours.beats.started is None


@pytest.mark.rule("F-7", "I-10")
def test_a_busy_pool_is_not_written_to(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    before = list(log.written[WEB_KEY])
    for _ in range(5):
        with pytest.raises(Locked):
            ours.ledger.acquire([WEB], a_holder())
    assert log.written[WEB_KEY] == before


@pytest.mark.rule("F-9", "I-10")
def test_of_two_runs_that_both_saw_it_free_one_wins(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire([WEB], a_holder()).release()
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    ours.store._known.clear()
    ours.client.hidden = 1

    with pytest.raises(Locked, match="81cc02"):
        ours.ledger.acquire([WEB], a_holder("aaaaaa"))

    voids = [text for text in log.written[WEB_KEY] if '"aaaaaa"' in text]
    assert len(voids) == 1


@pytest.mark.rule("I-10", "F-10")
@pytest.mark.parametrize(("age", "waits"), [(0.0, 6.0), (4.0, 2.0), (6.0, 0.0), (90.0, 0.0)])
def test_a_broken_lock_is_used_once_the_last_proof_of_it_has_run_out(
    ours: Desk, theirs: Desk, log: ParameterLog, age: float, waits: float
) -> None:
    theirs.ledger.acquire([WEB, API], a_holder("81cc02"))
    ours.ledger.unlock([WEB, API], RunId("81cc02"))
    passing(log, age)
    before = ours.clock.monotonic()

    ours.ledger.acquire([WEB, API], a_holder())

    assert ours.clock.monotonic() - before == waits
    assert "broken_by" in newest(log, WEB_KEY)  # lest it is forgotten should we die within the rest


@pytest.mark.rule("I-10", "F-10")
def test_a_broken_lock_that_another_took_and_gave_back_at_once_is_still_rested_for(
    ours: Desk, theirs: Desk, log: ParameterLog
) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    Desk(log, "fourth").ledger.acquire([OTHER], a_holder("b00000"))
    ours.ledger.unlock([WEB], RunId("81cc02"))
    with pytest.raises(Locked):
        Desk(log, "third").ledger.acquire([WEB, OTHER], a_holder("c00000"))
    before = ours.clock.monotonic()

    ours.ledger.acquire([WEB], a_holder())

    assert ours.clock.monotonic() - before == 6.0


@pytest.mark.rule("I-10", "F-54")
def test_a_rest_after_a_broken_lock_ends_with_a_signal_and_the_next_run_rests_anew(
    ours: Desk, theirs: Desk, log: ParameterLog
) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    ours.ledger.unlock([WEB], RunId("81cc02"))
    clock = FakeClock()
    began = clock.monotonic()
    with pytest.raises(Interrupted):
        Desk(log, "third", clock, give_up=lambda: clock.monotonic() > began + 1.0).ledger.acquire(
            [WEB], a_holder("c00000")
        )
    before = ours.clock.monotonic()

    ours.ledger.acquire([WEB], a_holder())

    assert clock.monotonic() - began < 2.0
    assert ours.clock.monotonic() - before == 6.0


@pytest.mark.rule("I-10", "F-12")
def test_a_run_that_could_not_give_a_broken_lock_back_takes_it_again_and_rests(ours: Desk, theirs: Desk) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02")).release()
    left = locks.held(a_holder(), 2, ours.clock.now(), None, broken_by="ops@laptop")
    assert ours.store.write(WEB_KEY, Draft(left, "left"), ours.store.read(WEB_KEY)) is Verdict.WON
    before = ours.clock.monotonic()

    ours.ledger.acquire([WEB], a_holder())

    assert ours.clock.monotonic() - before == 6.0


@pytest.mark.rule("I-10")
def test_a_lock_that_was_rested_for_and_given_back_is_not_rested_for_again(
    ours: Desk, theirs: Desk, log: ParameterLog
) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    ours.ledger.unlock([WEB], RunId("81cc02"))
    Desk(log, "third").ledger.acquire([WEB], a_holder("c00000")).release()
    before = ours.clock.monotonic()

    ours.ledger.acquire([WEB], a_holder())

    assert ours.clock.monotonic() == before


@pytest.mark.rule("F-9", "I-11")
@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.TWICE, Fate.UNSENT])
def test_a_lock_is_taken_once_whatever_became_of_the_answer(ours: Desk, log: ParameterLog, fate: Fate) -> None:
    ours.client.fates.append(fate)

    lease = ours.ledger.acquire([WEB], a_holder())

    lease.confirm([WEB])
    assert ours.ledger.locks()[WEB].epoch == 1
    assert ours.ledger.locks()[WEB].holder == a_holder()


@pytest.mark.rule("F-9", "I-25")
def test_a_late_acquire_of_a_run_that_gave_up_is_void_once_another_has_won(
    ours: Desk, theirs: Desk, log: ParameterLog
) -> None:
    ours.client.fates.append(Fate.LATE)
    ours.client.fates.extend([Fate.UNSENT] * 50)
    with pytest.raises(StoreDown):
        ours.ledger.acquire([WEB], a_holder())
    lease = theirs.ledger.acquire([WEB], a_holder("81cc02"))
    log.deliver()
    theirs.clock.sleep(60)

    lease.confirm([WEB])

    assert theirs.ledger.locks()[WEB].holder == a_holder("81cc02")


@pytest.mark.rule("F-12")
def test_an_unreachable_store_is_refused_within_a_minute(ours: Desk) -> None:
    ours.client.down = True
    for call in (ours.ledger.records, ours.ledger.locks, lambda: ours.ledger.acquire([WEB], a_holder())):
        began = ours.clock.time
        with pytest.raises(StoreDown):
            call()
        assert ours.clock.time - began < 60


@pytest.mark.rule("F-11", "S-9")
def test_an_unreadable_lock_is_refused_and_kept(ours: Desk, log: ParameterLog) -> None:
    log.accept(WEB_KEY, "stop!", overwrite=False)

    with pytest.raises(Locked, match="somebody unknown"):
        ours.ledger.acquire([WEB], a_holder())

    assert log.written[WEB_KEY] == ["stop!"]


@pytest.mark.rule("F-11")
def test_a_lock_of_a_newer_schema_is_refused_and_kept(ours: Desk, log: ParameterLog) -> None:
    log.accept(WEB_KEY, '{"schema":2,"base":0,"nonce":"x","state":"free"}', overwrite=False)
    with pytest.raises(Locked, match="somebody unknown"):
        ours.ledger.acquire([WEB], a_holder())
    assert len(log.written[WEB_KEY]) == 1


@pytest.mark.rule("F-10", "S-9")
def test_unlock_frees_what_that_run_holds_and_says_by_whose_word(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    theirs.ledger.acquire([WEB, API], a_holder("81cc02"))

    freed = ours.ledger.unlock([WEB, API], RunId("81cc02"))

    assert [(seen.pool, seen.epoch) for seen in freed] == [(API, 1), (WEB, 1)]
    assert ours.ledger.locks() == {}
    assert newest(log, WEB_KEY) | {"state": "free", "epoch": 2, "broken_by": "ops@laptop"} == newest(log, WEB_KEY)


@pytest.mark.rule("F-10", "S-9")
def test_a_lock_broken_by_nobody_in_particular_says_so(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    KeptLedger(ours.store, ours.clock).unlock([WEB], RunId("81cc02"))
    assert newest(log, WEB_KEY)["broken_by"] == "unknown"


@pytest.mark.rule("F-10")
def test_unlock_frees_no_other_runs_lock(ours: Desk, theirs: Desk) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    assert ours.ledger.unlock([WEB, API], RunId("7f3a9c")) == ()
    assert set(ours.ledger.locks()) == {WEB}


@pytest.mark.rule("F-10")
def test_unlock_of_a_free_lock_writes_nothing(ours: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire([WEB], a_holder()).release()
    before = len(log.written[WEB_KEY])
    assert ours.ledger.unlock([WEB, API], RunId("7f3a9c")) == ()
    assert len(log.written[WEB_KEY]) == before
    assert API_KEY not in log.written


@pytest.mark.rule("F-11", "S-9")
def test_an_unreadable_lock_is_freed_by_its_version_only(ours: Desk, log: ParameterLog) -> None:
    log.accept(WEB_KEY, "stop!", overwrite=False)

    assert ours.ledger.unlock([WEB], RunId("v2")) == ()
    assert [seen.version for seen in ours.ledger.unlock([WEB], RunId("v1"))] == [1]
    assert ours.ledger.acquire([WEB], a_holder()) is not None
    assert ours.ledger.locks()[WEB].epoch == 3


@pytest.mark.rule("F-10", "F-9")
def test_unlock_also_frees_a_lock_that_beats_meanwhile(ours: Desk, theirs: Desk) -> None:
    lease = theirs.ledger.acquire([WEB], a_holder("81cc02"))
    ours.store.read(WEB_KEY)
    theirs.clock.sleep(31)
    lease.beat_if_due()
    ours.store._known.clear()
    ours.client.hidden = 1

    assert len(ours.ledger.unlock([WEB], RunId("81cc02"))) == 1
    assert ours.ledger.locks() == {}


@pytest.mark.rule("F-11")
def test_records_that_cannot_be_read_are_listed_as_such(ours: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire([WEB, API], a_holder()).write(a_record())
    log.accept("/elbroll/v1/host/i-2", "??", overwrite=False)

    found = ours.ledger.records()

    assert found[HOST] == a_record()
    assert [record.state for host, record in found.items() if host == "i-2"] == [RecordState.UNREADABLE]


@pytest.mark.rule("S-5")
def test_a_record_under_a_foreign_key_is_unreadable(ours: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire([WEB, API], a_holder()).write(a_record())
    log.accept("/elbroll/v1/host/i-2", log.written[f"/elbroll/v1/host/{HOST}"][0], overwrite=False)
    assert {record.state for record in ours.ledger.records().values()} == {RecordState.HELD, RecordState.UNREADABLE}


@pytest.mark.rule("F-13")
def test_a_lock_deleted_while_we_wait_for_it_is_not_created_anew(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    with pytest.raises(Locked):
        ours.ledger.acquire([WEB], a_holder())
    log.delete(WEB_KEY)

    with pytest.raises(Superseded):
        ours.ledger.acquire([WEB], a_holder())
    assert WEB_KEY not in log.written


IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/ci", "eu-central-1")


@pytest.mark.parametrize("spec", ["", "SSM", "s3://", "s3:", "s3:///x", "s3:bucket", "file:", "dynamodb:table", "s3"])
def test_a_store_that_does_not_exist_is_a_usage_error(spec: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ledger store") as caught:
        open_store(spec, Clients(region="eu-central-1"), IDENTITY, FakeClock(), tmp_path)
    assert f'"{spec}"' in caught.value.message
    assert caught.value.fix == ('store = "ssm", "s3://bucket/prefix" or "file:PATH"',)


def test_a_file_ledger_lies_beside_the_config_by_account_and_region(tmp_path: Path) -> None:
    store = open_store("file:state/ledger", Clients(region="eu-central-1"), IDENTITY, FakeClock(), tmp_path)
    store.write("/elbroll/v1/host/i-1", Draft({}, "a"), None)

    assert isinstance(store, FileStore)
    folder = tmp_path / "state" / "ledger" / "123456789012" / "eu-central-1"
    assert [path.name for path in folder.glob("*.json")] == ["+elbroll+v1+host+i-1.json"]


def test_the_ledger_loads_no_heavy_library_before_a_store_is_opened() -> None:
    asked = (
        "import sys, elbroll.ledger; print({'boto3', 'botocore', 'pydantic', 'concurrent.futures'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


@pytest.mark.rule("S-5", "L2")
def test_a_pool_that_was_once_locked_is_known_for_good(ours: Desk, theirs: Desk) -> None:
    assert ours.ledger.pools() == frozenset()

    lease = ours.ledger.acquire([WEB], a_holder())
    while_held = theirs.ledger.pools()
    lease.release()

    assert while_held == theirs.ledger.pools() == {WEB}


@pytest.mark.rule("S-5", "S-9")
def test_a_lock_that_nobody_can_have_written_vouches_for_nothing(ours: Desk, log: ParameterLog) -> None:
    ours.client.put_parameter(Name=WEB_KEY, Value="free", Type="String", Overwrite=False)
    assert ours.ledger.pools() == frozenset()


def test_pools_of_one_name_and_different_groups_have_different_locks() -> None:
    assert locks.key(WEB) != locks.key(PoolId("tg/web-prod/ffffffffffffffff"))
