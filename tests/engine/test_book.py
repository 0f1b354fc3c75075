"""A host's page in the ledger, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scene import Scene

from builders import RUN, a_record, a_registration
from elbroll import events
from elbroll.engine.book import HostBook
from elbroll.errors import StoreDown
from elbroll.model import HostRecord, RecordState, Removed, RunId, Why

EARLIER = RunId("aaaaaa")


def a_book(scene: Scene, record: HostRecord | None = None, **changes: object) -> HostBook:
    if record is not None:
        scene.ledger.kept[record.host] = record
    return HostBook(scene.hosts[0], record, replace(scene.run(), **changes))  # type: ignore[arg-type]


def here(scene: Scene) -> set[object]:
    return set(scene.places[scene.hosts[0].id])


@pytest.mark.rule("I-2", "I-12")
def test_a_new_record_holds_what_was_seen_and_who_took_it_out_why() -> None:
    scene = Scene()
    until = scene.clock.now()
    book = a_book(scene, why=Why.DRAIN, reason="disk swap", until=until)
    record = book.hold(scene.places[scene.hosts[0].id])
    assert {item.registration for item in record.registrations} == here(scene)
    assert {item.run for item in record.registrations} == {RUN}
    assert (record.state, record.why, record.reason, record.until) == (RecordState.HELD, Why.DRAIN, "disk swap", until)
    assert (record.name, record.lb, record.run, record.attempt) == ("web-1", "web-prod", RUN, 1)


def test_the_release_before_is_what_the_closed_record_says() -> None:
    scene = Scene()
    closed = a_record(scene.hosts[0], state=RecordState.IN_SERVICE, release_after="v142")
    book = a_book(scene, closed)
    record = book.hold(scene.places[scene.hosts[0].id])
    assert (record.release_before, record.release_after) == ("v142", None)
    assert book.deploying("v143").release_after == "v143"
    assert book.release_before == "v142"


def test_without_any_record_nobody_knows_the_release_before() -> None:
    assert a_book(Scene()).release_before is None


@pytest.mark.rule("I-2", "F-28")
@pytest.mark.parametrize("state", [RecordState.HELD, RecordState.DEPLOYING, RecordState.REGISTERING])
def test_an_open_record_keeps_its_state_and_origin_and_gains_what_is_seen(state: RecordState) -> None:
    scene = Scene()
    first = scene.hosts[0]
    old, new = sorted(scene.places[first.id])
    before = replace(
        a_record(first, state=state, why=Why.DRAIN, reason="disk swap"),
        registrations=frozenset({Removed(old, EARLIER)}),
    )
    after = a_book(scene, before).hold({old, new})
    assert after.registrations == {Removed(old, EARLIER), Removed(new, RUN)}
    assert (after.state, after.why, after.reason, after.since) == (state, Why.DRAIN, "disk swap", before.since)


@pytest.mark.rule("I-12")
def test_a_closed_record_gives_nothing_to_the_next_one() -> None:
    scene = Scene()
    first = scene.hosts[0]
    old, new = sorted(scene.places[first.id])
    closed = a_record(first, [old], RecordState.IN_SERVICE)
    assert a_book(scene, closed).hold({new}).registrations == {Removed(new, RUN)}


@pytest.mark.rule("F-49")
def test_a_record_says_which_ports_were_the_hosts_alone() -> None:
    scene = Scene()
    alone, shared = sorted(scene.places[scene.hosts[0].id])
    record = a_book(scene).hold({alone, shared}, alone={alone})
    assert record.registrations == {Removed(alone, RUN, alone=True), Removed(shared, RUN)}


@pytest.mark.rule("I-2")
def test_an_open_record_never_shrinks() -> None:
    scene = Scene()
    record = a_record(scene.hosts[0], scene.places[scene.hosts[0].id])
    book = a_book(scene, record)
    for after in (book.hold(()), book.deploying("v143"), book.deployed("v143"), book.registering()):
        assert {item.registration for item in after.registrations} == here(scene)


def test_each_deploy_after_the_first_is_a_new_attempt() -> None:
    scene = Scene()
    book = a_book(scene)
    book.hold(scene.places[scene.hosts[0].id])
    attempts = [book.deploying("v143").attempt, book.deploying("v143").attempt]
    book.deployed("v143")
    assert [*attempts, book.deploying("v142").attempt] == [1, 2, 3]


def test_a_deploy_takes_over_a_host_that_was_drained_on_purpose() -> None:
    scene = Scene()
    book = a_book(scene, a_record(scene.hosts[0], scene.places[scene.hosts[0].id], why=Why.DRAIN))
    assert book.deploying("v143").why is Why.ROLL


def test_what_failed_is_noted_and_forgotten_with_the_next_attempt() -> None:
    scene = Scene()
    book = a_book(scene)
    book.hold(scene.places[scene.hosts[0].id])
    book.deploying("v143")
    noted = book.failed("deploy", "deploy-exit")
    again = book.deploying("v143")
    assert (noted.state, noted.step, noted.error) == (RecordState.DEPLOYING, "deploy", "deploy-exit")
    assert (again.step, again.error) == (None, None)


@pytest.mark.rule("I-2")
def test_a_closed_record_keeps_its_registrations_for_status_only() -> None:
    scene = Scene()
    book = a_book(scene, reason="disk swap")
    book.hold(scene.places[scene.hosts[0].id])
    book.failed("register", "never-healthy")
    closed = book.in_service("v143")
    assert (closed.registrations, set(closed.was), closed.release_after) == (frozenset(), here(scene), "v143")
    assert (closed.reason, closed.until, closed.step, closed.error) == (None, None, None, None)
    assert (book.record, book.state, book.registrations) == (None, None, frozenset())
    assert book.hold(()).release_before == "v143"


def test_a_host_that_is_gone_keeps_its_release() -> None:
    scene = Scene()
    book = a_book(scene, a_record(scene.hosts[0], scene.places[scene.hosts[0].id]))
    assert (book.gone().state, book.release_before) == (RecordState.GONE, "v143")


@pytest.mark.rule("F-35")
def test_a_registration_without_a_pool_stays_and_is_marked() -> None:
    scene = Scene()
    book = a_book(scene, a_record(scene.hosts[0], scene.places[scene.hosts[0].id]))
    marked = book.unresolvable({scene.api.id})
    gone = {item.registration for item in marked.registrations if item.unresolvable}
    assert gone == {a_registration(scene.api, scene.hosts[0])}
    assert book.registrations == here(scene)


@pytest.mark.rule("I-24")
def test_a_write_that_fails_leaves_the_page_as_it_was() -> None:
    scene = Scene()
    book = a_book(scene)
    scene.ledger.down = True
    with pytest.raises(StoreDown):
        book.hold(scene.places[scene.hosts[0].id])
    assert book.record is None
    assert not scene.sink.events


def test_every_confirmed_write_is_told_with_where_the_host_belongs() -> None:
    scene = Scene()
    book = a_book(scene)
    book.hold(scene.places[scene.hosts[0].id])
    book.in_service("v143")
    told = [event for event in scene.sink.events if isinstance(event, events.RecordWritten)]
    assert [event.state for event in told] == [RecordState.HELD, RecordState.IN_SERVICE]
    assert all(set(event.registrations) == here(scene) for event in told)


def test_a_page_without_a_record_has_nothing_to_move() -> None:
    with pytest.raises(LookupError):
        a_book(Scene()).deploying("v143")


@pytest.mark.rule("I-2", "I-10")
def test_every_write_bears_the_run_that_made_it() -> None:
    scene = Scene()

    def page(state: RecordState = RecordState.HELD) -> HostBook:
        return a_book(scene, a_record(scene.hosts[0], scene.places[scene.hosts[0].id], state, run=EARLIER))

    writes = [page().hold(()), page().deploying("v143"), page().failed("drain", "drain-limit")]
    writes += [page(RecordState.DEPLOYING).deployed("v143"), page(RecordState.DEPLOYED).registering()]
    writes += [page().unresolvable({scene.api.id}), page().in_service("v142"), page().gone()]
    assert [record.run for record in writes] == [RUN] * 8


def test_a_record_says_since_when_a_host_is_out_and_then_since_when_it_serves() -> None:
    scene = Scene()
    book = a_book(scene)
    out = scene.clock.now()
    book.hold(scene.places[scene.hosts[0].id])
    scene.clock.sleep(60.0)
    assert (book.deploying("v143").since, book.deployed("v143").since, book.registering().since) == (out, out, out)
    assert book.in_service("v143").since == scene.clock.now()


@pytest.mark.rule("A3")
def test_the_group_that_a_host_stands_by_in_is_kept_until_the_record_is_closed() -> None:
    scene = Scene()
    entries = scene.places[scene.hosts[0].id]
    book = a_book(scene)
    held = [book.hold(entries, "web-asg"), book.hold(entries), book.hold(entries, "other-asg"), book.deploying("v143")]
    held += [book.deployed("v143"), book.registering()]
    assert [record.standby_group for record in held] == ["web-asg"] * 6
    assert book.standby_group == "web-asg"
    assert (book.in_service("v143").standby_group, book.standby_group) == (None, None)


@pytest.mark.rule("A3", "I-2")
def test_an_open_record_without_a_group_takes_the_one_that_is_about_to_be_left() -> None:
    scene = Scene()
    book = a_book(scene, a_record(scene.hosts[0], scene.places[scene.hosts[0].id]))
    assert book.hold((), "web-asg").standby_group == "web-asg"


def test_a_closed_record_is_known_as_the_last_word_on_the_host() -> None:
    scene = Scene()
    book = a_book(scene)
    book.hold(scene.places[scene.hosts[0].id])
    assert book.closed is None
    closed = book.in_service("v143")
    assert (book.closed, closed.state) == (closed, RecordState.IN_SERVICE)
