"""Jobs for hosts, and transports that reach a test's own sshd."""

from __future__ import annotations

import itertools
import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from demo.eventual import eventually
from elbroll.clock import SystemClock
from elbroll.config.schema import Ssh
from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import HostUnreachable
from elbroll.model import Host, HostId, InstanceState, Job, JobId, RunId, Secret, Step
from elbroll.transports.connection import Connector
from elbroll.transports.errands import Patience
from elbroll.transports.ssh import SshTransport
from transports.machine import NEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elbroll.transports.line import Connection
    from transports.conftest import SshdServer

QUICK = Patience(first_word=5.0, behind=2.0, reattach=3.0, pause=0.1)
_numbers = itertools.count(1)


def host_at(address: str = "127.0.0.1") -> Host:
    return Host(id=HostId(f"ip-vpc-{address}"), name="web-1", state=InstanceState.OUTSIDE, private_ip=address)


class OnceOnly(Connector):
    """Connects once; then the host is out of reach."""

    def connect(self, host: Host) -> Connection:
        if self._connected:
            raise HostUnreachable("out of reach")
        self._connected = True
        return super().connect(host)

    _connected = False


def transport_to(
    server: SshdServer,
    port: int | None = None,
    patience: Patience = QUICK,
    *,
    only_once: bool = False,
    stop: Stop | None = None,
) -> SshTransport:
    """Reaches the server, or what stands on `port` before it."""
    seen = port or server.port
    known = server.folder / f"known_hosts_{seen}"
    known.write_text(server.known_as(f"[127.0.0.1]:{seen}"))
    settings = Ssh(
        user=server.user,
        port=seen,
        identity_file=str(server.client_key),
        known_hosts=str(known),  # type: ignore[arg-type]
        config_file="",
        connect_timeout="20s",  # type: ignore[arg-type]
    )
    clock = SystemClock()
    connector = (OnceOnly if only_once else Connector)(settings, clock, server.folder)
    signalled = stop or Stop()
    return SshTransport(connector, clock, patience, server.folder, given_up=lambda: signalled.mode > StopMode.GO)


def a_job(line: str, limit: float = 10.0, grace: float = 1.0, step: Step = Step.DEPLOY, **others: object) -> Job:
    run = RunId(secrets.token_hex(3))
    return Job(JobId(run, step, 1, next(_numbers)), line, limit, grace=grace, **others)  # type: ignore[arg-type]


@contextmanager
def drops_once(holds: Callable[[], bool], transport: SshTransport) -> Iterator[None]:
    """Meanwhile the line to `host_at()` is dropped as soon as something is so."""

    def drop() -> None:
        eventually(holds, limit=NEEDED)
        transport.drop(host_at())

    dropping = threading.Thread(target=drop)
    dropping.start()
    yield
    dropping.join()


def secret(text: str) -> Secret:
    return Secret(text)


def folder_of(server: SshdServer, job: Job) -> Path:
    """Where the host keeps the job."""
    return server.home / ".elbroll" / "jobs" / str(job.id)
