"""`elbroll config`: show, check, describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, lb_option

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.group("config")
def command() -> None:
    """Show, check or describe elbroll.toml.

    \b
      elbroll config check
      elbroll config show --lb web-prod --origin
    """


@command.command("show", cls=Grouped)
@lb_option(required=False)
@click.option("--origin", is_flag=True, help="Where each value comes from.")
@common_options
def show(lb: str | None, origin: bool, flags: Flags) -> int:
    """Print the settings in force."""
    from elbroll.cli.configuring import show_config  # noqa: PLC0415 - help must not load the rooms

    return show_config(flags, lb, origin=origin)


@command.command("check", cls=Grouped)
@common_options
def check(flags: Flags) -> int:
    """Look for every fault at once; contact nothing."""
    from elbroll.cli.configuring import check_config  # noqa: PLC0415

    return check_config(flags)


@command.command("schema", cls=Grouped)
@common_options
def schema(flags: Flags) -> int:
    """Print the JSON Schema of elbroll.toml, for editors."""
    from elbroll.cli.configuring import print_schema  # noqa: PLC0415

    return print_schema(flags)
