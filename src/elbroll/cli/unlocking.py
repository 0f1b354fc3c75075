"""`unlock`: frees what a dead run still holds; the run must be named (safety.md 3.3)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from elbroll.cli.asking import confirm
from elbroll.cli.session import Session
from elbroll.errors import ExitCode, NotFound
from elbroll.model import RunId

if TYPE_CHECKING:
    from elbroll.cli.options import Flags
    from elbroll.model import LockSeen, PoolId

ALIVE = 300.0
"""Seconds since the last beat after which a lock is called stale."""


def unlock(flags: Flags, lb: str, run: str) -> ExitCode:
    """Free the run's locks on the pools of `lb`. A live one wants consent."""
    session = Session(flags)
    held = _held(session, lb, run)
    alive = [lock for lock in held.values() if lock.age is not None and lock.age < ALIVE]
    if alive:
        age = min(lock.age or 0.0 for lock in alive)
        confirm(f"Run {run} was alive {age:.0f} s ago. Free its lock all the same?", flags)
    freed = session.ledger.unlock(tuple(held), RunId(run))
    _say(flags, lb, run, freed)
    return ExitCode.OK


def _held(session: Session, lb: str, run: str) -> dict[PoolId, LockSeen]:
    """The locks that the run holds on the pools of `lb`, and on those that its hosts also serve."""
    settings = session.loaded.lb(lb)
    pools = {pool.id for pool in session.eyes.directory.find(settings.name or lb, settings.target_groups)}
    locks = session.ledger.locks()
    mine = {pool: lock for pool, lock in locks.items() if lock.holder is not None and lock.holder.run == run}
    if pools & mine.keys():
        return mine
    others = {lock.holder.run for pool, lock in locks.items() if pool in pools and lock.holder is not None}
    why = (f"it is locked by run {', '.join(sorted(others))}",) if others else ("it is not locked",)
    raise NotFound(f"run {run} holds no lock of {lb}", why=why)


def _say(flags: Flags, lb: str, run: str, freed: tuple[LockSeen, ...]) -> None:
    if flags.as_json:
        click.echo(json.dumps({"schema": "elbroll.unlock.v1", "lb": lb, "run": run, "freed": [f.pool for f in freed]}))
        return
    click.echo(f"Freed {len(freed)} lock{'s' if len(freed) != 1 else ''} of run {run}. No host was moved.")
    click.echo(f"Next  elbroll status --lb {lb}")
