"""Records as text and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elbroll.errors import RecordTooBig
from elbroll.ledger import records
from elbroll.ledger.values import Draft, Owner
from elbroll.model import HostId, HostRecord, PoolId, RecordState, Registration, Removed, RunId, Why
from ledger.things import HOST, SINCE, a_record, unhurried

OWNER = Owner(RunId("7f3a9c"), 12)
text = st.text(max_size=6)
"""Short enough to be kept whole: a character may take twelve bytes once it is written."""
maybe = st.none() | text
runs = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,11}", fullmatch=True).map(RunId)
labels = st.none() | st.from_regex(r"[A-Za-z0-9._+][A-Za-z0-9._+-]{0,20}", fullmatch=True)
plain = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
items = st.builds(
    Registration,
    pool=st.sampled_from([PoolId("tg/web/1a2b"), PoolId("clb/api")]) | plain.map(PoolId),
    id=st.just(HOST) | plain,
    port=st.none() | st.integers(0, 65535),
    zone=st.none() | plain,
    quic_server_id=st.none() | plain,
).filter(lambda item: item.port is not None or not item.pool.startswith("tg/"))
removed = st.builds(Removed, registration=items, run=runs, unresolvable=st.booleans(), alone=st.booleans())
any_record = st.builds(
    HostRecord,
    host=st.just(HOST),
    state=st.sampled_from([state for state in RecordState if state is not RecordState.UNREADABLE]),
    why=st.sampled_from(Why),
    run=runs,
    since=moments,
    registrations=st.frozensets(removed, max_size=4),
    name=maybe,
    lb=maybe,
    reason=maybe,
    until=st.none() | moments,
    release_before=labels,
    release_after=labels,
    attempt=st.integers(1, 99),
    step=st.none() | st.text(max_size=3),
    error=maybe,
    was=st.frozensets(items, max_size=4),
    standby_group=maybe,
)


def written(record: HostRecord) -> str:
    return Draft(records.encode(record, OWNER), "0123456789abcdef").over(41)


@unhurried
@given(any_record)
def test_a_record_comes_back_as_it_was(record: HostRecord) -> None:
    assert records.decode(record.host, written(record)) == record


@pytest.mark.rule("L3")
@unhurried
@given(any_record)
@example(a_record(reason="{{ssm:/db/password}}", name="}}{{"))
def test_a_written_record_is_ascii_and_holds_no_reference(record: HostRecord) -> None:
    value = written(record)

    assert value.isascii()
    assert "{{" not in value
    assert "}}" not in value


def test_a_record_says_who_wrote_it_and_over_what() -> None:
    value = json.loads(written(a_record(run="111111")))

    assert {name: value[name] for name in ("schema", "base", "nonce", "epoch", "run", "by")} == {
        "schema": 1, "base": 41, "nonce": "0123456789abcdef", "epoch": 12, "run": "7f3a9c", "by": "111111",
    }  # fmt: skip
    assert records.owner_of(written(a_record())) == OWNER


FULL = a_record(
    RecordState.REGISTERING,
    registrations=frozenset(
        {
            Removed(Registration(PoolId("tg/a/1"), HOST, 80), RunId("7f3a9c"), alone=True),
            Removed(Registration(PoolId("tg/a/1"), HOST, 81, "eu-central-1a", "q1"), RunId("111111"), True),
            Removed(Registration(PoolId("clb/b"), "10.0.0.7", None), RunId("7f3a9c")),
        }
    ),
    why=Why.DRAIN, reason="disk", until=SINCE + timedelta(hours=2), release_before="v1", release_after="v2",
    attempt=2, step="verify", error="502", standby_group="web-asg",
)  # fmt: skip
FULL_TEXT = (
    '{"schema":1,"base":41,"nonce":"0123456789abcdef","epoch":12,"run":"7f3a9c","host":"i-0a1b2c3d4e5f60001",'
    '"state":"registering","why":"drain","by":"7f3a9c","since":"2026-11-22T21:33:41Z","until":"2026-11-22T23:33:41Z",'
    '"before":"v1","after":"v2","attempt":2,"standby":"web-asg",'
    '"out":[{"pool":"clb/b","id":"10.0.0.7"},{"pool":"tg/a/1","port":80,"alone":true},'
    '{"pool":"tg/a/1","port":81,"zone":"eu-central-1a","quic":"q1","run":"111111","unresolvable":true}],'
    '"name":"web-1","lb":"web-prod","reason":"disk","step":"verify","error":"502"}'
)
CLOSED_TEXT = (
    '{"schema":1,"base":41,"nonce":"0123456789abcdef","epoch":12,"run":"7f3a9c","host":"i-0a1b2c3d4e5f60001",'
    '"state":"in-service","why":"roll","by":"7f3a9c","since":"2026-11-22T21:33:41Z",'
    '"was":[{"pool":"clb/api-prod"},{"pool":"tg/web-prod/1a2b3c4d5e6f7a8b","port":8080}],'
    '"name":"web-1","lb":"web-prod"}'
)


@pytest.mark.rule("I-2", "L3")
@pytest.mark.parametrize(
    ("record", "text"), [(FULL, FULL_TEXT), (a_record(RecordState.IN_SERVICE), CLOSED_TEXT)], ids=["open", "closed"]
)
def test_the_form_of_a_record_stays_what_other_versions_have_written(record: HostRecord, text: str) -> None:
    assert written(record) == text
    assert records.decode(HOST, text) == record


@pytest.mark.rule("F-11")
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"host": "i-2"}, "it names another host"),
        ({"state": "melting"}, "a state that this version does not know"),
        ({"why": "fun"}, "a reason that this version does not know"),
        ({"out": [{"port": 80}]}, "an entry without its pool"),
        ({"out": [{"pool": "tg/a/1"}]}, "a target without its port"),
        ({"was": [{"pool": "tg/a/1", "port": 65536}]}, "a port that is none"),
        ({"schema": 7}, "schema 7"),
        ({"epoch": -1}, "epoch is no number"),
        ({"epoch": None}, "epoch is missing"),
        ({"run": "$(id)"}, "run is none"),
        ({"run": None}, "run is missing"),
    ],
)
def test_an_unreadable_record_says_what_is_wrong_and_claims_nothing(broken: dict[str, object], said: str) -> None:
    value = json.loads(written(a_record())) | broken

    assert records.decode(HOST, json.dumps(value)) == HostRecord(
        host=HOST, state=RecordState.UNREADABLE, why=Why.ROLL, run=RunId("unknown"),
        since=datetime(1970, 1, 1, tzinfo=UTC), registrations=frozenset(), error=said,
    )  # fmt: skip


@pytest.mark.rule("F-11")
def test_of_a_value_that_cannot_be_read_nobody_is_the_owner() -> None:
    assert records.owner_of("??") is None
    assert records.owner_of(None) is None
    assert records.owner_of('{"schema":1,"run":"7f3a9c"}') is None


def test_fields_of_a_later_version_are_ignored() -> None:
    value = json.loads(written(a_record())) | {"colour": "green", "nested": {"a": [1]}}
    assert records.decode(HOST, json.dumps(value)) == a_record()


WRONG = [
    ("schema", 2), ("schema", "1"), ("schema", None), ("state", "melting"), ("state", "unreadable"), ("state", None),
    ("why", "fun"), ("host", "i-0ffffffffffffffff"), ("host", 7), ("since", "yesterday"),
    ("since", "2026-11-22T10:00:00"),
    ("since", "0001-01-01T00:00:00+23:59"), ("since", None), ("attempt", "1"), ("attempt", True), ("attempt", -1),
    ("out", {}), ("out", [7]), ("out", [{"port": 80}]), ("out", [{"pool": "tg/a/1", "port": "80"}]),
    ("out", [{"pool": "tg/a/1", "port": 80, "unresolvable": "no"}]), ("out", [{"pool": "tg/a/1", "port": 65536}]),
    ("out", [{"pool": "tg/a b/1", "port": 80}]), ("out", [{"pool": "tg/a/1", "port": 80, "id": "i-1\x1b[2J"}]),
    ("out", [{"pool": "", "port": 80}]), ("out", [{"pool": "tg/a/1"}]), ("was", [{"pool": "tg/a/1"}]),
    ("out", [{"pool": "clb/a", "run": "a b"}]), ("before", "v1 && rm"),
    ("after", "-v143"), ("after", "$(id)"), ("after", ""), ("by", "x; id"), ("by", ""), ("attempt", 2**53),
    ("name", ["x"]), ("by", None), ("was", "nothing"),
]  # fmt: skip


@pytest.mark.rule("F-11", "S-5")
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_record_with_a_wrong_field_is_unreadable_not_empty(name: str, value: object) -> None:
    broken = json.loads(written(a_record())) | {name: value}

    record = records.decode(HOST, json.dumps(broken))

    assert record.state is RecordState.UNREADABLE
    assert record.open
    assert record.error


@pytest.mark.rule("F-11")
@unhurried
@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="replace")) | st.none())
@example("[" * 100_000)
@example('{"schema":' + "9" * 5000 + "}")
@example('{"schema":NaN}')
@example('{"schema":1,"schema":1}')
@example('"\\ud800"')
def test_whatever_is_stored_reads_as_a_record(stored: str | None) -> None:
    assert records.decode(HOST, stored).state is RecordState.UNREADABLE


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.rule("F-11")
@unhurried
@given(st.dictionaries(st.sampled_from(sorted(json.loads(written(a_record(reason="x", attempt=2))))), values))
def test_no_mixture_of_fields_makes_the_parser_fail(forged: dict[str, object]) -> None:
    text = json.dumps(json.loads(written(a_record())) | forged)
    assert records.decode(HOST, text).host == HOST


def test_an_address_keeps_its_own_id_in_each_registration() -> None:
    bare = a_record(
        host=HostId("ip-vpc-1-10.0.1.7"),
        registrations=frozenset({Removed(Registration(PoolId("tg/a/1"), "10.0.1.7", 80, "all"), RunId("7f3a9c"))}),
    )
    assert records.decode(bare.host, written(bare)) == bare


@pytest.mark.rule("L3")
def test_long_words_of_people_are_cut_and_registrations_never() -> None:
    record = a_record(reason="ü" * 5000, error="\x1b" * 5000, step="s" * 500, name="n" * 5000, lb="l" * 5000)

    back = records.decode(HOST, written(record))

    assert back.registrations == record.registrations
    assert back.reason == "ü" * 50
    assert len(written(record)) < 1600


def with_pools(count: int, **changes: object) -> HostRecord:
    run = RunId("7f3a9c")
    out = [
        Removed(Registration(PoolId(f"tg/{'w' * 28}{n:04}/1a2b3c4d5e6f7a8b"), HOST, 8080), run) for n in range(count)
    ]
    return a_record(registrations=frozenset(out), **changes)


@pytest.mark.rule("F-28", "L3")
def test_a_record_over_the_limit_names_the_store_that_takes_it() -> None:
    with pytest.raises(RecordTooBig, match="takes 4096") as caught:
        records.check_size(with_pools(60), OWNER, 4096)
    assert "s3://" in caught.value.fix[0]
    assert caught.value.why == ("the host has 60 registrations",)


@pytest.mark.rule("F-28", "L3")
@pytest.mark.parametrize(
    ("state", "room", "items"),
    [(RecordState.HELD, 420, 2), (RecordState.DEPLOYED, 0, 2), (RecordState.IN_SERVICE, 0, 2)],
)
def test_a_record_may_fill_the_store_to_the_last_byte(state: RecordState, room: int, items: int) -> None:
    record = a_record(state)
    needed = len(Draft(records.encode(record, OWNER), "0123456789abcdef").over("0" * 20)) + room

    records.check_size(record, OWNER, needed)
    with pytest.raises(RecordTooBig) as caught:
        records.check_size(record, OWNER, needed - 1)

    assert caught.value.message == f"the record of {HOST} needs {needed} bytes; this ledger store takes {needed - 1}"
    assert caught.value.why == (f"the host has {items} registrations",)


@pytest.mark.rule("F-28")
def test_thirty_pools_fit_into_a_parameter() -> None:
    records.check_size(with_pools(30), OWNER, 4096)


@pytest.mark.rule("F-28")
@unhurried
@given(st.integers(1, 60))
def test_a_host_that_could_be_held_can_be_walked_to_the_end(count: int) -> None:
    longest = {
        "release_after": "r" * 128, "attempt": 99, "step": "ä" * 40, "error": "ö" * 300, "run": "ffffff",
        "state": RecordState.REGISTERING,
    }  # fmt: skip
    held = with_pools(count)
    try:
        records.check_size(held, OWNER, 4096)
    except RecordTooBig:
        return
    records.check_size(replace(held, **{**longest, "run": held.run}), OWNER, 4096)
