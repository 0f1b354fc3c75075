"""A release that is no good: the roll halts, the host stays out, and the next run heals it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import deploys, locks, members, releases, states
from cli.worlds import DEPLOY, variant
from elbroll.demo.app import Break

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

FAILING = [
    pytest.param(Break.DEPLOY, "failed in deploy: the command exited 1", "deploying", id="deploy"),
    pytest.param(Break.VERIFY, "failed in verify", "deployed", id="verify"),
    pytest.param(Break.REGISTER, "failed in register", "deployed", id="register"),
]


@pytest.mark.rule("I-2", "I-4", "I-6", "I-7", "F-42", "F-46", "F-50")
@pytest.mark.parametrize(("stage", "told", "state"), FAILING)
def test_a_bad_release_halts_with_its_host_out_until_a_good_one_comes(
    elbroll: Shell, world: World, before: dict[str, Any], stage: Break, told: str, state: str, *, verifying: str
) -> None:
    first, second = world.hosts
    bad, good = f"bad-{stage}", f"good-{stage}"
    world.break_release(bad, stage)
    with world.traffic(rate=20) as traffic:
        halted = elbroll("deploy", "--lb", "demo", "--release", bad, ELBROLL_CONFIG=verifying)

        assert halted.code == 4, halted.err
        assert f"✘ demo-1 {told}" in halted.err
        assert states(world)["demo-1"] == state
        assert first.instance not in dict(members(world)["demo"]) | dict(members(world)["extra"])
        assert (second.release != bad, world.in_service("demo")) == (True, {second.instance})
        assert locks(world) == {"free"}
        assert halted.next[0] == f"elbroll deploy --lb demo --release {bad}"

        mended = elbroll.elsewhere()("deploy", "--lb", "demo", "--release", good, "--only", "demo-1")

    assert mended.code == 0, mended.err
    assert members(world) == before
    assert (first.release, states(world)["demo-1"]) == (good, "in-service")
    assert traffic.count.failures == {}


@pytest.mark.rule("I-4", "I-18")
def test_the_next_run_takes_the_host_that_is_out_first_and_goes_on(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    world.hosts[1].break_release("half-bad", Break.DEPLOY)
    assert elbroll("deploy", "--lb", "demo", "--release", "half-bad", "--only", "demo-2").code == 4
    healed = elbroll("deploy", "--lb", "demo", "--release", "whole")

    assert healed.code == 0, healed.err
    assert healed.err.index("demo-2   deployed") < healed.err.index("demo-1   drain")
    assert members(world) == before
    assert set(releases(world).values()) == {"whole"}
    assert set(states(world).values()) == {"in-service"}


@pytest.mark.rule("F-42", "S-1", "I-7")
def test_a_failed_command_shows_the_hosts_own_last_lines_and_restore_refuses_the_host(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    script = "echo step one; printf 'cannot \\033[2Jbind\\n' >&2; exit 9"
    ended = elbroll("exec", "--lb", "demo", "--only", "demo-1", "--", script)
    block = ended.err[ended.err.index("✘ demo-1") :]
    refused = elbroll("restore", "demo-1")

    assert (ended.code, refused.code) == (4, 5)
    assert "failed in deploy: the command exited 9" in block
    assert "| step one" in block
    assert "| cannot \\x1b[2Jbind" in block
    assert "elbroll exec --lb demo" in refused.err
    assert states(world)["demo-1"] == "deploying"
    assert elbroll("exec", "--lb", "demo", "--only", "demo-1", "--", "true").code == 0
    assert members(world) == before


@pytest.mark.rule("I-7", "F-44", "I-13")
def test_a_deploy_that_hangs_is_ended_at_its_limit(
    elbroll: Shell, world: World, before: dict[str, Any], hanging: str
) -> None:
    ended = elbroll("deploy", "--lb", "demo", "--release", "v9", "--config", hanging, "--only", "demo-1")

    assert ended.code == 4
    assert ended.seconds < 30
    assert "failed in deploy" in ended.err
    assert elbroll("deploy", "--lb", "demo", "--release", "v9", "--only", "demo-1").code == 0
    assert members(world) == before
    assert deploys(world.hosts[0])[-2:] == ["begin", "end"]


@pytest.fixture
def verifying(world: World, stage: Break) -> str:
    """A config in which a release that never gets well is given up soon."""
    return variant(world, "verifying", {'timeout = "30s"': f'timeout = "{4 if stage is Break.VERIFY else 30}s"'})


@pytest.fixture
def hanging(world: World) -> str:
    """A config whose deploy never ends by itself, and may take 2 s."""
    return variant(world, "hanging", {DEPLOY: "sleep 600", 'timeout = "90s"': 'timeout = "2s"'})
