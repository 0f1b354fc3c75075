"""`elbroll status`: who serves, who is out and why, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, env
from elbroll.cli.saying import look_at

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("status", cls=Grouped)
@click.option("--lb", metavar="NAME", multiple=True, help="Only this one; repeatable.", **env("LB"))
@click.option("-w", "--watch", is_flag=True, help="Again and again, until Ctrl-C.")
@click.option("--check", is_flag=True, help="Exit 7 where a host is out or releases are mixed.", **env("CHECK"))
@common_options
def command(lb: tuple[str, ...], watch: bool, check: bool, flags: Flags) -> int:
    """Show every fleet: who serves, who is out and why, what comes next.

    Without --lb: every table of elbroll.toml; without a file every balancer of
    the region that has hosts.

    \b
      elbroll status
      elbroll status --lb web-prod --check
    """
    look_at(", ".join(lb) or "status", flags)
    from elbroll.cli.standings import status  # noqa: PLC0415 - help must not load the rooms

    return status(flags, lb, watch=watch, check=check)
