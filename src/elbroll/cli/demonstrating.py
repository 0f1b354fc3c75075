"""`demo`: a world on loopback, rolled by the ordinary command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from elbroll.demo.show import Afterwards, Trouble, run_demo

if TYPE_CHECKING:
    from elbroll.cli.options import Flags


def demonstrate(flags: Flags, *, hosts: int, broken: str | None, stay: bool) -> int:
    """Start the world, roll, and say how many requests were lost."""
    afterwards = Afterwards.STAY if stay else Afterwards.END
    result = run_demo(hosts, Trouble(broken) if broken else None, afterwards, _say)
    if flags.as_json:
        document = {"schema": "elbroll.demo.v1", "exit": result.exit_code}
        click.echo(json.dumps({**document, "answered": result.count.answered, "failed": result.count.failed}))
    else:
        click.echo(result.requests)
        click.echo(f"Next  {result.next}")
    return result.exit_code


def _say(text: str) -> None:
    click.echo(text, err=True)
