"""`elbroll unlock`: free the lock of a run that is truly dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("unlock", cls=Grouped)
@click.argument("lb")
@click.argument("run")
@common_options
def command(lb: str, run: str, flags: Flags) -> int:
    """Free the lock that RUN holds on the pools of LB. Nothing is registered or drained by it.

    \b
      elbroll status --lb web-prod
      elbroll unlock web-prod 81cc02
    """
    from elbroll.cli.unlocking import unlock  # noqa: PLC0415 - help must not load the rooms

    return unlock(flags, lb, run)
