"""`hosts list` and `hosts trust`: who is there, and whose key is filed (T-10 … T-13)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from elbroll.cli.screens import Screens
from elbroll.cli.session import Session
from elbroll.cli.standings import fleets
from elbroll.errors import ExitCode, NotFound, UsageError
from elbroll.outputs.clean import clean_line
from elbroll.outputs.documents import dump, head
from elbroll.outputs.hostlist import host_lines, hosts_document

if TYPE_CHECKING:
    from elbroll.cli.options import Flags
    from elbroll.model import Host

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def print_hosts(flags: Flags, lb: str | None) -> ExitCode:
    """Every host once, with all its pools. Raises NotFound where there is none."""
    session = Session(flags)
    found = fleets(session, () if lb is None else (lb,))
    if flags.as_json:
        click.echo(dump(hosts_document(found, session.origin)))
    else:
        Screens(flags).out.write(host_lines(found))
    return ExitCode.OK


def trust_host(flags: Flags, word: str, fingerprint: str | None, *, from_console: bool) -> ExitCode:
    """Look at the key that the host shows, compare, file it under the instance id; say what was written where.

    Raises NotFound, UsageError; HostAccessError for a key that is not the right one; HostUnreachable.
    """
    _need_one_proof(fingerprint, from_console=from_console)
    session = Session(flags)
    host = _the_host(session, word)
    try:
        done = session.connector.trust(host, fingerprint)
        told = session.connector.warnings(host)
    finally:
        session.close()
    _say(session, host, done, told)
    return ExitCode.OK


def _need_one_proof(fingerprint: str | None, *, from_console: bool) -> None:
    if (fingerprint is None) is not from_console:
        raise UsageError(
            "hosts trust wants either the fingerprint or --from-console",
            why=("a key is filed only after it was compared with something the network cannot forge",),
            fix=(
                "elbroll hosts trust HOST --from-console",
                "elbroll hosts trust HOST SHA256:...     as ssh-keygen -l -f prints it on the host",
            ),
        )
    if fingerprint is not None and not FINGERPRINT.fullmatch(fingerprint):
        raise UsageError(
            f"{clean_line(fingerprint)!r} is no SHA256 fingerprint",
            fix=("SHA256: and 43 characters, as ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub prints it",),
        )


def _the_host(session: Session, word: str) -> Host:
    """The one machine that the word names: its key is filed for good, so a guess would not do."""
    found = session.eyes.inventory.search(word)
    if not found:
        raise NotFound(f'no host is called "{word}"', fix=("elbroll hosts list",))
    if len(found) > 1:
        names = tuple(f"{host.name} ({host.id})" for host in found)
        raise NotFound(f'"{word}" names several hosts', why=names, fix=("use the instance id",))
    return found[0]


def _say(session: Session, host: Host, done: str, warnings: tuple[str, ...]) -> None:
    for text in warnings:
        click.echo(f"! {clean_line(text)}", err=True)
    if session.flags.as_json:
        told = {"host": host.name, "instance": host.id, "done": done}
        click.echo(dump({**head("elbroll.trust.v1", session.origin), **told}))
    else:
        click.echo(clean_line(done))
