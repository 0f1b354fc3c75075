"""Bad weather around one roll: a computer that stood still, credentials that end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from cli.witness import deploys, locks, members, moves, states
from cli.worlds import hold_up, let_go, variant
from elbroll.demo.lifelike import ANY, Detail, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from cli.shell import Running, Shell
    from elbroll.demo.lifelike.wire import Request
    from elbroll.demo.world import World

ALONE = ("--only", "demo-1")
ROLL = ("deploy", "--lb", "demo", "--release")
MORE_THAN_THE_SDK_TRIES = 7
OVER = "The security token included in the request is expired"


@pytest.fixture(autouse=True)
def fair(world: World) -> Iterator[None]:
    """The weather clears up after each test."""
    yield
    world.faults.clear()


def deploying(elbroll: Shell, world: World, *words: str, **environment: str | None) -> Running:
    """A roll in the middle of its first host's deploy."""
    host = world.hosts[0]
    begun = len(deploys(host))
    hold_up(host)
    run = elbroll.start(*ROLL, *words, **environment)
    run.until(lambda: len(deploys(host)) > begun)
    return run


@pytest.mark.rule("F-10", "I-10", "F-56", "S-9")
def test_a_run_that_was_stopped_and_superseded_does_nothing_more(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    first, other = deploying(elbroll, world, "v2"), elbroll.elsewhere()
    first.signal(signal.SIGSTOP)
    assert other("unlock", "demo", elbroll.run_of(first), "--yes").code == 0
    second = other.start(*ROLL, "v3", *ALONE)
    second.await_word("demo-1 .*still runs")
    done = moves(world)

    first.signal(signal.SIGCONT)
    let_go(world.hosts[0])
    superseded = first.end()
    healed = second.end()

    assert superseded.code == 4, superseded.err
    assert f"run {elbroll.run_of(second)}" in superseded.err + superseded.out
    assert healed.code == 0, healed.err
    assert moves(world)[len(done) :] == ["RegisterTargets"] * 2, "the second run's, into each pool"
    assert (members(world), locks(world)) == (before, {"free"})
    assert world.hosts[0].release == "v3"


@pytest.mark.rule("F-10", "I-10", "I-2", "F-56", "B2")
def test_a_call_that_was_under_way_when_the_computer_slept_is_not_sent_again_by_itself(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    runs: list[Running] = []

    def asleep(_: Request) -> bool:
        runs[0].signal(signal.SIGSTOP)
        return True

    world.faults.add("DeregisterTargets", Kind.CUT_BEFORE, 1, Detail(where=asleep))
    runs.append(elbroll.start(*ROLL, "v9", *ALONE))
    first, other = runs[0], elbroll.elsewhere()
    first.until(lambda: first.is_stopped)
    assert states(world)["demo-1"] == "held"
    assert other("unlock", "demo", elbroll.run_of(first), "--yes").code == 0
    assert other("restore", "--lb", "demo").code == 0
    done = moves(world)

    first.signal(signal.SIGCONT)
    superseded = first.end()

    assert superseded.code == 4, superseded.err
    assert moves(world) == done
    assert (members(world), states(world)["demo-1"], locks(world)) == (before, "in-service", {"free"})


@pytest.mark.rule("F-5", "B4", "I-2", "I-4")
def test_credentials_that_end_in_mid_run_stop_it_with_every_hosts_place(
    elbroll: Shell, world: World, before: dict[str, Any]
) -> None:
    run = deploying(elbroll, world, "v4")
    world.faults.add(ANY, Kind.REFUSE, None, Detail("ExpiredToken", 403, OVER))
    let_go(world.hosts[0])
    ended = run.end()

    assert ended.code == 4, ended.err
    assert "AWS does not accept the credentials (ExpiredToken)" in ended.out + ended.err
    assert [line for line in ended.out.splitlines() if "demo-1" in line and "left-out" in line]
    assert [line for line in ended.out.splitlines() if "demo-2" in line and "not-reached" in line]

    world.faults.clear()
    other = elbroll.elsewhere()
    assert other("unlock", "demo", elbroll.run_of(run), "--yes").code == 0
    assert other(*ROLL, "v4", *ALONE).code == 0
    assert (members(world), states(world)["demo-1"]) == (before, "in-service")


@pytest.mark.rule("F-5", "B4")
def test_a_sign_in_in_mid_run_is_noticed_and_the_roll_goes_on(
    elbroll: Shell, world: World, before: dict[str, Any], tmp_path: Path
) -> None:
    keys = tmp_path / "credentials"
    sign_in(keys, "AKIAFIRSTFIRSTFIRSTF")
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(keys), "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    run = deploying(elbroll, world, "v5", *ALONE, **files)
    proven: list[str] = []

    def is_over(request: Request) -> bool:
        """Until somebody has asked whose the fresh keys are: only with those would AWS answer that."""
        proven.extend(["yes"] * (request.action == "GetCallerIdentity"))
        return not proven

    world.faults.add(ANY, Kind.REFUSE, None, Detail("ExpiredToken", 403, OVER, where=is_over))
    sign_in(keys, "AKIASECONDSECONDSECO")
    let_go(world.hosts[0])
    ended = run.end()

    assert ended.code == 0, ended.err
    assert proven
    assert (members(world), locks(world)) == (before, {"free"})


@pytest.mark.rule("B2", "F-14")
@pytest.mark.parametrize(
    ("action", "words", "changes"),
    [
        ("GetCallerIdentity", ("status", "--lb", "demo"), {}),
        ("GetConsoleOutput", ("hosts", "trust", "demo-1", "--from-console"), {'= "known_hosts"': '= "nobody_known"'}),
        ("GetParameter", (*ROLL, "v6", *ALONE), {"[ssh]": '[lb.demo.deploy.secrets]\nDB = "ssm:/web/db"\n\n[ssh]'}),
    ],
    ids=["who we are", "a console", "a secret"],
)
def test_a_bad_spell_at_a_question_that_is_asked_once_is_outlasted(
    elbroll: Shell, world: World, action: str, words: tuple[str, ...], changes: dict[str, str]
) -> None:
    world.client("ssm").put_parameter(Name="/web/db", Value="hunter22", Type="SecureString", Overwrite=True)
    (world.directory / "nobody_known").touch()
    asked: list[str] = []

    def is_meant(request: Request) -> bool:
        meant = request.parameters.get("Name", "/web/db") == "/web/db"
        asked.extend([request.action] * (meant and request.action == action))
        return meant

    world.faults.add(action, Kind.THROTTLE, MORE_THAN_THE_SDK_TRIES, Detail(where=is_meant))
    ended = elbroll(*words, "--config", variant(world, "patient", changes))

    assert ended.code == 0, ended.err
    assert len(asked) == MORE_THAN_THE_SDK_TRIES


def sign_in(keys: Path, key: str) -> None:
    """As `aws sso login` or a new session in another window would leave it."""
    keys.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {key.lower()}\n")
