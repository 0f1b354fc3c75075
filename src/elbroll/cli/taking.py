"""`drain` and `restore`: named hosts, out on purpose and back again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

import click

from elbroll.cli.saying import looking_now, say
from elbroll.cli.session import Session
from elbroll.cli.tasks import Task, hosts_task, roll_task
from elbroll.cli.undertaking import Undertaking
from elbroll.cli.wishes import overrides, seconds
from elbroll.core.plan import Request
from elbroll.core.select import is_glob
from elbroll.engine.survey import survey_hosts, survey_lb
from elbroll.errors import ExitCode, NotFound, UsageError
from elbroll.model import RecordState, Why
from elbroll.outputs.parts import dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from elbroll.cli.options import Flags
    from elbroll.model import HostId, HostRecord


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
    told = replace(task, reason=reason, until=_until(session, duration))
    return _undertake(session, told, wishes)


def restore(
    flags: Flags, hosts: Sequence[str], lb: str | None, wishes: Mapping[str, object], *, if_needed: bool
) -> ExitCode:
    """Put the named hosts back, or all that are recorded as out; their records say where and by which rules."""
    session = Session(flags)
    out = {host: record for host, record in session.eyes.ledger.records().items() if record.open}
    wanted = _in_fleet(session, lb, _named(session, hosts, out) if hosts else out)
    if not wanted:
        return _nothing(flags, hosts, lb, if_needed=if_needed)
    asked = Request(why=Why.ROLL, only=tuple(sorted(wanted)))
    name = lb or _common_lb(session, wanted.values())
    settings = session.loaded.lb(name) if name else session.loaded.settings.defaults
    if lb:
        return _undertake(session, roll_task(session, lb, asked, settings, "restore"), wishes)
    called = name or ",".join(sorted({record.lb for record in wanted.values() if record.lb})) or ",".join(asked.only)
    look = partial(survey_hosts, asked.only, session.eyes, poolless=True)
    task = Task("restore", called, asked, settings, look, named=name is not None)
    return _undertake(session, task, wishes)


def _undertake(session: Session, task: Task, wishes: Mapping[str, object]) -> ExitCode:
    return Undertaking(session, task, wishes, lock_wait=seconds("--lock-wait", wishes.get("lock_wait"))).perform()


def _named(session: Session, words: Sequence[str], out: Mapping[HostId, HostRecord]) -> dict[HostId, HostRecord]:
    """Of the hosts that are out those that a word names: by the record's own id and name, else as EC2 knows them."""
    found: dict[HostId, HostRecord] = {}
    for word in words:
        mine = {host: record for host, record in out.items() if _is_called(word, host, record)}
        if not mine:
            mine = {host.id: out[host.id] for host in session.eyes.inventory.search(word) if host.id in out}
        if len(mine) > 1 and not is_glob(word):
            raise NotFound(f'"{word}" names several hosts', why=(", ".join(sorted(mine)),), fix=("name one by its id",))
        found |= mine
    return found


def _is_called(word: str, host: HostId, record: HostRecord) -> bool:
    names = [host, *([record.name] if record.name else [])]
    return word in names or any(fnmatchcase(name, word) for name in names)


def _in_fleet(session: Session, lb: str | None, records: Mapping[HostId, HostRecord]) -> dict[HostId, HostRecord]:
    """Those that belong to the pools of `lb`; all where none was named.

    One that cannot be read belongs to the fleet in which AWS shows its host; where it shows it nowhere, that is said.
    """
    if lb is None:
        return dict(records)
    settings = session.loaded.lb(lb)
    pools = {pool.id for pool in session.eyes.directory.find(settings.name or lb, settings.target_groups)}
    found = {
        host: record
        for host, record in records.items()
        if any(item.registration.pool in pools for item in record.registrations)
    }
    unreadable = {host: record for host, record in records.items() if record.state is RecordState.UNREADABLE}
    members = survey_lb(lb, settings, session.eyes).fleet.hosts if unreadable else {}
    for host in unreadable.keys() - members.keys():
        say(f"warning: the record of {host} cannot be read, so whether it is out of {lb} is unknown")
    return found | {host: record for host, record in unreadable.items() if host in members}


def _common_lb(session: Session, records: Iterable[HostRecord]) -> str | None:
    """The table whose settings hold for all of them: the one they were taken out by."""
    names = {record.lb for record in records}
    name = next(iter(names)) if len(names) == 1 else None
    return name if name and session.loaded.has_table(name) else None


def _nothing(flags: Flags, hosts: Sequence[str], lb: str | None, *, if_needed: bool) -> ExitCode:
    who = " or ".join(hosts) if hosts else f"no host of {lb}" if lb else "no host"
    says = f"{who} is {'not ' if hosts else ''}recorded as out"
    if not if_needed:
        raise NotFound(says, fix=("elbroll status     shows every host",))
    looking_now().end()
    if flags.as_json:
        click.echo(dump({"schema": "elbroll.run.v1", "command": "restore", "result": "success", "exit": 0}))
    elif not flags.quiet:
        click.echo(f"Nothing to do: {says}.")
    return ExitCode.OK


def _until(session: Session, duration: str | None) -> datetime | None:
    if duration is None:
        return None
    wanted = seconds("--for", duration)
    if wanted <= 0:
        raise UsageError("--for wants more than 0s")
    return session.clock.now() + timedelta(seconds=wanted)
