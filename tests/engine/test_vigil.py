"""A computer that sleeps in mid-roll: everything is proven anew before the next deed, or nothing more is done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from scene import Scene

from elbroll import events
from elbroll.engine.stop import StopMode
from elbroll.engine.vigil import GAP, Awakening, Vigil, WakefulLease
from elbroll.errors import CredentialsError, Superseded, Unanswered
from elbroll.model import Outcome, TargetState, Validity
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.engine.context import Run

NIGHT = 8 * 3600.0


@dataclass
class Laptop(Scene):
    """A scene whose run notices gaps, and whose credentials can end."""

    validity: Validity = field(default_factory=Validity)
    proofs: list[Exception | None] = field(default_factory=list)
    """How the next questions to AWS about the credentials end; well, where nothing is said."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dropped: list[str] = []
        self.transport.drop = lambda host: self.dropped.append(host.id)  # type: ignore[method-assign]

    def run(self) -> Run:
        run = super().run()
        awakening = Awakening(self.hosts, self.transport, self._prove, self.clock, self.sink, self.stop)
        lease = WakefulLease(run.lease, Vigil(self.clock), awakening)
        return replace(run, lease=lease, validity=lambda: self.validity)

    def while_deploying(self, deed: Callable[[], None]) -> None:
        """It happens in the middle of the first command of the roll."""
        deeds = [deed]
        self.transport.on_run = lambda _host, _job: deeds.pop()() if deeds else None

    def _prove(self) -> None:
        self.history.append(("prove",))
        if self.proofs and (error := self.proofs.pop(0)):
            raise error

    def warnings(self) -> list[str]:
        return [event.code for event in self.sink.events if isinstance(event, events.Warned)]


@pytest.mark.rule("F-56", "I-10")
def test_after_a_sleep_all_is_proven_anew_and_the_roll_goes_on() -> None:
    scene = Laptop()
    scene.while_deploying(lambda: scene.clock.suspend(NIGHT))

    results = scene.roll()

    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}
    kinds = [entry[0] for entry in scene.history]
    ran, proven = kinds.index("run"), kinds.index("prove")
    assert kinds[ran + 1 : proven + 3] == ["prove", "confirm", "record"]
    assert (kinds.count("prove"), scene.warnings().count("gap")) == (1, 1)
    told = next(event.message for event in scene.sink.events if isinstance(event, events.Warned))
    assert told.startswith("this computer slept, ")
    assert told.endswith(" are missing, so lock, credentials and connections are proven anew")
    assert set(scene.dropped) == {host.id for host in scene.hosts}


@pytest.mark.rule("F-56", "I-10", "F-10")
def test_a_run_that_was_superseded_while_it_slept_does_nothing_more() -> None:
    scene = Laptop()
    length: list[int] = []

    def lose() -> None:
        scene.clock.suspend(NIGHT)
        scene.ledger.superseded = True
        length.append(len(scene.history))

    scene.while_deploying(lose)
    results = scene.roll()

    first, *others = (results[host.id] for host in scene.hosts if host.id in results)
    assert (first.outcome, others) == (Outcome.LEFT_OUT, [])
    assert {entry[0] for entry in scene.history[length[0] :]} <= {"prove"}
    assert scene.state(scene.hosts[0]) == "deploying"


@pytest.mark.rule("F-56", "F-5")
def test_credentials_that_ended_in_the_sleep_stop_the_roll_with_its_record_kept() -> None:
    scene = Laptop(proofs=[CredentialsError("over")] * 9)
    scene.while_deploying(lambda: scene.clock.suspend(NIGHT))

    results = scene.roll()

    result = results[scene.hosts[0].id]
    assert (result.outcome, result.failure and result.failure.code) == (Outcome.LEFT_OUT, "credentials")
    assert scene.deeds("register") == []
    assert scene.state(scene.hosts[0]) == "deploying"
    assert len(results) == 1


@pytest.mark.rule("F-56", "F-37")
def test_a_network_that_is_not_back_yet_is_waited_for() -> None:
    scene = Laptop(proofs=[Unanswered("no network")] * 3)
    scene.while_deploying(lambda: scene.clock.suspend(NIGHT))
    results = scene.roll()
    assert {result.outcome for result in results.values()} == {Outcome.DEPLOYED}


@pytest.mark.rule("F-56", "I-13")
def test_limits_do_not_count_the_time_of_a_sleep() -> None:
    scene = Laptop(settings={"deploy": {"timeout": "1m"}})
    scene.while_deploying(lambda: scene.clock.suspend(NIGHT))
    assert scene.roll()[scene.hosts[0].id].outcome is Outcome.DEPLOYED


@pytest.mark.rule("F-56", "I-1", "F-27")
def test_capacity_that_went_while_we_slept_before_the_deregister_keeps_the_host_in() -> None:
    scene = Laptop()
    slept: list[float] = []

    def sleep_once(_record: object) -> None:
        if not slept:
            slept.append(NIGHT)
            scene.clock.suspend(NIGHT)
            for entry in scene.places[scene.hosts[1].id] | scene.places[scene.hosts[2].id]:
                scene.balancer.forced[entry] = TargetState.UNHEALTHY

    scene.ledger.on_write = sleep_once
    results = scene.roll()

    assert scene.deeds("deregister") == []
    assert results[scene.hosts[0].id].outcome is Outcome.RESTORED


