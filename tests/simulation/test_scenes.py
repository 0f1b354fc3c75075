"""A few stories of the simulated world, told without chance: quick, and each enough to catch some bug."""

from __future__ import annotations

import random

import pytest

from elbroll.errors import ExitCode
from simulation.judge import Judge
from simulation.machine import homes
from simulation.others import Others, Wish
from simulation.troubles import REACHED, Kind, Point, Trouble
from simulation.world import World

EVERY = {Point.LOOK: 8, Point.DEED: 1, Point.DONE: 1, Point.WRITE: 4, Point.WRITTEN: 4, Point.EVENT: 6, Point.PAUSE: 8}
"""How dense a kind of trouble is tried: at each so-manieth point."""


@pytest.fixture
def world() -> World:
    random.seed(1)
    return World()


@pytest.fixture
def judge(world: World) -> Judge:
    return Judge(world)


@pytest.fixture
def others(world: World, judge: Judge) -> Others:
    return Others(world, judge)


def comes_home(others: Others) -> None:
    """Nothing goes wrong any more: one rerun, and all is as it was."""
    world, judge = others.world, others.judge
    world.heal()
    home = homes(world, judge)
    others.unlock()
    ended = others.invoke(Wish(release="B"))
    assert judge.breaches == []
    assert ended.code is ExitCode.OK
    assert {entry for host in world.hosts for entry in world.registered(host)} == home == world.home
    assert not [host for host, record in judge.records.items() if record.open]
    assert world.group is None or world.group.whole()


@pytest.mark.rule("I-9", "I-19")
def test_a_roll_without_trouble(others: Others) -> None:
    assert others.invoke(Wish(release="B")).code is ExitCode.OK
    before = others.world.history.copy()
    assert others.invoke(Wish(release="B")).code is ExitCode.OK
    comes_home(others)
    deeds = [entry for entry in others.world.history[len(before) :] if entry[1] in {"register", "deregister", "run"}]
    assert deeds == []


@pytest.mark.rule("F-49", "I-4")
def test_a_host_that_alone_serves_on_its_port_comes_home(world: World, others: Others) -> None:
    world.delete(1)
    world.taken_by_hand(0)
    world.heal()
    assert others.invoke(Wish(release="B", yes=True)).code is ExitCode.OK


@pytest.mark.rule("A3", "A4")
def test_a_roll_over_hosts_of_an_auto_scaling_group() -> None:
    random.seed(1)
    world = World(grouped=True)
    others = Others(world, Judge(world))
    assert others.invoke(Wish(release="B")).code is ExitCode.OK
    assert [entry[1] for entry in world.history if entry[1] in {"enter", "exit"}] == ["enter", "exit"] * 2
    comes_home(others)


@pytest.mark.rule("I-7", "F-46")
def test_a_release_that_never_gets_well(others: Others) -> None:
    others.world.broken.add("B")
    assert others.invoke(Wish(release="B")).code is ExitCode.HALTED
    comes_home(others)


@pytest.mark.rule("I-7", "F-42")
def test_a_command_that_fails(others: Others) -> None:
    others.world.failing.add("B")
    assert others.invoke(Wish(release="B")).code is ExitCode.HALTED
    comes_home(others)


@pytest.mark.rule("I-7")
def test_a_rollback(others: Others) -> None:
    others.world.failing.add("B")
    assert others.invoke(Wish(release="B", rollback=True)).code is ExitCode.HALTED
    assert others.judge.breaches == []
    assert {others.world.well(host) for host in others.world.hosts} == {True}
    comes_home(others)


@pytest.mark.rule("I-1", "F-22", "F-27")
@pytest.mark.parametrize("pause", [1, 8, 16, 20, 24])
def test_another_host_falls_sick(others: Others, pause: int) -> None:
    assert others.invoke(Wish(release="B"), [Trouble(Point.PAUSE, pause, Kind.SICK, 2)]).code is ExitCode.HALTED
    comes_home(others)


@pytest.mark.rule("I-1", "F-22", "F-56")
def test_another_host_falls_sick_while_the_computer_sleeps(others: Others) -> None:
    asleep = [Trouble(Point.EVENT, 8, Kind.SUSPEND), Trouble(Point.EVENT, 8, Kind.SICK, 1)]
    assert others.invoke(Wish(release="B"), asleep).code is not ExitCode.OK
    comes_home(others)


@pytest.mark.rule("I-5", "F-36")
def test_somebody_registers_a_host_while_it_is_out(others: Others) -> None:
    others.invoke(Wish(release="B"), [Trouble(Point.PAUSE, 4, Kind.JOINED, 0)])
    comes_home(others)


