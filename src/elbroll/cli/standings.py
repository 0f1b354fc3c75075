"""`status`: every fleet or one, once or again and again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Never

import click

from elbroll.cli.saying import looking_now, say
from elbroll.cli.screens import Screens
from elbroll.cli.session import Session
from elbroll.cli.struck import Struck
from elbroll.cli.tasks import plan_for, roll_task
from elbroll.core.guard import Consent
from elbroll.core.names import pools_gone
from elbroll.core.plan import Request
from elbroll.core.reporting import Look, fleet_status, wants_attention
from elbroll.errors import ElbrollError, ExitCode, NotFound, Refused
from elbroll.model import Why
from elbroll.outputs.documents import dump, status_document
from elbroll.outputs.statusview import status_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.cli.options import Flags
    from elbroll.core.status import FleetStatus
    from elbroll.model import HostRecord, PoolId

EVERY = 5.0
"""Seconds between two looks of `--watch`."""


def status(flags: Flags, lbs: Sequence[str], *, watch: bool, check: bool) -> ExitCode:
    """Show; with `check` the exit code speaks too."""
    session = Session(flags)
    if watch:
        return _watch(session, lbs)
    found = fleets(session, lbs)
    _show(session, found)
    nowhere = () if lbs else _out_of_nothing(session)
    for text in nowhere:
        say(f"warning: {text}")
    wanting = check and (bool(nowhere) or any(wants_attention(fleet) for fleet in found))
    return ExitCode.EXPECTATION if wanting else ExitCode.OK


def fleets(session: Session, lbs: Sequence[str]) -> tuple[FleetStatus, ...]:
    """Those named, else those of the file, else every balancer of the region that has hosts."""
    named = tuple(lbs) or tuple(session.loaded.settings.lb)
    if named:
        return tuple(_fleet(session, lb) for lb in named)
    found = tuple(fleet for lb in session.eyes.directory.names() if (fleet := _if_ours(session, lb)) is not None)
    if not found:
        raise NotFound(f"no balancer of {session.clients.region} has hosts of ours")
    return found


def _if_ours(session: Session, lb: str) -> FleetStatus | None:
    """Balancers over functions or other balancers are passed over, as are those without a host."""
    try:
        fleet = _fleet(session, lb)
    except Refused:
        return None
    return fleet if fleet.hosts else None


def _fleet(session: Session, lb: str) -> FleetStatus:
    task = roll_task(session, lb, Request(why=Why.ROLL), session.loaded.lb(lb), "status")
    survey = task.look()
    now = session.clock.now()
    look = Look(survey.fleet, survey.views, survey.records, session.eyes.ledger.locks(), now)
    return fleet_status(look, plan_for(task, survey, now, Consent()), session.identity.region)


def _out_of_nothing(session: Session) -> tuple[str, ...]:
    """Hosts that no fleet shows, as none of the pools in their records exists any more (F-35).

    What was shown stands, whether or not this is answered.
    """
    try:
        records = [record for record in session.eyes.ledger.records().values() if record.open]
        recorded = [(record, {item.registration.pool for item in record.registrations}) for record in records]
        existing = session.eyes.directory.by_id(frozenset().union(*(pools for _, pools in recorded))).keys()
    except ElbrollError as error:
        return (f"whether a host is out of deleted pools only could not be read: {error.message}",)
    return tuple(_served_nowhere(record, sorted(pools)) for record, pools in recorded if pools and not pools & existing)


def _served_nowhere(record: HostRecord, pools: Sequence[PoolId]) -> str:
    what, way = pools_gone(record.name, record.host, pools)
    return f"{record.name or record.host} is recorded as out, and {what}: {way}"


def _show(session: Session, found: Sequence[FleetStatus]) -> None:
    looking_now().end()
    if session.flags.as_json:
        click.echo(dump(status_document(found, session.origin)))
        return
    screens, now = Screens(session.flags), session.clock.now()
    for number, fleet in enumerate(found):
        screens.out.write((*([()] if number else []), *status_lines(fleet, now)))


def _watch(session: Session, lbs: Sequence[str]) -> ExitCode:
    """Until Ctrl-C, which ends it in order also in the middle of a look."""
    try:
        _look_on(session, lbs)
    except Struck as struck:
        if struck.exit_code is not ExitCode.INTERRUPT:
            raise
    return ExitCode.OK


def _look_on(session: Session, lbs: Sequence[str]) -> Never:
    """On a terminal the screen is drawn anew; elsewhere only what has changed is printed."""
    before: tuple[FleetStatus, ...] = ()
    while True:
        found = fleets(session, lbs)
        if sys.stdout.isatty():
            click.clear()
        if sys.stdout.isatty() or found != before:
            _show(session, found)
        before = found
        session.clock.sleep(EVERY)
