"""S3 where moto lies or says nothing: races, lost answers, foreign buckets."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from elbroll.aws import Identity
from elbroll.errors import PermissionDenied, StoreDown, StoreError
from elbroll.ledger import open_store
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.stores.s3 import S3Store
from elbroll.ledger.values import Draft
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.aws import Clients

KEY = "/elbroll/v1/host/i-1"
WHERE = {"Bucket": "acme-ops", "Key": "pre/elbroll/v1/host/i-1", "ExpectedBucketOwner": "123456789012"}
DRAFT = Draft({"word": "mine"}, "mine")
SEEN = Stored('{"word":"old"}', '"e1"', 1)
PUT = {**WHERE, "ContentType": "application/json", "Body": DRAFT.over('"e1"').encode(), "IfMatch": '"e1"'}
CREATE = {**WHERE, "ContentType": "application/json", "Body": DRAFT.over(0).encode(), "IfNoneMatch": "*"}


@pytest.fixture
def stub(clients: Clients) -> Iterator[Stubber]:
    with Stubber(clients.s3) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def store(clients: Clients) -> S3Store:
    return S3Store(clients.s3, "acme-ops", "pre", "123456789012")


def holding(stub: Stubber, text: str, etag: str, **more: Any) -> None:
    body = StreamingBody(BytesIO(text.encode()), len(text.encode()))
    stub.add_response("get_object", {"Body": body, "ETag": etag, **more}, WHERE)


def refusing(stub: Stubber, call: str, code: str, status: int, expected: dict[str, Any] | None = None) -> None:
    stub.add_client_error(call, code, http_status_code=status, expected_params=expected)


@pytest.mark.rule("L5", "S-13")
def test_an_update_names_the_etag_it_was_based_on_and_the_buckets_owner(stub: Stubber, store: S3Store) -> None:
    stub.add_response("put_object", {"ETag": '"e2"'}, PUT)
    assert store.write(KEY, DRAFT, SEEN) is Verdict.WON


@pytest.mark.rule("L5")
def test_a_creation_demands_that_nothing_is_there(stub: Stubber, store: S3Store) -> None:
    stub.add_response("put_object", {"ETag": '"e2"'}, CREATE)
    assert store.write(KEY, DRAFT, None) is Verdict.WON


@pytest.mark.rule("L5", "F-9")
def test_a_failed_condition_with_our_mark_is_the_second_copy_of_a_won_write(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "PreconditionFailed", 412)
    holding(stub, DRAFT.over('"e1"'), '"e2"')
    assert store.write(KEY, DRAFT, SEEN) is Verdict.WON


@pytest.mark.rule("L5", "I-25")
def test_a_failed_condition_with_another_mark_is_lost(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "PreconditionFailed", 412)
    holding(stub, Draft({}, "theirs").over('"e1"'), '"e3"')
    assert store.write(KEY, DRAFT, SEEN) is Verdict.LOST


@pytest.mark.rule("L5", "F-13")
def test_an_update_of_a_key_that_is_gone_says_so(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "NoSuchKey", 404)
    assert store.write(KEY, DRAFT, SEEN) is Verdict.DELETED


@pytest.mark.rule("L5")
def test_a_race_without_a_winner_has_no_verdict(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "ConditionalRequestConflict", 409)
    holding(stub, '{"word":"old"}', '"e1"')
    with pytest.raises(StoreDown):
        store.write(KEY, DRAFT, SEEN)


@pytest.mark.rule("L5")
def test_a_race_with_a_winner_is_lost(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "ConditionalRequestConflict", 409)
    holding(stub, Draft({}, "theirs").over(0), '"e9"')
    assert store.write(KEY, DRAFT, None) is Verdict.LOST


@pytest.mark.rule("L5")
def test_a_race_for_a_key_that_is_not_there_yet_has_no_verdict(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "ConditionalRequestConflict", 409)
    refusing(stub, "get_object", "NoSuchKey", 404)
    with pytest.raises(StoreDown):
        store.write(KEY, DRAFT, None)


@pytest.mark.rule("F-13")
def test_a_key_deleted_under_an_unsettled_write_is_noticed(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "InternalError", 500)
    refusing(stub, "get_object", "NoSuchKey", 404)
    assert store.write(KEY, DRAFT, SEEN) is Verdict.DELETED


@pytest.mark.rule("F-9", "I-11")
def test_a_lost_answer_is_settled_by_a_read(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "InternalError", 500)
    holding(stub, DRAFT.over('"e1"'), '"e2"')
    assert store.write(KEY, DRAFT, SEEN) is Verdict.WON


@pytest.mark.rule("L5")
@pytest.mark.parametrize("call", ["read", "write", "list"])
def test_no_access_is_never_taken_for_free(stub: Stubber, store: S3Store, call: str) -> None:
    calls = {
        "read": ("get_object", lambda: store.read(KEY)),
        "write": ("put_object", lambda: store.write(KEY, DRAFT, None)),
        "list": ("list_objects_v2", lambda: store.list("/elbroll/v1/host/")),
    }
    operation, act = calls[call]
    refusing(stub, operation, "AccessDenied", 403)

    with pytest.raises(PermissionDenied) as caught:
        act()

    needed = {"read": "s3:GetObject", "write": "s3:PutObject", "list": "s3:ListBucket"}
    assert caught.value.action == needed[call]
    assert str(caught.value.resource).startswith("s3://acme-ops/pre/elbroll/v1/host/")


def test_a_bucket_that_does_not_exist_is_a_plain_no(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "get_object", "NoSuchBucket", 404)
    with pytest.raises(StoreError, match="NoSuchBucket") as caught:
        store.read(KEY)
    assert not isinstance(caught.value, StoreDown)


@pytest.mark.rule("F-15")
@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ({"IsTruncated": True, "Contents": []}, "NextContinuationToken"),
        ({"Contents": []}, "IsTruncated"),
        ({"IsTruncated": False, "Contents": [{"Size": 7}]}, "Key"),
    ],
    ids=["no way on", "no end", "no name"],
)
def test_half_a_listing_is_none_and_says_what_it_lacks(
    stub: Stubber, store: S3Store, page: dict[str, Any], missing: str
) -> None:
    stub.add_response("list_objects_v2", page)

    with pytest.raises(StoreDown, match=r"no answer about s3://acme-ops/pre/elbroll/v1/host/$") as caught:
        store.list("/elbroll/v1/host/")

    assert caught.value.why == ("AWS gave half an answer to s3:ListBucket", f"{missing} is missing from it")


@pytest.mark.rule("I-11", "F-9")
def test_a_yes_that_names_no_version_is_settled_by_a_read(stub: Stubber, store: S3Store) -> None:
    stub.add_response("put_object", {}, PUT)
    holding(stub, Draft({}, "theirs").over('"e1"'), '"e3"')
    assert store.write(KEY, DRAFT, SEEN) is Verdict.LOST


@pytest.mark.rule("L5", "F-12")
def test_a_write_that_was_not_accepted_says_so_and_may_be_repeated(stub: Stubber, store: S3Store) -> None:
    refusing(stub, "put_object", "SlowDown", 503)
    holding(stub, '{"word":"old"}', '"e1"')

    with pytest.raises(StoreDown, match="s3://acme-ops/pre/elbroll/v1/host/i-1") as caught:
        store.write(KEY, DRAFT, SEEN)

    assert caught.value.why == ("a write has not been accepted yet",)
    assert "the same command again" in caught.value.fix[0]


@pytest.mark.rule("L4", "F-8")
def test_an_age_is_from_the_last_change_to_the_date_of_the_same_answer(stub: Stubber, store: S3Store) -> None:
    modified = datetime(2026, 11, 22, 12, tzinfo=UTC)
    dated = {"HTTPStatusCode": 200, "HTTPHeaders": {"date": "Sun, 22 Nov 2026 12:06:40 GMT"}}
    holding(stub, '{"word":"old"}', '"e1"', LastModified=modified, ResponseMetadata=dated)
    assert store.read(KEY).age == 400.0  # type: ignore[union-attr]


@pytest.mark.rule("F-15")
def test_a_value_without_its_version_is_half_an_answer(stub: Stubber, store: S3Store) -> None:
    stub.add_response("get_object", {"Body": StreamingBody(BytesIO(b"{}"), 2)}, WHERE)
    with pytest.raises(StoreDown) as caught:
        store.read(KEY)
    assert caught.value.why == ("AWS gave half an answer to s3:GetObject", "ETag is missing from it")


@pytest.mark.rule("F-11", "L3")
def test_a_body_may_be_as_long_as_the_limit_says(clients: Clients, store: S3Store) -> None:
    clients.s3.put_object(Bucket="acme-ops", Key="pre/elbroll/v1/host/i-1", Body=b"x" * 262_144)
    whole = store.read(KEY)
    clients.s3.put_object(Bucket="acme-ops", Key="pre/elbroll/v1/host/i-1", Body=b"x" * 262_145)
    longer = store.read(KEY)

    assert (whole.text, longer.text) == ("x" * 262_144, None)  # type: ignore[union-attr]


@pytest.mark.rule("L4", "S-13")
def test_listings_go_on_where_the_last_page_ended(stub: Stubber, store: S3Store) -> None:
    asked = {"Bucket": "acme-ops", "Prefix": "pre/elbroll/v1/host/", "ExpectedBucketOwner": "123456789012"}
    first = {"IsTruncated": True, "NextContinuationToken": "t1", "Contents": []}
    stub.add_response("list_objects_v2", first, asked)
    last = {"IsTruncated": False, "Contents": [{"Key": "pre/elbroll/v1/host/i-1"}]}
    stub.add_response("list_objects_v2", last, {**asked, "ContinuationToken": "t1"})
    holding(stub, '{"word":"x"}', '"e1"')

    assert list(store.list("/elbroll/v1/host/")) == [KEY]


@pytest.mark.rule("F-11")
def test_a_folder_made_by_hand_in_the_console_is_no_value(clients: Clients, store: S3Store) -> None:
    clients.s3.put_object(Bucket="acme-ops", Key="pre/elbroll/v1/host/", Body=b"")
    store.write(KEY, DRAFT, None)

    assert list(store.list("/elbroll/v1/host/")) == [KEY]


@pytest.mark.rule("F-11")
@pytest.mark.parametrize("body", [b"\xff\xfe", b"x" * 300_000], ids=["no text", "endless"])
def test_a_body_that_is_no_value_of_ours_is_unreadable(clients: Clients, store: S3Store, body: bytes) -> None:
    clients.s3.put_object(Bucket="acme-ops", Key="pre/elbroll/v1/host/i-1", Body=body)

    found = store.read(KEY)

    assert found is not None
    assert found.text is None


@pytest.mark.rule("F-12")
def test_a_line_that_breaks_while_reading_is_no_answer(
    clients: Clients, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking:
        def read(self, _: int) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://s3.example")

    monkeypatch.setattr(clients.s3, "get_object", lambda **_: {"Body": Breaking(), "ETag": '"e"'})
    with pytest.raises(StoreDown):
        store.read(KEY)


@pytest.mark.rule("F-12", "F-15")
@pytest.mark.parametrize("kept", [0, 1, 40])
def test_a_body_that_is_cut_off_on_its_way_is_no_value(stub: Stubber, store: S3Store, kept: int) -> None:
    whole = DRAFT.over('"e1"').encode()
    stub.add_response("get_object", {"Body": StreamingBody(BytesIO(whole[:kept]), len(whole)), "ETag": '"e2"'}, WHERE)

    with pytest.raises(StoreDown):
        store.read(KEY)


def test_a_body_that_comes_in_pieces_is_one_value(
    clients: Clients, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dripping:
        def __init__(self) -> None:
            self._left = BytesIO(b'{"word":"whole"}')

        def read(self, size: int) -> bytes:
            return self._left.read(min(size, 3))

    monkeypatch.setattr(clients.s3, "get_object", lambda **_: {"Body": Dripping(), "ETag": '"e"'})
    found = store.read(KEY)

    assert found is not None
    assert found.text == '{"word":"whole"}'


def test_without_a_prefix_keys_begin_at_the_top(clients: Clients) -> None:
    store = S3Store(clients.s3, "acme-ops", "", "123456789012")
    store.write(KEY, DRAFT, None)

    listed = clients.s3.list_objects_v2(Bucket="acme-ops")
    assert [entry.get("Key") for entry in listed.get("Contents", [])] == ["elbroll/v1/host/i-1"]
    assert list(store.list("/elbroll/v1/host/")) == [KEY]


@pytest.mark.rule("S-13")
@pytest.mark.parametrize(
    ("place", "top"), [("s3://acme-ops", ""), ("s3://acme-ops/", ""), ("s3://acme-ops/ops/elbroll/", "ops/elbroll/")]
)
def test_keys_lie_below_the_prefix_by_account_and_region(
    clients: Clients, tmp_path: Path, place: str, top: str
) -> None:
    identity = Identity("123456789012", "arn:aws:iam::123456789012:user/ci", "us-east-1")
    open_store(place, clients, identity, FakeClock(), tmp_path).write(KEY, DRAFT, None)

    listed = clients.s3.list_objects_v2(Bucket="acme-ops")
    assert [entry.get("Key") for entry in listed.get("Contents", [])] == [
        f"{top}123456789012/us-east-1/elbroll/v1/host/i-1"
    ]


@pytest.mark.rule("I-13", "F-15")
def test_a_listing_that_goes_round_in_circles_is_none(stub: Stubber, store: S3Store) -> None:
    for token in ("a", "b", "a"):
        page = {"IsTruncated": True, "NextContinuationToken": token, "KeyCount": 0}
        stub.add_response("list_objects_v2", page)
    with pytest.raises(StoreDown) as caught:
        store.list("/elbroll/v1/host/")
    assert caught.value.why == ("s3:ListBucket goes round in circles",)


@pytest.mark.rule("F-15", "L5")
def test_a_listing_that_announces_more_keys_than_it_names_is_half_an_answer(stub: Stubber, store: S3Store) -> None:
    stub.add_response("list_objects_v2", {"IsTruncated": False, "KeyCount": 2})
    with pytest.raises(StoreDown) as caught:
        store.list("/elbroll/v1/lock/")
    assert caught.value.why == ("AWS gave half an answer to s3:ListBucket", "2 keys are announced, 0 are named")
