"""`elbroll drain`: out of every pool, on purpose and on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, env, lb_option, pace_options, run_options
from elbroll.cli.saying import look_at

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("drain", cls=Grouped)
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@lb_option(required=False)
@click.option("--reason", metavar="TEXT", help="Why, for those who find it out.", **env("REASON"))
@click.option("--for", "duration", metavar="D", help="`status` calls it overdue after this.", **env("FOR"))
@pace_options
@run_options
@common_options
def command(
    hosts: tuple[str, ...], lb: str | None, reason: str | None, duration: str | None, flags: Flags, **wishes: object
) -> int:
    """Take hosts out of every pool they serve, and remember where they were.

    HOST is an instance id, a Name tag, an address, or a glob.

    \b
      elbroll drain web-4 --reason "disk swap" --for 2h
      elbroll restore web-4
    """
    look_at(lb or ", ".join(hosts), flags)
    from elbroll.cli.taking import drain  # noqa: PLC0415 - help must not load the rooms

    return drain(flags, hosts, lb, wishes, reason=reason, duration=duration)
