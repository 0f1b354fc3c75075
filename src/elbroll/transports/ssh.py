"""The Transport port over SSH: commands that outlive the line, uploads, looks, counting, tunnels."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.transports import looks, uploads
from elbroll.transports.errands import Errand, Patience
from elbroll.transports.jobs import open_text
from elbroll.transports.kept import KeptLine
from elbroll.transports.masking import Masker
from elbroll.transports.meeting import Meeting
from elbroll.transports.output import Output
from elbroll.transports.preparing import LIMIT, Prepared, Preparer
from elbroll.transports.talking import put_question
from elbroll.transports.watching import SsWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from paramiko import Channel

    from elbroll.config.schema import Upload
    from elbroll.engine.ports import Clock, Needs
    from elbroll.engine.stop import Stop
    from elbroll.model import Host, HostId, Job, JobResult
    from elbroll.transports.kept import Connecting


class SshTransport:
    """Implements `engine.ports.Transport`; one kept connection a host. Upload paths are relative to `base`."""

    def __init__(
        self,
        connector: Connecting,
        clock: Clock,
        patience: Patience | None = None,
        base: Path | None = None,
        lives: Callable[[Host], bool] = lambda _: True,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """`lives`: whether EC2 still knows the machine, asked before a host is dialled again (F-34).

        `given_up`: whether a signal has come; then no count is waited for (F-54).
        """
        self._given_up = given_up
        self._connector = connector
        self._meeting = Meeting(clock, lives)
        self._clock = clock
        self._patience = patience or Patience()
        self._sources = uploads.Sources(base or Path())
        self._lock = threading.Lock()
        self._lines: dict[HostId, KeptLine] = {}

    def prepare(self, host: Host, needs: Needs) -> Prepared:
        """Raises HostAccessError, HostUnreachable, Refused."""
        found = Preparer(self._line(host), self._clock, needs).prove()
        return Prepared(found.countable, (*self._connector.warnings(host), *found.warnings))

    def upload(self, host: Host, upload: Upload, job: str) -> None:
        """Raises HostUnreachable, HostAccessError, Refused."""
        uploads.checked_target(upload.to)
        source = self._sources.of(upload)
        line = self._line(host)
        with line.turn:
            uploads.send(line, self._clock, source, upload, job)

    def run(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        """Raises Refused for what no host could be given, HostUnreachable and HostAccessError if it never began."""
        return self._errand(host, job, heard, stop).run()

    def settle(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> JobResult:
        """Never raises for the host's silence: that is UNKNOWN."""
        return self._errand(host, job, heard, stop).settle()

    def open_jobs(self, host: Host) -> tuple[str, ...]:
        """Raises HostUnreachable, HostAccessError."""
        talk, _ = put_question(self._line(host), self._clock, open_text, LIMIT)
        return talk.all("OPEN")

    def look(self, host: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        """Raises HostUnreachable, HostAccessError, Refused."""
        return looks.look(self._line(host), self._clock, line, env, limit)

    @contextmanager
    def watch(self, host: Host, ports: Collection[int]) -> Iterator[SsWatch]:
        """Never raises for the host: a look that cannot tell answers None."""
        watch = SsWatch(self._line(host), self._clock, ports, self._given_up)
        try:
            yield watch
        finally:
            watch.close()

    def tunnel(self, host: Host, address: str, port: int, limit: float) -> Channel:
        """A connection that the host makes for us.

        Raises HostAccessError, HostUnreachable; NobodyListens and TunnelSilent, both HostUnreachable, where the
        line is sound but the port is not.
        """
        return self._line(host).tunnel(address, port, limit)

    def alive(self, host: Host) -> bool:
        """Whether a connection to the host stands now; a tunnel's end may mean that it does not (H3)."""
        return self._line(host).alive

    def drop(self, host: Host) -> None:
        """Close the connection to the host, if there is one."""
        self._line(host).drop()

    def close(self) -> None:
        """Close everything; never raises."""
        with self._lock:
            lines = tuple(self._lines.values())
        for line in lines:
            line.drop()
        self._connector.close()

    def _line(self, host: Host) -> KeptLine:
        with self._lock:
            return self._lines.setdefault(host.id, KeptLine(self._connector, host, self._meeting))

    def _errand(self, host: Host, job: Job, heard: Callable[[str], None], stop: Stop) -> Errand:
        output = Output(self._clock, heard, Masker(job.secrets.values()))
        return Errand(self._line(host), job, output, stop, self._clock).patient(self._patience)
