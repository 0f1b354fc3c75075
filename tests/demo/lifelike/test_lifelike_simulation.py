from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.clock import SystemClock
from elbroll.demo.lifelike import BAD_STATUS, FakeApps, Simulation, Timing, VirtualClock
from elbroll.demo.lifelike.targets import Asked, PoolRules
from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from elbroll.demo.lifelike import Sickness

RULES = PoolRules(
    kind=BalancerKind.ALB,
    target_type=TargetType.INSTANCE,
    port=8080,
    check_port=None,
    checks_enabled=True,
    interval=10,
    healthy_threshold=3,
    unhealthy_threshold=2,
    delay=60,
)
POOL = "tg/web/0123"
HOST = Asked("i-1", 8080)


class Source:
    """A pool with settings that a test can change, in which every instance runs."""

    def __init__(self, rules: PoolRules = RULES) -> None:
        self.now = rules

    def rules(self) -> PoolRules:
        return self.now

    def instance_state(self, target_id: str) -> str | None:
        return "running" if target_id.startswith("i-") else None


class Bench:
    """A simulation with a virtual clock and one pool."""

    def __init__(self, rules: PoolRules = RULES, timing: Timing | None = None) -> None:
        self.clock = VirtualClock()
        self.apps = FakeApps()
        self.source = Source(rules)
        self.simulation = Simulation(self.clock, self.apps, timing=timing)

    def register(self, *targets: Asked) -> None:
        self.simulation.register(POOL, self.source, targets or (HOST,))

    def state(self) -> list[str]:
        return [row.shown.state for row in self.simulation.rows(POOL)]

    def moves(self) -> list[tuple[float, str]]:
        return [(move.at, move.state) for move in self.simulation.timeline.moves()]


def test_checks_that_nobody_looked_at_are_replayed_each_at_its_own_moment() -> None:
    bench = Bench()
    bench.register()
    bench.clock.later(20, lambda: bench.apps.sicken("i-1"))
    bench.clock.later(60, lambda: bench.apps.heal("i-1"))
    bench.clock.advance(200)
    assert bench.moves() == [(0, "initial"), (5, "healthy"), (35, "unhealthy"), (85, "healthy")]


@pytest.mark.rule("T13")
def test_an_nlb_takes_its_time_to_register_and_then_needs_every_check() -> None:
    bench = Bench(replace(RULES, kind=BalancerKind.NLB), Timing(nlb_registers_in=180))
    bench.register()
    bench.clock.advance(179)
    registering = bench.simulation.rows(POOL)[0].shown.reason
    bench.clock.advance(25)
    before = bench.state()
    bench.clock.advance(1)
    assert (registering, before, bench.state()) == ("Elb.RegistrationInProgress", ["initial"], ["healthy"])


def test_settings_that_change_count_from_then_on() -> None:
    bench = Bench()
    bench.register()
    bench.clock.advance(5)
    bench.source.now = replace(RULES, delay=5)
    bench.simulation.deregister(POOL, bench.source, [HOST])
    bench.clock.advance(5)
    assert bench.state() == []


@pytest.mark.rule("T15")
def test_checks_go_to_the_check_port_where_there_is_one() -> None:
    bench = Bench(replace(RULES, check_port=9999))
    bench.apps.sicken("i-1", 9999)
    bench.register()
    bench.clock.advance(20)
    assert bench.state() == ["unhealthy"]


@pytest.mark.rule("T7")
def test_without_a_delay_a_target_is_gone_at_once() -> None:
    bench = Bench(replace(RULES, delay=0))
    bench.register()
    bench.simulation.deregister(POOL, bench.source, [HOST])
    assert (bench.state(), bench.moves()[-1]) == ([], (0, "gone"))


def test_deregistering_again_does_not_prolong_the_drain() -> None:
    bench = Bench()
    bench.register()
    bench.simulation.deregister(POOL, bench.source, [HOST])
    bench.clock.advance(40)
    bench.simulation.deregister(POOL, bench.source, [HOST])
    bench.clock.advance(20)
    assert bench.state() == []


def test_registering_again_changes_nothing() -> None:
    bench = Bench()
    bench.register()
    bench.clock.advance(5)
    bench.register()
    assert bench.state() == ["healthy"]


