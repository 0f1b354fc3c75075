"""`elbroll demo`: a whole fleet on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.command("demo", cls=Grouped)
@click.option("--hosts", type=click.IntRange(2, 12), default=4, show_default=True, help="How many.")
@click.option(
    "--break",
    "broken",
    type=click.Choice(["deploy", "verify", "register", "kill"]),
    help="A release that fails there; kill: elbroll itself is killed.",
)
@click.option("--stay", is_flag=True, help="Keep the world up and say how to use it.")
@common_options
def command(hosts: int, broken: str | None, stay: bool, flags: Flags) -> int:
    """Roll a whole fleet on this computer, with no AWS account.

    Everything is on loopback: an AWS endpoint, a balancer that carries real
    requests, SSH servers, an app on each host, steady traffic.

    \b
      elbroll demo
      elbroll demo --break verify
    """
    from elbroll.cli.demonstrating import demonstrate  # noqa: PLC0415 - help must not load the world

    return demonstrate(flags, hosts=hosts, broken=broken, stay=stay)
