"""`unlock`: frees what a dead run still holds; the run must be named (safety.md 3.3)."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from elbroll.cli.asking import confirm
from elbroll.cli.saying import say
from elbroll.cli.session import Session
from elbroll.cli.struck import Struck
from elbroll.core.names import counted, pool_name
from elbroll.errors import ElbrollError, ExitCode, Interrupted, NotFound, Refused
from elbroll.ledger.locks import STALE
from elbroll.model import RunId
from elbroll.outputs.parts import dump
from elbroll.outputs.statusview import locked_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from elbroll.cli.options import Flags
    from elbroll.model import LockSeen, PoolId


def unlock(flags: Flags, lb: str, run: str) -> ExitCode:
    """Free the run's locks on the pools of `lb`. A live one wants consent, and so does one whose age nobody knows."""
    session = Session(flags)
    held = _held(session, lb, run)
    if not flags.quiet:
        _show(session, held)
    alive = [lock for lock in held.values() if lock.age is None or lock.age < STALE]
    if alive:
        ages = [lock.age for lock in alive if lock.age is not None]
        when = f"{min(ages):.0f} s ago" if ages else "at an unknown time"
        who = f"Run {run} was alive" if alive[0].holder else f"Version {run[1:]} was written"
        confirm(f"{who} {when}. Free its lock all the same?", flags)
    freed: list[LockSeen] = []
    with _told_how_far(freed, len(held)):
        for pool in sorted(held):
            freed += session.ledger.unlock((pool,), RunId(run))
    _say(flags, lb, run, freed)
    return ExitCode.OK


@contextmanager
def _told_how_far(freed: Sequence[LockSeen], wanted: int) -> Iterator[None]:
    """Whatever cuts it short says what is done by then. Raises ElbrollError."""
    try:
        yield
    except (ElbrollError, Struck) as cut:
        error = Interrupted(cut.exit_code) if isinstance(cut, Struck) else cut
        known = f"{len(freed)} of {counted(wanted, 'lock')} {'is' if len(freed) == 1 else 'are'} known to be free"
        error.now = f"{known}; the same command frees the rest"
        raise error from cut


def _held(session: Session, lb: str, run: str) -> dict[PoolId, LockSeen]:
    """The locks that the run holds on the pools of `lb`, and on those that its hosts also serve.

    A version names a lock that cannot be read only among the pools of `lb`: any other may have the same one.
    """
    locks = session.ledger.locks()
    pools = _pools(session, lb, locks)
    mine = {pool: lock for pool, lock in locks.items() if lock.called == run and (lock.holder or pool in pools)}
    if pools & mine.keys():
        return mine
    others = {_holder(lock) for pool, lock in locks.items() if pool in pools}
    why = (f"it is locked by {', '.join(sorted(others))}",) if others else ("it is not locked",)
    fix = (f"elbroll status --lb {shlex.quote(lb)}     who holds it, and how it is freed",)
    raise NotFound(f"run {run} holds no lock of {lb}", why=why, fix=fix)


def _pools(session: Session, lb: str, locks: Iterable[PoolId]) -> set[PoolId]:
    """Those of the balancer, and whatever is locked and called so itself, as a refusal names it: it may be gone."""
    called = {pool for pool in locks if pool_name(pool) == lb}
    settings = session.loaded.lb(lb)
    try:
        found = session.eyes.directory.find(settings.name or lb, settings.target_groups)
    except (NotFound, Refused):
        if not called:
            raise
        return called
    return called | {pool.id for pool in found}


def _show(session: Session, held: Mapping[PoolId, LockSeen]) -> None:
    """Who holds what, for how long, and which hosts are out there (safety.md 3.3)."""
    pools: dict[str, list[str]] = {}
    for pool, lock in held.items():
        pools.setdefault(locked_by(lock, session.clock.now()), []).append(pool_name(pool))
    for words, names in pools.items():
        say(f"{', '.join(names)}: locked {words}")
    for record in session.ledger.records().values():
        if record.open and not held.keys().isdisjoint(item.registration.pool for item in record.registrations):
            say(f"{record.name or record.host} is recorded as {record.state}")


def _holder(lock: LockSeen) -> str:
    return f"run {lock.holder.run}" if lock.holder else f"somebody unknown ({lock.called})"


def _say(flags: Flags, lb: str, run: str, freed: Sequence[LockSeen]) -> None:
    if flags.as_json:
        click.echo(dump({"schema": "elbroll.unlock.v1", "lb": lb, "run": run, "freed": [f.pool for f in freed]}))
        return
    whose = f"of run {run}" if all(each.holder for each in freed) else "that nobody could read"
    click.echo(f"Freed {len(freed)} lock{'s' if len(freed) != 1 else ''} {whose}. No host was moved.")
    click.echo(f"Next  elbroll status --lb {shlex.quote(lb)}")
