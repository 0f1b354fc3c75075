"""Bugs that somebody might put in, kept as patches: the quick suite must notice each, or it has lost its teeth.

A patch that no longer applies fails too: renew it. Each is applied to a copy of the package, and one quick test is
run against it in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent
LIMIT = 250
"""Seconds in which a bug must be caught."""
BY_ASSERTION = re.compile(r"^(E +)?(AssertionError|Failed: DID NOT RAISE)\b", re.MULTILINE)
SCENES = "simulation/test_scenes.py::test_"
GUARD = "core/test_guard.py::test_"
AWS = "balancers/test_target_group.py::test_"
ALONE = f"{SCENES}a_roll_without_trouble"
CAUGHT_BY = {
    "closed-before-registering": ALONE,
    "closed-by-an-old-reading": f"{SCENES}a_host_that_serves_after_all_is_registered_once_more_and_read_again",
    "command-started-again": f"{SCENES}the_line_is_lost_while_a_command_runs",
    "deed-after-being-superseded": f"{SCENES}a_paused_run_finds_another_in_its_place",
    "deploy-while-draining": ALONE,
    "deploying-back-to-held": f"{SCENES}a_command_that_fails",
    "deregister-without-port": f"{AWS}a_host_on_two_ports_leaves_the_one_that_was_asked_for",
    "exit-0-with-a-host-left-out": "core/test_standing.py::test_even_the_last_host_failing_is_no_success",
    "fail-open-ignored": f"{GUARD}in_a_pool_under_its_routing_minimum_even_a_sick_host_stays",
    "failed-host-registered": f"{SCENES}a_release_that_never_gets_well",
    "forgotten-in-standby": f"{SCENES}a_roll_over_hosts_of_an_auto_scaling_group",
    "guard-by-an-old-reading": ALONE,
    "guard-outside-the-critical-section": "engine/test_room.py::test_two_threads_never_spend_the_same_spare_host",
    "lock-ignored": f"{SCENES}a_second_run_meets_the_first",
    "lock-proven-by-a-read": "ledger/test_machine.py::test_a_lock_broken_while_reads_lag_supersedes",
    "lost-write-taken-for-won": "ledger/stores/test_ssm.py::test_a_write_that_was_beaten_while_unanswered_is_lost",
    "no-floor": f"{SCENES}another_host_falls_sick_while_the_computer_sleeps",
    "no-health-wait": ALONE,
    "no-record": ALONE,
    "not-all-pools-left": ALONE,
    "own-drained-host-as-capacity": (
        "engine/test_room.py::test_an_admitted_host_is_no_capacity_although_the_balancer_still_shows_it_healthy"
    ),
    "ports-of-the-pool": ALONE,
    "proof-before-the-last-look": f"{SCENES}a_run_that_another_one_replaces_while_it_looks_does_nothing_more",
    "put-back-without-confirm": ALONE,
    "record-after-the-drain": ALONE,
    "recorded-anew-on-rerun": f"{SCENES}a_command_that_fails",
    "recorded-hosts-last": f"{SCENES}a_command_that_fails",
    "register-on-the-default-port": f"{AWS}the_exact_entry_is_sent_both_ways",
    "registered-before-verify": ALONE,
    "thresholds-ignored": f"{GUARD}the_pools_own_thresholds_count_the_leaving_target_in_their_base",
    "void-write-taken-for-effective": "ledger/test_versions.py::test_voids_in_a_row_change_nothing",
    "zones-ignored": f"{GUARD}without_cross_zone_balancing_a_zone_keeps_one_host",
}
"""Patch -> the quick test that must fail with it."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package, to be broken."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def apply(bug: str, copy: Path) -> subprocess.CompletedProcess[str]:
    """Git needs no repository for this, and must not find one further up."""
    return subprocess.run(
        ["git", "apply", str(PATCHES / f"{bug}.patch")],
        cwd=copy,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


def run_on(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """These tests on that copy of the package."""
    quietly = ["-n", "0", "-q", "-x", "--no-header", "-p", "no:cacheprovider", "--tb=native"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *quietly, *(f"tests/{test}" for test in tests)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


def test_every_bug_has_its_catcher() -> None:
    assert {patch.stem for patch in PATCHES.glob("*.patch")} == CAUGHT_BY.keys()


@pytest.mark.parametrize("bug", sorted(CAUGHT_BY))
def test_a_seeded_bug_is_caught(bug: str, copy: Path) -> None:
    applied = apply(bug, copy)
    assert applied.returncode == 0, f"renew tests/seeded/{bug}.patch: {applied.stderr}"
    caught = run_on(copy, CAUGHT_BY[bug])
    assert caught.returncode == 1, caught.stdout + caught.stderr
    assert BY_ASSERTION.search(caught.stdout), f"{bug} breaks something, but is not caught by a rule: {caught.stdout}"


def test_the_whole_package_is_not_caught(copy: Path) -> None:
    ran = run_on(copy, *sorted(set(CAUGHT_BY.values())))
    assert ran.returncode == 0, ran.stdout + ran.stderr
