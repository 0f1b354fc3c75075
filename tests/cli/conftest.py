"""The command line as people call it: a child process in a whole world on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.world import World
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMIT = 150.0
"""Seconds that one command may take."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs `elbroll` in a world, each time with a home and state directory of its own unless told."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.home = home

    def start(self, *words: str, **changes: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "elbroll", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.world.environment, "HOME": str(self.home), "ELBROLL_STATE_DIR": str(self.home), **changes},
            cwd=self.world.directory,
        )

    def __call__(self, *words: str, **changes: str) -> Ended:
        return self.end(self.start(*words, **changes))

    def end(self, child: subprocess.Popen[str]) -> Ended:
        try:
            out, err = child.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            pytest.fail(f"no end within {LIMIT:.0f} s\n{out}\n{err}")
        return Ended(child.returncode, out, err)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Three hosts: demo-2 also serves in a second group, demo-3 behind a classic balancer too."""
    pools = (
        PoolPlan(delay=20),
        PoolPlan(name="extra", members=(0, 1), delay=20),
        PoolPlan(name="old", kind=BalancerKind.CLASSIC, members=(1, 2), delay=20),
    )
    with World(3, WorldSettings(pools=pools)) as made:
        yield made


@pytest.fixture
def elbroll(world: World, tmp_path: Path) -> Shell:
    return Shell(world, tmp_path)


def members(world: World) -> dict[str, Any]:
    """Where everybody is registered, as boto3 tells it."""
    elbv2, elb = world.client("elbv2"), world.client("elb")
    groups = elbv2.describe_target_groups()["TargetGroups"]
    found: dict[str, Any] = {
        group["TargetGroupName"]: sorted(
            (row["Target"]["Id"], row["Target"]["Port"])
            for row in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
            if row["TargetHealth"]["State"] not in ("draining", "unused")
        )
        for group in groups
    }
    for balancer in elb.describe_load_balancers()["LoadBalancerDescriptions"]:
        name = balancer["LoadBalancerName"]
        found[name] = sorted(one["InstanceId"] for one in balancer["Instances"])
    return found


def wait_for(look: Callable[[], bool], limit: float = 60.0) -> None:
    """Until `look` holds; fails the test after `limit` seconds."""
    end = time.monotonic() + limit
    while not look():
        if time.monotonic() > end:
            pytest.fail("it never came about")
        time.sleep(0.1)


def kill_hard(child: subprocess.Popen[str]) -> None:
    """`kill -9`: no clean-up of any kind."""
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
