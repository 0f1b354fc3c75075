"""`elbroll deploy`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, lb_option, pace_options, run_options, selection_options
from elbroll.cli.saying import look_at
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("deploy", cls=Grouped)
@lb_option()
@click.option("--plan", metavar="FILE", type=click.Path(path_type=Path), help="Only what this saved plan says.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--no-verify", is_flag=True, help="Do not ask the app before it goes back; wants consent.")
@selection_options
@pace_options
@run_options
@common_options
def command(lb: str, dry_run: bool, no_verify: bool, flags: Flags, **wishes: object) -> int:
    """Roll a release over the hosts behind a load balancer, one after the other.

    \b
      elbroll deploy --lb web-prod --release v143
      elbroll deploy --lb web-prod --release v143 --dry-run
    """
    look_at(lb, flags)
    from elbroll.cli.rolling import deploy  # noqa: PLC0415 - help must not load the rooms

    if dry_run:
        from elbroll.cli.planning import show_plan  # noqa: PLC0415

        plan = show_plan(flags, lb, wishes, None)
        return ExitCode.REFUSED if plan.refusals else ExitCode.OK
    return deploy(flags, lb, wishes, no_verify=no_verify)
