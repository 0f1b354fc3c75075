"""What may go wrong, and when: at the n-th look, deed, write, event or pause of one run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from elbroll.engine.stop import StopMode
from fakes import Crash

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.process import Process


class Point(Enum):
    """Where something may go wrong in a run."""

    LOOK = "before AWS is asked"
    DEED = "before a register, deregister or command"
    DONE = "after one of these took effect, before its answer"
    WRITE = "before something is written to the ledger"
    WRITTEN = "after it took effect, before its answer"
    EVENT = "when something is told"
    PAUSE = "while the run sleeps"


class Kind(Enum):
    """What goes wrong."""

    NO_ANSWER = "no answer; before a deed it is not applied, after it the answer is lost"
    DENIED = "AWS says no"
    CRASH = "the process dies"
    FINISH = "a first signal"
    LEAVE = "a signal to end at once"
    SICK = "an app falls sick"
    DIES = "an instance is terminated"
    DELETED = "a pool is deleted"
    JOINED = "somebody registers a host's entries"
    TAKEN = "somebody deregisters one entry of a host"
    OUT = "somebody deregisters a host everywhere"
    LET_GO = "an Auto Scaling group begins to terminate a host"
    TAKEN_BACK = "somebody brings a host out of standby"
    AWS_DOWN = "AWS answers nothing for a while"
    STORE_DOWN = "the ledger answers nothing for a while"
    HOSTS_DOWN = "no host can be reached for a while"
    STALE = "the ledger's next reads are old"
    SUSPEND = "the computer sleeps for eight hours"
    BACK = "the wall clock goes back an hour"
    AHEAD = "the wall clock goes ahead eight hours"
    DAWN = "the wall clock says 1970"
    RIVAL = "another run begins while this one holds the locks"
    TAKEOVER = "the locks are broken and another run rolls while this one is paused"
    UNLOCKED = "the locks are broken, nobody takes them"


BY_OTHERS = frozenset(
    {
        *(Kind.SICK, Kind.DIES, Kind.DELETED, Kind.JOINED, Kind.TAKEN, Kind.OUT, Kind.LET_GO, Kind.TAKEN_BACK),
        *(Kind.RIVAL, Kind.TAKEOVER, Kind.UNLOCKED),
    }
)
"""What changes the world behind a run's back, maybe after it has looked for the last time."""
BETWEEN = frozenset({Kind.TAKEOVER, Kind.UNLOCKED, Kind.SUSPEND})
"""Never between a proof of the locks and its deed: that one call cannot be kept back (safety.md 3)."""


@dataclass(frozen=True)
class Trouble:
    """`kind` happens at the `nth` `point` of a run; `which` chooses a host, pool or length."""

    point: Point
    nth: int
    kind: Kind
    which: int = 0


REACHED = {
    Point.LOOK: 90,
    Point.DEED: 17,
    Point.DONE: 17,
    Point.WRITE: 50,
    Point.WRITTEN: 50,
    Point.EVENT: 65,
    Point.PAUSE: 75,
}
"""How often a roll without trouble comes by each of them."""


CALLS = frozenset({Point.DEED, Point.DONE, Point.WRITE, Point.WRITTEN})
"""Where a process may die, or an answer be lost, with the most harm."""


def kinds_at(point: Point) -> list[Kind]:
    """What can go wrong there, the worst several times."""
    possible = [kind for kind in Kind if _means_something(point, kind)]
    return possible + [Kind.NO_ANSWER, Kind.CRASH] * (5 if point in CALLS else 0)


def _means_something(point: Point, kind: Kind) -> bool:
    match kind:
        case Kind.DENIED:
            return point in {Point.LOOK, Point.DEED}
        case Kind.NO_ANSWER:
            return point not in {Point.EVENT, Point.PAUSE}
        case _:
            return not (kind in BETWEEN and point is Point.DEED)


def troubles() -> st.SearchStrategy[Trouble]:
    """One trouble somewhere in a run."""
    return st.sampled_from(list(Point)).flatmap(
        lambda point: st.builds(
            Trouble,
            st.just(point),
            st.integers(1, REACHED[point]),
            st.sampled_from(kinds_at(point)),
            st.integers(0, 3),
        )
    )


class Nothing(Exception):
    """Struck where nothing can go unanswered; `reach` of such points swallows it."""


