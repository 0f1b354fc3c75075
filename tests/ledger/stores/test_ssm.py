"""Parameter Store when answers get lost, reads lag and requests come twice."""

from __future__ import annotations

import itertools

import pytest

from elbroll.errors import CredentialsError, PermissionDenied, StoreDown, StoreError, Superseded
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.ledger.values import Draft
from fakes import FakeClock
from ledger.parameters import FakeSsm, Fate, ParameterLog, refusal
from ledger.things import Desk, passing

KEY = "/elbroll/v1/host/i-1"


def a_draft(nonce: str) -> Draft:
    return Draft({"word": nonce}, nonce)


def grown(log: ParameterLog, *bases: int) -> None:
    for number, base in enumerate(bases, start=1):
        log.accept(KEY, a_draft(f"v{number}").over(base), overwrite=True)


@pytest.mark.rule("L1", "L3")
def test_parameters_are_plain_standard_and_created_only_once(ours: Desk) -> None:
    ours.store.write(KEY, a_draft("a"), None)
    ours.store.write(KEY, a_draft("b"), ours.store.read(KEY))

    asked = [asked for name, asked in ours.client.calls if name == "put_parameter"]
    assert [one["Overwrite"] for one in asked] == [False, True]
    assert {(one["Type"], one["Tier"]) for one in asked} == {("String", "Standard")}
    assert not {"Tags", "Policies"} & set(asked[0])


@pytest.mark.rule("I-25")
def test_voids_on_top_do_not_hide_the_value(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1, 1, 2, 0)

    found = ours.store.read(KEY)

    assert found is not None
    assert found.text == a_draft("v2").over(1)
    assert found.base == 5
    assert ours.store.write(KEY, a_draft("new"), found) is Verdict.WON
    assert ours.store.list("/elbroll/v1/host/")[KEY].text == a_draft("new").over(5)


@pytest.mark.rule("I-25")
def test_a_listing_shows_the_value_below_the_voids(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1, 1)
    assert ours.store.list("/elbroll/v1/host/")[KEY].text == a_draft("v2").over(1)


@pytest.mark.rule("F-9", "I-11")
@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.TWICE])
@pytest.mark.parametrize("existing", [0, 2])
def test_a_write_that_landed_without_a_clear_answer_is_won(
    ours: Desk, log: ParameterLog, fate: Fate, existing: int
) -> None:
    grown(log, *range(existing))
    seen = ours.store.read(KEY)
    ours.client.fates.append(fate)

    assert ours.store.write(KEY, a_draft("mine"), seen) is Verdict.WON
    assert ours.store.read(KEY).text == a_draft("mine").over(existing)  # type: ignore[union-attr]


@pytest.mark.rule("F-9", "I-11")
@pytest.mark.parametrize("existing", [0, 2])
def test_a_write_that_nobody_answers_has_no_verdict_until_it_lands(
    ours: Desk, log: ParameterLog, existing: int
) -> None:
    grown(log, *range(existing))
    seen = ours.store.read(KEY)
    ours.client.fates.extend([Fate.UNSENT, Fate.LATE])

    for _ in range(2):
        with pytest.raises(StoreDown):
            ours.store.write(KEY, a_draft("mine"), seen)
    log.deliver()

    assert ours.store.write(KEY, a_draft("mine"), seen) is Verdict.WON
    assert ours.store.read(KEY).text == a_draft("mine").over(existing)  # type: ignore[union-attr]


