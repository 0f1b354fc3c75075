"""`elbroll help`: on a command, or on what all commands share."""

from __future__ import annotations

import click

from elbroll.cli.options import Grouped
from elbroll.cli.topics import TOPICS


@click.command("help", cls=Grouped)
@click.argument("word", metavar="[COMMAND|TOPIC]", required=False)
@click.pass_context
def command(ctx: click.Context, word: str | None) -> int:
    """Help on a command, or on exit-codes, environment, events, config, permissions.

    \b
      elbroll help deploy
      elbroll help exit-codes
    """
    root = ctx.find_root()
    if word is None:
        click.echo(root.get_help())
        return 0
    if word in TOPICS:
        click.echo(TOPICS[word]())
        return 0
    group = root.command
    found = group.get_command(root, word) if isinstance(group, click.Group) else None
    if found is None:
        raise click.UsageError(f"no command or topic {word!r}; topics: {', '.join(TOPICS)}")
    with click.Context(found, info_name=f"elbroll {word}") as inner:
        click.echo(found.get_help(inner))
    return 0
