"""Worlds that differ, fail or are killed: each test makes its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from demo.eventual import eventually
from demo.onhost import QUICK, on
from elbroll.demo.loopback import free_port
from elbroll.demo.settings import Ledger, PoolPlan, WorldSettings
from elbroll.demo.sweeper import MARK
from elbroll.demo.world import World
from elbroll.model import BalancerKind


@pytest.mark.rule("M9")
def test_hosts_may_serve_different_pools_on_different_ports() -> None:
    pools = (
        PoolPlan("web", delay=5),
        PoolPlan("api", members=(0, 1), delay=5),
        PoolPlan("old", kind=BalancerKind.CLASSIC, members=(1, 2), delay=5),
    )
    settings = WorldSettings(pools=pools, app=QUICK, first_check=0.1, ledger=Ledger.S3)
    with World(3, settings) as world:
        web, api, old = (world.pools[name] for name in ("web", "api", "old"))
        tables = tomllib.loads(world.config.read_text())["lb"]
        counts = [asks(world, name) for name in ("web", "api", "old")]

        assert [len(pool.ports) for pool in (web, api, old)] == [3, 2, 2]
        assert len({*web.ports.values(), *api.ports.values(), *old.ports.values()}) == 6
        assert old.id == "clb/old"
        assert list(tables) == ["demo", "old"]
        assert counts == [0, 0, 0]


def test_a_port_that_is_promised_is_not_given_away_again() -> None:
    promised = {free_port(["127.0.0.9"]) for _ in range(2000)}

    assert not promised & {free_port(["127.0.0.9"], promised) for _ in range(100)}


def asks(world: World, pool: str) -> int:
    with world.traffic(rate=40, pool=pool) as traffic:
        eventually(lambda: traffic.count.answered >= 5)
    return traffic.count.failed


def marked(mark: str) -> list[str]:
    entry = f"{MARK}={mark}".encode()
    return [folder.name for folder in Path("/proc").glob("[0-9]*") if entry in environment_of(folder)]


def environment_of(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def test_nothing_is_left_of_a_world_that_has_ended() -> None:
    threads = threading.active_count()
    with World(2, WorldSettings(app=QUICK, first_check=0.1)) as world:
        mark = str(world.hosts[0].account.environment[MARK])
        job = 'setsid sh -c "sleep 60" >/dev/null 2>&1 & echo started'
        assert on(world, world.hosts[0], job).stdout == "started\n"
        eventually(lambda: len(marked(mark)) >= 3)

    assert marked(mark) == []
    assert not world.directory.exists()
    eventually(lambda: threading.active_count() <= threads)


def test_nothing_runs_on_after_a_world_was_killed() -> None:
    code = (
        "import json, time\n"
        "from elbroll.demo.world import World\n"
        "from elbroll.demo.sweeper import MARK\n"
        "with World(1) as world:\n"
        "    host = world.hosts[0]\n"
        "    print(json.dumps([host.account.environment[MARK], str(world.directory)]), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        mark, directory = json.loads(child.stdout.readline())
        assert marked(mark)
        child.kill()

    eventually(lambda: not marked(mark) and not Path(directory).exists())


def test_a_world_that_fails_to_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threading.active_count()
    world = World(1, WorldSettings(app=QUICK))
    monkeypatch.setattr(world, "_await_service", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError), world:
        pass

    assert not world.directory.exists()
    eventually(lambda: threading.active_count() <= threads)
