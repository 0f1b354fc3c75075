"""What `ss -Htni state established` prints, as connections. Pure; what is not understood proves nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elbroll.model import Connection

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 4096
"""Characters that `ss` may spend on one connection; no number in them is too long to be read."""
_DETAIL = re.compile(r"\b(lastsnd|lastrcv|bytes_sent|bytes_received):(\d+)")
_MAPPED = re.compile(r"::ffff:(?=\d+\.\d+\.\d+\.\d+$)", re.IGNORECASE)


def parse(text: str, ports: Collection[int]) -> tuple[Connection, ...] | None:
    """The connections whose local port is one of `ports`; None where a line makes no sense."""
    found: list[Connection] = []
    details = ""
    for line in reversed(text.splitlines()):
        if not line.strip():
            continue
        if line[0].isspace():
            details = f"{line} {details}"
            continue
        connection = _connection(line, details)
        if connection is None:
            return None
        found.append(connection)
        details = ""
    return None if details else tuple(one for one in reversed(found) if one.local_port in ports)


def _connection(line: str, details: str) -> Connection | None:
    """Columns: queues, local, peer; a state column before them in some versions."""
    if len(line) + len(details) > _LONGEST:
        return None
    words = line.split()
    while words and not words[0].isdigit():
        words.pop(0)
    if len(words) < 4 or not words[1].isdigit():
        return None
    local, peer = _end(words[2]), _end(words[3])
    if local is None or peer is None:
        return None
    told = {name: int(number) for name, number in _DETAIL.findall(" ".join((*words[4:], details)))}
    return Connection(
        local=local[0],
        local_port=local[1],
        peer=peer[0],
        peer_port=peer[1],
        last_sent=told.get("lastsnd"),
        last_received=told.get("lastrcv"),
        bytes_sent=told.get("bytes_sent", 0),
        bytes_received=told.get("bytes_received", 0),
    )


def _end(word: str) -> tuple[str, int] | None:
    """Address and port of `10.0.1.5:443`, `[::ffff:10.0.1.5]:443`, `[fe80::1]%eth0:443`."""
    address, colon, port = word.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 65536 and address):
        return None
    bare = re.sub(r"%[^\]:]*", "", address).strip("[]")
    return _MAPPED.sub("", bare), int(port)
