"""Whether a host is the one it should be: the shown key against known_hosts and the policy (T-10 … T-14, S-2)."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from typing import TYPE_CHECKING, assert_never

from elbroll.errors import HostAccessError
from elbroll.transports.console import NothingThere, fingerprints
from elbroll.transports.knownhosts import Book, Entry, Standing, Verdict, judged, parsed, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from elbroll.transports.knownhosts import HostKey
    from elbroll.transports.target import Target

    Console = Callable[[str], str | None]
    """The console output of an instance by its id; None where there is none (any more)."""

    Policy = Literal["strict", "accept-new", "console"]


class HostKeys:
    """Judges shown keys by the files as they are at that moment; safe to use from several threads and processes."""

    def __init__(self, policy: Policy, files: tuple[Path, ...], *, named: bool, console: Console | None = None) -> None:
        """`files` are elbroll's own, the first of which is written; `named`: by the config, so that each must exist."""
        self._policy = policy
        self._files = files
        self._named = named
        self._console = console
        self._lock = threading.Lock()
        self._this_run: list[Entry] = []

    def book(self, target: Target) -> Book:
        """All entries that count for the target. Raises HostAccessError where a file cannot be read."""
        book = Book(tuple(self._this_run))
        for file in self._files:
            book += self._own(file)
        for file in target.known_hosts:
            if file not in self._files:
                book += _foreign(file)
        return book

    def check(self, target: Target, shown: HostKey) -> tuple[str, ...]:
        """Accept the key, perhaps recording it; answers what is to be told. Raises HostAccessError."""
        if self._verdict(target, shown).standing is Standing.KNOWN:
            return ()
        return (self._first_seen(target, shown),)

    def trust(self, target: Target, shown: HostKey, fingerprint: str | None) -> str:
        """File a first key that has this fingerprint, or None: that the console lists. Answers what was done.

        Raises HostAccessError, also for a changed or revoked key: there is no automatic cure for these (T-12).
        """
        if self._verdict(target, shown).standing is Standing.KNOWN:
            return f"{target.label} is known already, by {shown.fingerprint}"
        if fingerprint is None:
            self._compare_with_console(target, shown)
        elif shown.fingerprint != fingerprint:
            raise _unknown(target, shown, f"asked for  {fingerprint}")
        try:
            return self._filed(target, shown)
        except OSError as error:
            raise HostAccessError(f"{self._files[0]} cannot be written: {error.strerror}") from error

    def _verdict(self, target: Target, shown: HostKey) -> Verdict:
        """Known or unknown. Raises HostAccessError for a key that is refused whatever the policy."""
        verdict = judged(self.book(target).entries, target.key_names, shown)
        if verdict.standing is Standing.REVOKED:
            raise _revoked(target, shown, verdict)
        if verdict.standing is Standing.CHANGED:
            raise _changed(target, shown, verdict)
        return verdict

    def _recorded(self, target: Target, shown: HostKey) -> str:
        """File a first key; where the file cannot be written, it holds for this run (T-13)."""
        try:
            return self._filed(target, shown)
        except OSError as error:
            name = target.key_names.binding[0]
            with self._lock:
                self._this_run.append(Entry("", name.lower(), shown, "accepted in this run"))
            return f"{self._files[0]} cannot be written ({error.strerror}): {name} is known for this run only"

    def _filed(self, target: Target, shown: HostKey) -> str:
        """Raises OSError; HostAccessError where another process has just filed a different key."""
        verdict = _appended(self._files[0], target, shown)
        if verdict.standing is Standing.CHANGED:
            raise _changed(target, shown, verdict)
        name = target.key_names.binding[0]
        return f"{target.label}: its host key {shown.fingerprint} is now listed in {self._files[0]} as {name}"

    def _first_seen(self, target: Target, shown: HostKey) -> str:
        match self._policy:
            case "strict":
                raise _unknown(target, shown)
            case "accept-new":
                return self._recorded(target, shown)
            case "console":
                self._compare_with_console(target, shown)
                return self._recorded(target, shown)
        assert_never(self._policy)

    def _compare_with_console(self, target: Target, shown: HostKey) -> None:
        text = self._console(target.instance) if self._console and target.instance else None
        try:
            on_console = fingerprints(text)
        except NothingThere as error:
            raise _unknown(target, shown, str(error)) from error
        if shown.fingerprint not in on_console:
            raise HostAccessError(
                f"{target.label} shows a host key that its console output does not list",
                why=(_shown_line(shown), *(f"console  {fingerprint}" for fingerprint in sorted(on_console))),
                fix=("do not deploy to it before you know which machine answers at this address",),
            )

    def _own(self, file: Path) -> Book:
        try:
            if _others_write(file):
                raise HostAccessError(
                    f"others may write {file}: whoever does decides which machine passes for your host",
                    fix=(f"chmod go-w '{file}'",),
                )
            return read(file)
        except FileNotFoundError as error:
            to_be_made = file == self._files[0] and self._policy != "strict"
            if self._named and not to_be_made:
                raise HostAccessError(
                    f"there is no {file}, which known_hosts in [ssh] names", fix=(f"touch '{file}'",)
                ) from error
            return Book()
        except OSError as error:
            raise HostAccessError(f"{file} cannot be read: {error.strerror}") from error


