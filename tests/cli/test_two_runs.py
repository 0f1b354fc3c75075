"""Two runs over one fleet: one works, the other says who does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.witness import deploys, locks, members, moves, states
from cli.worlds import hold_up, let_go

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cli.shell import Running, Shell
    from elbroll.demo.world import World


@pytest.fixture
def working(elbroll: Shell, world: World, before: dict[str, Any]) -> Iterator[Running]:
    """A run in the deploy of demo-1, which lasts until it is let go; nothing that others did may have hurt it."""
    host = world.hosts[0]
    begun = len(deploys(host))
    hold_up(host)
    run = elbroll.start("deploy", "--lb", "demo", "--release", f"v{begun}", "--only", "demo-1")
    run.until(lambda: len(deploys(host)) > begun)
    yield run
    let_go(host)
    ended = run.end()
    assert ended.code == 0, ended.err
    assert members(world) == before
    assert locks(world) == {"free"}


@pytest.mark.rule("I-10", "F-7")
def test_a_rival_is_told_who_works_since_when_on_what_and_changes_nothing(
    elbroll: Shell, world: World, working: Running
) -> None:
    done, was = moves(world), members(world)
    second = elbroll.elsewhere()("deploy", "--lb", "demo", "--release", "v9")

    assert second.code == 6
    assert f"error: demo is locked by run {elbroll.run_of(working)}" in second.err
    assert "since" in second.err
    assert "demo-1" in second.err
    assert "--lock-wait" in second.err
    patient = elbroll("exec", "--lb", "demo", "--lock-wait", "1s", "--json", "--", "true")
    assert (patient.code, patient.document["exit"]) == (6, 6)
    assert elbroll.run_of(working) in patient.document["error"]["message"]
    assert (moves(world), members(world)) == (done, was)


@pytest.mark.rule("I-10", "I-13", "F-7")
def test_with_patience_the_second_run_waits_and_then_succeeds(
    elbroll: Shell, world: World, working: Running, before: dict[str, Any]
) -> None:
    waiting = elbroll.elsewhere().start("exec", "--lb", "demo", "--only", "demo-2", "--lock-wait", "1m", "--", "true")
    waiting.await_word(f"demo is locked by run {elbroll.run_of(working)}.*waiting")
    let_go(world.hosts[0])
    second = waiting.end()

    assert second.code == 0, second.err
    assert working.child.poll() is not None
    assert (members(world), states(world)["demo-2"]) == (before, "in-service")


@pytest.mark.rule("S-9")
def test_a_live_lock_is_not_broken_without_consent(elbroll: Shell, working: Running) -> None:
    refused = elbroll("unlock", "demo", elbroll.run_of(working))
    mistaken = elbroll("unlock", "demo", "abcdef")

    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert re.search(r"demo, extra: locked by run \w+: .*alive \d+s ago, working on demo-1", refused.err)
    assert "demo-1 is recorded as deploying" in refused.err
    assert (mistaken.code, elbroll.run_of(working) in mistaken.err) == (5, True)
