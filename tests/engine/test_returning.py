"""Back into the balancers: what is waited for, for how long, and what is said when it does not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scene import Scene

from elbroll.model import Outcome, RecordState

if TYPE_CHECKING:
    from elbroll.model import HostResult


def restored(scene: Scene) -> HostResult:
    """The first host, which was held and is out, is put back."""
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    return scene.restore()[first.id]


@pytest.mark.rule("T13", "F-50")
def test_a_registration_that_never_shows_is_given_up_after_a_minute_and_named() -> None:
    scene = Scene()

    def nowhere(_pool: object, entries: Any) -> None:
        for entry in entries:
            del scene.balancer.targets[entry]

    scene.balancer.register = nowhere  # type: ignore[method-assign,assignment]
    result = restored(scene)
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    assert "web-prod:8080 not shown" in result.failure.message
    assert 60.0 <= result.seconds < 70.0


@pytest.mark.rule("F-35", "I-2")
def test_a_pool_deleted_between_look_and_register_keeps_the_host_out_of_no_other() -> None:
    scene = Scene()
    register = scene.balancer.register

    def deleted_meanwhile(pool: Any, entries: Any) -> None:
        scene.balancer.deleted.add(scene.api.id)
        register(pool, entries)

    scene.balancer.register = deleted_meanwhile  # type: ignore[method-assign]
    result = restored(scene)
    assert (result.outcome, result.record) == (Outcome.RESTORED, RecordState.HELD)
    assert {entry.pool for entry in scene.members_of(scene.hosts[0])} == {scene.web.id}