def _foreign(file: Path) -> Book:
    """Files that ssh_config names may be missing, and writable by others; OpenSSH minds neither."""
    try:
        warnings = (f"others may write {file}; chmod go-w '{file}'",) if _others_write(file) else ()
        return read(file) + Book(warnings=warnings)
    except OSError:
        return Book()


def _others_write(file: Path) -> bool:
    """Raises OSError."""
    mode = file.stat().st_mode
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IWGRP | stat.S_IWOTH))


def _appended(file: Path, target: Target, shown: HostKey) -> Verdict:
    """Add one line, unless the file by now knows better; the whole under a lock (H18, T-13). Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        data = book.read()
        verdict = judged(parsed(data, str(file)).entries, target.key_names, shown)
        if verdict.standing is Standing.UNKNOWN:
            gap = b"" if not data or data.endswith(b"\n") else b"\n"
            book.write(gap + f"{target.key_names.binding[0]} {shown.line}\n".encode())
    return verdict


def _unknown(target: Target, shown: HostKey, *why: str) -> HostAccessError:
    if target.instance:
        fix = f"elbroll hosts trust {target.instance} --from-console"
    else:
        fix = f"compare the fingerprint on the machine itself, then list it as {target.key_names.binding[0]}"
    return HostAccessError(
        f"the host key of {target.label} is not known", why=(_shown_line(shown), *why), fix=(fix,), code="host-key"
    )


def _changed(target: Target, shown: HostKey, verdict: Verdict) -> HostAccessError:
    file = verdict.entries[0].place.rpartition(":")[0]
    return HostAccessError(
        f"{target.label} shows another host key than the one that is known",
        why=(_shown_line(shown), *_listed(verdict, "known")),
        fix=(
            "find out why; another machine may be answering at this address",
            f"if it was rebuilt: ssh-keygen -R '{verdict.name}' -f {file}, then trust it anew",
        ),
        code="host-key",
    )


def _revoked(target: Target, shown: HostKey, verdict: Verdict) -> HostAccessError:
    return HostAccessError(
        f"{target.label} shows a host key that has been revoked",
        why=(_shown_line(shown), *_listed(verdict, "revoked")),
        fix=("give the host new keys, and list these",),
        code="host-key",
    )


def _shown_line(shown: HostKey) -> str:
    return f"shown  {shown.type} {shown.fingerprint}"


def _listed(verdict: Verdict, word: str) -> tuple[str, ...]:
    return tuple(
        f"{word}  {entry.key.type} {entry.key.fingerprint}  as {verdict.name} in {entry.place}"
        for entry in verdict.entries
    )
