"""Shell lines on the host that tell whether an app is well, or which release it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.model import JobEnd, ProbeAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.model import Host, JobResult
    from elbroll.probes.line import HostLine

_SHOWN = 200


class CommandProbe:
    """Exit status 0 is well. `wanted`: the trimmed output must be exactly this as well."""

    def __init__(
        self, line: HostLine, host: Host, text: str, env: Mapping[str, str], limit: float, wanted: str | None = None
    ) -> None:
        self._line = line
        self._host = host
        self._text = text
        self._env = env
        self._limit = limit
        self._wanted = wanted

    @property
    def asks(self) -> str:
        """The line itself."""
        return self._text

    def look(self) -> ProbeAnswer:
        """Raises HostUnreachable when the line is lost, HostAccessError."""
        result = self._line.look(self._host, self._text, self._env, self._limit)
        if not result.success:
            return ProbeAnswer(False, _said(result))
        told = "\n".join(result.tail).strip()
        if self._wanted is not None and told != self._wanted:
            return ProbeAnswer(False, f"says {told[:_SHOWN]!r} instead of {self._wanted!r}")
        return ProbeAnswer(True, "exit 0")


def _said(result: JobResult) -> str:
    if result.end is JobEnd.EXIT:
        last = f": {result.tail[-1][:_SHOWN]}" if result.tail else ""
        return f"exit {result.status}{last}"
    return result.cause or result.end.value
