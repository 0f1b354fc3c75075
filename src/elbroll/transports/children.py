"""Child processes: in groups of their own, never longer than allowed, always reaped (T-6)."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ProgramMissing(Exception):
    """There is no such program on this machine."""


class TookTooLong(Exception):
    """The program did not end in time and was killed with all it had started."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


def outcome(command: Sequence[str], limit: float) -> Ended:
    """Run to the end, without input. Raises ProgramMissing, TookTooLong."""
    try:
        child = subprocess.Popen(  # noqa: S603 - words, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProgramMissing(command[0]) from error
    with child:
        try:
            stdout, stderr = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired as error:
            raise TookTooLong(command[0]) from error
        finally:
            kill_group(child)
    return Ended(child.returncode, stdout, stderr)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a child that was started with a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
