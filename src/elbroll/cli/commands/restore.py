"""`elbroll restore`: back exactly where the record says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, env, lb_option, run_options
from elbroll.cli.saying import look_at

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("restore", cls=Grouped)
@click.argument("hosts", metavar="[HOST...]", nargs=-1)
@lb_option(required=False)
@click.option("--if-needed", is_flag=True, help="Nothing recorded as out is a success.", **env("IF_NEEDED"))
@click.option("--give-up", metavar="POOL", multiple=True, help="Do not wait for this deleted pool; repeatable.")
@run_options
@common_options
def command(hosts: tuple[str, ...], lb: str | None, if_needed: bool, flags: Flags, **wishes: object) -> int:
    """Put hosts back exactly where the record says; without HOST all that are out.

    \b
      elbroll restore web-4
      elbroll restore --lb web-prod --if-needed
      elbroll restore web-4 --give-up web-old
    """
    look_at(lb or ", ".join(hosts) or "restore", flags)
    from elbroll.cli.taking import restore  # noqa: PLC0415 - help must not load the rooms

    return restore(flags, hosts, lb, wishes, if_needed=if_needed)
