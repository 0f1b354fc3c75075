"""`elbroll help TOPIC`: made from the code, in 80 columns, and quick where nothing heavy is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from elbroll.cli.app import app
from elbroll.cli.commands.help import command
from elbroll.cli.topics import TOPICS
from elbroll.config.keys import NOT_YET, leaves
from elbroll.config.reference import reference
from elbroll.config.schema import LbSettings, Written
from elbroll.outputs.eventtypes import TYPES

HEAVY = ("pydantic", "boto3", "botocore", "paramiko", "rich", "platformdirs")


def told(topic: str) -> str:
    ended = CliRunner().invoke(app, ["help", topic])

    assert ended.exit_code == 0
    return ended.output


def test_every_topic_that_help_offers_exists_and_the_other_way_round() -> None:
    offered = str(command.help).partition("\n")[0].rstrip(".").replace(",", "").split()

    assert {word for word in offered if word in TOPICS} == TOPICS.keys()


@pytest.mark.parametrize("topic", TOPICS)
def test_a_reference_keeps_to_80_columns(topic: str) -> None:
    assert [line for line in told(topic).splitlines() if len(line) > 80] == []


def test_the_events_are_all_there() -> None:
    text = told("events")

    assert [kind for kind in TYPES if f"\n  {kind}  " not in text] == []


def test_every_key_that_is_obeyed_is_there_with_type_and_default() -> None:
    text = told("config")
    whole = [path for path in leaves(Written) if path[0] in ("aws", "ssh", "ledger", "hooks")]
    ignored = {key for key, choice in NOT_YET if choice is None}
    keys = {str(path[-1]) for path in (*whole, *leaves(LbSettings)) if ".".join(map(str, path)) not in ignored}
    inner = {"from", "to", "mode", "status", "body", "hosts"}

    assert {key for key in keys if f"\n  {key}  " not in text} <= inner
    assert '  host_keys  "strict" | "accept-new" | "console", default "strict"' in text
    assert '  settle  "auto" or duration, default "auto"' in text
    assert '  mode  "refuse" | "standby" | "ignore", default "refuse"' in text


def test_the_file_that_help_prints_is_what_the_schema_says() -> None:
    made = "from elbroll.config.reference import reference; print(reference())"

    assert told("config") == f"{reference()}\n", f"python -c '{made}' > src/elbroll/config/reference.txt"


def test_arguments_are_not_listed_as_options() -> None:
    helped = CliRunner().invoke(app, ["hosts", "trust", "--help"]).output

    assert [line for line in helped.splitlines() if line.strip() in {"HOST", "[FINGERPRINT]"}] == []


@pytest.mark.parametrize(
    "words", [("--help",), ("help", "exit-codes"), ("help", "events"), ("help", "config"), ("hosts", "--help")]
)
def test_help_loads_nothing_heavy(words: tuple[str, ...]) -> None:
    script = "import sys; from elbroll.cli.app import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    child = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)

    assert set(HEAVY) & set(child.stderr.split()) == set()
