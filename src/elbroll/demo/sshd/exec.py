"""One command of a client: a process group of its own, three pumps with back-pressure, a true end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from threading import Thread
from typing import IO, TYPE_CHECKING

import paramiko

from elbroll.demo.sshd.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.demo.sshd.account import Account

_CHUNK = 32768
_PIPE = 65536
"""Bytes that a pipe may still hold when its writers are no longer waited for."""
_AFTER_EXIT = 1.0
"""Seconds in which output may still come after the exit: a background child can hold the pipe for ever (H5)."""
_GONE = (OSError, EOFError, paramiko.SSHException)
"""What channels and pipes raise when their other end has gone."""


class Command:
    """Runs one line by `/bin/sh -c` and carries its streams.

    A lost client does not end the process, as with sshd: its pipes are closed, so that a talking one dies at its
    next write and a silent one lives on (H4). `end` kills its group.
    """

    def __init__(self, channel: paramiko.Channel, line: bytes, account: Account) -> None:
        self._channel = channel
        self._over = Bell()
        self._process = subprocess.Popen(  # noqa: S603 -- running what the client sends is an SSH server's work
            [b"/bin/sh", b"-c", line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=account.home,
            env=dict(account.environment),
            start_new_session=True,
            bufsize=0,
        )

    def run(self) -> int:
        """Until exit and the last byte of output: the exit status, negative for a signal. The channel stays open."""
        pumps = self._start_pumps()
        status = self._process.wait()
        deadline = time.monotonic() + _AFTER_EXIT
        for pump in pumps:
            pump.join(max(0.0, deadline - time.monotonic()))
        self._over.ring()
        for pump in pumps:
            pump.join()
        return status

    def abandon(self) -> None:
        """The client has gone: let go of the pipes and leave the process to itself."""
        self._over.ring()

    def signal(self, name: str) -> None:
        """Send the named signal (`TERM`, without SIG) to the group; nothing if it is unknown or the command over."""
        number = getattr(signal, f"SIG{name}", None)
        if isinstance(number, signal.Signals) and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _start_pumps(self) -> list[Thread]:
        """The two that carry output are answered; the third ends when the channel or the process does."""
        process, channel = self._process, self._channel
        pumps = [
            Thread(target=self._carry, args=(process.stdout, channel.sendall), name="sshd-stdout", daemon=True),
            Thread(target=self._carry, args=(process.stderr, channel.sendall_stderr), name="sshd-stderr", daemon=True),
            Thread(target=self._feed, args=(process.stdin,), name="sshd-stdin", daemon=True),
        ]
        for pump in pumps:
            pump.start()
        return pumps[:2]

    def _carry(self, pipe: IO[bytes], send: Callable[[bytes], object]) -> None:
        """Process to client: a client that reads slowly slows the process, and nothing is dropped."""
        with pipe, contextlib.suppress(*_GONE):
            for data in self._output(pipe.fileno()):
                send(data)

    def _output(self, pipe: int) -> Iterator[bytes]:
        late = 0
        while late < _PIPE and self._over.ready(pipe, select.POLLIN) and (data := os.read(pipe, _CHUNK)):
            late += len(data) if self._over.rung else 0
            yield data

    def _feed(self, pipe: IO[bytes]) -> None:
        """Client to process: the client's EOF reaches the process as one."""
        with contextlib.suppress(*_GONE), pipe:
            os.set_blocking(pipe.fileno(), False)
            while data := self._channel.recv(_CHUNK):
                self._write(pipe.fileno(), data)

    def _write(self, pipe: int, data: bytes) -> None:
        while data:
            if not self._over.ready(pipe, select.POLLOUT):
                raise BrokenPipeError
            data = data[os.write(pipe, data) :]
