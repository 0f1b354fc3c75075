"""Every kind of signal in every step: what becomes of the host, how soon it is over, and what is said (safety.md 8)."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from builders import NOW, RUN
from elbroll import events
from elbroll.core.standing import Standing, apply, exit_code_of
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import ExitCode
from elbroll.events import Told
from elbroll.model import HostResult, Outcome, Result, Step, TargetState
from elbroll.outputs.ink import text_of
from elbroll.outputs.summary import closing
from engine.scene import Scene
from fakes import FakeClock, RecordingSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.events import Event

STEPS = (Step.PREPARE, Step.GUARD, Step.DRAIN, Step.DEPLOY, Step.VERIFY, Step.REGISTER, Step.BAKE)
AFTER = 1.0
"""Seconds into the step at which the signal comes."""
LATER = 2.0
"""Seconds between a first Ctrl-C and a second one."""
SLOW = {"deploy": {"prepare": "get ready"}, "verify": {"interval": "4s", "consecutive": 5}, "pace": {"bake": "5m"}}


class SignalledClock(FakeClock):
    """As the real one: a sleep ends early when a signal has come."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop

    def sleep(self, seconds: float) -> None:
        before, end = self._stop.mode, self.time + seconds
        while self.time < end and self._stop.mode is before:
            super().sleep(min(0.5, end - self.time))


@dataclass
class Signalled:
    """A scene in which a signal comes when the first host is in `step`, and a second one a little later, if at all."""

    step: Step
    modes: tuple[StopMode, ...]
    asked_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stop = Stop()
        self.scene = Scene(settings=SLOW, clock=SignalledClock(self.stop))
        self.scene.stop = self.stop
        self.scene.sink = self.sink = _Alarm(self)
        if self.step is Step.GUARD:
            self.scene.balancer.forced[min(self.scene.places[self.scene.hosts[1].id])] = TargetState.INITIAL

    def come(self) -> None:
        for number, mode in enumerate(self.modes):
            self.scene.clock.at(AFTER + number * LATER, partial(self._ask, mode))

    def _ask(self, mode: StopMode) -> None:
        self.asked_at.append(self.scene.clock.time)
        self.stop.ask(mode)

    def roll(self) -> HostResult | None:
        """What became of the first host."""
        return self.scene.roll().get(self.scene.hosts[0].id)

    @property
    def took(self) -> float:
        """Seconds from the last signal to the end."""
        return self.scene.clock.time - self.asked_at[-1]

    def standing(self, name: str) -> Standing:
        """All that was told, with signals of that name."""
        told: list[Event] = [*self.sink.events, *(events.SignalReceived(name, "leave") for _ in self.modes)]
        standing = Standing()
        for number, event in enumerate(told):
            standing = apply(standing, Told(number, NOW, float(number), RUN, "web-prod", event))
        return standing

    def heal(self) -> None:
        """The next run, undisturbed."""
        self.scene.stop = Stop()
        self.scene.balancer.forced.clear()
        self.scene.clock.sleep(60.0)
        self.scene.rerun()


class _Alarm(RecordingSink):
    """Lets the signals come once the step has begun; a wait at the guard has no event but the host's own."""

    def __init__(self, signalled: Signalled) -> None:
        super().__init__()
        self._signalled = signalled
        self._armed = True

    def tell(self, event: Event) -> None:
        super().tell(event)
        step = self._signalled.step
        begun = isinstance(event, events.HostStarted) if step is Step.GUARD else _begins(event, step)
        if begun and self._armed:
            self._armed = False
            self._signalled.come()


def _begins(event: Event, step: Step) -> bool:
    return isinstance(event, events.StepStarted) and event.step is step


# --- a first Ctrl-C at a terminal


@pytest.mark.rule("F-54", "I-6")
@pytest.mark.parametrize("step", STEPS)
def test_a_first_ctrl_c_finishes_what_is_in_work_and_starts_no_other_host(step: Step) -> None:
    signalled = Signalled(step, (StopMode.FINISH,))
    result = signalled.roll()
    scene, first = signalled.scene, signalled.scene.hosts[0]

    awaited = step in {Step.DEPLOY, Step.VERIFY, Step.REGISTER, Step.BAKE}
    assert scene.balancer.members() == scene.home
    assert {str(record.state) for record in scene.ledger.kept.values()} <= {"in-service"}
    assert [str(one) for _, one, _ in scene.deeds("run")].count(first.id) == 1 + awaited
    assert {entry[1][0] for entry in scene.deeds("deregister")} <= {first.id}  # type: ignore[index]  # (id, port)
    assert (result.outcome if result else None) is {
        Step.PREPARE: None,
        Step.GUARD: Outcome.NOT_REACHED,
        Step.DRAIN: Outcome.RESTORED,
    }.get(step, Outcome.DEPLOYED)


