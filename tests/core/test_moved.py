"""Ports that people moved while a host was out: which of them say something, and which say nothing (F-49)."""

from __future__ import annotations

import pytest

from builders import a_fleet, a_host, a_pool, a_registration, a_row, a_view, hosts
from elbroll.core.moved import Moved, alone_on_port, moved_ports
from elbroll.model import BalancerKind, HostId, Registration, Removed, RunId, TargetState

POOL = a_pool()
OUT, *OTHERS = hosts(3)


def judged(
    recorded: tuple[int, ...],
    before: tuple[int | None, ...],
    now: tuple[int | None, ...],
    alone: tuple[int, ...] = (),
    own: tuple[int, ...] = (),
    leaving: tuple[int, ...] = (),
) -> list[Moved]:
    """What is said: `before` and `now` are the ports of the others, one by one, None: it is out."""
    entries = [a_registration(POOL, OUT, port) for port in recorded]
    homes = {host.id: [a_registration(POOL, host, port)] for host, port in zip(OTHERS, before, strict=False) if port}
    nowhere: dict[HostId, list[Registration]] = {host.id: [] for host in OTHERS}
    fleet = a_fleet([POOL], [OUT, *OTHERS], registrations={**nowhere, OUT.id: entries, **homes})
    rows = [a_row(a_registration(POOL, host, port)) for host, port in zip(OTHERS, now, strict=False) if port]
    rows += [a_row(a_registration(POOL, OUT, port)) for port in own]
    rows += [a_row(a_registration(POOL, OTHERS[0], port), TargetState.DRAINING) for port in leaving]
    removed = [Removed(entry, RunId("7f3a9c"), alone=entry.port in alone) for entry in entries]
    return list(moved_ports(OUT, removed, fleet, {POOL.id: a_view(POOL, rows)}))


@pytest.mark.rule("F-49")
@pytest.mark.parametrize(
    ("recorded", "before", "now", "alone", "said"),
    [
        ((8080,), (8080, 8080), (8080, 8080), (), []),
        ((8080,), (8080, 8080), (8080, 9090), (), [False]),
        ((8080,), (8080, 8080), (9090, 9090), (), [True]),
        ((8080,), (8080, 8080), (9090, 9191), (), [True]),
        ((8080,), (9090, 9090), (9090, 9090), (), [True]),  # moved before this run began
        ((8080,), (8080, None), (9090, None), (), [True]),
        ((8080,), (9090, 9090), (9090, 9090), (8080,), []),  # it never shared its port
        ((8080,), (8181, 8282), (8181, 8282), (8080,), []),
        ((8080,), (8181, None), (8181, None), (8080,), []),
        ((8080, 8081), (8080, 8080), (8080, 8080), (8081,), []),
        ((8080, 8081), (8080, 8080), (9090, 9090), (8081,), [True]),
        ((8080,), (8080, 9090), (None, 9090), (), []),  # the one that shared it is out, too
        ((8080,), (8080, 8080), (None, None), (), []),  # nobody is there to compare with
    ],
)
def test_only_a_port_that_siblings_shared_can_move(
    recorded: tuple[int, ...],
    before: tuple[int | None, ...],
    now: tuple[int | None, ...],
    alone: tuple[int, ...],
    said: list[bool],
) -> None:
    assert [each.refused for each in judged(recorded, before, now, alone)] == said


@pytest.mark.rule("F-49")
def test_ports_that_moved_are_told_with_where_the_others_are_and_where_the_host_goes() -> None:
    (partly,), (wholly,) = judged((8080,), (8080, 8080), (8080, 9090)), judged((8080,), (8080, 8080), (9090, 9191))
    assert partly.text == f"others of web-prod are on 9090 by now; {OUT.name} goes back to 8080, as recorded"
    assert wholly.text == f"others of web-prod are on 9090 and 9191 by now, and nobody is on 8080, where {OUT.name} was"


@pytest.mark.rule("F-49")
def test_a_host_is_alone_on_a_port_where_no_other_host_of_that_pool_is() -> None:
    web, api, old = a_pool("web"), a_pool("api"), a_pool("old", kind=BalancerKind.CLASSIC)
    first, second = hosts(2)
    shared, own, elsewhere = (a_registration(pool, first, port) for pool, port in ((web, 80), (web, 81), (api, 80)))
    places = {
        first.id: [shared, own, elsewhere, a_registration(old, first)],
        second.id: [a_registration(web, second, 80)],
    }
    fleet = a_fleet([web, api, old], [first, second], registrations=places)

    assert alone_on_port(first, places[first.id], fleet) == {own, elsewhere}


def test_an_entry_that_is_registered_by_now_needs_no_word() -> None:
    assert judged((8080,), (8080, 8080), (9090, 9090), own=(8080,)) == []


def test_entries_that_are_leaving_say_nothing() -> None:
    assert [each.refused for each in judged((8080,), (8080, 8080), (9090, 9090), leaving=(8080,))] == [True]


def test_classic_balancers_have_no_ports_to_move() -> None:
    pool, host = a_pool("old", kind=BalancerKind.CLASSIC), a_host(1)
    entry = a_registration(pool, host)
    assert moved_ports(host, [Removed(entry, RunId("7f3a9c"))], a_fleet([pool], [host]), {pool.id: a_view(pool)}) == ()


def test_a_pool_that_was_not_read_says_nothing() -> None:
    entry = a_registration(POOL, OUT)
    assert moved_ports(OUT, [Removed(entry, RunId("7f3a9c"))], a_fleet([POOL], [OUT]), {}) == ()
