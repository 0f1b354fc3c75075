"""A roll of a demo fleet behind AWS's default delay of 300 s, against what cannot be avoided.

Per host nothing can save: the settle time, the deploy itself with the app's start, and the balancer's first check.
The first two are taken from the run's own events; the check from the world's settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.world import World

HOSTS = 3
SETTLE = 5.0
INTERVAL = 5
FIRST_CHECK = 0.5


def main() -> None:
    """One roll with elbroll's own defaults, and the ratio."""
    settings = WorldSettings(pools=(PoolPlan(delay=300, interval=INTERVAL),), first_check=FIRST_CHECK)
    with World(HOSTS, settings) as world, world.traffic() as traffic, tempfile.TemporaryDirectory() as folder:
        _default_settle(world.config)
        events = Path(folder) / "events.jsonl"
        began = time.monotonic()
        command = ["deploy", "--lb", "demo", "--release", "v2", "--events", str(events)]
        subprocess.run(
            [sys.executable, "-m", "elbroll", *command], check=True, env=dict(world.environment), cwd=world.directory
        )
        took = time.monotonic() - began
        steps = [json.loads(line) for line in events.read_text().splitlines()]
    deploys = [one["data"]["seconds"] for one in steps if _ended(one, "deploy")]
    least = sum(deploys) + HOSTS * (SETTLE + settings.app.start_up + INTERVAL * FIRST_CHECK)
    naive = HOSTS * 300 + least
    print(f"whole roll                    {took:6.1f} s")
    print(f"what cannot be avoided        {least:6.1f} s   ratio {took / least:.2f} (reach: 1.5)")
    print(f"waiting out the delay instead {naive:6.1f} s   ratio {took / naive:.2f}")
    print(f"requests                      {traffic.count.answered} answered, {traffic.count.failed} failed")


def _default_settle(config: Path) -> None:
    """The world shortens the settle time; here elbroll's own default is measured."""
    config.write_text(config.read_text().replace('settle = "2s"', 'settle = "auto"'))


def _ended(event: dict[str, object], step: str) -> bool:
    data = event["data"]
    return (
        event["type"] == "dev.elbroll.step.finished.v1"
        and isinstance(data, dict)
        and data["step"] == step
        and data["result"] == "success"
        and data.get("host") is not None
    )


if __name__ == "__main__":
    main()
