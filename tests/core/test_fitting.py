"""Records are believed only as far as they can be true of their host (S-5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import story
from builders import a_host, a_pool, a_record, a_registration
from elbroll.core.fitting import misfit
from elbroll.model import Registration, TargetType

if TYPE_CHECKING:
    from elbroll.core.planned import PlannedHost

WEB = a_pool("web-prod")
BY_ADDRESS = a_pool("api-prod", target_type=TargetType.IP)
FAR = a_pool("far-prod", vpc="vpc-2")
POOLS = {pool.id: pool for pool in (WEB, BY_ADDRESS, FAR)}
HOST = a_host(1)


def planned(*entries: Registration) -> PlannedHost:
    return replace(story.planned(HOST, 1), record=a_record(HOST, entries))


@pytest.mark.rule("S-5")
def test_a_record_of_the_hosts_own_id_and_address_fits() -> None:
    assert misfit(planned(a_registration(WEB, HOST), a_registration(BY_ADDRESS, HOST)), POOLS) is None
    assert misfit(replace(planned(), record=None), POOLS) is None


@pytest.mark.rule("S-5")
def test_an_entry_of_another_machine_is_shown_with_both_and_who_wrote_it() -> None:
    refusal = misfit(planned(Registration(WEB.id, "i-0dead", 8080)), POOLS)
    assert refusal is not None
    assert (refusal.code, refusal.waivable) == ("record-misplaced", False)
    assert "record of web-1" in refusal.message
    assert refusal.why == (f"web-prod:8080: i-0dead is another machine than {HOST.id}",)
    assert refusal.fix[0].startswith(f"aws ssm get-parameter-history --name /elbroll/v1/host/{HOST.id} ")


@pytest.mark.rule("S-5")
def test_a_pool_of_another_network_does_not_fit_and_an_unknown_network_may() -> None:
    entry = planned(a_registration(FAR, HOST))
    refusal = misfit(entry, POOLS)
    assert refusal is not None
    assert refusal.why == ("far-prod:8080: the pool is in vpc-2, the host in vpc-1",)
    assert misfit(entry, {FAR.id: replace(FAR, vpc=None)}) is None
    assert misfit(replace(entry, host=replace(HOST, vpc=None)), POOLS) is None


@pytest.mark.rule("S-5", "F-35")
def test_a_pool_that_no_longer_exists_is_not_judged() -> None:
    assert misfit(planned(Registration(a_pool("deleted").id, "i-0dead", 1)), POOLS) is None


@pytest.mark.rule("S-5")
def test_a_pool_that_no_run_ever_held_does_not_fit_although_the_entry_does() -> None:
    refusal = misfit(planned(a_registration(WEB, HOST), a_registration(BY_ADDRESS, HOST)), POOLS, {WEB.id})
    assert refusal is not None
    (why,) = refusal.why
    assert why.startswith("web-prod:8080: ")
    assert "no run has ever held that pool" in why


@pytest.mark.rule("S-5")
def test_every_entry_that_does_not_fit_is_named() -> None:
    wrong = planned(Registration(WEB.id, "i-0dead", 8080), a_registration(FAR, HOST), a_registration(BY_ADDRESS, HOST))
    refusal = misfit(wrong, POOLS)
    assert refusal is not None
    assert [line.partition(":")[0] for line in refusal.why] == ["far-prod", "web-prod"]


def test_entries_that_lack_a_port_or_zone_stand_beside_those_that_have_one() -> None:
    entries = (Registration(WEB.id, "i-0dead", None), Registration(WEB.id, "i-0dead", 8080))
    refusal = misfit(planned(*entries), POOLS)
    assert refusal is not None
    assert len(refusal.why) == 2
