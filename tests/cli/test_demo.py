"""The demo as people start it, whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "elbroll", "demo", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=280, check=False, env={**os.environ}, stdin=subprocess.DEVNULL
    )


def test_the_demo_rolls_its_fleet_without_losing_a_request() -> None:
    ended = demo("--hosts", "2")
    assert ended.returncode == 0
    assert "demo is on v2. 2 deployed, 2 of 2 in service." in ended.stdout
    assert re.search(r"^Requests  [\d,]+ answered, 0 failed$", ended.stdout, re.MULTILINE)


@pytest.mark.rule("F-55", "F-8", "I-4")
def test_the_demo_kills_elbroll_and_the_rerun_heals_without_losing_a_request() -> None:
    ended = demo("--hosts", "2", "--break", "kill")
    assert ended.returncode == 0
    assert "Locked    by run" in ended.stdout
    assert "demo is on v2. 2 deployed, 2 of 2 in service." in ended.stdout
    assert re.search(r"^Requests  [\d,]+ answered, 0 failed$", ended.stdout, re.MULTILINE)
