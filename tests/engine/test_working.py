"""A host's own work: what its commands are told, and what is said of an app that is not well."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from elbroll.errors import HostUnreachable
from elbroll.model import Outcome

if TYPE_CHECKING:
    from elbroll.model import Failure


def failure_of(scene: Scene) -> Failure:
    """The first host's."""
    result = scene.roll()[scene.hosts[0].id]
    assert result.outcome is Outcome.LEFT_OUT
    assert result.failure is not None
    return result.failure


@pytest.mark.rule("F-46", "I-7")
def test_an_app_that_could_not_be_asked_is_told_from_one_that_is_ill() -> None:
    scene = Scene(settings={"verify": {"timeout": "70s"}})

    def lost(_host: object) -> bool:
        raise HostUnreachable("the line was lost")

    scene.checks.well = lost
    failure = failure_of(scene)
    assert failure.message == "the app could not be asked for 1:10: the line was lost"
    assert scene.state(scene.hosts[0]) == "deployed"


@pytest.mark.rule("F-46")
def test_an_app_that_got_well_too_late_is_said_to_be_well_but_not_for_long_enough() -> None:
    scene = Scene(settings={"verify": {"timeout": "20s", "interval": "5s"}})
    first = scene.hosts[0]
    scene.transport.on_run = lambda host, _job: scene.sick.add(host.id)
    scene.transport.takes = 10.0
    scene.clock.at(10.0 + 10.0 + 18.0, partial(scene.sick.discard, first.id))
    message = failure_of(scene).message
    assert "GET 10.0.1.11:8080/healthz answered 200 in the end" in message
    assert "0:20" in message
