"""`hosts list` and `hosts trust`, and host keys that are compared with the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.witness import members
from cli.worlds import variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.shell import Shell
    from elbroll.demo.world import World

NOT_IT = "SHA256:" + "A" * 43


@pytest.fixture
def known(world: World) -> Iterator[Path]:
    """The world's known_hosts, emptied for a test."""
    file = world.directory / "known_hosts"
    before = file.read_text()
    file.write_text("")
    yield file
    file.write_text(before)


def fingerprint(elbroll: Shell, host: str) -> str:
    """The one that a refusal shows."""
    refused = elbroll("hosts", "trust", host, NOT_IT)
    return next(word for word in refused.err.split() if word.startswith("SHA256:") and word != NOT_IT)


def test_hosts_list_names_every_host_with_zone_address_and_pools(elbroll: Shell, world: World) -> None:
    listed = elbroll("hosts", "list", "--lb", "demo")
    heading, first, second = listed.out.splitlines()
    host = world.hosts[0]
    ports = host.place.ports

    assert listed.code == 0, listed.err
    assert heading.split() == ["HOST", "INSTANCE", "ZONE", "ADDRESS", "POOLS"]
    pools = [f"demo:{ports['demo']},", f"extra:{ports['extra']}"]
    assert first.split() == ["demo-1", host.instance, "1a", host.address, *pools]
    assert second.startswith("demo-2")


def test_hosts_list_without_a_balancer_is_that_of_the_config_as_json_too(elbroll: Shell, world: World) -> None:
    document = elbroll("hosts", "list", "--json").document

    assert document["schema"] == "elbroll.hosts.v1"
    assert [(each["host"], each["address"]) for each in document["hosts"]] == [
        (host.name, host.address) for host in world.hosts
    ]
    assert {pool["pool"] for pool in document["hosts"][0]["pools"]} == {"demo", "extra"}


def test_hosts_list_of_an_unknown_balancer_is_refused(elbroll: Shell) -> None:
    assert elbroll("hosts", "list", "--lb", "demmo").code == 5


@pytest.mark.rule("T-10", "T-13", "E2", "S-2")
def test_trust_from_the_console_files_the_key_that_the_machine_printed(
    elbroll: Shell, world: World, known: Path
) -> None:
    host = world.hosts[0]
    trusted = elbroll("hosts", "trust", "demo-1", "--from-console")

    assert trusted.code == 0, trusted.err
    assert known.read_text() == f"{host.instance} {host.sshd.known_host}\n"
    assert "is now listed in" in trusted.out
    assert str(known) in trusted.out
    assert "known already" in elbroll("hosts", "trust", host.instance, "--from-console").out


@pytest.mark.rule("T-13")
def test_trust_by_fingerprint_files_that_key_and_no_other(elbroll: Shell, world: World, known: Path) -> None:
    right = fingerprint(elbroll, "demo-2")
    wrong = elbroll("hosts", "trust", "demo-2", NOT_IT)

    assert (wrong.code, known.read_text()) == (3, "")
    assert elbroll("hosts", "trust", "demo-2", right, "--json").document["instance"] == world.hosts[1].instance
    assert known.read_text().startswith(f"{world.hosts[1].instance} ")


@pytest.mark.rule("E2", "T-10")
def test_trust_is_refused_where_the_console_output_is_gone(elbroll: Shell, world: World, known: Path) -> None:
    host = world.hosts[0]
    world.simulation.print_on_console(host.instance, "")
    refused = elbroll("hosts", "trust", "demo-1", "--from-console")
    world.simulation.print_on_console(host.instance, host.console)

    assert (refused.code, known.read_text()) == (3, "")
    assert "its console output is gone" in refused.err


@pytest.mark.rule("T-12")
def test_a_changed_key_is_not_trusted_whatever_the_console_says(elbroll: Shell, world: World, known: Path) -> None:
    filed = f"{world.hosts[0].instance} {world.hosts[1].sshd.known_host}\n"
    known.write_text(filed)
    refused = elbroll("hosts", "trust", "demo-1", "--from-console")

    assert (refused.code, known.read_text()) == (3, filed)
    assert "another host key than the one that is known" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("demo-1",), 2, "either the fingerprint or --from-console"),
        (("demo-1", NOT_IT, "--from-console"), 2, "either the fingerprint or --from-console"),
        (("demo-1", "MD5:00:11"), 2, "is no SHA256 fingerprint"),
        (("demo-9", NOT_IT), 5, 'no host is called "demo-9"'),
        (("demo-*", NOT_IT), 5, "names several hosts"),
    ],
)
def test_trust_wants_one_host_and_one_proof(
    elbroll: Shell, known: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    refused = elbroll("hosts", "trust", *words)

    assert (refused.code, known.read_text()) == (code, ""), refused.err
    assert told in refused.err


@pytest.mark.rule("T-10", "E2")
def test_a_roll_compares_unknown_keys_with_the_console_and_files_them(
    elbroll: Shell, world: World, before: dict[str, Any], tmp_path: Path
) -> None:
    book = tmp_path / "book"
    config = variant(
        world, "console", {'known_hosts = "known_hosts"': f'known_hosts = "{book}"\nhost_keys = "console"'}
    )
    ended = elbroll("exec", "--lb", "demo", "--config", config, "--only", "demo-1", "--", "true")

    assert ended.code == 0, ended.err
    assert book.read_text() == f"{world.hosts[0].instance} {world.hosts[0].sshd.known_host}\n"
    assert members(world) == before


@pytest.mark.rule("T-10", "E2", "F-40")
def test_a_key_that_the_console_does_not_list_stops_the_roll_before_any_change(
    elbroll: Shell, world: World, before: dict[str, Any], tmp_path: Path
) -> None:
    config = variant(
        world, "lying", {'known_hosts = "known_hosts"': f'known_hosts = "{tmp_path / "book"}"\nhost_keys = "console"'}
    )
    first, second = world.hosts
    world.simulation.print_on_console(first.instance, second.console)
    refused = elbroll("exec", "--lb", "demo", "--config", config, "--", "true")
    world.simulation.print_on_console(first.instance, first.console)

    assert refused.code == 3, refused.err
    assert "shows a host key that its console output does not list" in refused.err
    assert members(world) == before
