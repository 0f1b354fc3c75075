"""What people get wrong: each has its exit code, and a sentence that helps; nothing was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import deeds, moves
from cli.worlds import variant
from elbroll.demo.lifelike.targets import Shown
from elbroll.demo.sshd.account import Odd
from elbroll.demo.sshd.keys import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--release", "v2")
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None}


@pytest.fixture(autouse=True)
def nothing_changed(world: World) -> Iterator[None]:
    """Whatever was wrong: no target was moved, nobody was deployed."""
    was = moves(world), [host.release for host in world.hosts]
    yield
    assert (moves(world), [host.release for host in world.hosts]) == was


@pytest.mark.rule("F-3", "I-15")
@pytest.mark.parametrize("words", [ROLL, ("plan", "--lb", "demo"), ("status",), ("drain", "demo-1")])
def test_without_credentials_the_way_to_some_is_named(elbroll: Shell, words: tuple[str, ...]) -> None:
    ended = elbroll(*words, **NO_KEYS)

    assert ended.code == 3, ended.err
    assert "credentials" in ended.err
    assert "fix" in ended.err


@pytest.mark.rule("F-4", "I-14")
def test_another_account_is_refused_with_both_numbers(elbroll: Shell, world: World) -> None:
    other = variant(world, "account", {'"123456789012"': '"999999999999"'})
    done = deeds(world)
    ended = elbroll(*ROLL, "--config", other)

    assert ended.code == 3
    assert "123456789012" in ended.err
    assert "999999999999" in ended.err
    assert deeds(world) == done


@pytest.mark.rule("F-2")
def test_an_unknown_balancer_names_the_near_ones(elbroll: Shell) -> None:
    planned = elbroll("plan", "--lb", "demoo")
    rolled = elbroll("deploy", "--lb", "demoo", "--release", "v2")

    assert (planned.code, rolled.code) == (5, 2)
    assert "demo" in planned.err.replace("demoo", "")
    assert "demo" in rolled.err.replace("demoo", "")


@pytest.mark.rule("F-2")
def test_a_balancer_without_hosts_is_no_success(elbroll: Shell, world: World) -> None:
    world.client("elb").create_load_balancer(
        LoadBalancerName="empty",
        Listeners=[{"Protocol": "http", "LoadBalancerPort": 80, "InstancePort": 80}],
        AvailabilityZones=["us-east-1a"],
    )
    check = {"Target": "TCP:80", "Interval": 5, "Timeout": 2, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
    world.client("elb").configure_health_check(LoadBalancerName="empty", HealthCheck=check)
    ended = elbroll("plan", "--lb", "empty")
    world.client("elb").delete_load_balancer(LoadBalancerName="empty")

    assert ended.code == 5
    assert "no host" in (ended.err + ended.out)


@pytest.mark.rule("F-1", "I-15")
def test_all_faults_of_the_config_are_told_at_once_and_aws_is_not_asked(elbroll: Shell, world: World) -> None:
    bad = variant(
        world, "bad", {'settle = "0.5s"': "settle = 5\ntimout = 3", "max_unavailable = 1": "max_unavalable = 1"}
    )
    asked = len(world.simulation.timeline)
    ended = elbroll(*ROLL, "--config", bad)

    assert ended.code == 2
    assert "settle" in ended.err
    assert '"timeout"' in ended.err
    assert '"max_unavailable"' in ended.err
    assert "bad.toml:" in ended.err
    assert len(world.simulation.timeline) == asked


def test_a_config_that_is_not_there_is_named(elbroll: Shell) -> None:
    ended = elbroll(*ROLL, "--config", "/nowhere/elbroll.toml")

    assert (ended.code, "/nowhere/elbroll.toml" in ended.err) == (2, True)


@pytest.mark.rule("F-1", "S-4")
@pytest.mark.parametrize("label", ["v1\x1b[2J", "v1\nv2", "-v1", "v 1", "$(id)", "v" * 129, ""])
def test_a_release_that_is_no_label_is_refused_and_printed_harmlessly(elbroll: Shell, world: World, label: str) -> None:
    asked = len(world.simulation.timeline)
    ended = elbroll("deploy", "--lb", "demo", f"--release={label}")

    assert ended.code == 2
    assert "--release" in ended.err
    assert "\x1b" not in ended.err
    assert len(world.simulation.timeline) == asked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--max-unavailable", "0"), "--max-unavailable"),
        (("--floor", "x"), "--floor"),
        (("--bake", "5"), "--bake"),
        (("--lock-wait", "soon"), "--lock-wait"),
        (("--limit", "0"), "--limit"),
        (("--order", "any"), "--order"),
    ],
)
def test_a_value_that_makes_no_sense_is_blamed_on_its_option(elbroll: Shell, words: tuple[str, ...], told: str) -> None:
    ended = elbroll(*ROLL, *words)

    assert (ended.code, told in ended.err) == (2, True), ended.err


@pytest.mark.rule("F-2", "I-1")
def test_a_floor_that_leaves_nobody_to_take_is_refused_with_the_numbers(elbroll: Shell) -> None:
    ended = elbroll(*ROLL, "--floor", "2")

    assert ended.code == 5
    assert "floor" in ended.err


@pytest.mark.rule("F-23", "I-1")
def test_hosts_that_are_all_sick_are_refused(elbroll: Shell, world: World, sick: None) -> None:
    ended = elbroll(*ROLL)

    assert ended.code == 5
    assert "0 of 2" in ended.err or "0 healthy" in ended.err
    assert "nothing was changed" in ended.err


@pytest.fixture
def sick(world: World) -> Iterator[None]:
    """The balancer calls nobody healthy."""
    pool = world.pools["demo"]
    for host, port in pool.ports.items():
        world.simulation.force(pool.id, host, port, Shown("unhealthy", "Target.FailedHealthChecks"))
    yield
    for host, port in pool.ports.items():
        world.simulation.unforce(pool.id, host, port)


@pytest.mark.rule("F-40", "S-2")
def test_an_unknown_host_key_is_refused_before_any_drain(elbroll: Shell, world: World) -> None:
    (world.directory / "empty_known_hosts").touch()
    strange = variant(world, "strange", {'known_hosts = "known_hosts"': 'known_hosts = "empty_known_hosts"'})
    ended = elbroll(*ROLL, "--config", strange)

    assert ended.code == 3, ended.err
    assert "host key" in ended.err
    assert "demo-1" in ended.err
    assert "SHA256:" in ended.err


@pytest.mark.rule("F-40", "S-2")
def test_a_changed_host_key_is_refused_before_any_drain(elbroll: Shell, world: World) -> None:
    sshd = world.hosts[1].sshd
    true_key, sshd.host_key = sshd.host_key, new_key()
    ended = elbroll(*ROLL)
    sshd.host_key = true_key

    assert ended.code == 3, ended.err
    assert "demo-2" in ended.err
    assert "SHA256:" in ended.err
    assert "ssh-keygen -R" in ended.err


@pytest.mark.rule("F-38")
def test_a_refused_login_is_told_before_any_drain(elbroll: Shell, world: World) -> None:
    world.hosts[0].sshd.odd = frozenset({Odd.LOGIN_REFUSED})
    ended = elbroll(*ROLL)
    world.hosts[0].sshd.odd = frozenset()

    assert ended.code == 3, ended.err
    assert "demo-1" in ended.err
    assert "fix" in ended.err or "why" in ended.err
