"""Commands on hosts, and what is asked there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model.ids import RunId
    from elbroll.model.values import Secret
    from elbroll.model.walk import Step


class OnLoss(StrEnum):
    """What the host does with a command when the line to it is lost (ssh.md 2, dead-man switch)."""

    KEEP = "keep"
    END = "end"


@dataclass(frozen=True, slots=True)
class JobId:
    """Names a command for good: any later run can ask what became of it."""

    run: RunId
    step: Step
    attempt: int
    number: int

    def __str__(self) -> str:
        return f"{self.run}-{self.step}-{self.attempt}-{self.number}"


@dataclass(frozen=True, slots=True)
class Job:
    """One command for one host. `limit` and `grace` in seconds, by the host's clock."""

    id: JobId
    line: str
    """Shell text of the operator, run as a file by `sh -e`; may have several lines."""
    limit: float
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    workdir: str | None = None
    on_loss: OnLoss = OnLoss.KEEP
    grace: float = 10.0


class JobEnd(StrEnum):
    """The four outcomes of a command, never fewer (ssh.md H2)."""

    EXIT = "exit"
    TIMED_OUT = "timed-out"
    NOT_RUN = "not-run"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a command. EXIT with `status` 0 is the only success."""

    end: JobEnd
    status: int | None = None
    cause: str | None = None
    """Why it was stopped or not run, or why nobody knows: a phrase for people."""
    seconds: float = 0.0
    tail: tuple[str, ...] = ()
    """The last 50 lines of output, undecoded bytes shown as escapes; untrusted."""
    lines: int = 0

    @property
    def success(self) -> bool:
        """Proven to have run and exited 0."""
        return self.end is JobEnd.EXIT and self.status == 0


@dataclass(frozen=True, slots=True)
class Connection:
    """One established TCP connection on a host, as `ss -tin` shows it (ssh.md 5).

    `last_sent` and `last_received` in milliseconds since; None where `ss` did not say."""

    local: str
    local_port: int
    peer: str
    peer_port: int
    last_sent: int | None = None
    last_received: int | None = None
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """One look at an app: whether it is well, and what it said (for people, untrusted)."""

    well: bool
    said: str
