"""Established connections from /proc/net/tcp, printed as `ss -Htn` does: for demo hosts on a machine without `ss`.

Only those of the address in `ELBROLL_DEMO_ADDRESS`, where it is set.
"""

from __future__ import annotations

import os
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
    sys.stdout.writelines(established(table, ports, os.environ.get("ELBROLL_DEMO_ADDRESS")))


def established(table: Iterable[str], ports: frozenset[int], address: str | None = None) -> Iterator[str]:
    """Lines of `ss` for rows of /proc/net/tcp: queues, local, peer. With `address` only those of that local one."""
    for row in table:
        _, local, peer, state, queues, *_ = row.split()
        here = address in {None, _shown(local).rpartition(":")[0]}
        if here and state == _ESTABLISHED and int(local.partition(":")[2], 16) in ports:
            sending, _, waiting = queues.partition(":")
            yield f"{int(waiting, 16)} {int(sending, 16)} {_shown(local)} {_shown(peer)}\n"


def _shown(end: str) -> str:
    """The kernel writes an address as a number in the machine's own byte order."""
    address, _, port = end.partition(":")
    return f"{socket.inet_ntoa(struct.pack('=I', int(address, 16)))}:{int(port, 16)}"


if __name__ == "__main__":
    main()
