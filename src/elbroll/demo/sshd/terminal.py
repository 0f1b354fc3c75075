"""A command on a terminal of its own, so that people can look around on a demo host."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from elbroll.demo.sshd.bell import Bell
from elbroll.demo.sshd.exec import signal_group, wait_a_little
from elbroll.demo.sshd.pumps import carry_in, carry_out

if TYPE_CHECKING:
    import paramiko

    from elbroll.demo.sshd.account import Account

SHELL = b"if command -v bash >/dev/null; then exec bash --norc -i; else exec sh -i; fi"
_TAKE_TERMINAL = "import os, sys; os.login_tty(0); os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])"
"""Run by a fresh Python: between fork and exec no Python code is safe in a process with threads."""


class Window(NamedTuple):
    """What a client's terminal is."""

    term: str
    columns: int
    rows: int


class TerminalCommand:
    """Runs one line on a new terminal; its end hangs up, as with sshd."""

    def __init__(self, channel: paramiko.Channel, line: bytes, account: Account, window: Window) -> None:
        self._channel = channel
        self._over = Bell()
        ours, theirs = os.openpty()
        self._ours = os.fdopen(ours, "r+b", 0)
        self.resize(window.columns, window.rows)
        self._process = subprocess.Popen(  # noqa: S603 -- running what the client sends is an SSH server's work
            [sys.executable, "-c", _TAKE_TERMINAL, line],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=account.home,
            env={**account.environment, "TERM": window.term, "PS1": "$ELBROLL_DEMO_HOST$ "},
        )
        os.close(theirs)
        screen, keyboard = os.dup(ours), os.dup(ours)
        self._showing = Thread(target=self._show, args=(screen,), name="sshd-screen", daemon=True)
        self._feeding = Thread(target=self._feed, args=(keyboard,), name="sshd-keyboard", daemon=True)

    def run(self) -> int:
        """See `Running`."""
        self._feeding.start()
        self._showing.start()
        status = self._process.wait()
        wait_a_little([self._showing])
        self.abandon()
        self._showing.join()
        return status

    def abandon(self) -> None:
        """See `Running`. When nobody holds our end any more, the kernel hangs up the session."""
        self._over.ring()
        self._ours.close()

    def signal(self, name: str) -> None:
        """See `Running`."""
        signal_group(self._process, name)

    def close(self) -> None:
        """See `Running`."""
        self._feeding.join()
        self._over.close()

    def resize(self, columns: int, rows: int) -> None:
        """The client's window has another size now."""
        fcntl.ioctl(self._ours.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _show(self, screen: int) -> None:
        with os.fdopen(screen, "rb", 0):
            carry_out(screen, self._channel.sendall, self._over)

    def _feed(self, keyboard: int) -> None:
        """Ends only when the channel does, hence the descriptor of its own."""
        with os.fdopen(keyboard, "wb", 0):
            carry_in(self._channel.recv, keyboard, self._over)
