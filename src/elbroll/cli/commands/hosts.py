"""`elbroll hosts`: list, trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elbroll.cli.options import Grouped, common_options, lb_option

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


@click.group("hosts")
def command() -> None:
    """List hosts, or file a host's key after comparing it.

    \b
      elbroll hosts list --lb web-prod
      elbroll hosts trust web-4 --from-console
    """


@command.command("list", cls=Grouped)
@lb_option(required=False)
@common_options
def list_hosts(lb: str | None, flags: Flags) -> int:
    """Print every host with its instance, zone, private address and pools.

    Without --lb: of every table of elbroll.toml; without a file of every
    balancer of the region that has hosts.

    \b
      elbroll hosts list
      elbroll hosts list --lb web-prod
    """
    from elbroll.cli.trusting import print_hosts  # noqa: PLC0415 - help must not load the rooms

    return print_hosts(flags, lb)


@command.command("trust", cls=Grouped)
@click.argument("host")
@click.argument("fingerprint", required=False)
@click.option("--from-console", is_flag=True, help="Compare with the instance's console output.")
@common_options
def trust(host: str, fingerprint: str | None, from_console: bool, flags: Flags) -> int:
    """File the key of HOST in known_hosts, if it is the right one.

    HOST is a Name tag, an instance id or an address. The right key has this
    FINGERPRINT, or is among those that the console output lists, which EC2
    keeps for about an hour after boot. A changed key is never replaced.

    \b
      elbroll hosts trust web-4 SHA256:jZ2oVn3h...
      elbroll hosts trust i-0a1b2c3d4e5f60004 --from-console
    """
    from elbroll.cli.trusting import trust_host  # noqa: PLC0415 - help must not load the rooms

    return trust_host(flags, host, fingerprint, from_console=from_console)
