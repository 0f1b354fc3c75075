"""The world of the crash matrix: three hosts, no two with the same registrations, one with two ports in a pool.

In another one two of them belong to an Auto Scaling group that can spare one and takes no more than both.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moto.elb.models import elb_backends

from cli.worlds import group_of
from crash.bell import Bell
from crash.stragglers import Stragglers
from elbroll.demo.lifelike import ACCOUNT, REGION, Sizes
from elbroll.demo.service import AppSettings
from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.world import World
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GROUP = "web-asg"
LIMIT = 300.0
"""Seconds that one command may take."""
_LAUNCH = (sys.executable, str(Path(__file__).with_name("launch.py")))
_POOLS = (
    PoolPlan(delay=20),
    PoolPlan(name="extra", delay=20, members=(0, 1)),
    PoolPlan(name="legacy", kind=BalancerKind.CLASSIC, delay=20, members=(0, 2)),
)
_QUICK = {
    'settle = "2s"': 'settle = "0.3s"',
    'timeout = "15s"': 'timeout = "15s"\ninterval = "0.2s"\nhttp = "/healthz"',
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    said: str
    """Both streams."""


class Child:
    """`elbroll` under way, on a computer that has never seen it before."""

    def __init__(self, world: World, command: Sequence[str]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="computer-", dir=world.directory)
        home = Path(self._home.name)
        own = {"HOME": str(home), "ELBROLL_STATE_DIR": str(home / "state")}
        self._said = home / "said"
        with self._said.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**world.environment, **own},
                cwd=world.directory,
            )

    def cancel(self) -> None:
        """As CI ends a job, or the system a service: SIGTERM, without waiting for anything."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`, and wait until it is dead."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> Ended:
        """How it ended; its computer is thrown away."""
        try:
            self._process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
        said = self._said.read_text(errors="replace")
        self._home.cleanup()
        return Ended(self._process.returncode, said)


@dataclass(frozen=True, slots=True)
class Site:
    """A world, the bell that its hosts ring, and requests that take their time."""

    world: World
    bell: Bell
    stragglers: Stragglers

    def start(self, *words: str, variant: str = "sound") -> Child:
        """Start elbroll, or a broken variant of it (see launch.py), on a new computer."""
        return Child(self.world, [*_LAUNCH, variant, *words])


@contextmanager
def new_site(pools: tuple[PoolPlan, ...] = _POOLS) -> Iterator[Site]:
    """Up within the `with`: pools on several ports, one of them classic; quick apps and quick first checks."""
    with Bell() as bell:
        app = AppSettings(start_up=0.1, latency=0.01)
        settings = WorldSettings(pools=pools, app=app, keep_alive=0.2, first_check=0.06, deploy=(bell.deploy,))
        world = World(3, settings)
        bell.world = world
        with world:
            _hurry()
            _register_twice(world)
            world.config.write_text(_changed(world.config.read_text(), bell))
            with Stragglers(world) as stragglers:
                bell.quiet_for = stragglers.quiet_for
                yield Site(world, bell, stragglers)


@contextmanager
def new_site_with_group() -> Iterator[Site]:
    """The same with a group of two hosts, which stand by while they are out; the third belongs to none."""
    with new_site((replace(_POOLS[0], one_port=True), *_POOLS[1:])) as site:
        world = site.world
        group_of(world, GROUP, world.hosts[:2], "demo", Sizes(at_least=1, at_most=2, health_check="ELB"))
        world.config.write_text(f'{world.config.read_text()}\n[lb.demo.asg]\nmode = "standby"\n')
        yield site


def _changed(text: str, bell: Bell) -> str:
    version = f"version = '{bell.version}'"
    more = f"{version}\ncommand = '{bell.look}'"
    timeout = 'timeout = "30s"'
    back = f"timeout = '2m'\nrollback = '{bell.rollback}'"
    for old, new in {**_QUICK, 'version = "/release"': more, timeout: back}.items():
        assert old in text, f"{old} is not in the config"
        text = text.replace(old, new)
    return text


def _hurry() -> None:
    """The classic balancer checks each second, which AWS would not accept: it wants two good checks in a row."""
    balancer = elb_backends[ACCOUNT][REGION].load_balancers["legacy"]
    assert balancer.health_check is not None
    balancer.health_check.interval = "1"


def _register_twice(world: World) -> None:
    """The first host serves the first pool on two ports, so that a port that is mixed up does not go unseen."""
    pool, host = world.pools["demo"], world.hosts[0]
    target = {"Id": host.instance, "Port": host.place.ports["extra"]}
    world.client("elbv2").register_targets(TargetGroupArn=pool.arn, Targets=[target])
    deadline = time.monotonic() + LIMIT
    while any(row.shown.state != "healthy" for row in world.simulation.rows(pool.id)):
        assert time.monotonic() < deadline, "the second port did not come into service"
        time.sleep(0.05)
