"""The gate: the only hook whose answer counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.clock import SystemClock
from elbroll.errors import ExitCode, Refused
from elbroll.hooks import command
from elbroll.hooks.command import Hook
from elbroll.hooks.gate import ask

if TYPE_CHECKING:
    from pathlib import Path


def asked(folder: Path, *words: str) -> None:
    ask(Hook("gate", words, folder), '{"lb": "web-prod"}', {}, SystemClock(), lambda: False)


def test_a_gate_that_exits_0_lets_the_run_begin(tmp_path: Path) -> None:
    asked(tmp_path, "grep", "web-prod")


@pytest.mark.rule("F-58")
def test_a_gate_that_says_no_refuses_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        asked(tmp_path, "sh", "-c", "echo release freeze until Monday; exit 7")

    assert refused.value.exit_code is ExitCode.REFUSED
    assert refused.value.message == "the gate refuses: sh exited 7"
    assert refused.value.why == ("release freeze until Monday",)
    assert refused.value.now == "nothing was changed"


@pytest.mark.rule("F-58", "I-13")
def test_a_gate_that_hangs_refuses_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LIMIT", 0.2)
    with pytest.raises(Refused, match="was stopped after"):
        asked(tmp_path, "sleep", "600")


@pytest.mark.rule("F-58")
def test_a_gate_that_is_missing_refuses_too(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="did not start: No such file"):
        asked(tmp_path, "./freeze-check")
