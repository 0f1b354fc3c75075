"""Rung by commands on the demo's hosts: `ring.py PORT WORD HOST RELEASE`. Prints what the bell answers."""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    """Tell the bell, and wait for its answer: nothing happens on the host meanwhile."""
    port, word, host, release = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port))) as line:
        line.sendall(json.dumps([word, host, release, os.getppid()]).encode() + b"\n")
        print(line.makefile().readline().strip())  # noqa: T201 -- this is its answer


if __name__ == "__main__":
    main()
