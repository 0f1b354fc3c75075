"""One attempt at a connection: dial, host key, login, within `connect_timeout` (T-2), few at a time (T-4)."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from paramiko import AuthenticationException, BadAuthenticationType

from elbroll.errors import HostUnreachable
from elbroll.transports.carriers import ChannelCarrier, ProxyCommand, TcpCarrier
from elbroll.transports.faults import NobodyListens, Stage, login_refused, not_enough
from elbroll.transports.knownhosts import types_listed
from elbroll.transports.line import Connection
from elbroll.transports.tcp import Deadline, NoConnection, connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.engine.ports import Clock
    from elbroll.transports.carriers import Carrier
    from elbroll.transports.hostkeys import HostKeys
    from elbroll.transports.knownhosts import HostKey
    from elbroll.transports.line import Liveness
    from elbroll.transports.offers import KeyRing, Offers
    from elbroll.transports.target import Target

    Note = Callable[[Target, str], None]

AT_ONCE = 10
"""Logins under way: sshd's MaxStartups drops at random beyond that (H12)."""


class Logins:
    """Makes connections, each in one attempt; safe to use from several threads."""

    def __init__(self, keys: KeyRing, host_keys: HostKeys, clock: Clock, limit: float, liveness: Liveness) -> None:
        """`limit` in seconds covers TCP, banner, key exchange and login of one attempt."""
        self._keys = keys
        self._host_keys = host_keys
        self._clock = clock
        self._limit = limit
        self._liveness = liveness
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._under_way: set[Connection] = set()
        self._over = threading.Event()

    def log_in(self, target: Target, bastion: Connection | None, note: Note) -> Connection:
        """A connection that is logged in and watched. Raises HostUnreachable, HostAccessError.

        What people should know about the way there goes to `note`.
        """
        offers = self._keys.offers(target)
        for text in offers.notes:
            note(target, text)
        with self._dialled(target, bastion) as (line, deadline):
            try:
                shown = self._shown(line, target, deadline, note)
                _authenticate(line, target, offers, self._checked(target, shown, deadline, note))
                line.keep()
            except BaseException:
                line.close()
                raise
        return line

    def host_key(self, target: Target, bastion: Connection | None, note: Note) -> HostKey:
        """The key that the host shows, without a login: for `hosts trust` alone, as servers mind it (H13)."""
        with self._dialled(target, bastion) as (line, deadline), closing(line):
            return self._shown(line, target, deadline, note)

    @property
    def over(self) -> bool:
        """Whether `close` has been called."""
        return self._over.is_set()

    def close(self) -> None:
        """End all attempts under way, within half a second, and let none begin."""
        self._over.set()
        with self._lock:
            under_way = tuple(self._under_way)
        for line in under_way:
            line.close()

    @contextmanager
    def _dialled(self, target: Target, bastion: Connection | None) -> Iterator[tuple[Connection, Deadline]]:
        """A line without a login yet, with what is left for that; it holds one of the slots meanwhile."""
        with self._slots:
            deadline = Deadline.after(self._clock, self._limit, self._over)
            line = Connection(target.label, _carrier(target, bastion, deadline), self._liveness)
            with self._lock:
                self._under_way.add(line)
            try:
                yield line, deadline
            finally:
                with self._lock:
                    self._under_way.discard(line)

    def _shown(self, line: Connection, target: Target, deadline: Deadline, note: Note) -> HostKey:
        book = self._host_keys.book(target)
        for text in book.warnings:
            note(target, text)
        return line.shake_hands(types_listed(book.entries, target.key_names), deadline.left, deadline.whole)

    def _checked(self, target: Target, shown: HostKey, deadline: Deadline, note: Note) -> Deadline:
        """The deadline, later by what the check took: asking AWS for a console is not the host's delay."""
        left = deadline.left
        for text in self._host_keys.check(target, shown):
            note(target, text)
        return replace(deadline, at=self._clock.monotonic() + left)


def _carrier(target: Target, bastion: Connection | None, deadline: Deadline) -> Carrier:
    if bastion:
        return _through(bastion, target, deadline)
    if target.proxy_command:
        return ProxyCommand(target.proxy_command)
    try:
        return TcpCarrier(connected(target.address, target.port, deadline))
    except NoConnection as error:
        raise HostUnreachable(
            f"{target.label} cannot be reached on port {target.port}",
            why=error.reasons,
            fix=("security group, network, and address in [ssh]",),
        ) from error


def _through(bastion: Connection, target: Target, deadline: Deadline) -> Carrier:
    try:
        return ChannelCarrier(bastion.open_tunnel(target.address, target.port, deadline.left))
    except NobodyListens as error:
        raise HostUnreachable(
            f"{target.label} cannot be reached through {bastion.host_label}", why=(error.message, *error.why)
        ) from error


def _authenticate(line: Connection, target: Target, offers: Offers, deadline: Deadline) -> None:
    """Try the keys one by one. Raises LoginRefused, HostUnreachable."""
    wanted: tuple[str, ...] = ()
    for offer in offers.keys:
        try:
            wanted = line.offer(target.user, offer.key, deadline.left, deadline.whole)
        except Exception as error:
            if not _only_this_key(error, line):
                raise line.translated(error, Stage.LOGIN) from error
            continue
        if line.logged_in:
            return
        if "publickey" not in wanted:
            raise not_enough(target.label, wanted)
    if wanted:
        raise not_enough(target.label, wanted)
    raise login_refused(target.label, target.user, tuple(offer.label for offer in offers.keys), line.banner)


def _only_this_key(error: Exception, line: Connection) -> bool:
    """Whether the next key may be tried on the same line."""
    refused = isinstance(error, AuthenticationException) and not isinstance(error, BadAuthenticationType)
    return refused and line.alive
