"""A host is well when its own app and its balancer both say so; capacity is the balancer's word alone (S-8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scene import Scene

from elbroll.model import Outcome, TargetState

if TYPE_CHECKING:
    from elbroll.model import Host


def the_app_says(scene: Scene, *, well: bool) -> None:
    """What its own probe hears, whatever the balancer finds."""
    scene.checks.well = lambda _target: well


def the_balancer_finds(scene: Scene, host: Host, state: TargetState) -> None:
    """Of this host, from the moment its command has run."""
    shown = dict.fromkeys(scene.places[host.id], state)
    scene.transport.on_run = lambda _host, _job: scene.balancer.forced.update(shown)


@pytest.mark.rule("S-8", "I-7", "F-50")
def test_a_host_that_only_its_own_app_calls_well_is_not_kept_in_service() -> None:
    scene = Scene()
    first = scene.hosts[0]
    the_app_says(scene, well=True)
    the_balancer_finds(scene, first, TargetState.UNHEALTHY)
    results = scene.roll()
    assert (results[first.id].outcome, results[first.id].in_service) == (Outcome.LEFT_OUT, False)
    assert scene.deeds("register")
    assert not scene.members_of(first)
    assert set(results) == {first.id}


@pytest.mark.rule("S-8", "I-7", "F-46")
def test_a_host_that_only_the_balancer_would_call_well_is_never_registered() -> None:
    scene = Scene()
    first = scene.hosts[0]
    the_app_says(scene, well=False)
    the_balancer_finds(scene, first, TargetState.HEALTHY)
    results = scene.roll()
    failure = results[first.id].failure
    assert (results[first.id].outcome, failure and failure.code) == (Outcome.LEFT_OUT, "verify-http")
    assert not scene.deeds("register")
    assert set(results) == {first.id}


@pytest.mark.rule("S-8", "I-1")
def test_a_host_that_calls_itself_well_is_no_capacity_against_the_balancers_word() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    the_app_says(scene, well=True)
    scene.balancer.forced |= dict.fromkeys(scene.places[second.id], TargetState.UNHEALTHY)
    results = scene.roll()
    assert results[first.id].outcome is Outcome.NOT_REACHED
    assert not scene.deeds("record", "deregister")


@pytest.mark.rule("S-8", "I-7")
def test_two_witnesses_are_enough() -> None:
    scene = Scene()
    the_app_says(scene, well=True)
    assert {result.outcome for result in scene.roll().values()} == {Outcome.DEPLOYED}
