"""Errors that end a command before anything was begun: their exit codes claim no host that is out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.worlds import variant
from elbroll.cli.ending import explain
from elbroll.errors import (
    AwsRefused,
    ElbrollError,
    ExitCode,
    HostUnreachable,
    Locked,
    PoolGone,
    StoreDown,
    StoreError,
    Superseded,
    Unanswered,
)

if TYPE_CHECKING:
    from cli.shell import Shell
    from elbroll.demo.world import World


@pytest.mark.rule("I-9")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unanswered, ExitCode.ACCESS),
        (StoreDown, ExitCode.ACCESS),
        (HostUnreachable, ExitCode.ACCESS),
        (StoreError, ExitCode.REFUSED),
        (PoolGone, ExitCode.REFUSED),
        (AwsRefused, ExitCode.REFUSED),
        (Superseded, ExitCode.LOCKED),
        (Locked, ExitCode.LOCKED),
    ],
)
def test_no_error_before_a_run_says_that_hosts_are_out(
    error: type[ElbrollError], code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error("no"), ["status"]) == code
    assert "nothing was changed" in capsys.readouterr().err


@pytest.mark.rule("F-12", "I-15")
@pytest.mark.parametrize("words", [("status",), ("plan", "--lb", "demo"), ("deploy", "--lb", "demo")])
def test_a_bucket_that_does_not_exist_refuses_before_anything_is_begun(
    elbroll: Shell, world: World, words: tuple[str, ...]
) -> None:
    config = variant(world, "nowhere", {'store = "ssm"': 'store = "s3://no-such-bucket/elbroll"'})
    ended = elbroll(*words, "--config", config)

    assert ended.code == ExitCode.REFUSED, ended.err
    assert "NoSuchBucket" in ended.err
    assert "nothing was changed" in ended.err
