"""What runs on one client's channels: commands and tunnels, each on its own threads."""

from __future__ import annotations

import contextlib
from threading import Lock, Thread
from typing import TYPE_CHECKING

from elbroll.demo.sshd.account import Odd
from elbroll.demo.sshd.end import send_end
from elbroll.demo.sshd.exec import Command
from elbroll.demo.sshd.pumps import GONE, close_quietly
from elbroll.demo.sshd.terminal import TerminalCommand
from elbroll.demo.sshd.tunnel import Tunnel

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import paramiko

    from elbroll.demo.sshd.account import Account
    from elbroll.demo.sshd.exec import Running
    from elbroll.demo.sshd.terminal import Window


class Work:
    """Safe from several threads. Channels stay referenced here, or they would be collected and closed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._asked: dict[int, tuple[bytes, frozenset[Odd]]] = {}
        self._dialled: dict[int, socket.socket] = {}
        self._channels: dict[int, paramiko.Channel] = {}
        self._windows: dict[int, Window] = {}
        self._commands: dict[int, Running] = {}
        self._tunnels: dict[int, Tunnel] = {}
        self._threads: list[Thread] = []
        self._ended = False

    @property
    def idle(self) -> bool:
        """No thread of it is left."""
        return not any(thread.is_alive() for thread in self._threads)

    def ask(self, channel: int, line: bytes, odd: frozenset[Odd]) -> None:
        """Note a command; it runs from `start` on."""
        self._asked[channel] = line, odd

    def window(self, channel: int, window: Window) -> None:
        """Note the client's terminal: what is asked for afterwards runs on one. A running command's is resized."""
        self._windows[channel] = window
        command = self._commands.get(channel)
        if isinstance(command, TerminalCommand):
            command.resize(window.columns, window.rows)

    def dialled(self, channel: int, connected: socket.socket) -> None:
        """Note the host's end of a tunnel; it carries from `opened` on."""
        self._dialled[channel] = connected

    def opened(self, channel: paramiko.Channel) -> None:
        """A channel stands: a tunnel begins at once, a session waits for its request."""
        connected = self._dialled.pop(channel.get_id(), None)
        if connected is None:
            self._channels[channel.get_id()] = channel
        else:
            self._spawn(self._tunnel, channel, Tunnel(channel, connected))

    def start(self, channel: paramiko.Channel) -> None:
        """Run what was asked for on this channel, if anything was."""
        if asked := self._asked.pop(channel.get_id(), None):
            self._spawn(self._command, channel, *asked)

    def signal(self, channel: paramiko.Channel, name: str) -> None:
        """Pass a signal on to the channel's command."""
        if command := self._commands.get(channel.get_id()):
            command.signal(name)

    def abandon(self) -> None:
        """The line is gone: cut the tunnels, leave the commands to themselves."""
        with self._lock:
            for tunnel in self._tunnels.values():
                tunnel.end()
            for command in self._commands.values():
                command.abandon()
            for connected in self._dialled.values():
                connected.close()

    def end(self) -> None:
        """Kill every command's group; none starts any more."""
        with self._lock:
            self._ended = True
            for command in self._commands.values():
                command.signal("KILL")

    def wait(self) -> None:
        """Until all threads have ended; call `end` first."""
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=target, args=arguments, name="sshd-channel", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _tunnel(self, channel: paramiko.Channel, tunnel: Tunnel) -> None:
        with self._lock:
            self._tunnels[channel.get_id()] = tunnel
        tunnel.run()
        with self._lock:
            del self._tunnels[channel.get_id()]

    def _command(self, channel: paramiko.Channel, line: bytes, odd: frozenset[Odd]) -> None:
        """The whole life of a command, told to the client in order: output, status, EOF, close."""
        command = self._begin(channel, line, odd)
        status = command.run() if command else 0
        with contextlib.suppress(*GONE):
            if Odd.NO_STATUS not in odd:
                send_end(channel, status)
            channel.shutdown_write()
        close_quietly(channel)
        self._finish(channel, command)

    def _begin(self, channel: paramiko.Channel, line: bytes, odd: frozenset[Odd]) -> Running | None:
        with self._lock:
            if self._ended or Odd.NOT_RUN in odd:
                return None
            command = self._commands[channel.get_id()] = self._command_on(channel, line)
            return command

    def _finish(self, channel: paramiko.Channel, command: Running | None) -> None:
        with self._lock:
            self._commands.pop(channel.get_id(), None)
            self._channels.pop(channel.get_id(), None)
        if command:
            command.close()

    def _command_on(self, channel: paramiko.Channel, line: bytes) -> Running:
        window = self._windows.get(channel.get_id())
        if window is None:
            return Command(channel, line, self._account)
        return TerminalCommand(channel, line, self._account, window)
