"""`drain` and `restore`: named hosts, out on purpose and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from elbroll.cli.session import Session
from elbroll.cli.tasks import Task, hosts_task, roll_task
from elbroll.cli.undertaking import Undertaking
from elbroll.cli.wishes import overrides, seconds
from elbroll.core.plan import Request
from elbroll.errors import ExitCode, NotFound, UsageError
from elbroll.model import Why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from elbroll.cli.options import Flags


def drain(
    flags: Flags,
    hosts: Sequence[str],
    lb: str | None,
    wishes: Mapping[str, object],
    *,
    reason: str | None,
    duration: str | None,
) -> ExitCode:
    """Take the named hosts out of every pool they serve."""
    session = Session(flags, overrides(wishes))
    asked = Request(why=Why.DRAIN, only=tuple(hosts))
    task = hosts_task(session, lb, asked, "drain", hosts)
    told = Task(task.command, task.lb, asked, task.settings, task.look, reason, _until(session, duration))
    return _undertake(session, told, wishes)


def restore(
    flags: Flags, hosts: Sequence[str], lb: str | None, wishes: Mapping[str, object], *, if_needed: bool
) -> ExitCode:
    """Put the named hosts back, or all that are recorded as out."""
    session = Session(flags)
    wanted = tuple(hosts) or _out(session, lb)
    if not wanted:
        return _nothing(flags, lb, if_needed=if_needed)
    asked = Request(why=Why.DRAIN, only=wanted)
    if hosts and lb is None:
        return _undertake(session, hosts_task(session, None, asked, "restore", wanted), wishes)
    name = lb or _one_lb(session)
    if name is None:
        return _undertake(session, hosts_task(session, None, asked, "restore", wanted), wishes)
    return _undertake(session, roll_task(session, name, asked, session.loaded.lb(name), "restore"), wishes)


def _undertake(session: Session, task: Task, wishes: Mapping[str, object]) -> ExitCode:
    return Undertaking(session, task, wishes, lock_wait=seconds("--lock-wait", wishes.get("lock_wait"))).perform()


def _out(session: Session, lb: str | None) -> tuple[str, ...]:
    """Ids of the hosts that are recorded as out; with `lb` of those in its pools."""
    records = [record for record in session.eyes.ledger.records().values() if record.open]
    if lb is None:
        return tuple(sorted(record.host for record in records))
    settings = session.loaded.lb(lb)
    pools = {pool.id for pool in session.eyes.directory.find(settings.name or lb, settings.target_groups)}
    mine = (each for each in records if any(item.registration.pool in pools for item in each.registrations))
    return tuple(sorted(record.host for record in mine))


def _one_lb(session: Session) -> str | None:
    tables = session.loaded.settings.lb
    return next(iter(tables)) if len(tables) == 1 else None


def _nothing(flags: Flags, lb: str | None, *, if_needed: bool) -> ExitCode:
    where = f" of {lb}" if lb else ""
    if if_needed:
        if not flags.quiet:
            click.echo(f"No host{where} is recorded as out: nothing to do.")
        return ExitCode.OK
    raise NotFound(f"no host{where} is recorded as out", fix=("elbroll status     shows every host",))


def _until(session: Session, duration: str | None) -> datetime | None:
    if duration is None:
        return None
    wanted = seconds("--for", duration)
    if wanted <= 0:
        raise UsageError("--for wants more than 0s")
    return session.clock.now() + timedelta(seconds=wanted)
