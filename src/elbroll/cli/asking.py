"""Questions: only with a terminal on both sides, and never for what cannot be waived (interface.md 4)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from elbroll.cli.saying import looking_now
from elbroll.cli.tasks import consent_for, refused
from elbroll.errors import Declined, UsageError
from elbroll.outputs.clean import clean_line

if TYPE_CHECKING:
    from elbroll.cli.options import Flags
    from elbroll.core.guard import Consent
    from elbroll.core.plan import RolloutPlan


def ask_or_refuse(plan: RolloutPlan, flags: Flags) -> Consent:
    """Consent to what the plan shows, or an error. Raises Refused, Declined."""
    refusals = [refusal for refusal in plan.refusals if not refusal.waivable]
    if refusals:
        raise refused(plan, refusals)
    if flags.yes:
        return consent_for(plan.refusals)
    if not may_ask(flags):
        raise refused(plan, plan.refusals)
    looking_now().end()
    for refusal in plan.refusals:
        click.echo(clean_line(refusal.message), err=True)
        for line in refusal.why:
            click.echo(f"  {clean_line(line)}", err=True)
    if not click.confirm("Go on all the same?", default=False, err=True):
        raise Declined("nothing was changed")
    return consent_for(plan.refusals)


def confirm(question: str, flags: Flags) -> None:
    """A yes, from `--yes` or a person. Raises Declined; UsageError where nobody can be asked."""
    if flags.yes:
        return
    if not may_ask(flags):
        raise UsageError(f"{question} There is nobody to ask", now="nothing was changed", fix=("--yes",))
    looking_now().end()
    if not click.confirm(clean_line(question), default=False, err=True):
        raise Declined("nothing was changed")


def may_ask(flags: Flags) -> bool:
    """Whether a person sits on both ends; a piped `y` is never read."""
    return not flags.no_input and sys.stdin.isatty() and sys.stderr.isatty()
