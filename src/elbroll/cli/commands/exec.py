"""`elbroll exec`: any command on each host, managed as a deploy is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, lb_option, pace_options, run_options, selection_options
from elbroll.cli.saying import look_at

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("exec", cls=Grouped)
@lb_option()
@click.option("--no-verify", is_flag=True, help="Do not ask the app before it goes back; wants consent.")
@selection_options
@pace_options
@run_options
@click.argument("words", metavar="-- COMMAND...", nargs=-1, type=click.UNPROCESSED)
@common_options
def command(lb: str, no_verify: bool, words: tuple[str, ...], flags: Flags, **wishes: object) -> int:
    """Run a command on each host while it is out of the balancer.

    Each host is drained, the command runs, the app is verified, the host goes
    back. One word after -- is a shell line; several are quoted word by word.

    \b
      elbroll exec --lb web-prod -- sudo systemctl restart web
      elbroll exec --lb web-prod --only web-1 -- 'apt-get update && reboot-app'
    """
    look_at(lb, flags)
    from elbroll.cli.rolling import execute  # noqa: PLC0415 - help must not load the rooms

    return execute(flags, lb, wishes, words, no_verify=no_verify)