@pytest.mark.rule("F-36", "F-17", "I-2")
@pytest.mark.parametrize("pause", [1, 8, 16, 24, 32, 40])
def test_somebody_takes_a_host_out_everywhere(others: Others, pause: int) -> None:
    others.invoke(Wish(release="B"), [Trouble(Point.PAUSE, pause, Kind.OUT, 1)])
    assert others.judge.breaches == []


@pytest.mark.rule("A3", "A6", "F-34", "F-36")
@pytest.mark.parametrize("kind", [Kind.LET_GO, Kind.TAKEN_BACK])
def test_a_group_or_its_people_move_a_host_in_mid_roll(kind: Kind) -> None:
    for nth in range(1, REACHED[Point.PAUSE], 3):
        random.seed(1)
        world = World(grouped=True)
        others = Others(world, Judge(world))
        others.invoke(Wish(release="B"), [Trouble(Point.PAUSE, nth, kind, nth)])
        assert others.judge.breaches == []


@pytest.mark.rule("I-2")
def test_a_host_that_serves_after_all_is_registered_once_more_and_read_again(others: Others) -> None:
    world = others.world
    others.invoke(Wish(release="B"), [Trouble(Point.DONE, 1, Kind.CRASH)])
    for entry in world.home:
        world.join(entry, by_hand=True)
    world.heal()
    others.unlock()
    assert others.invoke(Wish("drain", None, ("web-2",))).code is ExitCode.OK
    assert [record.state for record in others.judge.records.values()] == ["in-service", "held"]
    assert others.judge.breaches == []


@pytest.mark.rule("I-11", "I-17", "F-43")
def test_the_line_is_lost_while_a_command_runs(others: Others) -> None:
    others.invoke(Wish(release="B"), [Trouble(Point.DONE, 3, Kind.NO_ANSWER)])
    comes_home(others)


@pytest.mark.rule("I-10", "F-7")
def test_a_second_run_meets_the_first(others: Others) -> None:
    assert others.invoke(Wish(release="B"), [Trouble(Point.EVENT, 12, Kind.RIVAL)]).code is ExitCode.OK
    comes_home(others)


@pytest.mark.rule("I-10", "F-10")
@pytest.mark.parametrize("which", range(4))
def test_a_paused_run_finds_another_in_its_place(others: Others, which: int) -> None:
    others.invoke(Wish(release="B"), [Trouble(Point.PAUSE, 10, Kind.TAKEOVER, which)])
    assert others.judge.breaches == []


@pytest.mark.rule("I-10", "F-10", "F-56")
@pytest.mark.parametrize("grouped", [False, True])
def test_a_run_that_another_one_replaces_while_it_looks_does_nothing_more(grouped: bool) -> None:
    for nth in range(8, 16):
        random.seed(1)
        world = World(grouped=grouped)
        others = Others(world, Judge(world))
        others.invoke(Wish(release="B"), [Trouble(Point.LOOK, nth, Kind.TAKEOVER)])
        assert others.judge.breaches == []


@pytest.mark.rule("A5", "I-2", "I-4", "F-34")
@pytest.mark.parametrize(
    ("point", "kind"),
    [
        (Point.DEED, Kind.CRASH),
        (Point.DONE, Kind.CRASH),
        (Point.DEED, Kind.NO_ANSWER),
        (Point.DONE, Kind.NO_ANSWER),
        (Point.DEED, Kind.DENIED),
    ],
)
def test_whatever_becomes_of_a_call_to_a_group_nobody_is_forgotten_in_standby(point: Point, kind: Kind) -> None:
    for nth in range(6, 18):
        random.seed(1)
        world = World(grouped=True)
        others = Others(world, Judge(world))
        others.invoke(Wish(release="B"), [Trouble(point, nth, kind)])
        comes_home(others)


@pytest.mark.rule("I-2", "I-4", "F-55")
@pytest.mark.parametrize("point", [Point.DEED, Point.DONE, Point.WRITE, Point.WRITTEN])
def test_a_run_that_dies_anywhere_is_healed_by_the_next(point: Point) -> None:
    for nth in range(1, REACHED[point] + 1, EVERY[point]):
        world = World()
        others = Others(world, Judge(world))
        others.invoke(Wish(release="B"), [Trouble(point, nth, Kind.CRASH)])
        comes_home(others)


@pytest.mark.rule("I-11", "F-29", "F-48")
@pytest.mark.parametrize("point", [Point.DEED, Point.DONE, Point.WRITE, Point.WRITTEN])
def test_a_call_without_an_answer_anywhere_is_borne_or_healed(point: Point) -> None:
    for nth in range(1, REACHED[point] + 1, EVERY[point]):
        world = World()
        others = Others(world, Judge(world))
        others.invoke(Wish(release="B"), [Trouble(point, nth, Kind.NO_ANSWER)])
        comes_home(others)