@pytest.mark.rule("F-9", "I-25")
def test_a_write_that_was_beaten_while_unanswered_is_lost(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    grown(log, 0)
    seen = ours.store.read(KEY)
    theirs.store.write(KEY, a_draft("theirs"), theirs.store.read(KEY))
    ours.client.fates.append(Fate.ANSWER_LOST)

    assert ours.store.write(KEY, a_draft("ours"), seen) is Verdict.LOST
    assert ours.store.read(KEY).text == a_draft("theirs").over(1)  # type: ignore[union-attr]


@pytest.mark.rule("L3", "F-9")
def test_too_many_updates_is_a_lost_answer(ours: Desk, log: ParameterLog, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(log, 0)
    seen = ours.store.read(KEY)

    def too_many(**_: object) -> None:
        raise refusal("TooManyUpdates", "PutParameter")

    with monkeypatch.context() as patched:
        patched.setattr(ours.client, "put_parameter", too_many)
        with pytest.raises(StoreDown):
            ours.store.write(KEY, a_draft("mine"), seen)

    assert ours.store.write(KEY, a_draft("mine"), seen) is Verdict.WON


@pytest.mark.rule("I-25")
def test_a_stale_read_makes_a_void_write_and_no_harm(ours: Desk, theirs: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1)
    ours.client.hidden = 1
    stale = ours.store.read(KEY)
    theirs.store.read(KEY)

    assert stale is not None
    assert stale.base == 1
    assert ours.store.write(KEY, a_draft("mine"), stale) is Verdict.LOST
    assert theirs.store.read(KEY).text == a_draft("v2").over(1)  # type: ignore[union-attr]


@pytest.mark.rule("I-25")
def test_no_read_is_older_than_what_we_have_seen(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1, 2)
    ours.store.read(KEY)
    ours.client.hidden = 2

    assert ours.store.read(KEY).base == 3  # type: ignore[union-attr]


@pytest.mark.rule("F-13")
def test_a_key_whose_version_went_back_was_deleted_by_hand(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1, 2)
    ours.store.read(KEY)
    log.delete(KEY)
    grown(log, 0)

    with pytest.raises(Superseded, match="deleted from the ledger by hand") as caught:
        ours.store.read(KEY)
    assert caught.value.fix == ("elbroll status",)
    assert log.written[KEY] == [a_draft("v1").over(0)]


@pytest.mark.rule("F-13")
@pytest.mark.parametrize("existing", [1, 2])
def test_a_key_deleted_under_an_unsettled_write_is_noticed(ours: Desk, log: ParameterLog, existing: int) -> None:
    grown(log, *range(existing))
    seen = ours.store.read(KEY)
    ours.client.fates.append(Fate.UNSENT)
    log.delete(KEY)

    with pytest.raises(Superseded):
        ours.store.write(KEY, a_draft("mine"), seen)
    assert KEY not in log.written


@pytest.mark.rule("F-11", "I-25")
def test_a_hundred_voids_leave_a_value_nobody_may_overwrite(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, *[0] * 120)

    found = ours.store.read(KEY)

    assert found is not None
    assert found.text is None
    assert found.base == 121


@pytest.mark.rule("F-9")
def test_a_write_whose_place_has_long_been_pruned_is_lost(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0)
    seen = ours.store.read(KEY)
    for number in range(1, 150):
        log.accept(KEY, a_draft(f"x{number}").over(number), overwrite=True)

    assert ours.store.write(KEY, a_draft("mine"), seen) is Verdict.LOST


@pytest.mark.rule("F-9", "L2")
def test_a_write_whose_place_may_still_be_shown_has_no_verdict(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0)
    seen = ours.store.read(KEY)
    for number in range(1, 100):
        log.accept(KEY, a_draft(f"x{number}").over(number), overwrite=True)
    ours.client.hidden = 100

    with pytest.raises(StoreDown, match=KEY) as caught:
        ours.store.write(KEY, a_draft("mine"), seen)

    assert caught.value.why == ("a write has not shown up yet",)
    assert ours.store.write(KEY, a_draft("mine"), seen) is Verdict.LOST


@pytest.mark.rule("L4", "L2")
def test_listings_ask_for_everything_below_in_pages_that_aws_allows(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1, 1)
    ours.store.list("/elbroll/v1/host/")

    asked = dict(ours.client.calls)
    listing = asked["get_parameters_by_path"]
    assert (listing["Path"], listing["Recursive"], listing["MaxResults"]) == ("/elbroll/v1/host", True, 10)
    assert (asked["get_parameter_history"]["Name"], asked["get_parameter_history"]["MaxResults"]) == (KEY, 50)


@pytest.mark.rule("S-6", "L4")
@pytest.mark.parametrize(
    ("call", "action", "resource"),
    [
        ("get_parameter", "ssm:GetParameter", KEY),
        ("get_parameter_history", "ssm:GetParameterHistory", KEY),
        ("put_parameter", "ssm:PutParameter", KEY),
        ("get_parameters_by_path", "ssm:GetParametersByPath", "/elbroll/v1/host"),
    ],
)
def test_a_denied_call_names_the_permission_it_needs(
    ours: Desk, log: ParameterLog, call: str, action: str, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(log, 0, 1, 1)

    def refuse(**_: object) -> None:
        raise refusal("AccessDeniedException", "Any")

    def everything() -> None:
        ours.store.list("/elbroll/v1/host/")
        ours.store.write(KEY, a_draft("mine"), ours.store.read(KEY))

    monkeypatch.setattr(ours.client, call, refuse)
    with pytest.raises(PermissionDenied) as caught:
        everything()

    assert (caught.value.action, caught.value.resource) == (action, resource)


@pytest.mark.rule("F-15")
@pytest.mark.parametrize("missing", ["Name", "Version", "Value"])
def test_half_a_value_is_none_and_says_what_it_lacks(
    ours: Desk, log: ParameterLog, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = {"Name": KEY, "Version": 1, "Value": "{}"}
    del half[missing]
    monkeypatch.setattr(ours.client, "get_parameter", lambda **_: {"Parameter": half})
    monkeypatch.setattr(ours.client, "get_parameters_by_path", lambda **_: {"Parameters": [half]})

    for call, action in (
        (lambda: ours.store.read(KEY), "ssm:GetParameter"),
        (lambda: ours.store.list("/elbroll/v1/host/"), "ssm:GetParametersByPath"),
    ):
        with pytest.raises(StoreDown) as caught:
            call()
        assert caught.value.why == (f"AWS gave half an answer to {action}", f"{missing} is missing from it")


@pytest.mark.rule("F-15")
def test_an_answer_without_its_parameter_is_half_an_answer(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours.client, "get_parameter", lambda **_: {})
    with pytest.raises(StoreDown) as caught:
        ours.store.read(KEY)
    assert caught.value.why == ("AWS gave half an answer to ssm:GetParameter", "Parameter is missing from it")


@pytest.mark.rule("F-13")
def test_a_read_that_lags_is_repeated_for_four_seconds_before_a_person_is_blamed(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0, 1)
    ours.store.read(KEY)
    began = ours.clock.time
    ours.client.hidden = 4
    assert ours.store.read(KEY).base == 2  # type: ignore[union-attr]
    log.delete(KEY)

    with pytest.raises(Superseded):
        ours.store.read(KEY)
    assert ours.clock.time - began == pytest.approx(3.7 + 3.7)


@pytest.mark.rule("F-15")
def test_a_history_that_lags_behind_is_no_answer(
    ours: Desk, log: ParameterLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(log, 0, 1, 1)
    monkeypatch.setattr(ours.client, "get_parameter_history", lambda **_: {"Parameters": []})
    with pytest.raises(StoreDown, match=KEY) as caught:
        ours.store.read(KEY)
    assert caught.value.why == ("its history lags behind",)


@pytest.mark.rule("F-15")
@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({}, ("AWS gave half an answer to ssm:GetParametersByPath", "Parameters is missing from it")),
        ({"Parameters": [], "NextToken": "same"}, ("ssm:GetParametersByPath goes round in circles",)),
    ],
    ids=["half", "circle"],
)
def test_half_a_listing_is_none(
    ours: Desk, page: dict[str, object], why: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours.client, "get_parameters_by_path", lambda **_: page)
    with pytest.raises(StoreDown, match=r"about /elbroll/v1/host$") as caught:
        ours.store.list("/elbroll/v1/host/")
    assert caught.value.why == why
    assert "the same command again, once AWS answers" in caught.value.fix[0]


@pytest.mark.rule("L4")
def test_an_age_is_the_effective_values_own_by_the_stores_clock(ours: Desk, log: ParameterLog) -> None:
    grown(log, 0)
    passing(log, 400)
    log.accept(KEY, a_draft("void").over(0), overwrite=True)
    passing(log, 5)
    assert ours.store.read(KEY).age == 405.0  # type: ignore[union-attr]


@pytest.mark.rule("F-12")
def test_silence_is_no_verdict(ours: Desk) -> None:
    ours.client.down = True
    for call in (lambda: ours.store.read(KEY), lambda: ours.store.list("/elbroll/v1/host/")):
        with pytest.raises(StoreDown, match="no answer") as caught:
            call()
        assert caught.value.fix


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDeniedException", 400, PermissionDenied),
        ("ExpiredTokenException", 400, CredentialsError),
        ("ValidationException", 400, StoreError),
        ("InternalServerError", 500, StoreDown),
        ("ThrottlingException", 400, StoreDown),
    ],
)
def test_a_refused_read_is_never_taken_for_an_empty_ledger(
    ours: Desk, code: str, status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise refusal(code, "GetParameter", status)

    monkeypatch.setattr(ours.client, "get_parameter", refuse)
    with pytest.raises(error):
        ours.store.read(KEY)


@pytest.mark.rule("Q2")
def test_writes_come_in_bursts_but_not_faster_than_one_a_second(log: ParameterLog) -> None:
    clock = FakeClock()
    store = SsmStore(FakeSsm(log), clock)  # type: ignore[arg-type]
    for number in range(30):
        store.write(f"{KEY}-{number}", a_draft("a"), None)
    assert clock.time - 1000.0 == pytest.approx(20.0, abs=0.5)


@pytest.mark.rule("I-13", "F-15")
def test_a_listing_whose_pages_name_each_other_is_none(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = ({"Parameters": [], "NextToken": token} for token in itertools.cycle("ab"))
    monkeypatch.setattr(ours.client, "get_parameters_by_path", lambda **_: next(pages))
    with pytest.raises(StoreDown) as caught:
        ours.store.list("/elbroll/v1/host/")
    assert caught.value.why == ("ssm:GetParametersByPath goes round in circles",)
