"""Canary secrets of every kind live through whole runs whose commands print them in every form: none may show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from cli.shell import Shell, wait_for
from cli.witness import everybody_serves
from hostile.canaries import ENV, FILE, LONG, MARKS, SSM, ProcessList, found_in, ledger_text
from hostile.onhost import LEAK, LEAK_LINE, deploying, put

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.demo.world import World

SECRETS = """
[lb.demo.deploy.secrets]
ENV_KIND = "env:OPERATORS_SECRET"
FILE_KIND = "file:secret.txt"
SSM_KIND = "ssm:/web/secret"
LONG_KIND = "file:long.txt"
SHORT_KIND = "env:OPERATORS_SWITCH"
"""
STARS = "***"


@dataclass(slots=True)
class Leftovers:
    """All that some runs have left anywhere, by place."""

    texts: dict[str, str] = field(default_factory=dict)
    processes: ProcessList = field(default_factory=ProcessList)
    codes: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def leftovers(world: World, tmp_path_factory: pytest.TempPathFactory) -> Leftovers:
    """A deploy that fails, told in lines; one that ends well, told as a document; and a look at the status."""
    shell, left = Shell(world, tmp_path_factory.mktemp("home")), Leftovers()
    (world.directory / "secret.txt").write_text(FILE + "\n")
    (world.directory / "long.txt").write_text(LONG + "\n")
    world.client("ssm").put_parameter(Name="/web/secret", Value=SSM, Type="SecureString")
    before = len(world.simulation.timeline)
    config = deploying(world, "leaking", LEAK_LINE, SECRETS)
    copies = [world.directory / name for name in ("failed.jsonl", "well.jsonl")]
    calls = (
        ("7", ("-vv", "deploy", "--lb", "demo", "--release", "bad", "--only", "demo-1", "--events", str(copies[0]))),
        (
            "0",
            (
                "-v",
                "--json",
                "deploy",
                "--lb",
                "demo",
                "--release",
                "good",
                "--only",
                "demo-1",
                "--events",
                str(copies[1]),
            ),
        ),
        ("0", ("status", "--lb", "demo", "-v")),
        ("0", ("config", "show", "--config", config)),
    )
    with left.processes:
        for status, words in calls:
            for host in world.hosts:
                put(host, {"leak.py": LEAK, "end": status})
            more = ("--events-output", "--config", config) if "deploy" in words else ()
            ended = shell(*words, *more, OPERATORS_SECRET=ENV, OPERATORS_SWITCH="on")
            name = next(word for word in words if not word.startswith("-"))
            left.texts |= {f"stdout of {name} {status}": ended.out, f"stderr of {name} {status}": ended.err}
            left.codes.append(ended.code)
    _gather(left, world, shell, copies)
    left.texts["calls to AWS"] = repr([call.parameters for call in world.simulation.timeline.calls()[before:]])
    return left


def _gather(left: Leftovers, world: World, shell: Shell, copies: list[Path]) -> None:
    kept = [path for path in shell.home.rglob("*") if path.is_file()]
    left.texts |= {str(path.relative_to(shell.home)): path.read_text(errors="replace") for path in kept}
    left.texts |= {path.name: path.read_text() for path in copies}
    left.texts["ledger"] = ledger_text(world.client("ssm"))


@pytest.mark.rule("I-20", "S-3")
def test_no_secret_shows_in_any_output_log_or_ledger_value(leftovers: Leftovers) -> None:
    shown = {place: found for place, text in leftovers.texts.items() if (found := found_in(text))}

    assert shown == {}


@pytest.mark.rule("I-20", "S-3")
def test_no_secret_shows_in_the_process_list(leftovers: Leftovers) -> None:
    assert leftovers.processes.looks > 20
    assert leftovers.processes.arguments == set()
    assert leftovers.processes.strangers == set()


@pytest.mark.rule("I-20")
def test_the_search_would_have_found_them(leftovers: Leftovers) -> None:
    """The runs went as meant, the output came through as stars, and every kind of place was searched."""
    places = " ".join(leftovers.texts)

    assert leftovers.codes == [4, 0, 0, 0], leftovers.texts["stderr of deploy 7"]
    assert all(word in places for word in ("events.jsonl", "debug.log", "hosts/", "failed.jsonl", "well.jsonl"))
    assert all(STARS in leftovers.texts[place] for place in ("stderr of deploy 7", "failed.jsonl", "well.jsonl"))
    assert f"last words: {STARS}" in leftovers.texts["stderr of deploy 7"]
    assert found_in("\n".join((ENV, FILE, SSM, LONG))) == sorted(MARKS)


@pytest.mark.rule("T-32")
def test_a_secret_too_short_to_be_masked_is_named_and_spoils_no_command(leftovers: Leftovers) -> None:
    failed = leftovers.texts["stderr of deploy 7"] + leftovers.texts["stdout of deploy 7"]

    assert "the secret SHORT_KIND is shorter than 4 characters and is not masked" in failed
    assert "--only demo-1" in failed.partition("Next ")[2]


@pytest.mark.rule("I-20")
def test_the_hosts_themselves_got_the_true_values(leftovers: Leftovers, world: World) -> None:
    logs = [path.read_text(errors="replace") for path in world.hosts[0].place.home.rglob("log")]

    assert any(ENV in log and FILE in log and SSM in log and LONG in log for log in logs)
    wait_for(lambda: everybody_serves(world))
