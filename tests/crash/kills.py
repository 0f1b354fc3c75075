"""Where elbroll is killed, cancelled or gets no answers, what is done afterwards, and how all ends."""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from crash.judge import CANCELLED, HALTED, Judge
from crash.past import HOSTS, LOCKS, effective
from crash.site import Ended
from elbroll.demo.app import Break
from elbroll.demo.lifelike import ANY, DEEDS, Call, Detail, Kind
from elbroll.demo.lifelike.interceptor import ConnectionCut

if TYPE_CHECKING:
    from crash.site import Child, Site
    from elbroll.demo.lifelike.wire import Request

LB = ("--lb", "demo", "--yes")
WEATHER = (Kind.REFUSE, Kind.THROTTLE, Kind.LOSE_ANSWER, Kind.CUT, Kind.CUT_BEFORE)
"""What becomes of a call that fails."""
OUTLIVES, UNNOTICED = 6.0, 60.0
"""Seconds that a command goes on after elbroll was killed beside it: since another run took its host over, or none."""


JUDGED_WITHIN = 60.0
"""Seconds."""


class Side(StrEnum):
    """Of a call."""

    BEFORE = "before"
    """The call never arrives."""
    AFTER = "after"
    """Applied, and elbroll ended before it is answered."""


class By(StrEnum):
    """What ends it."""

    KILL = "kill"
    TERM = "term"


class Way(StrEnum):
    """How the dead run is followed up."""

    DEPLOY = "deploy"
    OTHER = "deploy of another release"
    TWICE = "deploy, killed as well, and deploy"
    RESTORE = "restore"
    SAME = "the same again"


COMMANDS = ("deploy", "restore", "exec", "drain", "rollback", "unlock")
"""What may be killed: `rollback` is a deploy that fails and takes the way back."""
ANY_DEPLOY = (Way.DEPLOY, Way.OTHER, Way.TWICE, Way.RESTORE)
WAYS = {
    "deploy": ANY_DEPLOY,
    "rollback": (Way.OTHER, Way.RESTORE),
    "exec": (Way.SAME, Way.DEPLOY, Way.RESTORE),
    "drain": (Way.SAME, Way.RESTORE),
    "restore": (Way.SAME,),
    "unlock": ANY_DEPLOY,
}
LOCKED, KILLED = 6, -9
"""How commands end."""


@dataclass(frozen=True, slots=True)
class Point:
    """The `number`-th (from 0) of its kind within one of COMMANDS."""

    during: str
    what: str
    """`begin` or `end` of a command on the host, the action of an AWS call, or DEEDS: any that changes something."""
    number: int
    side: Side
    by: By = By.KILL

    def __str__(self) -> str:
        words = (self.during, self.what, self.number, self.side, *([self.by] if self.by is By.TERM else []))
        return "/".join(map(str, words))


