"""When traffic counts as gone: the balancer's word folded read by read, connections folded look by look."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_host, a_pool, a_registration, a_row
from elbroll.core.drained import Drained, Leaving, NotYet, Quiet, Undone, balancer_peers, drained, leave, quiet
from elbroll.model import BalancerKind, Connection, TargetSeen, TargetState, TargetType

POOL, HOST = a_pool(), a_host(1)
HERE = a_registration(POOL, HOST)
THERE = a_registration(a_pool("api-prod"), HOST, 9000)
NODE, OTHER = "10.0.9.1", "10.0.7.7"
NODES = frozenset({NODE})
OWN = ("10.0.1.11", "10.0.1.111")
SETTLE = 5.0
NOTHING_YET = Quiet()


def reads(*states: TargetState | None, begin: float = 0.0, before: Leaving | None = None) -> Leaving:
    """Fold a read a second; None: the answer had no row."""
    seen = before or Leaving()
    for at, state in enumerate(states):
        row: TargetSeen | None = None if state is None else a_row(HERE, state)
        seen = leave(seen, row, begin + at)
    return seen


def connection(peer: str = NODE, **changes: Any) -> Connection:
    return Connection(**({"local": OWN[0], "local_port": 8080, "peer": peer, "peer_port": 40000} | changes))


HEALTHY, DRAINING, GONE = TargetState.HEALTHY, TargetState.DRAINING, TargetState.GONE


# --- the balancer's word -----------------------------------------------------------------------------


@pytest.mark.rule("T2")
def test_gone_is_believed_after_two_reads_in_a_row() -> None:
    assert reads(GONE).gone_at is None
    assert reads(GONE, GONE).gone_at == 1.0


@pytest.mark.rule("T2")
def test_one_reading_seen_twice_is_one_read() -> None:
    once = leave(Leaving(), a_row(HERE, GONE), 7.0)
    assert leave(once, a_row(HERE, GONE), 7.0) == once


@pytest.mark.rule("T2")
def test_a_missing_row_neither_counts_nor_breaks_the_row() -> None:
    assert reads(GONE, None).gone_at is None
    assert reads(GONE, None, GONE).gone_at == 2.0


@pytest.mark.rule("I-5", "T2")
@pytest.mark.parametrize("state", [state for state in TargetState if state is not GONE])
def test_a_target_that_shows_again_is_gone_no_more(state: TargetState) -> None:
    assert reads(GONE, GONE, state).gone_at is None
    assert reads(GONE, state, GONE).gone_at is None


def test_a_target_has_left_since_it_was_first_seen_leaving() -> None:
    assert reads(HEALTHY, DRAINING, DRAINING, GONE).left_at == 1.0
    assert reads(HEALTHY, GONE, GONE, GONE).left_at == 1.0


def test_a_target_is_gone_since_the_second_read_that_said_so() -> None:
    assert reads(GONE, GONE, GONE, GONE).gone_at == 1.0


@pytest.mark.parametrize("state", [HEALTHY, TargetState.INITIAL, TargetState.UNHEALTHY, TargetState.UNUSED])
@pytest.mark.rule("F-36")
def test_a_target_registered_again_by_somebody_undoes_the_drain(state: TargetState) -> None:
    seen = reads(HEALTHY, DRAINING, state, state)
    assert drained({HERE: seen}, Quiet(0.0), "idle", 100.0, SETTLE, 100.0) == Undone(
        "registered again by somebody else: web-prod:8080"
    )


@pytest.mark.rule("F-36")
def test_a_target_that_was_only_ever_seen_gone_may_be_registered_again_too() -> None:
    seen = reads(GONE, GONE, HEALTHY, HEALTHY)
    assert isinstance(drained({HERE: seen}, Quiet(0.0), "idle", 100.0, SETTLE, 100.0), Undone)


@pytest.mark.rule("Q5")
def test_a_single_stale_read_undoes_nothing() -> None:
    seen = reads(DRAINING, HEALTHY, DRAINING, HEALTHY, DRAINING)
    assert isinstance(drained({HERE: seen}, Quiet(0.0), "idle", 100.0, SETTLE, 100.0), Drained)


@pytest.mark.rule("F-36", "Q5")
@pytest.mark.parametrize("between", [DRAINING, GONE, TargetState.UNKNOWN, TargetState.UNAVAILABLE])
def test_only_two_reads_in_a_row_say_that_a_target_was_registered_again(between: TargetState) -> None:
    once, apart = reads(DRAINING, HEALTHY), reads(DRAINING, HEALTHY, between, HEALTHY)
    for seen in (once, apart):
        assert isinstance(drained({HERE: seen}, Quiet(0.0), "idle", 100.0, SETTLE, 100.0), NotYet)


def test_a_target_that_never_left_is_no_undone_drain() -> None:
    seen = reads(HEALTHY, HEALTHY, HEALTHY)
    assert isinstance(drained({HERE: seen}, Quiet(0.0), "idle", 100.0, SETTLE, 100.0), NotYet)


# --- connections -------------------------------------------------------------------------------------


def look(
    *connections: Connection, nodes: frozenset[str] | None = NODES, before: Quiet = NOTHING_YET, now: float = 1.0
) -> Quiet:
    return quiet(before, connections, nodes, OWN, now, SETTLE)


def test_silence_counts_from_the_first_look_without_traffic() -> None:
    first = look(now=1.0)
    assert look(before=first, now=4.0) == Quiet(since=1.0, live=0)


def test_a_live_connection_starts_the_silence_anew() -> None:
    assert look(connection(), before=Quiet(since=1.0), now=4.0) == Quiet(since=None, live=1)


def test_only_the_balancers_nodes_are_traffic_where_they_are_known() -> None:
    assert look(connection(OTHER)).live == 0
    assert look(connection(NODE), connection(OTHER)).live == 1


@pytest.mark.parametrize("nodes", [None, frozenset[str]()])
@pytest.mark.rule("E3")
def test_every_outside_peer_is_traffic_where_the_nodes_are_not_known(nodes: frozenset[str] | None) -> None:
    assert look(connection(OTHER), nodes=nodes).live == 1


def test_a_peer_whose_address_nobody_understands_is_traffic_like_any_other() -> None:
    assert look(connection("not an address"), nodes=None).live == 1
    assert look(connection("not an address"), nodes=frozenset({"not an address"})).live == 1


@pytest.mark.parametrize("peer", [*OWN, "127.0.0.1", "::1", "::ffff:10.0.1.11"])
def test_our_own_probes_are_no_traffic(peer: str) -> None:
    assert look(connection(peer), nodes=None).live == 0


@pytest.mark.parametrize("peer", ["::ffff:10.0.9.1", "[::ffff:10.0.9.1]", "10.0.9.1%eth0"])
def test_a_node_is_known_in_every_spelling_of_its_address(peer: str) -> None:
    assert look(connection(peer)).live == 1


@pytest.mark.rule("E3")
def test_a_kept_alive_connection_counts_no_more() -> None:
    assert look(connection(last_sent=15_000, last_received=15_002)).live == 0


@pytest.mark.rule("E3")
@pytest.mark.parametrize(
    ("last_sent", "last_received"),
    [
        pytest.param(14_999, 15_002, id="a byte moved a moment ago"),
        pytest.param(20_000, 19_000, id="the app still works on a request"),
        pytest.param(20_000, 20_000, id="equal is no proof"),
        pytest.param(None, 20_000, id="sent unknown"),
        pytest.param(20_000, None, id="received unknown"),
    ],
)
def test_a_connection_that_may_carry_a_request_counts(last_sent: int | None, last_received: int | None) -> None:
    assert look(connection(last_sent=last_sent, last_received=last_received)).live == 1


@pytest.mark.rule("E3")
def test_a_longer_settle_asks_more_of_a_kept_alive_connection() -> None:
    kept = (connection(last_sent=20_000, last_received=21_000),)
    assert quiet(Quiet(), kept, NODES, OWN, 1.0, 180.0).live == 1


@pytest.mark.rule("E3")
def test_the_nodes_of_all_pools_are_traffic_unless_one_keeps_client_addresses() -> None:
    web, api, network = POOL, a_pool("api-prod"), a_pool("net", kind=BalancerKind.NLB)
    nodes = {web.id: NODES, api.id: frozenset({OTHER}), network.id: NODES}
    assert balancer_peers([web, api], nodes) == {NODE, OTHER}
    assert balancer_peers([web, network], nodes) is None


def test_a_network_pool_that_hides_clients_is_known_by_its_nodes() -> None:
    hidden = a_pool("net", kind=BalancerKind.NLB, target_type=TargetType.IP, keeps_client_addresses=False)
    assert balancer_peers([hidden], {hidden.id: NODES}) == NODES


@pytest.mark.parametrize("found", [None, frozenset[str]()])
def test_a_pool_whose_nodes_cannot_be_found_makes_every_peer_count(found: frozenset[str] | None) -> None:
    assert balancer_peers([POOL], {POOL.id: found}) is None
    assert balancer_peers([POOL], {}) is None


# --- both together -----------------------------------------------------------------------------------


def judge(
    *registrations: Leaving, silence: Quiet | None, until: str = "idle", now: float = 100.0, since_call: float = 100.0
) -> Drained | NotYet | Undone:
    leaving = dict(zip((HERE, THERE), registrations, strict=False))
    return drained(leaving, silence, until, now, SETTLE, since_call)


LEFT = reads(DRAINING, begin=10.0)
WELL_GONE = reads(GONE, GONE, begin=50.0)


@pytest.mark.rule("I-5", "T8")
def test_a_draining_host_without_traffic_is_drained_long_before_its_delay_is_over() -> None:
    assert judge(LEFT, silence=Quiet(since=12.0), now=17.0, since_call=8.0) == Drained("no connection for 5s")


@pytest.mark.rule("I-5", "T6")
def test_a_host_still_registered_somewhere_is_not_drained() -> None:
    assert judge(LEFT, reads(HEALTHY), silence=Quiet(since=0.0)) == NotYet("still registered: api-prod:9000")


@pytest.mark.rule("I-5")
@pytest.mark.parametrize(
    "seen",
    [Leaving(), reads(GONE), reads(DRAINING, TargetState.UNKNOWN), reads(DRAINING, TargetState.UNAVAILABLE)],
    ids=["never seen", "gone in one read", "unknown state", "unavailable"],
)
def test_a_registration_that_nobody_saw_leave_holds_the_drain(seen: Leaving) -> None:
    assert judge(seen, silence=Quiet(since=0.0)) == NotYet("still registered: web-prod:8080")


def test_connections_hold_the_drain_however_long_ago_the_host_left() -> None:
    assert judge(WELL_GONE, silence=Quiet(since=None, live=3)) == NotYet("3 connections left")
    assert judge(WELL_GONE, silence=Quiet(since=None, live=1)) == NotYet("1 connection left")


@pytest.mark.rule("I-5")
def test_silence_before_the_host_had_left_proves_nothing() -> None:
    assert judge(LEFT, silence=Quiet(since=0.0), now=14.0) == NotYet("no connection, 1s to settle")


@pytest.mark.rule("T9")
def test_no_word_is_believed_sooner_than_settle_after_the_call() -> None:
    assert isinstance(judge(LEFT, silence=Quiet(since=12.0), now=30.0, since_call=4.0), NotYet)
    assert isinstance(judge(WELL_GONE, silence=None, since_call=4.0), NotYet)


@pytest.mark.rule("T8")
def test_reported_waits_for_gone_and_then_settles() -> None:
    assert judge(LEFT, silence=Quiet(0.0), until="reported") == NotYet("still draining: web-prod:8080")
    assert judge(WELL_GONE, silence=Quiet(0.0), until="reported", now=55.0) == NotYet("gone, 1s to settle")
    assert judge(WELL_GONE, silence=Quiet(0.0), until="reported", now=56.0) == Drained("gone for 5s")


def test_the_last_registration_to_go_decides() -> None:
    later = reads(GONE, GONE, begin=60.0)
    assert judge(WELL_GONE, later, silence=None, now=63.0) == NotYet("gone, 3s to settle")


def test_a_host_that_had_nothing_to_leave_settles_since_the_step_began() -> None:
    assert judge(silence=None, since_call=4.0) == NotYet("gone, 1s to settle")
    assert judge(silence=None, since_call=5.0) == Drained("gone for 5s")


def test_where_connections_cannot_be_counted_the_balancers_word_is_awaited() -> None:
    assert judge(LEFT, silence=None) == NotYet("still draining: web-prod:8080")
    assert judge(WELL_GONE, silence=None) == Drained("gone for 5s")


STATES = st.lists(st.sampled_from([None, *TargetState]), max_size=12)


@given(STATES, st.booleans(), st.sampled_from(["idle", "reported"]))
@pytest.mark.rule("I-5")
def test_no_host_is_ever_drained_whose_last_word_was_not_leaving(
    states: list[TargetState | None], silent: bool, until: str
) -> None:
    seen = reads(*states)
    answer = drained({HERE: seen}, Quiet(0.0) if silent else Quiet(None, 1), until, 1000.0, SETTLE, 1000.0)
    told = [state for state in states if state is not None]
    believable = told[-1:] == [DRAINING] or told[-2:] == [GONE, GONE]
    assert not isinstance(answer, Drained) or believable


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_silence_never_began_before_the_last_look_that_saw_traffic(looks: list[bool]) -> None:
    seen = Quiet()
    for now, busy in enumerate(looks):
        seen = look(*([connection()] if busy else []), before=seen, now=float(now))
    last_busy = max((now for now, busy in enumerate(looks) if busy), default=-1)
    assert (seen.since is None) == looks[-1]
    assert seen.since is None or seen.since == last_busy + 1
