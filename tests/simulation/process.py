"""One process of elbroll in the simulated world: its clock, its view of everything, and what goes wrong in it."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from elbroll import events
from elbroll.core.standing import Standing, apply
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import PermissionDenied, Unanswered
from elbroll.events import Told
from elbroll.ledger import KeptLedger, Manner
from elbroll.ledger.stores.ssm import SsmStore
from fakes import Crash
from ledger.parameters import FakeSsm, silence
from ledger.things import StillBeats
from simulation.aws import ProcessBalancer, ProcessDirectory, ProcessInventory
from simulation.clocks import LedgerClock, ProcessClock
from simulation.groups import ProcessGroups
from simulation.machines import ProcessChecks, ProcessTransport
from simulation.troubles import Kind, Nothing, Point, Trouble, quietly, strike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elbroll.model import RunId
    from simulation.judge import Judge
    from simulation.others import Others
    from simulation.world import World

ENDLESS = 20_000
"""Looks, pauses and writes of one run, after which it will never end (I-13)."""


class Process:
    """One invocation. Once `dead`, whatever it still tries does not happen."""

    def __init__(self, world: World, judge: Judge, run: RunId, planned: Sequence[Trouble] = ()) -> None:
        self.world = world
        self.judge = judge
        self.run = run
        self.dead = False
        self.stop = Stop()
        self.others: Others
        self.counts: Counter[Point] = Counter()
        self.waiting = list(planned)
        self.struck: set[Kind] = set()
        self.clock = ProcessClock(self)
        self.balancer = ProcessBalancer(self)
        self.transport = ProcessTransport(self)
        self.checks = ProcessChecks(self)
        self.directory = ProcessDirectory(self)
        self.inventory = ProcessInventory(self)
        self.sink = ProcessSink(self)
        self.store = ProcessSsm(self)
        self.groups = ProcessGroups(self)
        self.beats = StillBeats()
        self.ticks: Callable[[], None] = lambda: None
        marks = count(1)
        manner = Manner(
            give_up=lambda: self.stop.mode is StopMode.LEAVE,
            beats=lambda: self.beats,
            nonce=lambda: f"{run}-{next(marks)}",
        )
        still = LedgerClock(self)
        self.ledger = KeptLedger(SsmStore(self.store, still), still, manner)  # type: ignore[arg-type]

    def reach(self, point: Point) -> None:
        """Something may go wrong here."""
        if self.dead:
            raise Crash
        self.counts[point] += 1
        if self.counts.total() > ENDLESS:
            self.judge.must(False, "I-13: a run without an end")
            self.dead = True
            raise Crash
        number = self.counts[point]
        due = [one for one in self.waiting if one.point is point and one.nth == number]
        for trouble in due:
            self.waiting.remove(trouble)
            strike(self, trouble)

    def silence(self, point: Point) -> BaseException:
        """How no answer looks at that point."""
        if point in {Point.WRITE, Point.WRITTEN}:
            return silence()
        return Unanswered("no answer") if point in {Point.LOOK, Point.DEED, Point.DONE} else Nothing()

    def refusal(self) -> BaseException:
        """AWS says no."""
        return PermissionDenied("no", action="elasticloadbalancing:RegisterTargets")

    def identity(self) -> None:
        """Who are we?"""
        self.reach(Point.LOOK)
        if self.world.time < self.world.silent_until:
            raise Unanswered("throttled")

    def signal(self, name: str, mode: StopMode) -> None:
        """As the operating system would send it."""
        self.stop.ask(mode)
        self.sink.tell(events.SignalReceived(name, "leave" if mode is StopMode.LEAVE else "finish", (), ()))

    def did(self, *what: object) -> None:
        """Into the history of the world."""
        self.world.history.append((self.run, *what))


class ProcessSink:
    """Adds up what is told, as the command line does."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.standing = Standing()
        self.events: list[events.Event] = []

    def tell(self, event: events.Event) -> None:
        process = self._process
        if process.dead:
            return
        self.events.append(event)
        if not isinstance(event, events.StepProgress):
            told = Told(
                len(self.events), process.clock.now(), process.clock.monotonic(), process.run, "web-prod", event
            )
            self.standing = apply(self.standing, told)
            process.judge.on_event(process, event)
            if not isinstance(event, events.SignalReceived):  # told by a thread of its own, which holds nothing up
                quietly(process, Point.EVENT)


class ProcessSsm(FakeSsm):
    """Parameter Store, as this process gets through to it."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world.log)
        self._process = process

    def put_parameter(self, **asked: object) -> dict[str, object]:
        self._process.reach(Point.WRITE)
        key = str(asked["Name"])
        before = len(self.log.written.get(key, ()))
        answer = super().put_parameter(**asked)
        if len(self.log.written[key]) > before:
            self._process.did("write", key)
            self._process.judge.on_put(self._process, key)
        self._process.reach(Point.WRITTEN)
        return answer

    def _called(self, name: str, asked: dict[str, object]) -> None:
        world = self._process.world
        if self._process.dead:
            raise Crash
        if world.time < world.store_down_until:
            raise silence()
