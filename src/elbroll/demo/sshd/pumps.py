"""Carrying bytes between a channel and a descriptor, until either end has gone or a bell rings."""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.demo.sshd.bell import Bell

_CHUNK = 32768
_PIPE = 65536
"""Bytes that a pipe may still hold when its writers are no longer waited for."""
GONE = (OSError, EOFError, paramiko.SSHException)
"""What channels, pipes and terminals raise when their other end has gone."""


def carry_out(source: int, send: Callable[[bytes], object], over: Bell) -> None:
    """Process to client: a client that reads slowly slows the process, and nothing is dropped.

    Once the bell has rung, only what is there already is carried.
    """
    with contextlib.suppress(*GONE):
        for data in _output(source, over):
            send(data)


def carry_in(receive: Callable[[int], bytes], sink: int, over: Bell) -> None:
    """Client to process, until the client's EOF."""
    with contextlib.suppress(*GONE):
        os.set_blocking(sink, False)
        while data := receive(_CHUNK):
            _write(sink, data, over)


def close_quietly(channel: paramiko.Channel) -> None:
    """Close a channel whose line may be lost."""
    with contextlib.suppress(*GONE):
        channel.close()


def _output(source: int, over: Bell) -> Iterator[bytes]:
    late = 0
    while late < _PIPE and over.ready(source, select.POLLIN) and (data := os.read(source, _CHUNK)):
        late += len(data) if over.rung else 0
        yield data


def _write(sink: int, data: bytes, over: Bell) -> None:
    while data:
        if not over.ready(sink, select.POLLOUT):
            raise BrokenPipeError
        data = data[os.write(sink, data) :]
