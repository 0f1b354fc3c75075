"""Errors that end a command before or instead of a run: what, why, now, fix; and the exit code."""

from __future__ import annotations

import contextlib
import errno
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from elbroll.cli.bugs import outside_a_run
from elbroll.cli.options import Flags
from elbroll.errors import (
    ElbrollError,
    ExitCode,
    HostUnreachable,
    Interrupted,
    Refused,
    StoreDown,
    Superseded,
    Unanswered,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})
"""How a stream refuses what is written to it."""


def explain(error: BaseException, argv: Sequence[str]) -> int:
    """Tell the error on stderr (or as a JSON document on stdout), and answer its exit code."""
    ours = _ours(error, argv)
    if ours.exit_code is ExitCode.HALTED:
        ours.exit_code = _before_all(ours)
    if ours.now is None and ours.exit_code is not ExitCode.BUG:
        ours.now = "nothing was changed"
    tell = partial(_as_json if "--json" in argv and not isinstance(error, OSError) else _as_text, ours)
    if isinstance(ours, Interrupted):
        _in_time(tell)
    else:
        tell()
    return ours.exit_code


def _before_all(error: ElbrollError) -> ExitCode:
    """Nothing was begun, so no host is out by this, as 4 would say."""
    match error:
        case Superseded():
            return ExitCode.LOCKED
        case Unanswered() | StoreDown() | HostUnreachable():
            return ExitCode.ACCESS
        case _:
            return ExitCode.REFUSED


def _in_time(tell: Callable[[], None]) -> None:
    """After a signal nobody is waited for who does not read (F-54, F-57)."""
    from elbroll.cli.saying import patiently  # noqa: PLC0415 - good endings do without

    patiently(tell)


def _ours(error: BaseException, argv: Sequence[str]) -> ElbrollError:
    if isinstance(error, ElbrollError):
        return error
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return _not_told(error)
    return outside_a_run(error, argv)


def _usage(error: click.ClickException) -> ElbrollError:
    ctx = getattr(error, "ctx", None)
    fix = (f"{ctx.command_path} --help",) if ctx is not None else ()
    return UsageError(error.format_message(), fix=fix)


def _not_told(error: OSError) -> ElbrollError:
    """A command that only shows something could not: what was cut short is no result. A run never ends here (I-16)."""
    return Refused(f"the result could not be written: {error.strerror}", now="nothing was changed")


def _as_text(error: ElbrollError) -> None:
    from elbroll.cli.screens import Screens  # noqa: PLC0415 - good endings do without
    from elbroll.outputs.errors import error_lines  # noqa: PLC0415

    pen = Screens(Flags()).err
    try:
        pen.write(error_lines(error, pen.width))
    except (OSError, ValueError):
        return  # nobody is listening any more; the exit code still says it


def _as_json(error: ElbrollError) -> None:
    from elbroll.outputs.parts import dump  # noqa: PLC0415 - only for --json

    told = {"code": error.code, "message": error.message, "why": error.why, "now": error.now, "fix": error.fix}
    document = {"schema": "elbroll.error.v1", "exit": int(error.exit_code), "error": told}
    with contextlib.suppress(OSError, ValueError):  # as above
        sys.stdout.write(f"{dump(document)}\n")
        sys.stdout.flush()
