"""Which recorded pools a fleet has to do with."""

from __future__ import annotations

import pytest

from builders import a_pool, a_record, a_registration, hosts
from elbroll.core.reach import unconnected
from elbroll.model import RecordState

WEB, ADMIN, PAY = a_pool("web"), a_pool("admin"), a_pool("pay")
ONE, TWO, THREE = hosts(3)


def serving(**places: tuple[object, ...]) -> dict[object, frozenset[object]]:
    return {
        host.id: frozenset(a_registration(pool, host) for pool in places.get(name, ()))  # type: ignore[arg-type]
        for name, host in {"one": ONE, "two": TWO, "three": THREE}.items()
    }


def doubtful(
    places: dict[object, frozenset[object]], *pools: object, state: RecordState = RecordState.HELD
) -> set[str]:
    record = a_record(ONE, [a_registration(pool, ONE) for pool in pools], state)  # type: ignore[arg-type]
    return set(unconnected({WEB.id}, places, [record]))  # type: ignore[arg-type]


@pytest.mark.rule("S-5")
@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (serving(two=(WEB,)), {ADMIN.id}),
        (serving(two=(WEB,), three=(ADMIN,)), {ADMIN.id}),
        (serving(two=(WEB, ADMIN)), set()),
        (serving(one=(ADMIN,), two=(WEB,)), set()),
        (serving(), {ADMIN.id}),
    ],
    ids=["nobody there", "only strangers there", "a fellow there", "itself there", "nobody anywhere"],
)
def test_a_pool_is_connected_by_the_host_itself_or_by_a_fellow_that_serves_there(
    places: dict[object, frozenset[object]], expected: set[str]
) -> None:
    assert doubtful(places, WEB, ADMIN) == expected


@pytest.mark.rule("S-5")
def test_the_pools_by_which_a_fleet_was_found_are_its_own() -> None:
    assert doubtful(serving(), WEB) == set()


@pytest.mark.rule("S-5")
def test_a_closed_record_claims_nothing() -> None:
    assert doubtful(serving(two=(WEB,)), PAY, state=RecordState.IN_SERVICE) == set()


@pytest.mark.rule("S-5")
def test_the_pools_of_every_open_record_are_asked_about() -> None:
    records = [a_record(host, [a_registration(pool, host)]) for host, pool in ((ONE, ADMIN), (TWO, PAY))]
    assert unconnected({WEB.id}, {}, records) == {ADMIN.id, PAY.id}
