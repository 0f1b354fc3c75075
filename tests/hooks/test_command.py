"""One local command: what it is given, how it ends, and that it never takes longer than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.eventual import eventually
from elbroll.clock import SystemClock
from elbroll.hooks import command
from elbroll.hooks.command import Ended, Hook, run
from punctual import timed, within

SHELL = ("sh", "-c")


def hook(folder: Path, *words: str) -> Hook:
    return Hook("gate", words, folder)


def ended(folder: Path, *words: str, told: str = "", variables: dict[str, str] | None = None) -> Ended:
    return run(hook(folder, *words), told, variables or {}, SystemClock(), lambda: False)


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LIMIT", 2.0)


def alive(pid: int) -> bool:
    """One that nobody has buried yet is dead all the same."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.rule("S-4", "I-26")
def test_data_travels_by_stdin_and_environment_and_no_word_is_parsed(tmp_path: Path) -> None:
    odd = "$(touch pwned); `id` 'x'"
    got = ended(
        tmp_path, *SHELL, 'cat; printf "\\n%s %s %s" "$ELBROLL_LB" "$ELBROLL_HOOK" "$1"', "sh", odd,
        told='{"a": 1}', variables={"ELBROLL_LB": odd},
    )  # fmt: skip

    assert got == Ended(True, "exited 0", ('{"a": 1}', f"{odd} gate {odd}"))
    assert list(tmp_path.iterdir()) == []


def test_a_program_beside_the_config_is_found_and_runs_there(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "notify"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)

    assert ended(tmp_path, "bin/notify").output == (str(tmp_path.resolve()),)


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("before", [0, 190, 8192 - 13, 20_000])
def test_no_part_of_a_secret_is_left_where_output_is_cut(tmp_path: Path, before: int) -> None:
    line = f'printf "%{before}s"; printf "tell-hunter22-hunter22-tell"; printf "%{8180}s"; printf "\\nno\\n"; exit 1'
    masked = Hook("gate", (*SHELL, line), tmp_path, lambda text: text.replace("hunter22-hunter22", "***"))
    short = Hook("gate", (*SHELL, line.replace("8180", "1")), tmp_path, masked.mask)

    for each in (masked, short):
        said = run(each, "", {}, SystemClock(), lambda: False).output
        assert "hunt" not in "".join(said)
        assert "er22" not in "".join(said)
        assert said[-1] == "no"


def test_a_home_is_expanded_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")

    assert hook(tmp_path, "~/notify", "~", "$HOME").argv == ["/home/ana/notify", "~", "$HOME"]
    assert hook(tmp_path, "notify").argv == ["notify"]


@pytest.mark.rule("F-58")
@pytest.mark.parametrize(
    ("line", "said"), [("exit 3", "exited 3"), ("kill -TERM $$", "died by signal 15"), ("exit 0", "exited 0")]
)
def test_only_exit_0_is_well(tmp_path: Path, line: str, said: str) -> None:
    got = ended(tmp_path, *SHELL, line)

    assert (got.well, got.said) == (said == "exited 0", said)


@pytest.mark.rule("F-58")
@pytest.mark.parametrize("words", [("./missing",), ("no-such-program-anywhere",), (".",)])
def test_a_program_that_cannot_be_started_is_no_exception(tmp_path: Path, words: tuple[str, ...]) -> None:
    got = ended(tmp_path, *words)

    assert not got.well
    assert got.said.startswith("did not start: ")


@timed
@pytest.mark.rule("F-58", "I-13")
@pytest.mark.usefixtures("_short")
def test_one_that_hangs_is_killed_at_its_limit_with_all_it_has_started(tmp_path: Path) -> None:
    with within(5):
        got = ended(tmp_path, *SHELL, "trap '' TERM INT HUP; sleep 600 & echo $!; wait; sleep 600")

    assert (got.well, got.said) == (False, "was stopped after 2 s")
    eventually(lambda: not alive(int(got.output[0])))


@pytest.mark.rule("F-58")
def test_one_that_reads_nothing_is_not_waited_for(tmp_path: Path) -> None:
    assert ended(tmp_path, "true", told="x" * 1_000_000).well


@pytest.mark.rule("F-58")
def test_something_left_in_the_background_is_neither_waited_for_nor_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LAST_WORDS", 0.2)
    got = ended(tmp_path, *SHELL, "echo sent; sleep 10 & echo $!")

    assert got.output[0] == "sent"
    assert alive(int(got.output[1]))


@pytest.mark.rule("S-1")
def test_a_flood_is_drained_and_its_last_lines_are_kept(tmp_path: Path) -> None:
    lines = ended(tmp_path, *SHELL, "yes | head -100000; echo the end").output

    assert (len(lines), lines[-1]) == (10, "the end")


@pytest.mark.rule("S-1")
@pytest.mark.usefixtures("_short")
def test_an_endless_flood_is_cut_off_with_short_lines(tmp_path: Path) -> None:
    endless = ended(tmp_path, "yes", "x" * 5000)

    assert not endless.well
    assert max(map(len, endless.output)) <= 200


@pytest.mark.rule("F-54")
def test_it_is_cut_short_when_there_is_no_more_time(tmp_path: Path) -> None:
    got = run(hook(tmp_path, "sleep", "600"), "", {}, SystemClock(), lambda: True)

    assert got.said == "was stopped: there was no more time for it"


def test_it_has_no_terminal_to_ask_at(tmp_path: Path) -> None:
    got = ended(tmp_path, *SHELL, "exec 2>&1; : < /dev/tty && echo asked")

    assert "asked" not in got.output
    assert not got.well
