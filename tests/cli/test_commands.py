"""Every command but the roll itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cli.shell import LIMIT, wait_for
from cli.witness import deeds, members, states
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World


FLOOD = 200_000_000
"""Bytes."""


def reached(world: World) -> list[int]:
    """How often each host was dialled."""
    return [host.sshd.reached for host in world.hosts]


@pytest.mark.rule("I-15")
@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--lb", "demo", "--release", "v2"),
        ("plan", "--lb", "demo", "--release", "v2", "--json"),
        ("deploy", "--lb", "demo", "--release", "v2", "--dry-run"),
        ("status",),
        ("status", "--json"),
        ("config", "show", "--origin"),
        ("config", "check"),
    ],
    ids=" ".join,
)
def test_what_only_reads_changes_nothing_and_contacts_no_host(
    elbroll: Shell, world: World, before: dict[str, Any], words: tuple[str, ...]
) -> None:
    was = deeds(world), reached(world)
    ended = elbroll(*words)

    assert ended.code == 0, ended.err
    assert (deeds(world), reached(world)) == was
    assert members(world) == before


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (("plan", "--lb", "demo", "--release", "v2"), "elbroll.plan.v1"),
        (("status",), "elbroll.status.v1"),
        (("config", "show"), "elbroll.config.v1"),
        (("config", "check"), "elbroll.config.v1"),
        (("plan", "--lb", "nobody"), "elbroll.error.v1"),
        (("deploy", "--lb", "demo", "--nonsense"), "elbroll.error.v1"),
        (("unlock", "demo", "abcdef"), "elbroll.error.v1"),
    ],
)
def test_json_is_exactly_one_document(elbroll: Shell, words: tuple[str, ...], schema: str) -> None:
    ended = elbroll(*words, "--json")

    assert ended.document["schema"] == schema
    assert ended.out.count("\n") == 1
    assert ended.document.get("exit", 0) == ended.code


@pytest.mark.rule("S-11", "I-14")
@pytest.mark.parametrize(
    "asked",
    [("plan",), ("plan", "--floor", "2"), ("plan", "--only", "demo-1"), ("deploy", "--dry-run")],
    ids=["plan", "refused", "one host", "dry run"],
)
def test_every_plan_is_headed_by_account_region_and_release(
    elbroll: Shell, world: World, asked: tuple[str, ...]
) -> None:
    account = world.client("sts").get_caller_identity()["Account"]
    words = (*asked, "--lb", "demo", "--release", "v2")
    shown, saved = elbroll(*words), elbroll(*words, "--json").document
    heading = shown.out.splitlines()[0]

    assert heading.startswith("demo  alb  us-east-1  ")
    assert f"account {account} " in heading
    assert heading.endswith("  release v2")
    assert (saved["account"], saved["region"], saved["release"]) == (account, "us-east-1", "v2")


def test_a_plan_says_who_comes_when_and_what_comes_next(elbroll: Shell) -> None:
    ended = elbroll("plan", "--lb", "demo", "--release", "v2")

    assert "Plan: 2 hosts in 2 batches of at most 1." in ended.out
    assert ended.next == ("elbroll deploy --lb demo --release v2",)
    assert elbroll("plan", "--lb", "demo", "--release", "v2", "--exit-code").code == 7


def test_the_schema_is_a_json_schema_and_the_config_is_well(elbroll: Shell, world: World) -> None:
    schema = json.loads(elbroll("config", "schema").out)

    assert {"aws", "ssh", "lb"} <= schema["properties"].keys()
    assert str(world.config.name) in elbroll("config", "check").out
    assert "settle" in elbroll("config", "show", "--lb", "demo", "--origin").out


@pytest.mark.rule("I-2", "I-3", "I-12", "I-19")
def test_drain_and_restore_put_a_host_back_exactly_where_it_was(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[0]
    drained = elbroll("drain", "demo-1", "--reason", "disk swap", "--for", "1s")

    assert drained.code == 0, drained.err
    assert drained.next == ("elbroll restore demo-1",)
    assert all(host.instance not in dict(group) for group in members(world).values())
    assert states(world)["demo-1"] == "held"
    shown = elbroll("status", "--check")
    assert (shown.code, "disk swap" in shown.out, "overdue" in shown.out) == (7, True, True)

    restored = elbroll.elsewhere()("restore", "demo-1")
    assert restored.code == 0, restored.err
    assert members(world) == before
    assert elbroll("status", "--check").code == 0
    done = deeds(world)
    again = elbroll("restore", "demo-1")
    assert (again.code, elbroll("restore", "--lb", "demo", "--if-needed").code) == (5, 0), again.out
    assert deeds(world) == done


@pytest.mark.rule("I-3")
def test_without_any_config_an_instance_is_drained_and_restored(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    host = world.hosts[1]
    bare = elbroll.without_config()
    drained = bare("drain", host.instance)
    out = members(world)
    restored = bare("restore", host.instance)

    assert (drained.code, restored.code) == (0, 0), drained.err + restored.err
    assert all(host.instance not in dict(group) for group in out.values())
    assert members(world) == before


@pytest.mark.rule("I-26")
def test_exec_runs_one_word_as_a_shell_line_and_several_quoted(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    line = elbroll("exec", "--lb", "demo", "--only", "demo-1", "-v", "--", "echo one; echo $((1+1)) two")
    words = elbroll("exec", "--lb", "demo", "--only", "demo-1", "-v", "--", "echo", "$HOME; a  b", "'c'")

    assert (line.code, words.code) == (0, 0), line.err + words.err
    assert "2 two" in line.err
    assert "$HOME; a  b 'c'" in words.err
    assert "The command ran on 1 host, 2 of 2 in service." in line.out
    assert members(world) == before


def test_exec_without_a_command_says_how(elbroll: Shell) -> None:
    ended = elbroll("exec", "--lb", "demo", "--")

    assert (ended.code, "COMMAND" in ended.err) == (2, True)


def test_unlock_of_a_run_that_holds_nothing_is_refused(elbroll: Shell, world: World) -> None:
    done = deeds(world)
    ended = elbroll("unlock", "demo", "abcdef", "--yes")

    assert (ended.code, "holds no lock" in ended.err) == (5, True)
    assert deeds(world) == done


@pytest.mark.rule("F-11", "S-9")
def test_a_lock_that_nobody_can_read_is_freed_by_the_line_that_the_refusal_names(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    assert elbroll("exec", "--lb", "demo", "--only", "demo-1", "--", "true").code == 0
    garbled = max(world.pools.values(), key=lambda pool: pool.id)
    world.client("ssm").put_parameter(Name=f"/elbroll/v1/lock/{garbled.id}", Value="{", Type="String", Overwrite=True)

    refused = elbroll("exec", "--lb", "demo", "--", "true")
    (line,) = re.findall(r"elbroll (unlock \S+ v\d+)", refused.err)
    told = elbroll("status", "--lb", "demo")
    hasty, mistaken = elbroll(*line.split()), elbroll(*line.split()[:-1], "v1", "--yes")
    freed = elbroll(*line.split(), "--yes")

    assert refused.code == 6
    assert f"unlock demo {line.split()[-1]} " in told.out
    assert (hasty.code, "somebody unknown" in hasty.err.lower()) == (2, True)
    assert (mistaken.code, "elbroll status --lb" in mistaken.err) == (5, True)
    assert (freed.code, freed.out.splitlines()[0]) == (0, "Freed 1 lock that nobody could read. No host was moved.")
    assert elbroll("exec", "--lb", "demo", "--only", "demo-1", "--", "true").code == 0
    assert members(world) == before


def test_help_lists_every_exit_code(elbroll: Shell) -> None:
    listed = elbroll("help", "exit-codes").out

    assert set(re.findall(r"^ *(\d+)  \S", listed, re.MULTILINE)) == {str(int(code)) for code in ExitCode}


def test_a_pattern_means_every_host_that_fits_and_an_unknown_name_none(elbroll: Shell) -> None:
    both = elbroll("plan", "--lb", "demo", "--only", "demo-*", "--release", "v2", "--json")
    none = elbroll("plan", "--lb", "demo", "--only", "dmeo-1", "--release", "v2")

    assert [host["host"] for batch in both.document["batches"] for host in batch["hosts"]] == ["demo-1", "demo-2"]
    assert (none.code, "did you mean demo-1" in none.out) == (5, True)


@pytest.mark.rule("F-24", "I-1")
def test_draining_the_last_host_wants_consent(elbroll: Shell, world: World, before: dict[str, Any]) -> None:
    ended = elbroll("drain", "demo-*")

    assert ended.code == 5
    assert "--yes" in ended.err
    assert members(world) == before


@pytest.mark.rule("F-45", "S-14")
def test_a_command_that_floods_costs_no_memory_and_the_roll_succeeds(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    flood = f"head -c {FLOOD} /dev/zero | tr '\\0' x | fold -w 200"
    run = elbroll.start("exec", "--lb", "demo", "--only", "demo-1", "--", flood)
    peaks: list[int] = []
    wait_for(lambda: peaks.append(run.peak) or run.child.poll() is not None, limit=LIMIT)
    ended = run.end()

    assert ended.code == 0, ended.err
    assert 0 < max(peaks) < 150 * 1024 * 1024
    assert members(world) == before