def quietly(process: Process, point: Point) -> None:
    """A point at which nobody waits for an answer."""
    with suppress(Nothing):
        process.reach(point)


def strike(process: Process, trouble: Trouble) -> None:
    """Let it happen now. May raise."""
    act = ACTS.get(trouble.kind)
    if act is not None and not (trouble.kind in BETWEEN and trouble.point is Point.DEED):
        process.world.count[trouble.kind.name] += 1
        process.struck.add(trouble.kind)
        act(process, trouble)


def _no_answer(process: Process, trouble: Trouble) -> None:
    raise process.silence(trouble.point)


def _denied(process: Process, trouble: Trouble) -> None:
    if trouble.point in {Point.DEED, Point.LOOK}:
        raise process.refusal()


def _crash(process: Process, _: Trouble) -> None:
    process.dead = True
    raise Crash


def _finish(process: Process, _: Trouble) -> None:
    process.signal("SIGINT", StopMode.FINISH)


def _leave(process: Process, _: Trouble) -> None:
    process.signal("SIGTERM", StopMode.LEAVE)


def _sick(process: Process, trouble: Trouble) -> None:
    process.world.falls_sick(trouble.which)


def _dies(process: Process, trouble: Trouble) -> None:
    process.world.terminate(trouble.which)


def _deleted(process: Process, trouble: Trouble) -> None:
    process.world.delete(trouble.which)


def _joined(process: Process, trouble: Trouble) -> None:
    process.world.joined_by_hand(trouble.which)


def _taken(process: Process, trouble: Trouble) -> None:
    process.world.taken_by_hand(trouble.which)


def _out(process: Process, trouble: Trouble) -> None:
    process.world.taken_out(trouble.which)


def _let_go(process: Process, trouble: Trouble) -> None:
    process.world.let_go(trouble.which)


def _taken_back(process: Process, trouble: Trouble) -> None:
    process.world.taken_back(trouble.which)


def _aws_down(process: Process, trouble: Trouble) -> None:
    process.world.silent_until = process.world.time + LENGTHS[trouble.which]


def _store_down(process: Process, trouble: Trouble) -> None:
    process.world.store_down_until = process.world.time + LENGTHS[trouble.which]


def _hosts_down(process: Process, trouble: Trouble) -> None:
    process.world.deaf_until = process.world.time + LENGTHS[trouble.which]


def _stale(process: Process, trouble: Trouble) -> None:
    process.store.hidden = trouble.which


def _suspend(process: Process, _: Trouble) -> None:
    process.clock.suspend(8 * 3600.0)


def _back(process: Process, _: Trouble) -> None:
    process.clock.skew -= 3600.0


def _ahead(process: Process, _: Trouble) -> None:
    process.clock.skew += 8 * 3600.0


def _dawn(process: Process, _: Trouble) -> None:
    process.clock.skew = -1.79e9


def _rival(process: Process, _: Trouble) -> None:
    process.others.rival()


def _takeover(process: Process, trouble: Trouble) -> None:
    process.others.take_over(trouble.which)


def _unlocked(process: Process, _: Trouble) -> None:
    process.others.unlock()


LENGTHS = (5.0, 40.0, 300.0, 2000.0)
ACTS: dict[Kind, Callable[[Process, Trouble], None]] = {
    Kind.NO_ANSWER: _no_answer,
    Kind.DENIED: _denied,
    Kind.CRASH: _crash,
    Kind.FINISH: _finish,
    Kind.LEAVE: _leave,
    Kind.SICK: _sick,
    Kind.DIES: _dies,
    Kind.DELETED: _deleted,
    Kind.JOINED: _joined,
    Kind.TAKEN: _taken,
    Kind.OUT: _out,
    Kind.LET_GO: _let_go,
    Kind.TAKEN_BACK: _taken_back,
    Kind.AWS_DOWN: _aws_down,
    Kind.STORE_DOWN: _store_down,
    Kind.HOSTS_DOWN: _hosts_down,
    Kind.STALE: _stale,
    Kind.SUSPEND: _suspend,
    Kind.BACK: _back,
    Kind.AHEAD: _ahead,
    Kind.DAWN: _dawn,
    Kind.RIVAL: _rival,
    Kind.TAKEOVER: _takeover,
    Kind.UNLOCKED: _unlocked,
}