@pytest.mark.rule("I-1", "F-12", "F-27")
def test_the_guard_is_asked_again_after_proving_the_lock_took_long() -> None:
    scene = Laptop()
    run = scene.run()
    confirm = run.lease.confirm

    class Slow(WakefulLease):
        def confirm(self, pools: object) -> None:
            confirm(pools)  # type: ignore[arg-type]
            scene.clock.sleep(60)
            for entry in scene.places[scene.hosts[1].id] | scene.places[scene.hosts[2].id]:
                scene.balancer.forced[entry] = TargetState.UNHEALTHY

    awakening = Awakening((), scene.transport, lambda: None, scene.clock, scene.sink, scene.stop)
    slow = Slow(run.lease, Vigil(scene.clock), awakening)
    scene.run = lambda: replace(run, lease=slow)  # type: ignore[method-assign]

    scene.roll()

    assert scene.deeds("deregister") == []


# --- what a gap is ---------------------------------------------------------------------------------------


@pytest.mark.rule("F-56")
@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda clock: clock.suspend(GAP + 1), GAP + 1),
        (lambda clock: clock.suspend(GAP - 1), 0.0),
        (lambda clock: clock.sleep(NIGHT), 0.0),
        (lambda clock: setattr(clock, "jumped", NIGHT), NIGHT),
        (lambda clock: setattr(clock, "jumped", -3600.0), 3600.0),
        (lambda clock: setattr(clock, "jumped", 5.0), 0.0),
    ],
    ids=["slept", "dozed", "worked long", "set forward", "set back", "adjusted"],
)
def test_a_gap_is_time_that_one_clock_counts_and_another_does_not(
    happens: Callable[[FakeClock], None], expected: float
) -> None:
    clock = FakeClock()
    vigil = Vigil(clock)
    happens(clock)
    assert vigil.missed() == expected


@pytest.mark.rule("F-56")
def test_a_process_that_stood_still_is_noticed_by_whoever_comes_first() -> None:
    clock = FakeClock()
    early, late = Vigil(clock), Vigil(clock)
    for vigil in (early, late):
        vigil.tick()
    clock.sleep(GAP + 1)
    early.tick()
    assert early.missed() == late.missed() == GAP + 1


@pytest.mark.rule("F-56")
def test_a_stop_that_was_mended_is_over_before_the_next_tick() -> None:
    clock = FakeClock()
    vigil = Vigil(clock)
    vigil.tick()
    clock.sleep(GAP + 1)
    assert vigil.missed() == GAP + 1
    vigil.mended()
    assert vigil.missed() == 0.0


def test_ticks_in_time_are_no_gap() -> None:
    clock = FakeClock()
    vigil = Vigil(clock)
    for _ in range(100):
        vigil.tick()
        clock.sleep(5.0)
    assert vigil.missed() == 0.0


def test_a_gap_stays_until_it_is_mended_and_is_then_over() -> None:
    clock = FakeClock()
    vigil = Vigil(clock)
    clock.suspend(NIGHT)
    assert (vigil.missed(), vigil.missed()) == (NIGHT, NIGHT)
    vigil.mended()
    assert vigil.missed() == 0.0


@pytest.mark.rule("F-56", "F-54")
def test_a_run_told_to_leave_waits_for_no_network_after_a_gap() -> None:
    scene = Laptop(proofs=[Unanswered("no network")] * 99)
    run = scene.run()
    scene.clock.suspend(NIGHT)
    scene.stop.ask(StopMode.LEAVE)
    began = scene.clock.time
    with pytest.raises(Unanswered):
        run.lease.confirm(())
    assert scene.clock.time - began < 1.0


@pytest.mark.rule("F-10")
def test_all_of_a_lease_is_there_under_the_vigil() -> None:
    scene = Laptop()
    lease = scene.run().lease
    lease.seal(())
    lease.doing("web-1")
    lease.check_size(None)  # type: ignore[arg-type]
    scene.ledger.superseded = True
    with pytest.raises(Superseded):
        lease.confirm(())
    lease.release()
    assert scene.ledger.freed


# --- credentials that will end ---------------------------------------------------------------------------


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer whose own clock shows nine hours more than UTC."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.rule("F-5", "B4")
@pytest.mark.usefixtures("far_east")
def test_no_new_host_leaves_that_the_credentials_might_not_bring_back() -> None:
    scene = Laptop(settings={"deploy": {"timeout": "2m"}})
    scene.validity = Validity(scene.clock.now() + timedelta(seconds=60 + 120 + 1))

    results = scene.roll()

    first, second = (results[host.id] for host in scene.hosts[:2])
    assert (first.outcome, second.outcome) == (Outcome.DEPLOYED, Outcome.NOT_REACHED)
    assert second.failure is not None
    assert (second.failure.code, second.failure.access) == ("credentials", True)
    assert "the credentials end at 21:33 UTC" in second.failure.message
    assert "sign in again" in second.failure.fix[0]
    assert len(results) == 2
    assert scene.balancer.members() == scene.home


@pytest.mark.rule("F-5")
def test_hosts_that_are_out_go_back_however_short_the_credentials_last() -> None:
    scene = Laptop()
    scene.roll("drain")
    scene.validity = Validity(scene.clock.now() + timedelta(seconds=1))
    results = scene.restore()
    assert {result.outcome for result in results.values()} == {Outcome.RESTORED}


@pytest.mark.rule("F-5")
def test_nobody_is_drained_under_credentials_that_are_about_to_end() -> None:
    scene = Laptop(validity=Validity(FakeClock().now() + timedelta(seconds=59)))
    results = scene.roll("drain")
    assert {result.outcome for result in results.values()} == {Outcome.NOT_REACHED}
    assert scene.deeds("deregister", "record") == []
