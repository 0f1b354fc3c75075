"""Help that belongs to no command, made from the code."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WIDTH = 80
NAMED = 19
"""Columns for the names of exit codes."""
ENVIRONMENT = """\
Each option has the variable ELBROLL_ and its name (ELBROLL_LB, ELBROLL_FLOOR), named in its help. --yes, --no-verify,
--only, --exclude, --limit, --give-up and --from-console have none: consent and selection are said each time.

AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION and the rest of AWS's own beat [aws] of elbroll.toml.

NO_COLOR, FORCE_COLOR, TERM, COLUMNS and CI are obeyed.

Commands on a host get ELBROLL_RELEASE, ELBROLL_HOST, ELBROLL_INSTANCE_ID, ELBROLL_LB and ELBROLL_RUN. Hooks get
ELBROLL_HOOK, ELBROLL_COMMAND, ELBROLL_LB, ELBROLL_RUN, ELBROLL_RELEASE if there is one, and at the end ELBROLL_RESULT
and ELBROLL_EXIT."""
PERMISSIONS = (
    "elbroll reads load balancers, their health, instances and interfaces; it registers and deregisters targets of "
    "the pools that the fleet serves; and it keeps its records under /elbroll in Parameter Store. It creates, "
    "modifies and deletes nothing else. `elbroll iam-policy` prints the whole policy."
)
MEANINGS: Mapping[ExitCode, tuple[str, str, str]] = {
    ExitCode.OK: ("ok", "done, or nothing to do", "no"),
    ExitCode.BUG: ("bug", "elbroll's own fault; the debug log is named", "see `status`"),
    ExitCode.USAGE: ("usage", "bad option, bad config, or consent missing without a terminal", "no"),
    ExitCode.ACCESS: ("access", "AWS credentials or permission, SSH login or host key, before any change", "no"),
    ExitCode.HALTED: ("halted", "a host failed, or the guard stopped the roll; floor kept", "yes, named"),
    ExitCode.REFUSED: ("refused", "unknown or empty selection, floor, other pools, Auto Scaling, gate", "not by us"),
    ExitCode.LOCKED: ("locked", "another run holds the fleet and --lock-wait ran out", "not by us"),
    ExitCode.EXPECTATION: (
        "expectation not met",
        "plan --exit-code has work; status --check found something",
        "as found",
    ),
    ExitCode.DECLINED: ("declined", "the answer was no", "no"),
    ExitCode.TIMEOUT: ("timeout", "the limit of the whole run; floor kept", "yes, named"),
    ExitCode.HELP_NEEDED: ("help needed", "below the floor, or a host's state unknown: page someone", "yes"),
    ExitCode.HANGUP: ("signal", "hangup", "as named"),
    ExitCode.INTERRUPT: ("signal", "interrupt", "as named"),
    ExitCode.TERMINATE: ("signal", "terminate", "as named"),
}


def exit_codes() -> str:
    """The table of exit codes."""
    rows = (_row(f"{code.value:>4}  {name:<{NAMED}}  ", meaning) for code, (name, meaning, _) in MEANINGS.items())
    return "\n".join((_row(f"code  {'name':<{NAMED}}  ", "means"), *rows))


def _row(first: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def environment() -> str:
    """Every variable that elbroll reads or sets."""
    return "\n\n".join(textwrap.fill(text, WIDTH) for text in ENVIRONMENT.split("\n\n"))


def permissions() -> str:
    """What elbroll needs of AWS, and why."""
    return textwrap.fill(PERMISSIONS, WIDTH)


def the_events() -> str:
    """Every type of event with its data."""
    from elbroll.outputs.eventtypes import reference  # noqa: PLC0415 - only for this topic

    return reference()


def the_config() -> str:
    """Every key of elbroll.toml, from a file that a test holds against the schema: pydantic costs 53 ms."""
    from elbroll import config  # noqa: PLC0415 - only for this topic

    return Path(config.__path__[0], "reference.txt").read_text("utf-8").rstrip("\n")


TOPICS: Mapping[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "environment": environment,
    "events": the_events,
    "config": the_config,
    "permissions": permissions,
}
