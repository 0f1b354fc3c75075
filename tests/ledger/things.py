"""Ready-made nouns and a whole ledger over fake parameters, for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import settings

from elbroll.ledger import KeptLedger, Manner
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.model import Holder, HostId, HostRecord, PoolId, RecordState, Registration, Removed, RunId, Why
from fakes import FakeClock
from ledger.parameters import FakeSsm, ParameterLog

if TYPE_CHECKING:
    from collections.abc import Callable

unhurried = settings(deadline=None)
"""For properties: how long an example takes on a busy computer is no finding."""
SINCE = datetime(2026, 11, 22, 21, 33, 41, tzinfo=UTC)
WEB = PoolId("tg/web-prod/1a2b3c4d5e6f7a8b")
API = PoolId("clb/api-prod")
HOST = HostId("i-0a1b2c3d4e5f60001")
ON_WEB = Registration(WEB, HOST, 8080)
ON_API = Registration(API, HOST, None)


def a_holder(run: str = "7f3a9c", **changes: Any) -> Holder:
    return replace(
        Holder(RunId(run), "ci", "runner-3", 4711, "deploy", SINCE, "https://github.com/acme/web/actions/runs/1042"),
        **changes,
    )


def a_record(state: RecordState = RecordState.HELD, run: str = "7f3a9c", **changes: Any) -> HostRecord:
    record = HostRecord(
        host=HOST,
        state=state,
        why=Why.ROLL,
        run=RunId(run),
        since=SINCE,
        registrations=frozenset({Removed(ON_WEB, RunId(run)), Removed(ON_API, RunId(run))}),
        name="web-1",
        lb="web-prod",
    )
    closed: dict[str, Any] = {} if record.open else {"registrations": frozenset(), "was": frozenset({ON_WEB, ON_API})}
    return replace(record, **{**closed, **changes})


class StillBeats:
    """Beats only when a test says so."""

    def __init__(self) -> None:
        self.started: Callable[[], None] | None = None
        self.stopped = False

    def start(self, beat: Callable[[], None]) -> None:
        self.started = beat

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Desk:
    """One computer: its client, its clock, its ledger."""

    log: ParameterLog
    name: str
    clock: FakeClock = field(default_factory=FakeClock)
    outage: float = 900.0
    give_up: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        marks = count(1)
        self.client = FakeSsm(self.log)
        self.store = SsmStore(self.client, self.clock)  # type: ignore[arg-type]
        self.beats = StillBeats()
        manner = Manner(
            outage=self.outage,
            give_up=self.give_up,
            beats=lambda: self.beats,
            nonce=lambda: f"{self.name}-{next(marks)}",
            who="ops@laptop",
        )
        self.ledger = KeptLedger(self.store, self.clock, manner)


def passing(log: ParameterLog, seconds: float) -> None:
    """The store's own time goes on."""
    log.now += timedelta(seconds=seconds)
