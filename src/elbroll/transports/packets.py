"""paramiko's packet layer, listened to: signs of life, the first bytes, and why the other side said no."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from paramiko import Message
from paramiko.packet import NeedRekeyException, Packetizer

_MSG_DISCONNECT, _MSG_KEXINIT, _MSG_CHANNEL_OPEN, _MSG_CHANNEL_OPEN_FAILURE = 1, 20, 90, 92
_LONGEST_GREETING = 4096
"""Bytes read in search of the banner; RFC 4253 allows text before it, and this is what a message shows (T-3)."""


class NoBanner(Exception):
    """What came first is no SSH banner."""


@dataclass(frozen=True, slots=True)
class OpenRefused:
    """The other side's answer to opening a channel: code 1 forbidden, 2 could not connect, 3 unknown, 4 shortage."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The algorithms in the other side's first message, in its order."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]


class ListeningPacketizer(Packetizer):
    """Reads and writes as paramiko's own, and keeps what paramiko drops. One a transport."""

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self._socket = socket
        self._opening = threading.local()
        self._refused: dict[int, OpenRefused] = {}
        self.heard = 0
        """Messages that have come in."""
        self.greeting = b""
        """The first bytes, up to and including the banner."""
        self.goodbye: str | None = None
        """The other side's reason for disconnecting, untrusted."""
        self.offered: Offered | None = None
        self.ended: Exception | None = None
        """What ended the reading or the writing: known here before paramiko's thread has marked the line as closed."""

    def start_handshake(self, timeout: float) -> None:
        """Nothing: paramiko's timer would outlive a failed attempt by 15 s (T-6), and the guardian has its own."""

    def readline(self, timeout: float) -> str:
        """A line of the greeting. Byte by byte, so that nothing of it is lost when the other side hangs up."""
        line = bytearray()
        while not line.endswith(b"\n"):
            if len(self.greeting) >= _LONGEST_GREETING:
                raise NoBanner("too much text before the banner")
            line += self.read_all(1)
            self.greeting += line[-1:]
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def read_message(self) -> tuple[int, Message]:
        """The next message, noted where it tells something that paramiko keeps to itself."""
        try:
            kind, message = super().read_message()
        except NeedRekeyException:
            raise
        except Exception as error:
            self.ended = error
            raise
        self.heard += 1
        self._note(kind, message)
        return kind, message

    def send_message(self, data: Message) -> None:
        """Send; the number of a channel to be opened is remembered for `refusal`."""
        content = data.asbytes()
        if content[0] == _MSG_CHANNEL_OPEN:
            copy = Message(content[1:])
            copy.get_string()
            self._opening.channel = copy.get_int()
        try:
            super().send_message(data)
        except Exception as error:
            self.ended = self.ended or error
            raise

    def refusal(self) -> OpenRefused | None:
        """Why the channel that this thread has tried to open last was refused.

        paramiko keeps one error for all threads, so that two refusals at once would be mistaken for each other.
        """
        return self._refused.pop(getattr(self._opening, "channel", -1), None)

    def _note(self, kind: int, message: Message) -> None:
        if kind not in {_MSG_DISCONNECT, _MSG_KEXINIT, _MSG_CHANNEL_OPEN_FAILURE}:
            return
        copy = Message(message.asbytes())
        if kind == _MSG_KEXINIT:
            copy.get_bytes(16)
            self.offered = self.offered or Offered(*(_names(copy) for _ in range(4)))
        elif kind == _MSG_CHANNEL_OPEN_FAILURE:
            channel = copy.get_int()
            self._refused[channel] = OpenRefused(copy.get_int(), _text(copy))
        else:
            copy.get_int()
            self.goodbye = _text(copy)


def _names(message: Message) -> tuple[str, ...]:
    return tuple(_text(message).split(","))


def _text(message: Message) -> str:
    return message.get_string().decode("utf-8", "backslashreplace")
