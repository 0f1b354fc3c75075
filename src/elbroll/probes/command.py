"""Shell lines on the host that tell whether an app is well, or which release it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.model import JobEnd, ProbeAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.model import Host, JobResult
    from elbroll.probes.line import HostLine

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CommandProbe:
    """Exit status 0 is well. `wanted`: the trimmed output must be exactly this as well."""

    line: HostLine
    host: Host
    text: str
    env: Mapping[str, str]
    limit: float
    wanted: str | None = None
    mask: Callable[[str], str] = str
    """Takes secrets out of what is told; before it is cut, since half a secret is not found any more (I-20)."""

    @property
    def asks(self) -> str:
        """The line itself."""
        return self.text

    def look(self) -> ProbeAnswer:
        """Raises HostUnreachable when the line is lost, HostAccessError."""
        result = self.line.look(self.host, self.text, self.env, self.limit)
        if not result.success:
            return ProbeAnswer(False, self._said(result))
        told = "\n".join(result.tail).strip()
        if self.wanted is not None and told != self.wanted:
            return ProbeAnswer(False, f"says {self.mask(told)[:_SHOWN]!r} instead of {self.wanted!r}")
        return ProbeAnswer(True, "exit 0")

    def _said(self, result: JobResult) -> str:
        if result.end is JobEnd.EXIT:
            last = f": {self.mask(result.tail[-1])[:_SHOWN]}" if result.tail else ""
            return f"exit {result.status}{last}"
        return result.cause or result.end.value
