"""What a run must prove before a deed, and what it may write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from elbroll.errors import IllegalMove, PermissionDenied, RecordTooBig, StoreDown, Superseded
from elbroll.ledger import locks, records
from elbroll.ledger.values import loads
from elbroll.model import HostId, PoolId, RecordState, Registration, Removed, RunId
from ledger.parameters import Fate, refusal
from ledger.things import API, HOST, WEB, Desk, a_holder, a_record

if TYPE_CHECKING:
    from ledger.parameters import ParameterLog

WEB_KEY, HOST_KEY = locks.key(WEB), records.key(HOST)
BOTH = [API, WEB]


def puts(desk: Desk) -> list[str]:
    return [asked["Name"] for name, asked in desk.client.calls if name == "put_parameter"]


# --- confirm -----------------------------------------------------------------------------------------


@pytest.mark.rule("I-10")
def test_a_confirm_is_a_won_write_sent_after_the_record(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    ours.client.calls.clear()

    lease.confirm(BOTH)

    assert puts(ours) == [locks.key(API), WEB_KEY]


@pytest.mark.rule("I-10")
def test_a_proof_holds_five_seconds(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.client.calls.clear()
    ours.clock.sleep(4.9)
    lease.confirm([WEB])
    assert puts(ours) == []
    ours.clock.sleep(0.2)
    lease.confirm([WEB])
    assert puts(ours) == [WEB_KEY]


@pytest.mark.rule("I-10", "Q2")
def test_what_was_just_taken_needs_no_second_proof(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.client.calls.clear()
    lease.confirm(BOTH)
    lease.beat_if_due()
    assert puts(ours) == []


@pytest.mark.rule("I-10")
def test_after_each_record_the_locks_are_proven_anew_and_once(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    for state in (RecordState.HELD, RecordState.DEPLOYING):
        lease.write(a_record(state))
        ours.client.calls.clear()
        lease.confirm(BOTH)
        lease.confirm(BOTH)
        assert puts(ours) == [locks.key(API), WEB_KEY]


@pytest.mark.rule("I-10", "F-56")
def test_a_proof_ends_when_the_wall_clock_jumps(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    slept = ours.clock.now().replace(year=2027)
    monkeypatch.setattr(ours.clock, "now", lambda: slept)
    ours.client.calls.clear()

    lease.confirm([WEB])

    assert puts(ours) == [WEB_KEY]


@pytest.mark.rule("F-10", "I-10")
def test_a_lock_broken_while_held_supersedes(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))

    with pytest.raises(Superseded, match="run 7f3a9c no longer holds web-prod") as caught:
        lease.confirm([WEB])
    assert caught.value.why == ("its lock was freed by hand",)


@pytest.mark.rule("F-10", "I-10")
def test_a_lock_taken_by_another_run_supersedes_and_names_it(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    ours.clock.sleep(6)

    with pytest.raises(Superseded) as caught:
        lease.confirm([WEB])
    assert caught.value.why == ("run 81cc02 holds it now",)


@pytest.mark.rule("F-10", "I-10")
def test_once_superseded_no_pool_is_confirmed_and_nothing_written(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    with pytest.raises(Superseded):
        lease.confirm([WEB])
    written = len(log.written[HOST_KEY])

    with pytest.raises(Superseded) as again:
        lease.confirm([API])
    with pytest.raises(Superseded):
        lease.write(a_record(RecordState.DEPLOYING))
    with pytest.raises(Superseded):
        lease.seal([a_record()])
    assert again.value.message == "run 7f3a9c no longer holds web-prod"
    assert again.value.why == ("its lock was freed by hand",)
    assert again.value.now == "no further step is taken"
    assert again.value.fix == ("elbroll status --lb web-prod",)
    assert len(log.written[HOST_KEY]) == written


@pytest.mark.rule("F-10", "L1")
def test_a_lock_is_never_proven_by_a_stale_read(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    ours.clock.sleep(6)
    ours.client.hidden = 1

    with pytest.raises(Superseded):
        lease.confirm([WEB])


@pytest.mark.rule("F-11")
def test_a_lock_that_became_unreadable_supersedes(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    log.accept(WEB_KEY, "stop!", overwrite=True)
    ours.clock.sleep(6)

    with pytest.raises(Superseded) as caught:
        lease.confirm([WEB])
    assert caught.value.why == ("its lock cannot be read any more",)


@pytest.mark.rule("F-13")
def test_a_lock_deleted_by_hand_supersedes_and_is_not_created_anew(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    log.delete(WEB_KEY)
    ours.clock.sleep(6)

    with pytest.raises(Superseded, match="deleted from the ledger by hand"):
        lease.confirm([WEB])
    lease.release()
    assert WEB_KEY not in log.written


@pytest.mark.rule("F-9")
def test_a_rivals_void_write_does_not_supersede(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    log.accept(WEB_KEY, '{"schema":1,"base":0,"nonce":"late","epoch":9,"run":"81cc02","state":"held"}', overwrite=True)
    ours.clock.sleep(6)

    lease.confirm([WEB])

    assert ours.ledger.locks()[WEB].holder == a_holder()


@pytest.mark.rule("F-9", "I-11")
@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.TWICE, Fate.UNSENT, Fate.LATE])
def test_a_beat_without_a_clear_answer_is_settled(ours: Desk, fate: Fate) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    ours.clock.sleep(6)
    ours.client.fates.append(fate)
    lease.confirm([WEB])
    lease.confirm([WEB])
    assert ours.ledger.locks()[WEB].epoch == 1


@pytest.mark.rule("I-10")
def test_an_answer_that_took_too_long_proves_nothing_by_itself(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    lease.confirm([WEB])
    ours.clock.sleep(6)
    ours.client.fates.extend([Fate.UNSENT] * 6)
    ours.client.calls.clear()

    lease.confirm([WEB])

    assert len(puts(ours)) == 8
    assert ours.clock.time > 1020


@pytest.mark.rule("I-10")
def test_a_pool_that_the_run_does_not_hold_is_not_confirmed(ours: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    with pytest.raises(Superseded, match="run 7f3a9c does not hold api-prod"):
        lease.confirm([API])


@pytest.mark.rule("I-10")
def test_confirming_no_pool_in_particular_confirms_all(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.clock.sleep(6)
    ours.client.calls.clear()
    lease.confirm([])
    assert len(puts(ours)) == 2


@pytest.mark.rule("F-12", "I-13")
def test_before_the_first_deed_an_outage_is_not_waited_out(ours: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    ours.client.down = True
    ours.clock.sleep(6)
    began = ours.clock.time
    with pytest.raises(StoreDown):
        lease.confirm([WEB])
    assert ours.clock.time - began < 60


@pytest.mark.rule("F-12", "I-13")
def test_after_a_deed_an_outage_is_waited_out_for_a_quarter_of_an_hour(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    lease.confirm(BOTH)
    ours.client.down = True
    began = ours.clock.time
    with pytest.raises(StoreDown):
        lease.write(a_record(RecordState.DEPLOYING))
    assert 900 <= ours.clock.time - began < 960


@pytest.mark.rule("F-12")
def test_an_outage_that_ends_is_survived(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    lease.confirm(BOTH)
    ours.client.down = True
    ours.clock.at(600, lambda: setattr(ours.client, "down", False))

    lease.write(a_record(RecordState.DEPLOYING))

    assert ours.ledger.records()[HOST].state is RecordState.DEPLOYING


@pytest.mark.rule("I-10", "Q2")
@pytest.mark.parametrize("pools", [2, 7, 15, 25])
def test_the_locks_of_many_pools_are_proven_within_five_seconds_of_each_other(ours: Desk, pools: int) -> None:
    many = [PoolId(f"tg/web-{number}/1a2b3c4d5e6f7a8b") for number in range(pools)]
    lease = ours.ledger.acquire(many, a_holder())
    for _ in range(4):
        ours.clock.sleep(6)
        lease.confirm(many)
        ours.client.calls.clear()
        lease.confirm(many)
        assert puts(ours) == []


def test_a_store_that_answers_too_slowly_proves_nothing(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    put = ours.client.put_parameter

    def slowly(**asked: object) -> object:
        ours.clock.sleep(6)
        return put(**asked)

    monkeypatch.setattr(ours.client, "put_parameter", slowly)
    ours.clock.sleep(6)
    with pytest.raises(StoreDown, match="too slowly"):
        lease.confirm([WEB])


# --- records -----------------------------------------------------------------------------------------


@pytest.mark.rule("I-24", "I-2")
def test_a_record_is_effective_when_write_returns(ours: Desk, theirs: Desk) -> None:
    ours.ledger.acquire(BOTH, a_holder()).write(a_record())
    assert theirs.ledger.records() == {HOST: a_record()}


@pytest.mark.rule("I-24")
def test_an_illegal_move_is_refused_before_anything_is_written(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    lease.write(a_record(RecordState.DEPLOYING))
    before = list(log.written[HOST_KEY])

    with pytest.raises(IllegalMove):
        lease.write(a_record(RecordState.HELD))
    assert log.written[HOST_KEY] == before


@pytest.mark.rule("F-28", "L3")
def test_a_record_too_big_is_refused_before_anything_is_written(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    run = RunId("7f3a9c")
    many = frozenset(Removed(Registration(PoolId(f"tg/{'w' * 32}/{n:016x}"), HOST, 80), run) for n in range(80))

    with pytest.raises(RecordTooBig, match="4096") as caught:
        lease.write(a_record(registrations=many))
    with pytest.raises(RecordTooBig):
        lease.check_size(a_record(registrations=many))
    assert "s3://" in caught.value.fix[0]
    assert HOST_KEY not in log.written


@pytest.mark.rule("I-11", "F-9")
@pytest.mark.parametrize("fate", list(Fate), ids=lambda fate: fate.name)
def test_a_record_is_written_once_whatever_became_of_the_answer(ours: Desk, log: ParameterLog, fate: Fate) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    ours.client.fates.append(fate)

    lease.write(a_record(RecordState.DEPLOYING))
    log.deliver()

    assert ours.ledger.records()[HOST].state is RecordState.DEPLOYING
    lease.write(a_record(RecordState.DEPLOYED))
    assert ours.ledger.records()[HOST].state is RecordState.DEPLOYED


@pytest.mark.rule("F-10", "I-10")
def test_a_run_that_lost_its_lock_while_it_slept_writes_no_record(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    sleeper = ours.ledger.acquire(BOTH, a_holder())
    theirs.ledger.unlock(BOTH, RunId("7f3a9c"))
    successor = theirs.ledger.acquire(BOTH, a_holder("81cc02"))
    successor.write(a_record(run="81cc02"))
    before = list(log.written[HOST_KEY])

    with pytest.raises(Superseded):
        sleeper.write(a_record())

    assert log.written[HOST_KEY] == before
    successor.write(a_record(RecordState.DEPLOYING, run="81cc02"))


@pytest.mark.rule("F-10", "I-10")
def test_a_sealed_record_cannot_be_moved_by_its_former_holder(ours: Desk, theirs: Desk) -> None:
    former = ours.ledger.acquire(BOTH, a_holder())
    former.write(a_record())
    former.confirm(BOTH)
    theirs.ledger.unlock(BOTH, RunId("7f3a9c"))
    successor = theirs.ledger.acquire(BOTH, a_holder("81cc02"))
    successor.seal(theirs.ledger.records().values())

    with pytest.raises(Superseded, match="no longer in the hands of run 7f3a9c") as caught:
        former.write(a_record(RecordState.DEPLOYING))
    assert caught.value.why == ("run 81cc02 has written it",)
    assert theirs.ledger.records()[HOST] == a_record()


def test_sealing_changes_who_wrote_it_and_nothing_else(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire(BOTH, a_holder()).write(a_record())
    theirs.ledger.unlock(BOTH, RunId("7f3a9c"))
    theirs.ledger.acquire(BOTH, a_holder("81cc02")).seal([a_record()])

    value = loads(log.written[HOST_KEY][-1]) or {}
    assert (value["run"], value["by"]) == ("81cc02", "7f3a9c")
    assert value["epoch"] == 3
    assert theirs.ledger.records()[HOST] == a_record()


@pytest.mark.rule("I-24")
def test_sealing_keeps_what_the_former_holder_wrote_last(ours: Desk, theirs: Desk) -> None:
    former = ours.ledger.acquire(BOTH, a_holder())
    former.write(a_record())
    read_before_the_lock = theirs.ledger.records()
    former.write(a_record(RecordState.DEPLOYING))
    theirs.ledger.unlock(BOTH, RunId("7f3a9c"))

    theirs.ledger.acquire(BOTH, a_holder("81cc02")).seal(read_before_the_lock.values())

    assert theirs.ledger.records()[HOST].state is RecordState.DEPLOYING


def test_sealing_leaves_closed_foreign_and_unreadable_records_alone(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    foreign = a_record(
        host=HostId("i-2"), registrations=frozenset({Removed(Registration(API, "i-2", None), RunId("81cc02"))})
    )
    ours.client.calls.clear()

    lease.seal([foreign, a_record(RecordState.IN_SERVICE), a_record(RecordState.UNREADABLE, registrations=frozenset())])

    assert puts(ours) == []


def test_sealing_a_record_that_was_closed_meanwhile_writes_nothing(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    lease.write(a_record(RecordState.IN_SERVICE))
    before = len(log.written[HOST_KEY])
    lease.seal([a_record()])
    assert len(log.written[HOST_KEY]) == before


@pytest.mark.rule("F-11")
def test_an_unreadable_record_is_never_overwritten(ours: Desk, log: ParameterLog) -> None:
    log.accept(HOST_KEY, '{"schema":9,"base":0,"nonce":"x"}', overwrite=False)
    lease = ours.ledger.acquire(BOTH, a_holder())

    with pytest.raises(Superseded, match="no longer in the hands"):
        lease.write(a_record())
    assert len(log.written[HOST_KEY]) == 1


@pytest.mark.rule("F-13")
def test_a_record_deleted_by_hand_supersedes(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    lease.write(a_record())
    log.delete(HOST_KEY)

    with pytest.raises(Superseded, match="deleted"):
        lease.write(a_record(RecordState.DEPLOYING))
    assert HOST_KEY not in log.written


def test_a_record_of_pools_that_the_run_does_not_hold_is_not_written(ours: Desk) -> None:
    lease = ours.ledger.acquire([PoolId("clb/other")], a_holder())
    with pytest.raises(Superseded, match=f"run 7f3a9c holds none of the pools of {HOST}"):
        lease.write(a_record())


@pytest.mark.rule("F-52")
def test_a_closing_that_landed_late_may_be_asked_for_again(ours: Desk, log: ParameterLog) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    for state in (RecordState.HELD, RecordState.DEPLOYING, RecordState.DEPLOYED, RecordState.REGISTERING):
        lease.write(a_record(state))
    ours.client.fates.append(Fate.LATE)
    ours.client.fates.extend([Fate.UNSENT] * 50)
    with pytest.raises(StoreDown):
        lease.write(a_record(RecordState.IN_SERVICE))
    log.deliver()
    ours.client.fates.clear()

    lease.write(a_record(RecordState.IN_SERVICE))

    assert ours.ledger.records()[HOST].state is RecordState.IN_SERVICE


@pytest.mark.rule("I-2", "F-28")
def test_an_open_record_of_another_run_grows_and_keeps_its_state(ours: Desk, theirs: Desk) -> None:
    ours.ledger.acquire(BOTH, a_holder()).write(a_record())
    theirs.ledger.unlock(BOTH, RunId("7f3a9c"))
    lease = theirs.ledger.acquire(BOTH, a_holder("81cc02"))
    grown = replace(
        a_record(),
        registrations=a_record().registrations | {Removed(Registration(WEB, HOST, 9090), RunId("81cc02"))},
    )

    lease.write(grown)
    with pytest.raises(IllegalMove):
        lease.write(a_record())

    assert theirs.ledger.records()[HOST] == grown


def test_a_store_that_refuses_says_why(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())

    def refuse(**_: object) -> None:
        raise refusal("AccessDeniedException", "PutParameter")

    monkeypatch.setattr(ours.client, "put_parameter", refuse)
    with pytest.raises(PermissionDenied):
        lease.write(a_record())


# --- beats and the end -------------------------------------------------------------------------------


def test_beats_come_every_thirty_seconds_and_not_sooner(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.client.calls.clear()
    for _ in range(24):
        ours.clock.sleep(5)
        lease.beat_if_due()
    assert puts(ours).count(WEB_KEY) == 3


def test_a_confirm_is_a_beat_too(ours: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    ours.clock.sleep(29)
    lease.confirm([WEB])
    ours.client.calls.clear()
    ours.clock.sleep(20)
    lease.beat_if_due()
    assert puts(ours) == []


def test_a_beat_says_what_the_run_is_working_on(ours: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    lease.doing("web-3")
    ours.clock.sleep(31)
    lease.beat_if_due()
    assert ours.ledger.locks()[WEB].doing == "web-3"


@pytest.mark.rule("F-12")
def test_a_beat_that_fails_says_nothing_and_tries_again_at_the_next_tick(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.clock.sleep(31)
    ours.client.down = True
    began = ours.clock.time
    lease.beat_if_due()
    assert ours.clock.time == began
    ours.client.down = False
    ours.client.calls.clear()
    lease.beat_if_due()
    assert puts(ours) == [locks.key(API), WEB_KEY]


@pytest.mark.rule("F-10")
def test_what_a_beat_finds_out_the_next_confirm_tells(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    ours.clock.sleep(31)
    lease.beat_if_due()
    with pytest.raises(Superseded):
        lease.confirm([API])


def test_a_release_frees_all_pools_and_stops_beating(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    assert lease.release()
    assert lease.release()
    assert ours.ledger.locks() == {}
    assert ours.beats.stopped


@pytest.mark.rule("F-10")
def test_a_release_frees_only_what_is_still_ours(ours: Desk, theirs: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    theirs.ledger.unlock([WEB], RunId("7f3a9c"))
    theirs.ledger.acquire([WEB], a_holder("81cc02"))
    assert lease.release()
    assert {pool: seen.holder for pool, seen in theirs.ledger.locks().items()} == {WEB: a_holder("81cc02")}


@pytest.mark.rule("F-12")
def test_a_release_never_raises_and_says_that_a_lock_may_still_be_held(ours: Desk) -> None:
    lease = ours.ledger.acquire(BOTH, a_holder())
    ours.client.down = True
    assert not lease.release()
    assert ours.beats.stopped


def test_nothing_is_confirmed_after_a_release(ours: Desk) -> None:
    lease = ours.ledger.acquire([WEB], a_holder())
    lease.release()
    ours.clock.sleep(6)
    with pytest.raises(Superseded):
        lease.confirm([WEB])


@pytest.mark.rule("I-20")
def test_the_ledger_holds_no_address_to_dial(ours: Desk, log: ParameterLog) -> None:
    ours.ledger.acquire(BOTH, a_holder()).write(a_record())
    fields = {name for texts in log.written.values() for text in texts for name in json.loads(text)}
    assert not fields & {"ip", "private_ip", "address", "password", "env"}
