"""`elbroll iam-policy`: the smallest policy that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, env, lb_option

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("iam-policy", cls=Grouped)
@lb_option(required=False)
@click.option("--read-only", is_flag=True, help="Only what plan and status need.", **env("READ_ONLY"))
@common_options
def command(lb: str | None, read_only: bool, flags: Flags) -> int:
    """Print the smallest IAM policy that works, as JSON.

    Without --lb nothing is contacted, and what elbroll.toml does not tell is
    left as REGION, ACCOUNT and NAME. With it, every pool that the hosts of the
    balancer serve is looked up and named.

    \b
      elbroll iam-policy
      elbroll iam-policy --lb web-prod
    """
    from elbroll.cli.permitting import print_policy  # noqa: PLC0415 - help must not load the rooms

    return print_policy(flags, lb, read_only=read_only)
