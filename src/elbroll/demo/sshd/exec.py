"""One command of a client: a process group of its own, three pumps with back-pressure, a true end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from threading import Thread
from typing import IO, TYPE_CHECKING, Protocol

from elbroll.demo.sshd.bell import Bell
from elbroll.demo.sshd.pumps import carry_in, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

    from elbroll.demo.sshd.account import Account

_AFTER_EXIT = 1.0
"""Seconds in which output may still come after the exit: a background child can hold the pipe for ever (H5)."""


class Running(Protocol):
    """A command with pipes, or one on a terminal."""

    def run(self) -> int:
        """Until exit and the last byte of output: the exit status, negative for a signal. The channel stays open."""
        ...

    def abandon(self) -> None:
        """The client has gone: let go of the streams and leave the process to itself."""
        ...

    def signal(self, name: str) -> None:
        """Send the named signal (`TERM`, without SIG) to the group; nothing if it is unknown or the command over."""
        ...

    def close(self) -> None:
        """Free what is left of it, once `run` has returned and the channel was closed."""
        ...


class Command:
    """Runs one line by `/bin/sh -c` and carries its streams.

    A lost client does not end the process, as with sshd: its pipes are closed, so that a talking one dies at its
    next write and a silent one lives on (H4).
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
        self._feeding = Thread(target=self._feed, args=(self._process.stdin,), name="sshd-stdin", daemon=True)

    def run(self) -> int:
        """See `Running`."""
        pumps = self._start_pumps()
        status = self._process.wait()
        wait_a_little(pumps)
        self._over.ring()
        for pump in pumps:
            pump.join()
        return status

    def abandon(self) -> None:
        """See `Running`."""
        self._over.ring()

    def signal(self, name: str) -> None:
        """See `Running`."""
        signal_group(self._process, name)

    def close(self) -> None:
        """See `Running`."""
        self._feeding.join()
        self._over.close()

    def _start_pumps(self) -> list[Thread]:
        """The two that carry output are answered; the third ends when the channel does."""
        process, channel = self._process, self._channel
        self._feeding.start()
        pumps = [
            Thread(target=self._carry, args=(process.stdout, channel.sendall), name="sshd-stdout", daemon=True),
            Thread(target=self._carry, args=(process.stderr, channel.sendall_stderr), name="sshd-stderr", daemon=True),
        ]
        for pump in pumps:
            pump.start()
        return pumps

    def _carry(self, pipe: IO[bytes], send: Callable[[bytes], object]) -> None:
        with pipe:
            carry_out(pipe.fileno(), send, self._over)

    def _feed(self, pipe: IO[bytes]) -> None:
        """The client's EOF reaches the process as one."""
        with contextlib.suppress(BrokenPipeError), pipe:
            carry_in(self._channel.recv, pipe.fileno(), self._over)


def wait_a_little(pumps: list[Thread]) -> None:
    """Give output that is under way at the exit its time, and no more."""
    deadline = time.monotonic() + _AFTER_EXIT
    for pump in pumps:
        pump.join(max(0.0, deadline - time.monotonic()))


def signal_group(process: subprocess.Popen[bytes], name: str) -> None:
    """Send the named signal to the process' group, if signal and process still mean anything."""
    number = getattr(signal, f"SIG{name}", None)
    if isinstance(number, signal.Signals) and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
