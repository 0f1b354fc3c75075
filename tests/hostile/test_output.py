"""A host and its Name tag do what they can to a terminal, a pipe and a log: all of it is shown, none of it obeyed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pexpect
import pyte
import pytest

from cli.shell import SOON, Shell, wait_for
from cli.witness import everybody_serves, locks
from hostile.onhost import deploying, put
from hostile.output import LINES, NAME, SCRIPT, SHORT_NAME, controls, obeyed_by_ci

if TYPE_CHECKING:
    from cli.shell import Ended
    from elbroll.demo.world import World

COLUMNS, ROWS = 100, 30
OURS = re.compile(r"\x1b\[K")
LINE = '"$ELBROLL_DEMO_PYTHON" hostile.py'


def name(world: World, number: int, tag: str) -> None:
    """Give a host another Name tag."""
    world.client("ec2").create_tags(Resources=[world.hosts[number].instance], Tags=[{"Key": "Name", "Value": tag}])


@pytest.fixture(scope="module")
def config(world: World) -> str:
    """A config whose deploy is hostile, and fails; the first host's tag is too."""
    put(world.hosts[0], {"hostile.py": SCRIPT})
    put(world.hosts[1], {"hostile.py": SCRIPT})
    return deploying(world, "hostile", LINE)


@pytest.fixture(scope="module")
def piped(world: World, config: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Shell]:
    """The failing deploy of a host with a hostile tag, into pipes, everything told."""
    name(world, 0, NAME)
    shell = Shell(world, tmp_path_factory.mktemp("home"))
    only = world.hosts[0].instance
    words = ("-v", "deploy", "--lb", "demo", "--release", "x1", "--only", only, "--events-output", "--config", config)
    return shell(*words, "--events", str(world.directory / "events.jsonl")), shell


@pytest.mark.rule("I-21", "S-1")
def test_no_control_character_of_a_host_or_a_tag_reaches_a_pipe(piped: tuple[Ended, Shell]) -> None:
    ended, _ = piped

    assert ended.code == 4, ended.err
    assert controls(ended.out + ended.err) == set()
    assert "\\x1b[2J" in ended.err
    assert not re.search(r"^(::|##|ELB1)", ended.out + ended.err, re.MULTILINE)
    assert obeyed_by_ci(ended.out + ended.err) == []


@pytest.mark.rule("I-21", "F-45")
def test_one_line_of_a_host_is_one_line_of_ours_under_its_name(piped: tuple[Ended, Shell]) -> None:
    ended, _ = piped
    told = [line for line in ended.err.splitlines() if re.search(r" \| N\d\d: ", line)]
    numbers = [re.search(r"N(\d\d): ", line)[1] for line in told]  # type: ignore[index]  # found above

    assert {f"{number:02}" for number in range(len(LINES))} == set(numbers)
    assert max(numbers.count(number) for number in numbers) <= 2, "as it came, and once more in the failure's block"
    assert max(map(len, ended.err.splitlines())) < 10_000
    assert "more" in next(line for line in ended.err.splitlines() if "xxxxxxxx" in line)


@pytest.mark.rule("I-21")
def test_the_event_log_is_ascii_with_one_json_object_a_line(piped: tuple[Ended, Shell], world: World) -> None:
    _, shell = piped
    copies = [*shell.runs.glob("*/events.jsonl"), world.directory / "events.jsonl"]

    assert len(copies) == 2
    for copy in copies:
        text = copy.read_bytes().decode("ascii")
        assert (controls(text), obeyed_by_ci(text)) == (set(), [])
        assert all(json.loads(line)["type"].startswith("dev.elbroll.") for line in text.splitlines())


@pytest.mark.rule("S-10", "I-21")
def test_files_named_after_a_host_stay_in_their_folder(piped: tuple[Ended, Shell]) -> None:
    _, shell = piped
    logs = list(shell.runs.glob("*/hosts/*"))

    assert len(logs) == 1
    assert re.fullmatch(r"[A-Za-z0-9._-]+", logs[0].name)
    assert (logs[0].stat().st_mode & 0o077, logs[0].parent.stat().st_mode & 0o077) == (0, 0)


@pytest.mark.rule("I-21", "I-26")
def test_the_next_commands_are_safe_to_paste(piped: tuple[Ended, Shell], world: World) -> None:
    ended, _ = piped

    assert ended.next
    assert not any(sign in line for line in ended.next for sign in "`$|;&\\")
    assert world.hosts[0].instance in ended.next[0]


@pytest.mark.rule("I-21")
@pytest.mark.parametrize(
    "words", [("status",), ("plan", "--lb", "demo"), ("hosts", "list")], ids=lambda words: words[0]
)
def test_a_hostile_tag_is_shown_harmlessly_by_every_list(elbroll: Shell, words: tuple[str, ...], config: str) -> None:
    ended, document = elbroll(*words), elbroll(*words, "--json")

    assert controls(ended.out + ended.err + document.out) == set()
    assert isinstance(document.document, dict)
    assert obeyed_by_ci(ended.out + ended.err + document.out) == []


@pytest.mark.rule("I-21", "S-1")
def test_after_all_tricks_the_screen_still_shows_the_failure(elbroll: Shell, world: World, config: str) -> None:
    name(world, 0, SHORT_NAME)
    only = world.hosts[0].instance
    screen, raw, code = on_screen(elbroll, "-v", "deploy", "--lb", "demo", "--release", "x2", "--only", only, config)
    shown = "\n".join(screen.display)

    assert code == 4, shown
    assert "left-out" in shown
    assert all(word in raw for word in ("failed", "exited 7", "last words", "Next"))
    assert "ERASED" not in shown or "\\x1b[2J" in shown
    assert not any(trick in raw for trick in ("\x1b]", "\x1bP", "\x1b[6n", "\x1b[2J", "\x1b[?1049h", "\x9b", "\u202e"))
    assert screen.cursor.hidden is False
    assert "w\\x9b[/b]\\x0a../$(id)" in raw
    assert locks(world) == {"free"}


@pytest.mark.rule("I-21", "I-26")
def test_a_question_shows_a_hostile_tag_harmlessly(elbroll: Shell, world: World) -> None:
    name(world, 0, SHORT_NAME)
    name(world, 1, SHORT_NAME + "2")
    child = elbroll.at_terminal("drain", *(host.instance for host in world.hosts))
    child.expect_exact("Go on all the same?")
    asked = child.before or ""
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()

    assert "\\x9b[/b]\\x0a../$(id)" in asked
    assert controls(OURS.sub("", asked)) <= {"\r"}
    assert child.exitstatus == 8


def on_screen(elbroll: Shell, *words: str) -> tuple[Any, str, int]:
    """What a terminal shows at the end, all that it was sent, and the exit code; the last word is the config."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    child = elbroll.at_terminal(*words[:-1], "--config", words[-1])
    raw = ""
    while (part := _some(child)) is not None:
        raw += part
        stream.feed(part)
    child.close()
    return screen, raw, child.exitstatus


def _some(child: pexpect.spawn[str]) -> str | None:
    try:
        return child.read_nonblocking(4096, timeout=SOON)
    except pexpect.EOF:
        return None


@pytest.mark.rule("I-4")
def test_the_host_is_healed_by_a_good_release(elbroll: Shell, world: World) -> None:
    assert elbroll("deploy", "--lb", "demo", "--release", "x3", "--only", world.hosts[0].instance).code == 0
    wait_for(lambda: everybody_serves(world))
