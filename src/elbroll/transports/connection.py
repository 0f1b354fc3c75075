"""How connections to hosts come about, and who may be called again: the way in to this room's SSH half."""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError, HostUnreachable
from elbroll.transports.bastions import Bastions
from elbroll.transports.faults import LoginRefused, NobodyListens, TunnelSilent
from elbroll.transports.hostkeys import HostKeys
from elbroll.transports.line import Connection, Liveness
from elbroll.transports.logins import Logins
from elbroll.transports.offers import KeyRing
from elbroll.transports.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.config.schema import Ssh
    from elbroll.engine.ports import Clock
    from elbroll.model import Host
    from elbroll.transports.keys import Passphrase
    from elbroll.transports.target import Target

    Console = Callable[[Host], str | None]
    """The console output of a host; None where it is gone."""

__all__ = ["Connection", "Connector", "Liveness", "LoginRefused", "NobodyListens", "TunnelSilent"]

_PAUSES = (1.0, 2.0, 4.0)
"""Seconds between the tries, give or take a quarter (T-3)."""
_BUDGET = 60.0
_YOUNG = timedelta(minutes=5)
"""An instance of this age may not yet have been given its keys by cloud-init."""
_DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts",)


class Connector:
    """Makes connections; one for the whole run, safe to use from several threads."""

    def __init__(
        self,
        settings: Ssh,
        clock: Clock,
        base_dir: Path,
        *,
        console: Console | None = None,
        passphrase: Passphrase | None = None,
        liveness: Liveness | None = None,
    ) -> None:
        """Paths in `settings` are relative to `base_dir`. Nothing is read or dialled yet."""
        _hush_paramiko()
        self._clock = clock
        self._console = console
        self._routes = Routes(settings, base_dir)
        self._keys = KeyRing(clock, passphrase)
        files = settings.known_hosts or _DEFAULT_KNOWN_HOSTS
        self._host_keys = HostKeys(
            settings.host_keys,
            tuple(base_dir / Path(file).expanduser() for file in files),
            named=bool(settings.known_hosts),
            console=self._console_of,
        )
        self._logins = Logins(self._keys, self._host_keys, clock, settings.connect_timeout, liveness or Liveness())
        self._bastions = Bastions(self._log_in)
        self._lock = threading.Lock()
        self._hosts: dict[str, Host] = {}
        self._notes: dict[str, Target] = {}

    def connect(self, host: Host) -> Connection:
        """A fresh connection, with up to four tries in 60 s. Raises HostUnreachable, HostAccessError."""
        target = self._target(host)
        until = self._clock.monotonic() + _BUDGET
        for pause in _PAUSES:
            try:
                return self._log_in(target, self._bastions.before(target))
            except (HostUnreachable, HostAccessError) as error:
                if not self._again(error, host) or self._clock.monotonic() + pause >= until:
                    raise
            self._clock.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, no secret
        return self._log_in(target, self._bastions.before(target))

    def trust(self, host: Host, fingerprint: str | None = None) -> str:
        """File the host's key if it has this `SHA256:` fingerprint, or None: if its console lists it.

        Answers what was done. Raises HostUnreachable, HostAccessError; a changed key is refused here too (T-12).
        """
        target = self._target(host)
        shown = self._logins.host_key(target, self._bastions.before(target), self._note)
        return self._host_keys.trust(target, shown, fingerprint)

    def warnings(self, host: Host) -> tuple[str, ...]:
        """Sentences for people about how the host was reached so far, those about files with the first host only."""
        target = self._target(host)
        way = (*target.hops, target)
        with self._lock:
            return tuple(text for text, of in self._notes.items() if of in way)

    def close(self) -> None:
        """End what is under way, bastions and agents; what was handed out is its holder's to close. Never raises."""
        self._logins.close()
        self._bastions.close()
        self._keys.close()

    def _target(self, host: Host) -> Target:
        with self._lock:
            self._hosts[host.id] = host
        return self._routes.to(host)

    def _log_in(self, target: Target, bastion: Connection | None) -> Connection:
        return self._logins.log_in(target, bastion, self._note)

    def _again(self, error: Exception, host: Host) -> bool:
        """Only what ran nothing and may heal: never a host key, and a refused login of a young instance only."""
        if isinstance(error, LoginRefused):
            return host.launched is not None and self._clock.now() - host.launched < _YOUNG
        return isinstance(error, HostUnreachable) and not self._logins.over

    def _note(self, target: Target, text: str) -> None:
        with self._lock:
            self._notes.setdefault(text, target)

    def _console_of(self, instance: str) -> str | None:
        return self._console(self._hosts[instance]) if self._console else None


def _hush_paramiko() -> None:
    """It logs tracebacks, and Python prints them where nobody has said otherwise (T-8)."""
    logger = logging.getLogger("paramiko")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
