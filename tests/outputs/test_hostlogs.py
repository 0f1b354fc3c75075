"""Whole outputs, a file a host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import story
from builders import RUN, a_host
from elbroll.events import HostOutput, Told
from elbroll.model import Step
from elbroll.outputs.hostlogs import HostLogs, log_of

if TYPE_CHECKING:
    from pathlib import Path


def heard(host: object, text: str) -> Told:
    some = story.good_end().told[0]
    return Told(1, some.time, 0.0, RUN, "web-prod", HostOutput(host, Step.DEPLOY, 1, text))  # type: ignore[arg-type]


def test_every_line_of_a_host_is_in_its_own_file(tmp_path: Path) -> None:
    logs = HostLogs(tmp_path / "hosts")
    for number, text in ((1, "one"), (2, "other"), (1, "two")):
        logs.take(heard(a_host(number), text))
    logs.close()
    assert log_of(tmp_path / "hosts", a_host(1)).read_text() == "one\ntwo\n"
    assert log_of(tmp_path / "hosts", a_host(2)).read_text() == "other\n"


@pytest.mark.rule("S-10")
def test_logs_are_for_this_users_eyes_only(tmp_path: Path) -> None:
    logs = HostLogs(tmp_path / "hosts")
    logs.take(heard(a_host(1), "secret enough"))
    logs.close()
    assert (tmp_path / "hosts").stat().st_mode & 0o777 == 0o700
    assert log_of(tmp_path / "hosts", a_host(1)).stat().st_mode & 0o777 == 0o600


def test_a_name_from_aws_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    host = replace(a_host(1), name="../../etc/passwd")
    assert log_of(tmp_path, host).parent == tmp_path