class Trial:
    """One kill, or signal to end, in a site in which all serve, up to the end of what heals it."""

    def __init__(self, site: Site, seed: str, variant: str = "sound") -> None:
        self._site = site
        self._random = random.Random(seed)
        self._variant = variant
        self._judge = Judge(site)
        self._release = f"v{len(site.world.simulation.timeline)}"
        self._child: Child | None = None
        self._judged = threading.Event()
        self._hit_a_call = False
        self._met = ""
        self._asked, self._moment = 0.0, 0
        self.killed: list[str] = []
        """What was under way at each kill."""
        self.took: float | None = None
        """Seconds from SIGTERM to the end."""
        self.way = Way.DEPLOY
        self.failed: list[str] = []
        """Calls that failed in bad weather."""
        self.outlives = OUTLIVES
        self.came_through = False
        """Whether a roll in bad weather has reached its end."""

    def run(self, point: Point, way: Way | None = None) -> list[str]:
        """All breaches; a way at random unless one is named."""
        self.way = way or self._random.choice(WAYS[point.during])
        self._arrange(point.during)
        self._perform(point.during, point)
        ended = self._follow_up(point)
        rolled = self.way in ANY_DEPLOY and point.during not in {"drain", "restore"}
        self._judge.at_end(ended, self._release if rolled else None)
        return self._judge.history()

    def watch(self, point: Point) -> list[str]:
        """All breaches up to the point, or to the end where it is not reached; nothing is healed."""
        self._arrange(point.during)
        self._perform(point.during, point)
        return self._judge.history()

    def weather(self, share: float) -> list[str]:
        """All breaches of a roll in which so many of 1 call to AWS fail, and of one in which none does if it halted."""
        self.failed.clear()
        for kind in WEATHER:
            where = partial(self._fails, share / len(WEATHER))
            self._site.world.faults.add(ANY, kind, times=None, detail=Detail(where=where))
        ended = self._started(("deploy", *LB, "--release", self._release))
        self._judge.at_kill()
        self.came_through = ended.code == 0
        if not self.came_through:
            self._unlock()
            ended = self._deploy()
        self._judge.at_end(ended, self._release)
        return self._judge.history()

    def _fails(self, share: float, request: Request) -> bool:
        fails = self._random.random() < share
        if fails:
            self.failed.append(request.action)
        return fails

    def record(self, during: str) -> list[Point]:
        """An unkilled command: every point at which it may die, or be told to end.

        A `restore` and an `unlock` come after a dead roll.
        """
        self._arrange(during)
        deeds, rung = len(self._deeds()), len(self._site.bell.rung)
        ended = self._perform(during)
        calls = [Point(during, DEEDS, n, side) for n in range(len(self._deeds()) - deeds) for side in Side]
        words = [ring.word for ring in self._site.bell.rung[rung:]]
        bells = [Point(during, word, n, Side.AFTER) for word in ("begin", "end") for n in range(words.count(word))]
        if during in {"drain", "unlock"}:
            ended = self._call("restore", "--if-needed")
        self._judge.at_end(ended, self._release if during == "deploy" else None, HALTED if during == "rollback" else 0)
        assert not self._judge.history(), self._judge.breaches
        return [replace(point, by=by) for point in calls + bells for by in By]

    def _arrange(self, during: str) -> None:
        """What must have happened before the command can be killed."""
        if during in {"restore", "unlock"}:
            self._deploy(_DRAINED)
        if during == "restore":
            self._unlock()
        if during == "rollback":
            known = [value for value in effective(self._site.world, HOSTS).values() if value.get("after")]
            if len(known) < len(self._site.world.hosts):
                self._deploy()  # so that the release to go back to is known
                self._release += "a"
            for host in self._site.world.hosts:
                host.break_release(self._release, Break.DEPLOY)
                (host.place.home / "before").write_text(host.release)

    def _perform(self, during: str, point: Point | None = None) -> Ended:
        match during:
            case "exec":
                return self._call("exec", "--only", "demo-1", "--", self._site.bell.chore, point=point)
            case "drain":
                return self._call("drain", "demo-1", point=point)
            case "restore":
                return self._call("restore", *(["--if-needed"] if point is None else []), point=point)
            case "unlock":
                return self._unlock(point)
            case _:
                return self._deploy(point)

    def _follow_up(self, point: Point) -> Ended:
        self._unlock()
        match self.way:
            case Way.OTHER:
                self._release += "b"
            case Way.TWICE:
                number = self._random.randrange(max(1, point.number + 20))
                self._deploy(Point("deploy", DEEDS, number, self._random.choice(tuple(Side))))
                self._unlock()
            case Way.RESTORE:
                ended = self._call("restore")
                self._judge.at_restored(ended)
                self._release += "b" if point.during == "rollback" else ""
            case Way.SAME if point.during != "restore":
                ended = self._perform(point.during)
            case _:
                pass
        if point.during in {"drain", "restore"}:
            return self._call("restore", "--if-needed")
        return ended if self.way is Way.SAME else self._deploy()

    def _deploy(self, point: Point | None = None) -> Ended:
        return self._call("deploy", "--release", self._release, point=point)

    def _unlock(self, point: Point | None = None) -> Ended:
        """What the refusal tells the user to do, where there is one."""
        refused = self._deploy() if self._locked() else Ended(0, "")
        if not self._locked():
            return refused
        told = re.search(r"elbroll unlock (\S+) (\S+)", refused.said)
        if refused.code != LOCKED or told is None:
            self._judge.breaches.append(f"F-8: no way on with {refused.code}: {refused.said[-600:]}")
            return refused
        ended = self._started(("unlock", told[1], told[2], "--yes"), point)
        if ended.code != 0 and point is None:
            self._judge.breaches.append(f"F-8: `{told[0]}` ended with {ended.code}: {ended.said[-600:]}")
        return ended

    def _locked(self) -> bool:
        return any(value["state"] != "free" for value in effective(self._site.world, LOCKS).values())

    def _call(self, command: str, *words: str, point: Point | None = None) -> Ended:
        ended = self._started((command, *LB, *words), point)
        if ended.code not in {LOCKED, KILLED, CANCELLED}:
            self._judge.at_orderly_end(ended)
        return ended

    def _started(self, words: tuple[str, ...], point: Point | None = None) -> Ended:
        if point is not None:
            self._set_trap(point)
        self._judge.at_start()
        self._judged.clear()
        first = len(self._site.world.simulation.timeline)
        self._child = self._site.start(*words, variant=self._variant)
        ended = self._child.end()
        if ended.code == KILLED:
            self._await_judgement(first)
        elif self._asked:
            self.took, self._asked = time.monotonic() - self._asked, 0.0
            self._judge.at_cancelled_end(ended, self.took, self._moment, holds=words[0] != "unlock")
        self._site.world.faults.clear()
        self._site.bell.on_ring = lambda _: None
        return ended

    def _await_judgement(self, first: int) -> None:
        """Nothing goes on before the moment of the kill was judged, and the call it hit is written down."""
        assert self._judged.wait(JUDGED_WITHIN)
        limit = time.monotonic() + JUDGED_WITHIN
        timeline = self._site.world.simulation.timeline
        while self._hit_a_call and time.monotonic() < limit:
            if any(isinstance(one, Call) and one.fault in {"before", "after"} for one in timeline.entries[first:]):
                return
            time.sleep(0.01)

    def _set_trap(self, point: Point) -> None:
        self._hit_a_call = point.what not in {"begin", "end"}
        if self._hit_a_call:
            before = point.side is Side.BEFORE
            detail = Detail(skip=point.number, act=partial(self._end, point), where=self._meet)
            self._site.world.faults.add(point.what, Kind.BEFORE if before else Kind.AFTER, detail=detail)
        else:
            heard: list[str] = []
            self._site.bell.on_ring = lambda word: self._rung(word, point, heard)

    def _meet(self, request: Request) -> bool:
        self._met = f"{request.action} {request.parameters.get('Name', '')}".strip()
        return True

    def _rung(self, word: str, point: Point, heard: list[str]) -> None:
        heard.append(word)
        if word != point.what or heard.count(word) != point.number + 1:
            return
        self._met = f"{word} of a command"
        self._end(point)
        self._await_rerun()

    def _await_rerun(self) -> None:
        """A rerun must meet the command alive, however slow this computer is: so it waits for one."""
        timeline = self._site.world.simulation.timeline
        first, limit = len(timeline), time.monotonic() + UNNOTICED
        while time.monotonic() < limit:
            later = timeline.entries[first:]
            if any(isinstance(one, Call) and str(one.parameters.get("Name", "")).startswith(HOSTS) for one in later):
                self._outlive()
                break
            time.sleep(0.05)

    def _outlive(self) -> None:
        """The command goes on for long enough to be met, or until another has begun beside it."""
        begun, limit = self._begun(), time.monotonic() + self.outlives
        while self._begun() == begun and time.monotonic() < limit:
            time.sleep(0.05)

    def _begun(self) -> int:
        return [ring.word for ring in self._site.bell.rung].count("begin")

    def _end(self, point: Point) -> None:
        if point.by is By.KILL:
            self._kill()
        else:
            self._cancel()
        if point.side is Side.BEFORE:
            raise ConnectionCut

    def _cancel(self) -> None:
        assert self._child is not None
        self.killed.append(self._met)
        self._asked, self._moment = time.monotonic(), len(self._site.world.simulation.timeline)
        self._child.cancel()

    def _kill(self) -> None:
        assert self._child is not None
        self._child.kill()
        self.killed.append(self._met)
        try:
            self._judge.at_kill()
        finally:
            self._judged.set()

    def _deeds(self) -> tuple[Call, ...]:
        return self._site.world.simulation.timeline.deeds()


_DRAINED = Point("deploy", "DeregisterTargets", 1, Side.AFTER)
"""The first host is out of all its pools, and still `held`."""
