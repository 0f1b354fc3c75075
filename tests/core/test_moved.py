"""Ports that people moved while a host was out: which of them say something, and which say nothing (F-49)."""

from __future__ import annotations

import pytest

from builders import a_fleet, a_host, a_pool, a_registration, a_row, a_view, hosts
from elbroll.core.moved import moved_ports
from elbroll.model import BalancerKind, HostId, Registration, TargetState

POOL = a_pool()
OUT, *OTHERS = hosts(3)


def judged(
    recorded: tuple[int, ...],
    before: tuple[int, ...],
    now: tuple[int, ...],
    own: tuple[int, ...] = (),
    leaving: tuple[int, ...] = (),
) -> list[bool]:
    """Refusals among what is said: `before` and `now` are the ports of the others, one by one."""
    nowhere: dict[HostId, list[Registration]] = {host.id: [] for host in OTHERS}
    homes = nowhere | {host.id: [a_registration(POOL, host, port)] for host, port in zip(OTHERS, before, strict=False)}
    entries = [a_registration(POOL, OUT, port) for port in recorded]
    fleet = a_fleet([POOL], [OUT, *OTHERS], registrations={OUT.id: entries, **homes})
    rows = [a_row(a_registration(POOL, host, port)) for host, port in zip(OTHERS, now, strict=False)]
    rows += [a_row(a_registration(POOL, OUT, port)) for port in own]
    rows += [a_row(a_registration(POOL, OTHERS[0], port), TargetState.DRAINING) for port in leaving]
    return [each.refused for each in moved_ports(OUT, entries, fleet, {POOL.id: a_view(POOL, rows)})]


@pytest.mark.rule("F-49")
@pytest.mark.parametrize(
    ("recorded", "before", "now", "said"),
    [
        ((8080,), (8080, 8080), (8080, 8080), []),
        ((8080,), (8080, 8080), (8080, 9090), [False]),
        ((8080,), (8080, 8080), (9090, 9090), [True]),
        ((8080,), (8080, 8080), (9090, 9191), [True]),
        ((8080,), (9090, 9090), (9090, 9090), [True]),  # moved before this run began
        ((8080,), (8181, 8282), (8181, 8282), []),  # everybody has a port of its own
        ((8080,), (8181,), (8181,), []),  # one sibling tells nothing
        ((8080, 8081), (8080, 8080), (8080, 8080), []),  # the only one with a second port
        ((8080, 8081), (8080, 8080), (9090, 9090), [True]),
        ((8080,), (8080, 8080), (), []),  # nobody is there to compare with
    ],
)
def test_only_a_port_that_siblings_shared_or_share_can_move(
    recorded: tuple[int, ...], before: tuple[int, ...], now: tuple[int, ...], said: list[bool]
) -> None:
    assert judged(recorded, before, now) == said


def test_an_entry_that_is_registered_by_now_needs_no_word() -> None:
    assert judged((8080,), (8080, 8080), (9090, 9090), own=(8080,)) == []


def test_entries_that_are_leaving_say_nothing() -> None:
    assert judged((8080,), (8080, 8080), (9090, 9090), leaving=(8080,)) == [True]


def test_classic_balancers_have_no_ports_to_move() -> None:
    pool, host = a_pool("old", kind=BalancerKind.CLASSIC), a_host(1)
    entry = a_registration(pool, host)
    assert moved_ports(host, [entry], a_fleet([pool], [host]), {pool.id: a_view(pool)}) == ()


def test_a_pool_that_was_not_read_says_nothing() -> None:
    entry = a_registration(POOL, OUT)
    assert moved_ports(OUT, [entry], a_fleet([POOL], [OUT]), {}) == ()
