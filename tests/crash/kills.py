"""Where elbroll is killed or gets no answers, what is done afterwards, and how all ends."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from crash.judge import LOCKS, Judge, effective
from elbroll.demo.lifelike import ANY, DEEDS, Detail, Kind
from elbroll.demo.lifelike.interceptor import ConnectionCut

if TYPE_CHECKING:
    from crash.site import Child, Ended, Site
    from elbroll.demo.lifelike import Call
    from elbroll.demo.lifelike.wire import Request

LB = ("--lb", "demo", "--yes")
WEATHER = (Kind.REFUSE, Kind.THROTTLE, Kind.LOSE_ANSWER, Kind.CUT, Kind.CUT_BEFORE)
"""What becomes of a call that fails."""
OUTLIVES = 3.0
"""Seconds that a deploy command goes on after elbroll was killed at its beginning."""


class Side(StrEnum):
    """Of a call."""

    BEFORE = "before"
    """Killed, and the call never arrives."""
    AFTER = "after"
    """Applied, and killed before it is answered."""


class Way(StrEnum):
    """How the dead run is followed up."""

    DEPLOY = "deploy"
    OTHER = "deploy of another release"
    TWICE = "deploy, killed as well, and deploy"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Point:
    """The `number`-th (from 0) of its kind within a `deploy` or `restore`."""

    during: str
    what: str
    """`begin` or `end` of a deploy command, the action of an AWS call, or DEEDS: any call that changes something."""
    number: int
    side: Side

    def __str__(self) -> str:
        return f"{self.during}/{self.what}/{self.number}/{self.side}"


class Trial:
    """One kill in a site in which all serve, up to the end of what heals it."""

    def __init__(self, site: Site, seed: str, variant: str = "sound") -> None:
        self._site = site
        self._random = random.Random(seed)
        self._variant = variant
        self._judge = Judge(site)
        self._release = f"v{len(site.world.simulation.timeline)}"
        self._child: Child | None = None
        self._met = ""
        self.killed: list[str] = []
        """What was under way at each kill."""
        self.way = self._random.choice(tuple(Way))
        self.failed: list[str] = []
        """Calls that failed in bad weather."""
        self.came_through = False
        """Whether a roll in bad weather has reached its end."""

    def run(self, point: Point) -> list[str]:
        """All breaches."""
        if point.during == "restore":
            self.way = Way.RESTORE
            return self._restored(point)
        self._call("deploy", self._release, point)
        ended = self._follow_up(point)
        self._judge.at_end(ended, self._release)
        return self._judge.history()

    def watch(self, point: Point) -> list[str]:
        """All breaches up to the point, or to the end where it is not reached; nothing is healed."""
        self._call(point.during, self._release, point)
        return self._judge.history()

    def weather(self, share: float) -> list[str]:
        """All breaches of a roll in which so many of 1 call to AWS fail, and of one in which none does if it halted."""
        self.failed.clear()
        for kind in WEATHER:
            where = partial(self._fails, share / len(WEATHER))
            self._site.world.faults.add(ANY, kind, times=None, detail=Detail(where=where))
        ended = self._call("deploy", self._release)
        self._judge.at_kill()
        self.came_through = ended.code == 0
        if not self.came_through:
            self._unlock()
            ended = self._call("deploy", self._release)
        self._judge.at_end(ended, self._release)
        return self._judge.history()

    def _fails(self, share: float, request: Request) -> bool:
        fails = self._random.random() < share
        if fails:
            self.failed.append(request.action)
        return fails

    def record(self, during: str) -> list[Point]:
        """An unkilled command (a restore: of a roll that died in its drain): every point at which it may die."""
        if during == "restore":
            self._call("deploy", self._release, _DRAINED)
            self._unlock()
        deeds, rung = len(self._deeds()), len(self._site.bell.rung)
        ended = self._call(during, self._release)
        self._judge.at_end(ended, self._release if during == "deploy" else None)
        assert not self._judge.history(), self._judge.breaches
        calls = [Point(during, DEEDS, n, side) for n in range(len(self._deeds()) - deeds) for side in Side]
        words = [ring.word for ring in self._site.bell.rung[rung:]]
        bells = [Point(during, word, n, Side.AFTER) for word in ("begin", "end") for n in range(words.count(word))]
        return calls + bells

    def _restored(self, point: Point) -> list[str]:
        """A roll dies when its host is out, `restore` dies, and the next `restore` brings all back."""
        self._call("deploy", self._release, _DRAINED)
        self._unlock()
        self._call("restore", self._release, point)
        self._unlock()
        self._judge.at_end(self._call("restore", self._release, flags=("--if-needed",)), None)
        return self._judge.history()

    def _follow_up(self, point: Point) -> Ended:
        self._unlock()
        match self.way:
            case Way.OTHER:
                self._release += "b"
            case Way.TWICE:
                number = self._random.randrange(max(1, point.number + 20))
                self._call("deploy", self._release, Point("deploy", DEEDS, number, self._random.choice(tuple(Side))))
                self._unlock()
            case Way.RESTORE:
                self._call("restore", self._release)
                self._judge.at_restored()
            case Way.DEPLOY:
                pass
        return self._call("deploy", self._release)

    def _unlock(self) -> None:
        """What the refusal tells the user to do, where there is one."""
        if all(value["state"] == "free" for value in effective(self._site.world, LOCKS).values()):
            return
        refused = self._call("deploy", self._release)
        told = re.search(r"elbroll unlock (\S+) (\S+)", refused.said)
        if refused.code != 6 or told is None:
            self._judge.breaches.append(f"F-8: no way on with {refused.code}: {refused.said[-600:]}")
            return
        ended = self._site.start("unlock", told[1], told[2], "--yes").end()
        if ended.code != 0:
            self._judge.breaches.append(f"F-8: `{told[0]}` ended with {ended.code}: {ended.said[-600:]}")

    def _call(self, command: str, release: str, point: Point | None = None, flags: tuple[str, ...] = ()) -> Ended:
        labelled = ("--release", release) if command == "deploy" else flags
        if point is not None:
            self._set_trap(point)
        self._child = self._site.start(command, *LB, *labelled, variant=self._variant)
        ended = self._child.end()
        self._site.world.faults.clear()
        self._site.bell.on_ring = lambda _: 0.0
        return ended

    def _set_trap(self, point: Point) -> None:
        if point.what not in {"begin", "end"}:
            before = point.side is Side.BEFORE
            detail = Detail(skip=point.number, act=self._kill_before if before else self._kill, where=self._meet)
            self._site.world.faults.add(point.what, Kind.BEFORE if before else Kind.AFTER, detail=detail)
        else:
            heard: list[str] = []
            self._site.bell.on_ring = lambda word: self._rung(word, point, heard)

    def _meet(self, request: Request) -> bool:
        self._met = f"{request.action} {request.parameters.get('Name', '')}".strip()
        return True

    def _rung(self, word: str, point: Point, heard: list[str]) -> float:
        heard.append(word)
        if word != point.what or heard.count(word) != point.number + 1:
            return 0.0
        self._met = f"{word} of a deploy command"
        self._kill()
        return OUTLIVES

    def _kill(self) -> None:
        assert self._child is not None
        self._child.kill()
        self.killed.append(self._met)
        self._judge.at_kill()

    def _kill_before(self) -> None:
        self._kill()
        raise ConnectionCut

    def _deeds(self) -> tuple[Call, ...]:
        return self._site.world.simulation.timeline.deeds()


_DRAINED = Point("deploy", "DeregisterTargets", 1, Side.AFTER)
"""The first host is out of all its pools, and still `held`."""
