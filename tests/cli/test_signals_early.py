"""Signals before a run has begun: at the first look, while it waits for a lock, while AWS does not answer."""

from __future__ import annotations

import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from cli.shell import COMMAND, Running
from cli.test_unheard import full_pipe
from cli.witness import deeds, deploys, locks, members
from cli.worlds import hold_up, let_go
from elbroll.demo.lifelike import Detail, Kind
from transports.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from cli.shell import Shell
    from elbroll.demo.world import World

ROLL = ("deploy", "--lb", "demo", "--release")
SILENT_RESOLVER = """\
import ctypes, os, pathlib, socket
def getaddrinfo(*_, **__):
    pathlib.Path(os.environ["ASKED"]).touch()
    mutex, lib = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    while True:
        lib.pthread_mutex_lock(mutex)
socket.getaddrinfo = getaddrinfo
"""
"""Python runs it at its start: whoever looks up a name waits in C, where no handler of a signal runs."""


@pytest.fixture
def aws(world: World) -> Iterator[FaultProxy]:
    """The way to AWS, which a test may freeze."""
    with FaultProxy(int(world.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])) as proxy:
        yield proxy
    world.faults.clear()


def over(aws: FaultProxy) -> dict[str, str | None]:
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}"}


@pytest.mark.rule("F-54", "I-13", "I-15")
@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        ((*ROLL, "e1"), signal.SIGTERM, 143),
        ((*ROLL, "e1"), signal.SIGINT, 130),
        (("restore", "--lb", "demo"), signal.SIGHUP, 129),
        (("status",), signal.SIGTERM, 143),
    ],
)
def test_a_first_look_that_gets_no_answer_ends_at_once_and_says_that_nothing_was_changed(
    elbroll: Shell, world: World, aws: FaultProxy, words: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    done = len(deeds(world))
    aws.freeze()
    run = elbroll.start(*words, deaf_to=signal.SIGINT, **over(aws))
    run.until(lambda: aws.accepted)
    run.signal(number)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (code, True), ended.err
    assert f"interrupted by {number.name}" in ended.err
    assert "nothing was changed" in ended.err
    assert deeds(world)[done:] == []


@pytest.mark.rule("F-54")
def test_ctrl_c_ends_a_watch_in_order_also_while_nobody_answers(elbroll: Shell, world: World, aws: FaultProxy) -> None:
    run, silent = elbroll.start("status", "--watch", **over(aws)), threading.Event()
    run.until(lambda: "2 of 2 in service" in run.said["out"])
    world.faults.add("DescribeTargetHealth", Kind.BEFORE, 1, Detail(act=lambda: (aws.freeze(), silent.set())[0]))
    run.until(silent.is_set)
    run.signal(signal.SIGINT)
    ended = run.end()

    assert (ended.code, ended.seconds < 5, ended.err) == (0, True, "")


@pytest.mark.rule("F-54", "I-13")
@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        (("status",), signal.SIGINT, 130),
        (("unlock", "demo", "abc123"), signal.SIGTERM, 143),
        (("restore", "--lb", "demo"), signal.SIGHUP, 129),
        ((*ROLL, "e1"), signal.SIGTERM, 143),
    ],
)
def test_a_name_that_is_looked_up_in_vain_holds_no_signal_up(
    elbroll: Shell, world: World, tmp_path: Path, words: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SILENT_RESOLVER)
    asked, path = tmp_path / "asked", f"{tmp_path}:{world.environment['PYTHONPATH']}"
    run = elbroll.start(*words, ASKED=str(asked), PYTHONPATH=path, AWS_ENDPOINT_URL="https://aws.example")
    run.until(asked.exists)
    run.signal(number)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (code, True), ended.err
    assert number.name in ended.err


@pytest.mark.rule("F-54")
def test_whoever_wants_json_gets_a_document_after_a_signal_too(elbroll: Shell, aws: FaultProxy) -> None:
    aws.freeze()
    run = elbroll.start(*ROLL, "e1", "--json", **over(aws))
    run.until(lambda: aws.accepted)
    run.signal(signal.SIGTERM)
    ended = run.end()

    assert (ended.code, ended.document["exit"], ended.document["error"]["code"]) == (143, 143, "interrupted")


@pytest.mark.rule("F-54", "F-57")
def test_it_ends_at_once_though_nobody_reads_what_it_says(elbroll: Shell, aws: FaultProxy) -> None:
    aws.freeze()
    with full_pipe() as out, full_pipe() as err:
        command, where = [*COMMAND, *ROLL, "e1"], {"env": elbroll.environment(over(aws)), "cwd": elbroll.folder}
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True, **where)  # type: ignore[call-overload]  # mypy knows no such mapping
        run = Running(child)
        run.until(lambda: aws.accepted)
        run.signal(signal.SIGTERM)
        ended = run.end()

    assert (ended.code, ended.seconds < 5) == (143, True)


@pytest.mark.rule("F-54", "F-7")
@pytest.mark.parametrize(("only", "number", "code"), [("demo-2", signal.SIGTERM, 143), ("demo-1", signal.SIGINT, 130)])
def test_a_run_that_waits_for_a_lock_leaves_it_to_its_holder(
    elbroll: Shell, world: World, before: dict[str, Any], only: str, number: signal.Signals, code: int
) -> None:
    host = world.hosts[0]
    done = len(deploys(host))
    hold_up(host)
    holder = elbroll.start(*ROLL, f"e{code}", "--only", "demo-1")
    holder.until(lambda: len(deploys(host)) > done)
    run = elbroll.elsewhere().start(*ROLL, "e0", "--only", only, "--lock-wait", "5m")
    run.await_word("waiting for up to")
    run.signal(number)
    ended = run.end()
    let_go(host)

    assert (ended.code, ended.seconds < 5) == (code, True), ended.err
    assert f"interrupted by {number.name}" in ended.err
    assert "nothing was changed" in ended.err
    assert holder.end().code == 0
    assert (members(world), locks(world)) == (before, {"free"})


@pytest.mark.rule("F-54", "F-8", "I-13")
def test_a_lock_that_may_be_left_behind_is_told_where_aws_falls_silent_while_it_is_taken(
    elbroll: Shell, world: World, aws: FaultProxy
) -> None:
    world.faults.add("PutParameter", Kind.AFTER, 1, Detail(act=aws.freeze))
    run = elbroll.start(*ROLL, "e2", **over(aws))
    run.until(lambda: "held" in locks(world))
    run.signal(signal.SIGTERM)
    ended = run.end()

    assert (ended.code, ended.seconds < 5) == (143, True), ended.err
    assert "a lock may be left behind" in ended.err
    other = elbroll.elsewhere()
    (unlock,) = [line for line in other("status", "--lb", "demo").next if " unlock " in line]
    assert other.line(f"{unlock} --yes").code == 0
    assert locks(world) == {"free"}
