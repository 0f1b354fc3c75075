"""What all stores promise, asked of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from elbroll.errors import Locked, StoreDown, Superseded
from elbroll.ledger import KeptLedger, Manner, locks, records
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.values import Draft
from elbroll.model import PoolId, RecordState, RunId
from fakes import FakeClock
from ledger.things import API, HOST, WEB, StillBeats, a_holder, a_record

if TYPE_CHECKING:
    from elbroll.ledger.ports import Store
    from ledger.stores.conftest import Kind

KEY = "/elbroll/v1/lock/tg/web-prod/1a2b3c4d5e6f7a8b"


def a_draft(word: str, nonce: str = "nonce-1") -> Draft:
    return Draft({"word": word}, nonce)


def word_in(stored: Stored | None) -> str:
    text = text_in(stored)
    assert text is not None
    return str(json.loads(text)["word"])


def text_in(stored: Stored | None) -> str | None:
    assert stored is not None
    return stored.text


def created(store: Store, word: str = "first") -> Stored:
    assert store.write(KEY, a_draft(word, "created"), None) is Verdict.WON
    found = store.read(KEY)
    assert found is not None
    return found


def test_a_key_that_never_was_reads_as_nothing(kind: Kind) -> None:
    assert kind.open().read(KEY) is None
    assert kind.open().list("/elbroll/v1/lock/") == {}


def test_a_created_key_is_read_by_everybody(kind: Kind) -> None:
    created(kind.open())
    assert word_in(kind.open().read(KEY)) == "first"


@pytest.mark.rule("I-25")
def test_a_key_that_exists_is_not_created_again(kind: Kind) -> None:
    created(kind.open())

    assert kind.open().write(KEY, a_draft("second"), None) is Verdict.LOST
    assert word_in(kind.open().read(KEY)) == "first"


@pytest.mark.rule("I-25")
def test_a_write_over_what_was_read_wins(kind: Kind) -> None:
    store = kind.open()
    found = created(store)

    assert store.write(KEY, a_draft("second"), found) is Verdict.WON
    assert word_in(kind.open().read(KEY)) == "second"


@pytest.mark.rule("I-25", "F-9")
def test_of_two_writes_over_the_same_value_one_wins(kind: Kind) -> None:
    one, other = kind.open(), kind.open()
    created(one)
    seen, also_seen = one.read(KEY), other.read(KEY)

    assert one.write(KEY, a_draft("one", "a"), seen) is Verdict.WON
    assert other.write(KEY, a_draft("other", "b"), also_seen) is Verdict.LOST
    assert word_in(one.read(KEY)) == word_in(other.read(KEY)) == "one"


@pytest.mark.rule("I-25")
def test_after_losing_a_write_over_the_fresh_value_wins(kind: Kind) -> None:
    one, other = kind.open(), kind.open()
    seen = created(one)
    one.write(KEY, a_draft("one", "a"), seen)
    other.write(KEY, a_draft("other", "b"), seen)

    assert other.write(KEY, a_draft("again", "c"), other.read(KEY)) is Verdict.WON
    assert word_in(one.read(KEY)) == "again"


@pytest.mark.rule("I-11", "L1")
def test_a_repeated_write_is_one_write(kind: Kind) -> None:
    store = kind.open()
    seen = created(store)
    for _ in range(3):
        assert store.write(KEY, a_draft("second"), seen) is Verdict.WON
    after = store.read(KEY)

    assert word_in(after) == "second"
    assert store.write(KEY, a_draft("third", "nonce-2"), after) is Verdict.WON
    assert word_in(kind.open().read(KEY)) == "third"


@pytest.mark.rule("I-25")
def test_a_late_copy_of_an_old_write_does_no_harm(kind: Kind) -> None:
    store = kind.open()
    seen = created(store)
    store.write(KEY, a_draft("second", "a"), seen)
    store.write(KEY, a_draft("third", "b"), store.read(KEY))

    store.write(KEY, a_draft("second", "a"), seen)

    assert word_in(kind.open().read(KEY)) == "third"


@pytest.mark.rule("F-13")
def test_a_write_over_a_key_that_was_deleted_by_hand_is_not_won(kind: Kind) -> None:
    store = kind.open()
    seen = created(store)
    kind.delete_by_hand(KEY)

    assert store.write(KEY, a_draft("second"), seen) is Verdict.DELETED


@pytest.mark.rule("F-13")
def test_a_lock_deleted_by_hand_supersedes_its_holder(kind: Kind) -> None:
    lease = KeptLedger(kind.open(), FakeClock(), Manner(beats=StillBeats)).acquire([WEB], a_holder())
    kind.delete_by_hand(KEY)

    with pytest.raises(Superseded, match="deleted from the ledger by hand"):
        lease.write(a_record())
    assert kind.open().read(KEY) is None


@pytest.mark.rule("F-11", "S-9")
def test_garbage_is_kept_and_held_by_somebody_unknown(kind: Kind) -> None:
    ledger = KeptLedger(kind.open(), FakeClock(), Manner(beats=StillBeats))
    ledger.acquire([WEB], a_holder()).release()
    kind.overwrite_by_hand(KEY, "stop!")

    found = KeptLedger(kind.open(), FakeClock()).locks()[WEB]

    assert not found.readable
    assert found.version is not None


@pytest.mark.rule("L4", "F-15")
def test_a_listing_goes_to_the_last_page(kind: Kind) -> None:
    store = kind.open()
    keys = [f"/elbroll/v1/host/i-{number:017x}" for number in range(23)]
    for number, key in enumerate(keys):
        store.write(key, a_draft(str(number)), None)
    created(store)

    found = kind.open().list("/elbroll/v1/host/")

    assert sorted(found) == keys
    assert [word_in(found[key]) for key in keys] == [str(number) for number in range(23)]


@pytest.mark.rule("L3")
def test_braces_and_foreign_letters_survive(kind: Kind) -> None:
    store = kind.open()
    created(store, "{{ssm:x}} }} ü \x1b \u202e")
    assert word_in(store.read(KEY)) == "{{ssm:x}} }} ü \x1b \u202e"


def test_ages_are_by_the_store_and_never_negative(kind: Kind) -> None:
    age = created(kind.open()).age
    assert age is None or 0.0 <= age < 60.0


class HardOfHearing:
    """A store of which the first answer to every third write is lost, after the write was `applied` or before."""

    def __init__(self, store: Store, *, applied: bool) -> None:
        self._store = store
        self._applied = applied
        self._heard: set[str] = set()
        self.limit, self.ready, self.read, self.list = store.limit, store.ready, store.read, store.list

    def write(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        known = draft.nonce in self._heard
        self._heard.add(draft.nonce)
        if known or len(self._heard) % 3:
            return self._store.write(key, draft, over)
        if self._applied:
            self._store.write(key, draft, over)
        raise StoreDown("no answer")


@pytest.mark.rule("I-11", "F-9", "F-12")
@pytest.mark.parametrize("applied", [True, False])
def test_a_run_that_misses_answers_writes_what_it_would_have_written(kind: Kind, applied: bool) -> None:
    for store in (kind.open(), HardOfHearing(kind.open(), applied=applied)):
        ledger = KeptLedger(store, FakeClock(), Manner(beats=StillBeats))
        lease = ledger.acquire([WEB, API], a_holder())
        lease.write(a_record(RecordState.HELD))
        lease.confirm([WEB, API])
        lease.write(a_record(RecordState.IN_SERVICE))
        lease.release()

    afterwards = kind.open()
    assert records.decode(HOST, text_in(afterwards.read(RECORD))) == a_record(RecordState.IN_SERVICE)
    locked = afterwards.list("/elbroll/v1/lock/").values()
    assert {(lock.state, lock.epoch) for lock in map(locks.decode, locked)} == {(locks.LockState.FREE, 2)}


def test_a_whole_run_leaves_a_closed_record_and_free_locks(kind: Kind) -> None:
    ledger = KeptLedger(kind.open(), FakeClock(), Manner(beats=StillBeats))
    lease = ledger.acquire([WEB, API], a_holder())
    states = [RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED, RecordState.REGISTERING]
    for state in [*states, RecordState.IN_SERVICE]:
        lease.write(a_record(state))
        lease.confirm([WEB, API])
    lease.release()

    afterwards = KeptLedger(kind.open(), FakeClock())
    assert afterwards.records() == {HOST: a_record(RecordState.IN_SERVICE)}
    assert afterwards.locks() == {}


def test_names_of_other_pools_do_not_mix(kind: Kind) -> None:
    ledger = KeptLedger(kind.open(), FakeClock(), Manner(beats=StillBeats))
    long = PoolId("tg/web-prod-2/ffffffffffffffff")
    ledger.acquire([WEB, long], a_holder())
    assert set(ledger.locks()) == {WEB, long}


# --- bad weather, the same for every store -----------------------------------------------------------

LOCK, RECORD = KEY, f"/elbroll/v1/host/{HOST}"
BROKEN = {
    "garbage": "stop!",
    "cut off": '{"schema":1,"base":1,"nonce":"n","epoch":1,"run":"7f3',
    "of a newer schema": '{"schema":99,"base":BASE,"nonce":"n","epoch":1,"run":"7f3a9c","state":"free"}',
    "of a newer form": '{"schema":99,"over":"v7","state":"free"}',
    "of an unknown state": '{"schema":1,"base":BASE,"nonce":"n","epoch":1,"run":"7f3a9c","state":"lent"}',
    "a list": "[]",
    "empty braces": "{}",
    "a page": "<html><body>Sign in</body></html>",
}


def spoil(kind: Kind, key: str, text: str) -> str:
    """Write it over what is there, as effective as can be; answers it."""
    seen = kind.open().read(key)
    assert seen is not None
    effective = text.replace("BASE", json.dumps(seen.base))
    kind.overwrite_by_hand(key, effective)
    return effective


def a_ledger(kind: Kind) -> KeptLedger:
    return KeptLedger(kind.open(), FakeClock(), Manner(beats=StillBeats))


@pytest.mark.rule("F-11", "S-9", "I-2", "I-10")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_lock_that_cannot_be_read_is_never_free_and_never_overwritten(kind: Kind, text: str) -> None:
    a_ledger(kind).acquire([WEB], a_holder()).release()
    text = spoil(kind, LOCK, text)

    with pytest.raises(Locked):
        a_ledger(kind).acquire([WEB, API], a_holder("b1c2d3"))

    assert kind.raw(LOCK) == text
    assert set(a_ledger(kind).locks()) == {WEB}
    assert not a_ledger(kind).locks()[WEB].readable


@pytest.mark.rule("F-11", "I-2")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_record_that_cannot_be_read_is_kept_and_never_written_over(kind: Kind, text: str) -> None:
    earlier = a_ledger(kind).acquire([WEB, API], a_holder())
    earlier.write(a_record())
    earlier.release()
    text = spoil(kind, RECORD, text)
    lease = a_ledger(kind).acquire([WEB, API], a_holder("b1c2d3"))

    found = a_ledger(kind).records()
    lease.seal(found.values())
    with pytest.raises(Superseded):
        lease.write(a_record(run="b1c2d3"))

    assert found[HOST].state is RecordState.UNREADABLE
    assert kind.raw(RECORD) == text


@pytest.mark.rule("F-11", "F-10", "I-10")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_lock_that_became_unreadable_supersedes_its_holder(kind: Kind, text: str) -> None:
    lease = a_ledger(kind).acquire([WEB], a_holder())
    text = spoil(kind, LOCK, text)

    with pytest.raises(Superseded):
        lease.write(a_record())
    lease.release()

    assert kind.raw(LOCK) == text


@pytest.mark.rule("F-13", "I-25")
def test_a_record_deleted_by_hand_in_mid_run_is_not_made_anew(kind: Kind) -> None:
    lease = a_ledger(kind).acquire([WEB, API], a_holder())
    lease.write(a_record())
    kind.delete_by_hand(RECORD)

    with pytest.raises(Superseded):
        lease.write(a_record(RecordState.DEPLOYING))

    assert a_ledger(kind).records() == {}


@pytest.mark.rule("F-10", "I-10", "F-56")
def test_a_run_whose_lock_went_to_another_writes_no_record_and_frees_nothing(kind: Kind) -> None:
    slept = a_ledger(kind).acquire([WEB, API], a_holder())
    slept.write(a_record())
    a_ledger(kind).unlock([WEB, API], RunId("7f3a9c"))
    awake = a_ledger(kind).acquire([WEB, API], a_holder("b1c2d3"))
    awake.seal(a_ledger(kind).records().values())
    kept = kind.raw(RECORD)

    with pytest.raises(Superseded):
        slept.write(a_record(RecordState.DEPLOYING))
    with pytest.raises(Superseded):
        slept.confirm([WEB])
    slept.release()

    assert kind.raw(RECORD) == kept
    awake.confirm([WEB, API])
    awake.write(a_record(RecordState.DEPLOYING, run="b1c2d3"))


@pytest.mark.rule("I-11", "F-9", "L1")
def test_an_unsettled_write_of_a_rival_is_beaten_or_kept_but_never_mixed(kind: Kind) -> None:
    one, other = kind.open(), kind.open()
    seen = created(one)
    verdicts = [
        one.write(KEY, a_draft("one", "a"), seen),
        other.write(KEY, a_draft("other", "b"), seen),
        one.write(KEY, a_draft("one", "a"), seen),
        other.write(KEY, a_draft("other", "b"), seen),
    ]
    assert verdicts == [Verdict.WON, Verdict.LOST, Verdict.WON, Verdict.LOST]
    assert word_in(kind.open().read(KEY)) == "one"
