"""ssh-agent, asked within a limit (T-20): paramiko's own client would wait for ever."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

from paramiko.agent import AgentSSH

if TYPE_CHECKING:
    from paramiko import PKey

LIMIT = 5.0
"""Seconds for any answer of the agent."""


class AgentSilent(Exception):
    """The agent is not there, does not answer in time, or answers nonsense. Says which."""


class Agent(AgentSSH):
    """A kept line to an agent; its keys sign from several threads, one at a time."""

    def __init__(self, path: str, limit: float = LIMIT) -> None:
        """Connect and list the keys. Raises AgentSilent."""
        super().__init__()
        self._turn = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(limit)
        try:
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]  # absent from the stubs
        except Exception as error:
            self.close()
            raise AgentSilent(f"the ssh-agent at {path} gives no keys ({_reason(error, limit)})") from error

    @property
    def keys(self) -> tuple[PKey, ...]:
        """The keys that the agent holds, in its order."""
        return tuple(self.get_keys())

    @property
    def lost(self) -> bool:
        """Whether the line is closed, by us or after an answer that did not come."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Hang up; keys that were listed no longer sign."""
        self._socket.close()

    def _send_message(self, msg: Any) -> Any:
        """One question at a time; after an unanswered one the line is closed, as answers would no longer match."""
        with self._turn:
            try:
                return super()._send_message(msg)  # type: ignore[misc]  # absent from the stubs
            except Exception:
                self._socket.close()
                raise


def _reason(error: Exception, limit: float) -> str:
    return f"no answer within {limit:g}s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
