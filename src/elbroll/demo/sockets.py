"""Established connections from /proc/net/tcp, printed as `ss -Htn` does: for demo hosts on a machine without `ss`."""

from __future__ import annotations

import re
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ESTABLISHED = "01"


def main(words: Sequence[str] | None = None) -> None:
    """Print one line for each connection from one of the ports that the filter names."""
    asked = " ".join(sys.argv[1:] if words is None else words)
    ports = frozenset(int(port) for port in re.findall(r"sport\s*=?=\s*:(\d+)", asked))
    table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    sys.stdout.writelines(established(table, ports))


def established(table: Iterable[str], ports: frozenset[int]) -> Iterator[str]:
    """Lines of `ss` for rows of /proc/net/tcp: queues, local, peer."""
    for row in table:
        _, local, peer, state, queues, *_ = row.split()
        if state == _ESTABLISHED and int(local.partition(":")[2], 16) in ports:
            sending, _, waiting = queues.partition(":")
            yield f"{int(waiting, 16)} {int(sending, 16)} {_shown(local)} {_shown(peer)}\n"


def _shown(end: str) -> str:
    """The kernel writes an address as a number in the machine's own byte order."""
    address, _, port = end.partition(":")
    return f"{socket.inet_ntoa(struct.pack('=I', int(address, 16)))}:{int(port, 16)}"


if __name__ == "__main__":
    main()
