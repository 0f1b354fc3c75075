"""The history that an oracle reads: every call that reached AWS, and every move of a target."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOKING = ("Describe", "Get", "List", "Head")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS, written down once it is over. `at` is the simulation's monotonic clock at its arrival."""

    at: float
    service: str
    """As requests are signed: `elasticloadbalancing`, `ec2`, `ssm`, `s3`, `sts`."""
    action: str
    parameters: Mapping[str, Any]
    """As they came: flat keys (`Targets.member.1.Id`) for the query protocols, a JSON object for the others."""
    status: int
    """What the service answered; 0 where the call never reached it."""
    seen: int
    """How many entries the time line had when the call arrived: `entries[:seen]` is what had happened by then."""
    fault: str | None = None
    """The kind of fault that was injected, if any."""

    @property
    def mutates(self) -> bool:
        """Whether the action is one that changes something, by its name."""
        return not self.action.startswith(LOOKING)

    @property
    def applied(self) -> bool:
        """Whether the service accepted it, whatever the caller got to hear."""
        return 200 <= self.status < 300

    @property
    def pool(self) -> str | None:
        """The pool it names, as `PoolId`."""
        if arn := self.parameters.get("TargetGroupArn"):
            return pool_of(str(arn))
        name = self.parameters.get("LoadBalancerName")
        return f"clb/{name}" if name else None

    @property
    def targets(self) -> tuple[tuple[str, int | None], ...]:
        """The (id, port) pairs that a register or deregister call names; a port that was left out is None."""
        found = []
        for key, value in self.parameters.items():
            stem, _, last = key.rpartition(".")
            if last == "Id":
                port = self.parameters.get(f"{stem}.Port")
                found.append((str(value), int(port) if port else None))
            elif last == "InstanceId":
                found.append((str(value), None))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Moved:
    """A target has changed its state for real, whatever a test makes the API say."""

    at: float
    pool: str
    id: str
    port: int | None
    state: str
    """`initial`, `healthy`, `unhealthy`, `draining` or `gone`."""


class Timeline:
    """Calls and moves in the order in which they happened. Safe for many threads."""

    def __init__(self) -> None:
        self._entries: list[Call | Moved] = []
        self._lock = threading.Lock()

    def add(self, entry: Call | Moved) -> None:
        """Write down one more entry."""
        with self._lock:
            self._entries.append(entry)

    def __len__(self) -> int:
        """How many entries there are."""
        with self._lock:
            return len(self._entries)

    @property
    def entries(self) -> tuple[Call | Moved, ...]:
        """Everything so far."""
        with self._lock:
            return tuple(self._entries)

    def calls(self, action: str | None = None) -> tuple[Call, ...]:
        """All calls, or those of one action."""
        return tuple(one for one in self.entries if isinstance(one, Call) and action in {None, one.action})

    def deeds(self) -> tuple[Call, ...]:
        """The calls that were meant to change something."""
        return tuple(call for call in self.calls() if call.mutates)

    def moves(self) -> tuple[Moved, ...]:
        """How targets have changed."""
        return tuple(one for one in self.entries if isinstance(one, Moved))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


def pool_of(arn: str) -> str:
    """The `PoolId` of a target group: `tg/NAME/HASH`."""
    return "tg/" + arn.partition(":targetgroup/")[2]
