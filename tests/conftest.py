"""What holds for every test: no real AWS, nothing of the user's, and in CI nothing skipped."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator

NO_SKIPS = "ELBROLL_TEST_NO_SKIPS"
LONGEST = ("crash", "cli", "simulation", "seeded", "hostile", "transports", "demo", "weather")
"""Folders whose files take longest, first: the last file of all should be a short one."""
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # how long an example takes says more about the computer than about elbroll
MEANT_FOR_NOBODY = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "ELBROLL_CONFIG", "ELBROLL_LB")


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that forgets its fake AWS meets keys that no account has, and no metadata service."""
    for name in MEANT_FOR_NOBODY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def pytest_configure(config: pytest.Config) -> None:
    """`live` tests run only when they are asked for by name; files are made, and signals are heard, as on most
    computers."""
    os.umask(0o022)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup tests of a hangup would prove nothing
    if not config.option.markexpr:
        config.option.markexpr = "not live"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, each as a whole, so that nobody waits for one alone at the end."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many runs were simulated, by all workers together (tests/simulation/conftest.py)."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind if hasattr(report, "when")]
    told = [value for report in reports if report.when == "teardown" for value in report.user_properties]
    if runs := sum(int(str(value)) for name, value in told if name == "simulated_runs"):
        terminalreporter.write_line(f"{runs} runs of elbroll were simulated")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: what CI can run, it must."""
    report = yield
    if report.skipped and os.environ.get(NO_SKIPS) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but CI must run it: {report.longrepr}"
    return report
