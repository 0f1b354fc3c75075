"""Anybody does anything to a fleet, in any order, and every rule holds all the while (safety.md 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from elbroll.errors import ExitCode
from simulation.judge import Judge
from simulation.others import Others, Wish
from simulation.troubles import troubles
from simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.model import Registration
    from simulation.troubles import Trouble

HOSTS = ("web-1", "web-2", "web-3")
SMALL = [
    *(Wish("drain", None, (host,)) for host in HOSTS),
    Wish("restore", None),
    *(Wish("restore", None, (host,)) for host in HOSTS),
]
DEEDS = frozenset({"deregister", "register", "enter", "exit", "run"})
WRONG = st.lists(troubles(), min_size=1, max_size=4)


def _pass(world: World, which: int) -> None:
    world.time += (1.0, 60.0, 400.0)[which]


def _spoil(world: World, which: int) -> None:
    world.broken.add("AB"[which % 2])


def _break(world: World, which: int) -> None:
    world.failing.add("AB"[which % 2])


TURNS: dict[str, Callable[[World, int], None]] = {
    "time passes": _pass,
    "all is well again": lambda world, _: world.heal(),
    "an app falls sick": World.falls_sick,
    "a release never gets well": _spoil,
    "a release's command fails": _break,
    "an instance dies": World.terminate,
    "a pool is deleted": World.delete,
    "somebody registers a host": World.joined_by_hand,
    "somebody takes a host out": World.taken_by_hand,
    "somebody takes a host out everywhere": World.taken_out,
    "a group begins to terminate a host": World.let_go,
    "somebody brings a host out of standby": World.taken_back,
}
"""What happens between runs."""


class Anything(RuleBasedStateMachine):
    """Safety: no bound on what goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.judge = Judge(self.world)
        self.others = Others(self.world, self.judge)

    @initialize(max_failures=st.integers(0, 1), grouped=st.booleans())
    def bears(self, max_failures: int, grouped: bool) -> None:
        """How many left-out hosts a roll bears, and whether two hosts belong to an Auto Scaling group."""
        self.world = World(grouped=grouped)
        self.judge = Judge(self.world, max_failures=max_failures)
        self.others = Others(self.world, self.judge, max_failures)

    @rule(rollback=st.booleans(), wrong=WRONG)
    def deploy_a(self, rollback: bool, wrong: list[Trouble]) -> None:
        self.others.invoke(Wish("deploy", "A", rollback=rollback), wrong)

    @rule(rollback=st.booleans(), wrong=WRONG)
    def deploy_b(self, rollback: bool, wrong: list[Trouble]) -> None:
        self.others.invoke(Wish("deploy", "B", rollback=rollback), wrong)

    @rule(wish=st.sampled_from(SMALL), wrong=st.lists(troubles(), max_size=2))
    def drain_or_restore(self, wish: Wish, wrong: list[Trouble]) -> None:
        self.others.invoke(wish, wrong)

    @rule(wish=st.sampled_from([Wish("deploy", "A"), Wish("deploy", "B")]))
    def deploy_after_unlock(self, wish: Wish) -> None:
        self.others.unlock()
        self.others.invoke(wish)

    @rule(turn=st.sampled_from(list(TURNS)), which=st.integers(0, 2))
    def the_world_turns(self, turn: str, which: int) -> None:
        TURNS[turn](self.world, which)

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.judge.breaches == []


class FaultsThatStop(Anything):
    """Liveness: whatever has happened, once nothing goes wrong any more, one rerun brings all home (I-4)."""

    @rule()
    def faults_stop(self) -> None:
        self.world.heal()
        home = homes(self.world, self.judge)
        fewer = bool(self.world.dead) or home < self.world.home
        again = Wish("deploy", "B", yes=fewer)
        self.others.unlock()
        self.way_on(again)
        if not home:  # nobody is left: that is no success, and no run can mend it
            assert self.others.invoke(again).code is ExitCode.REFUSED
            return
        assert self.others.invoke(again).code is ExitCode.OK
        self.all_home(home)
        self.nothing_left_to_do()

    def way_on(self, again: Wish) -> None:
        """What only an operator can say: out on purpose is over, deleted pools are no more (F-35), and a group wants as
        many as before (A4)."""
        if self.world.group is not None:
            self.world.group.want_the_lost_again()
        lost = frozenset(self.world.pools[pool].name for pool in self.world.deleted)
        if lost:
            self.others.invoke(again)
        self.others.invoke(Wish("restore", None, give_up=lost))

    def all_home(self, home: set[Registration]) -> None:
        """I-4, I-9."""
        world = self.world
        assert {entry for host in world.hosts for entry in world.registered(host)} >= home
        rolled = {world.owners[entry].id for entry in home if entry.pool == world.web.id}
        assert {world.app(host).release for host in rolled} <= {"B"}
        assert not [host for host, record in self.judge.records.items() if record.open]
        assert {state for state, _ in self.judge.locks.values()} <= {"free"}
        assert world.group is None or world.group.whole()

    def nothing_left_to_do(self) -> None:
        """I-19."""
        before = len(self.world.history)
        assert self.others.invoke(Wish("deploy", "B")).code is ExitCode.OK
        assert self.others.invoke(Wish("restore", None)).code is ExitCode.OK
        deeds = [entry for entry in self.world.history[before:] if entry[1] in DEEDS]
        assert deeds == []


def homes(world: World, judge: Judge) -> set[Registration]:
    """Where the living belong: what is registered, or recorded as taken out by us."""
    recorded = {entry for record in judge.records.values() if record.open for entry in record.entries}
    shown = {entry for host in world.hosts for entry in world.registered(host)}
    return {entry for entry in recorded | shown if world.lives(entry)}
