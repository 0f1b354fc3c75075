"""Help starts at once: it loads none of the rooms."""

from __future__ import annotations

import subprocess
import sys

import pytest

from elbroll.cli.app import COMMANDS
from elbroll.cli.topics import TOPICS

HEAVY = ("pydantic", "boto3", "botocore", "paramiko", "rich", "platformdirs", "moto")
SUBCOMMANDS = {"config": ("show", "check", "schema")}
HELPS = [
    ("--version",),
    ("--help",),
    (),
    *((word, "--help") for word in COMMANDS if word != "help"),
    *((word, sub, "--help") for word, subs in SUBCOMMANDS.items() for sub in subs),
    *(("help", word) for word in {**COMMANDS, **TOPICS} if word != "help"),
]
PROBE = """
import sys
from elbroll.cli.app import run
code = run(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in sys.modules} & set(%r)), sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_loads_none_of_the_heavy_modules_and_is_a_success(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE % (HEAVY,), *words], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.stderr.split() == ["0"]
    assert done.stdout.strip()


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_is_at_most_80_columns_wide(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elbroll", *words], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "near"),
    [(("deplyo",), "deploy"), (("deploy", "--relase", "v1"), "--release"), (("config", "chekc"), "check")],
)
def test_a_mistyped_word_names_the_near_one(words: tuple[str, ...], near: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elbroll", *words], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 2
    assert near in done.stderr
    assert "Traceback" not in done.stderr
