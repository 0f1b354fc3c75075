"""One client's line: login, requests, and the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, ClassVar, cast

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_REQUEST,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_UNKNOWN_CHANNEL_TYPE,
    OPEN_SUCCEEDED,
)

from elbroll.demo.sshd.account import Odd
from elbroll.demo.sshd.sftp import Subsystem
from elbroll.demo.sshd.terminal import SHELL, Window
from elbroll.demo.sshd.tunnel import dial
from elbroll.demo.sshd.work import Work

if TYPE_CHECKING:
    import socket

    from elbroll.demo.sshd.account import Account

_LOG = "elbroll.demo.sshd"
_Handlers = dict[int, Callable[[paramiko.Channel, paramiko.Message], object]]
_PARAMIKOS: _Handlers = getattr(paramiko.Transport, "_channel_handler_table")  # noqa: B009 -- unknown to its stubs


class Line(paramiko.Transport):
    """A connection after the TCP accept; its thread reads packets and never waits for a command.

    It adds what paramiko leaves out: a command starts only after its request was answered, and `signal` requests
    are obeyed.
    """

    def __init__(self, connected: socket.socket, host_key: paramiko.PKey, gate: Gate) -> None:
        super().__init__(connected)
        self.set_log_channel(_LOG)
        self.add_server_key(host_key)
        self.set_subsystem_handler("sftp", Subsystem, gate.home)
        self._gate = gate
        self._work = gate.work

    def open(self) -> None:
        """Begin the handshake; returns at once."""
        self.start_server(event=Event(), server=self._gate)

    @property
    def over(self) -> bool:
        """The line is gone and so is everything that ran on it."""
        return not self.is_alive() and self._work.idle

    def run(self) -> None:
        """Read packets until the line is gone; commands that still run are then left to themselves (H4)."""
        try:
            super().run()
        finally:
            self._work.abandon()

    def end(self) -> None:
        """Kill all commands, close the line, and wait until no thread of it is left."""
        self.close()
        self._work.end()
        self._work.wait()

    def request(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        """Handle a request on a channel: signals here, the rest by paramiko, whose answer leaves before the start."""
        start = message.packet.tell()
        kind = message.get_text()
        if kind == "signal":
            message.get_boolean()
            self._work.signal(channel, message.get_text())
        elif not (kind == "exec" and Odd.EXEC_UNANSWERED in self._gate.odd):
            message.packet.seek(start)
            _PARAMIKOS[MSG_CHANNEL_REQUEST](channel, message)
            self._work.start(channel)

    def _queue_incoming_channel(self, channel: paramiko.Channel) -> None:
        self._work.opened(channel)

    _channel_handler_table: ClassVar[_Handlers] = {
        **_PARAMIKOS,
        MSG_CHANNEL_REQUEST: lambda channel, message: cast("Line", channel.transport).request(channel, message),
    }


class Gate(paramiko.ServerInterface):
    """Who may come in and what they may open. Runs on the line's thread, so nothing here may wait."""

    def __init__(self, account: Account, odd: frozenset[Odd]) -> None:
        self.odd = odd
        self.work = Work(account)
        self.home = account.home
        self._account = account

    def get_allowed_auths(self, username: str) -> str:
        """Keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """The account's one user with its one key."""
        known = username == self._account.user and key.asbytes() == self._account.key.asbytes()
        if not known or Odd.LOGIN_REFUSED in self.odd:
            return AUTH_FAILED
        return AUTH_PARTIALLY_SUCCESSFUL if Odd.LOGIN_PARTIAL in self.odd else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions; tunnels have their own question."""
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_UNKNOWN_CHANNEL_TYPE

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Note the command; the line starts it once the answer has left."""
        if Odd.EXEC_REFUSED in self.odd:
            return False
        self.work.ask(channel.get_id(), command, self.odd)
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """A shell is a command like any other."""
        return self.check_channel_exec_request(channel, SHELL)

    def check_channel_pty_request(  # noqa: PLR0913, PLR0917 -- the library counts them out
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        """Terminals are for people; elbroll never asks for one (H6)."""
        self.work.window(channel.get_id(), Window(term.decode("ascii", "replace"), width, height))
        return True

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        """Passed on to the running command."""
        self.work.window(channel.get_id(), Window("", width, height))
        return True

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        """Loopback only: code 1 for anywhere else, code 2 where nobody listens."""
        if Odd.NO_FORWARDING in self.odd:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        answer, connected = dial(*destination)
        if connected is not None:
            self.work.dialled(chanid, connected)
        return answer


logging.getLogger(_LOG).addHandler(logging.NullHandler())
logging.getLogger(_LOG).propagate = False
