"""`elbroll plan`: what a deploy would do. Reads only; no host is contacted (I-15)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, env, lb_option, pace_options, selection_options
from elbroll.cli.saying import look_at
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("plan", cls=Grouped)
@lb_option()
@selection_options
@pace_options
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Save the JSON document.", **env("OUT"))
@click.option("--exit-code", is_flag=True, help="Exit 7 where there is work to do.", **env("EXIT_CODE"))
@common_options
def command(lb: str, out: Path | None, exit_code: bool, flags: Flags, **wishes: object) -> int:
    """Show what a deploy would do; changes nothing and contacts no host.

    \b
      elbroll plan --lb web-prod --release v143
      elbroll plan --lb web-prod --only 'web-[12]' --json
    """
    look_at(lb, flags)
    from elbroll.cli.planning import show_plan  # noqa: PLC0415 - help must not load the rooms

    plan = show_plan(flags, lb, wishes, out)
    if plan.refusals:
        return ExitCode.REFUSED
    return ExitCode.EXPECTATION if exit_code and plan.hosts else ExitCode.OK
