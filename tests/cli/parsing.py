"""Command lines parsed as click does, with nothing called."""

from __future__ import annotations

import click

from elbroll.cli.app import app


def understand(words: list[str]) -> click.Context:
    """The context of the last command word. Raises click.UsageError."""
    with app.make_context("elbroll", list(words), resilient_parsing=False) as ctx:
        return _descend(app, ctx)


def _descend(group: click.Group, ctx: click.Context) -> click.Context:
    name, command, rest = group.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
    assert command is not None
    with command.make_context(name, rest, parent=ctx) as inner:
        return _descend(command, inner) if isinstance(command, click.Group) else inner