@pytest.mark.rule("T16")
def test_draining_targets_are_told_apart_from_serving_ones() -> None:
    bench = Bench()
    bench.register(HOST, Asked("i-2", 8080))
    bench.clock.advance(10)
    bench.simulation.deregister(POOL, bench.source, [HOST])
    assert bench.simulation.serving(POOL) == (("i-2", 8080),)
    assert bench.simulation.draining(POOL) == (("i-1", 8080),)


@pytest.mark.rule("T17")
def test_below_a_percentage_sick_targets_serve_as_well() -> None:
    bench = Bench(replace(RULES, fail_open_percent=60))
    bench.register(HOST, Asked("i-2", 8080))
    bench.apps.sicken("i-2")
    bench.clock.advance(20)
    assert len(bench.simulation.serving(POOL)) == 2


def test_a_pool_nobody_knows_serves_nobody() -> None:
    bench = Bench()
    assert (bench.simulation.serving(POOL), bench.simulation.draining(POOL), bench.simulation.rows(POOL)) == (
        (),
        (),
        (),
    )


def test_after_a_reset_nothing_is_registered() -> None:
    bench = Bench()
    bench.register()
    bench.simulation.reset()
    assert (bench.state(), bench.moves()) == ([], [])


def test_forgotten_pools_have_no_targets() -> None:
    bench = Bench()
    bench.register()
    bench.simulation.forget(POOL)
    assert bench.state() == []


def test_a_thread_makes_real_checks_once_started_and_looking_makes_none() -> None:
    asked = threading.Event()

    def well(target_id: str, port: int | None) -> Sickness | None:
        del target_id, port
        asked.set()
        return None

    simulation = Simulation(SystemClock(), well, timing=Timing(first_check=0.0))
    simulation.start()
    simulation.start()
    try:
        simulation.register(POOL, Source(), [HOST])
        assert asked.wait(10)
    finally:
        simulation.stop()
        simulation.stop()
    assert [move.state for move in simulation.timeline.moves()] == ["initial", "healthy"]


def test_one_tick_makes_one_check_even_after_a_long_pause() -> None:
    bench = Bench(replace(RULES, kind=BalancerKind.NLB), Timing(first_check=0.0))
    bench.register()
    bench.simulation.tick()
    bench.simulation.tick()
    assert bench.state() == ["initial"]


def test_the_answer_of_a_check_is_dropped_when_the_target_has_begun_to_leave() -> None:
    bench = Bench(timing=Timing(first_check=0.0))

    def leaves(target_id: str, port: int | None) -> Sickness | None:
        del target_id, port
        simulation.deregister(POOL, bench.source, [HOST])
        return BAD_STATUS

    simulation = Simulation(SystemClock(), leaves, timing=Timing(first_check=0.0))
    simulation.start()
    try:
        simulation.register(POOL, bench.source, [HOST])
        simulation.tick()
    finally:
        simulation.stop()
    assert [move.state for move in simulation.timeline.moves()] == ["initial", "draining"]


@given(st.lists(st.floats(min_value=0, max_value=50), max_size=12))
def test_how_time_is_cut_up_changes_nothing(steps: list[float]) -> None:
    cut, whole = Bench(), Bench()
    for bench in (cut, whole):
        bench.register()
        bench.clock.later(33, lambda bench=bench: bench.apps.sicken("i-1"))  # type: ignore[misc]
        bench.clock.later(77, lambda bench=bench: bench.apps.heal("i-1"))  # type: ignore[misc]
    for step in steps:
        cut.clock.advance(step)
    whole.clock.advance(cut.clock.monotonic())
    assert cut.moves() == whole.moves()


def test_the_virtual_clock_does_planned_things_in_order_and_at_their_time() -> None:
    clock = VirtualClock()
    start, done = clock.now(), []
    clock.later(20, lambda: done.append(("b", clock.monotonic())))
    clock.later(10, lambda: done.append(("a", clock.monotonic())))
    clock.later(20, lambda: done.append(("c", clock.monotonic())))
    clock.sleep(30)
    assert done == [("a", 10), ("b", 20), ("c", 20)]
    assert clock.now() - start == timedelta(seconds=30)


def test_the_virtual_clock_never_goes_back() -> None:
    clock = VirtualClock()
    clock.advance(-5)
    assert clock.monotonic() == 0
