"""Connections to bastions, each shared by all hosts behind it (H24, T-26)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.transports.line import Connection
    from elbroll.transports.target import Target


@dataclass(slots=True)
class _Kept:
    """What is known of one bastion; changed under its lock only."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    line: Connection | None = None
    tries: int = 0
    error: ElbrollError | None = None


class Bastions:
    """Keeps one connection a bastion; safe to use from several threads."""

    def __init__(self, connect: Callable[[Target, Connection | None], Connection]) -> None:
        """`connect` logs in to a target, through a connection if there is one."""
        self._connect = connect
        self._lock = threading.Lock()
        self._kept: dict[Target, _Kept] = {}

    def before(self, target: Target) -> Connection | None:
        """A live connection to the hop before the target; None where it is dialled directly.

        Raises what `connect` raises. Whoever waited while an attempt failed shares its error instead of trying anew.
        """
        return self._to(target.bastion) if target.bastion else None

    def close(self) -> None:
        """End all connections, the last hops first; never raises."""
        with self._lock:
            kept = sorted(self._kept.items(), key=lambda item: len(item[0].hops), reverse=True)
            self._kept.clear()
        for _, bastion in kept:
            if bastion.line:
                bastion.line.close()

    def _to(self, bastion: Target) -> Connection:
        with self._lock:
            kept = self._kept.setdefault(bastion, _Kept())
            tries = kept.tries
        with kept.lock:
            if kept.line and kept.line.alive:
                return kept.line
            if kept.error and kept.tries > tries:
                raise kept.error
            return self._renewed(bastion, kept)

    def _renewed(self, bastion: Target, kept: _Kept) -> Connection:
        if kept.line:
            kept.line.close()
        kept.line = kept.error = None
        try:
            kept.line = self._connect(bastion, self.before(bastion))
        except ElbrollError as error:
            kept.error = error
            raise
        finally:
            kept.tries += 1
        return kept.line
