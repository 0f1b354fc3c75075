"""What the judge of the simulation keeps in mind, and how it reads the raw ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elbroll.model import Registration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model import HostId, PoolId, TargetState

OPEN = frozenset({"held", "deploying", "deployed", "registering"})
MOVES: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"held", "gone"}),
    "in-service": frozenset({"held", "gone"}),
    "held": frozenset({"held", "deploying", "in-service", "gone"}),
    "deploying": frozenset({"deploying", "deployed", "gone"}),
    "deployed": frozenset({"deployed", "deploying", "registering", "gone"}),
    "registering": frozenset({"registering", "deployed", "deploying", "in-service", "gone"}),
    "gone": frozenset({"gone"}),
}
"""safety.md 2.2."""


@dataclass
class Notes:
    """What one run was told and has done."""

    answers: dict[PoolId, tuple[float, dict[Registration, TargetState]]] = field(default_factory=dict)
    expected: dict[PoolId, dict[HostId, set[Registration]]] = field(default_factory=dict)
    beats: dict[str, tuple[float, int]] = field(default_factory=dict)
    recorded: dict[HostId, int] = field(default_factory=dict)
    counted: dict[HostId, float] = field(default_factory=dict)
    """When the host's connections were counted last."""
    planned: frozenset[HostId] = frozenset()
    consented: bool = False
    left_out: int = 0
    read: dict[PoolId, int] = field(default_factory=dict)
    """Which of all that happened was the pool's last answer."""
    asked: dict[HostId, float] = field(default_factory=dict)
    """When the host's place in its Auto Scaling group was read last."""
    waiting: dict[HostId, int] = field(default_factory=dict)
    """Planned hosts of a roll that have not begun: 0 if recorded, 1 if sick, 2 if well, as seen in the plan. None where
    another run has taken over by then, and so may have changed what the plan was made from."""


@dataclass
class Record:
    """A host's record as the raw ledger has it."""

    state: str
    entries: frozenset[Registration]
    run: str
    standby: str | None
    """The group in which the host stands by, or is about to."""

    @property
    def open(self) -> bool:
        return self.state in OPEN


def record_of(host: HostId, value: dict[str, Any]) -> Record:
    """A record as it stands in the ledger, by none of elbroll's code."""
    entries = frozenset(
        Registration(item["pool"], item.get("id", host), item.get("port"), item.get("zone"), item.get("quic"))
        for item in value.get("out", [])
    )
    return Record(str(value["state"]), entries, value["run"], value.get("standby"))
