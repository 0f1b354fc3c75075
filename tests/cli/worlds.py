"""Worlds for the command line: as small and quick as they can be and still have everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.demo.lifelike import Group, Scalers, Sizes, Vpc
from elbroll.demo.service import AppSettings
from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from elbroll.demo.host import DemoHost

DEPLOY = """\
echo begin >> deploys; while [ -e hold ]; do sleep 0.1; done; web-ctl deploy "$ELBROLL_RELEASE"; \
status=$?; echo end >> deploys; exit $status"""
"""Notes when it begins and ends; between them it waits for as long as the host is held up."""
QUICK = {
    'timeout = "30s"': 'timeout = "90s"',
    'settle = "2s"': 'settle = "0.5s"',
    'timeout = "15s"': 'timeout = "30s"\ninterval = "0.2s"',
}
"""What is shortened in a world's config: traffic must stay away, and verify may take."""
LAG = 0.3
"""Seconds from one state of a group's member to the next."""
PAIR = (PoolPlan(delay=8), PoolPlan(name="extra", delay=8))
"""Two hosts in two groups of one balancer, on different ports."""


def small_world(hosts: int = 2, pools: tuple[PoolPlan, ...] = PAIR) -> World:
    """Up within its `with`; quick apps, quick first checks, a settle of a second."""
    quick = AppSettings(start_up=0.2, latency=0.01)
    return _Quick(hosts, WorldSettings(pools=pools, app=quick, keep_alive=0.3, first_check=0.1, deploy=(DEPLOY,)))


class _Quick(World):
    def __enter__(self) -> World:  # type: ignore[override]  # callers need no more than a world
        up = super().__enter__()
        up.config.write_text(changed(up.config, QUICK))
        return up


def changed(config: Path, changes: Mapping[str, str]) -> str:
    """The text of a config with some words replaced, all of which must be there."""
    text = config.read_text()
    for old, new in changes.items():
        assert old in text, f"{old} is not in {config}"
        text = text.replace(old, new)
    return text


def variant(world: World, name: str, changes: Mapping[str, str]) -> str:
    """Another config beside the world's own: its path, for `--config`."""
    path = world.directory / f"{name}.toml"
    path.write_text(changed(world.config, changes))
    return str(path)


def group_of(world: World, name: str, hosts: Sequence[DemoHost], pool: str, sizes: Sizes) -> Scalers:
    """An Auto Scaling group of these hosts, attached to this pool, whose members change their state quickly."""
    made = Scalers(world.client, world.simulation)
    world.simulation.groups.lag = LAG
    subnets = world.client("ec2").describe_subnets()["Subnets"]
    mine = [each for each in subnets if each["CidrBlock"].startswith("127.")]
    vpc = Vpc(mine[0]["VpcId"], {each["AvailabilityZone"]: each["SubnetId"] for each in mine})
    attached = [Group(pool, world.pools[pool].arn or "")]
    made.around(name, vpc, [host.instance for host in hosts], attached, sizes=sizes)
    return made


def hold_up(host: DemoHost) -> None:
    """From now on a deploy on this host begins and does not end, until `let_go`."""
    (host.place.home / "hold").touch()


def let_go(host: DemoHost) -> None:
    """Deploys on this host end again; harmless where none is held up."""
    (host.place.home / "hold").unlink(missing_ok=True)