# --- everything else: a second one, SIGTERM, SIGHUP, any signal without a terminal

STRICT = [
    pytest.param((StopMode.LEAVE,), id="at once"),
    pytest.param((StopMode.FINISH, StopMode.LEAVE), id="second"),
]
LEFT = {
    Step.PREPARE: (None, True),
    Step.GUARD: (None, True),
    Step.DRAIN: ("held", True),
    Step.DEPLOY: ("deploying", False),
    Step.VERIFY: ("deployed", False),
    Step.REGISTER: ("registering", True),
    Step.BAKE: ("registering", True),
}
"""The record's state afterwards, and whether the host is registered everywhere again."""


@pytest.mark.rule("F-54", "I-2", "I-4", "I-7", "I-17")
@pytest.mark.parametrize("modes", STRICT)
@pytest.mark.parametrize("step", STEPS)
def test_a_strict_signal_ends_it_within_5_s_and_all_stays_as_recorded(step: Step, modes: tuple[StopMode, ...]) -> None:
    signalled = Signalled(step, modes)
    signalled.roll()
    scene, first = signalled.scene, signalled.scene.hosts[0]

    record, registered = LEFT[step]
    assert signalled.took <= 5.0
    assert (scene.state(first), scene.members_of(first) == scene.places[first.id]) == (record, registered)
    assert scene.ledger.kept.keys() <= {first.id}
    signalled.heal()
    assert scene.balancer.members() == scene.home
    assert {str(one.state) for one in scene.ledger.kept.values()} == {"in-service"}
    assert len(set(scene.ledger.kept)) == len(scene.hosts)


@pytest.mark.rule("F-54", "I-6")
@pytest.mark.parametrize("modes", STRICT)
def test_a_host_that_went_back_when_a_strict_signal_came_is_told_as_sent_back(modes: tuple[StopMode, ...]) -> None:
    signalled = Signalled(Step.DRAIN, modes)
    result = signalled.roll()

    assert result is not None
    assert (result.outcome, result.note) == (Outcome.LEFT_OUT, "sent back without waiting, record kept")
    assert signalled.scene.members_of(signalled.scene.hosts[0]) == signalled.scene.places[signalled.scene.hosts[0].id]


@pytest.mark.rule("F-54")
@pytest.mark.parametrize(
    ("name", "code"),
    [("SIGINT", ExitCode.INTERRUPT), ("SIGTERM", ExitCode.TERMINATE), ("SIGHUP", ExitCode.HANGUP)],
)
@pytest.mark.parametrize("step", STEPS)
def test_the_exit_code_is_the_signals_and_only_a_command_in_mid_air_may_still_run(
    step: Step, name: str, code: ExitCode
) -> None:
    signalled = Signalled(step, (StopMode.LEAVE,))
    signalled.roll()
    standing = signalled.standing(name)
    end = events.RunFinished(Result.CANCELLATION, code, standing.results, 1.0)
    said = "\n".join(text_of(line) for line in closing(standing, end, ()))

    assert exit_code_of(standing) is code
    assert f"stopped by {name}" in said
    assert ("may still run" in said) is (step in {Step.PREPARE, Step.DEPLOY})


class _SilentOnceAsked:
    """A watch during which a signal comes, so that nobody waits for its answer."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask

    def look(self) -> None:
        self._ask()


@pytest.mark.rule("F-54", "I-6")
@pytest.mark.parametrize("mode", [StopMode.FINISH, StopMode.LEAVE])
def test_a_count_that_a_signal_has_ended_puts_the_host_back_and_is_no_warning(
    mode: StopMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled = Signalled(Step.DRAIN, ())
    watch = _SilentOnceAsked(partial(signalled.stop.ask, mode))
    monkeypatch.setattr(signalled.scene.transport, "watch", lambda *_: nullcontext(watch))
    before = set(signalled.scene.balancer.targets)
    result = signalled.roll()

    assert result is not None
    assert result.outcome in {Outcome.RESTORED, Outcome.LEFT_OUT}
    assert set(signalled.scene.balancer.targets) == before
    assert "reported" not in [each.code for each in signalled.sink.events if isinstance(each, events.Warned)]
