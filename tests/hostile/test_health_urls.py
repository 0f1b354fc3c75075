"""A health URL that leads to a metadata service, or nowhere certain, is found before any host is touched (S-7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.witness import locks, moves

if TYPE_CHECKING:
    from cli.shell import Shell
    from elbroll.demo.world import World


@pytest.mark.rule("S-7", "F-47", "I-6")
@pytest.mark.parametrize("where", ["169.254.169.254", "[::ffff:a9fe:a9fe]", "metadata.example:9000"])
def test_a_roll_that_would_ask_it_ends_with_every_host_in_service(elbroll: Shell, world: World, where: str) -> None:
    config = world.directory / "inner.toml"
    url = f'[lb.demo.verify]\nhttp = "http://{where}/latest"\n'
    config.write_text(world.config.read_text().replace("[lb.demo.verify]\n", url))
    config.chmod(0o600)
    before = moves(world)
    ended = elbroll("deploy", "--lb", "demo", "--release", "u1", "--config", str(config))

    assert ended.code == 4, ended.err
    assert where.strip("[]").partition(":9000")[0] in ended.err
    assert moves(world) == before
    assert locks(world) == {"free"}
