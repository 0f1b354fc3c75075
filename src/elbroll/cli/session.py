"""The ports of a command, made when they are first needed: config, identity, AWS rooms, ledger, transport."""

from __future__ import annotations

import logging
import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from elbroll.clock import SystemClock
from elbroll.config.load import Loaded, load
from elbroll.engine.lives import died
from elbroll.engine.stop import Stop, StopMode
from elbroll.engine.waiting import patiently
from elbroll.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elbroll.aws import Clients, Identity
    from elbroll.cli.options import Flags
    from elbroll.config.load import Override
    from elbroll.config.schema import LbSettings, Verify
    from elbroll.engine.survey import Eyes
    from elbroll.ledger import KeptLedger
    from elbroll.model import Host, Pool, PoolId, Secret
    from elbroll.outputs.documents import Origin
    from elbroll.probes.checks import PoolChecks
    from elbroll.transports.connection import Connector
    from elbroll.transports.ssh import SshTransport


T = TypeVar("T")
PATIENCE = 30.0
"""Seconds for which a single question is repeated: somebody sits at the prompt, and nothing has been done yet."""


class Session:
    """One invocation. Nothing is contacted before its property is asked for."""

    def __init__(self, flags: Flags, overrides: Mapping[str, Override] | None = None) -> None:
        logging.lastResort = logging.NullHandler()  # else Python shows on stderr, uncleaned, what libraries log
        self.flags = flags
        self.stop = Stop()
        self.clock = SystemClock(self.stop)
        self._overrides = dict(overrides or {})
        for key, value, name in (("aws.region", flags.region, "--region"), ("aws.profile", flags.profile, "--profile")):
            if value:
                self._overrides[key] = (name, value)

    @cached_property
    def loaded(self) -> Loaded:
        """The config, checked. Raises ConfigError."""
        return load(self._overrides, config=self.flags.config, environ=os.environ, cwd=Path.cwd())

    @cached_property
    def clients(self) -> Clients:
        """AWS clients for the configured region and profile."""
        from elbroll.aws import Clients  # noqa: PLC0415 - botocore costs 113 ms

        aws = self.loaded.settings.aws
        return Clients(region=aws.region, profile=aws.profile)

    @cached_property
    def identity(self) -> Identity:
        """Who we are, compared with `[aws] account` (I-14). Raises AccessError, CredentialsError."""
        identity = self._patiently(self.clients.identity)
        wanted = self.loaded.settings.aws.account
        if wanted and identity.account != wanted:
            raise AccessError(
                f"these credentials belong to account {identity.account}, not {wanted}",
                why=(f"[aws] account in {self.loaded.name} says {wanted}; AWS says {identity.arn}",),
                now="nothing was changed",
                fix=("AWS_PROFILE, or the credentials of the right account",),
                code="wrong-account",
            )
        return identity

    @cached_property
    def ledger(self) -> KeptLedger:
        """Where records and locks are kept."""
        from elbroll.ledger import KeptLedger, Manner, open_store  # noqa: PLC0415 - only where it is wanted

        spec = self.loaded.settings.ledger.store
        store = open_store(spec, self.clients, self.identity, self.clock, self.loaded.base)
        manner = Manner(give_up=self._leaving, who=self.identity.arn)
        return KeptLedger(store, self.clock, manner)

    @cached_property
    def eyes(self) -> Eyes:
        """The ports that only read; the identity is checked first."""
        from elbroll.balancers import AwsBalancer, AwsDirectory, AwsGroups  # noqa: PLC0415 - as clients
        from elbroll.engine.survey import Eyes  # noqa: PLC0415
        from elbroll.inventory import Ec2Inventory  # noqa: PLC0415

        _ = self.identity
        return Eyes(
            directory=AwsDirectory(self.clients, self.clock),
            inventory=Ec2Inventory(self.clients, self.clock),
            balancer=AwsBalancer(self.clients, self.clock),
            ledger=self.ledger,
            clock=self.clock,
            groups=AwsGroups(self.clients),
        )

    @cached_property
    def transport(self) -> SshTransport:
        """Reaches hosts; nothing is dialled before a host is named."""
        from elbroll.transports.ssh import SshTransport  # noqa: PLC0415 - paramiko costs 100 ms

        return SshTransport(
            self.connector,
            self.clock,
            base=self.loaded.base,
            lives=self._lives,
            given_up=lambda: self.stop.mode > StopMode.GO,
        )

    @cached_property
    def connector(self) -> Connector:
        """Makes connections; the console is read only where `host_keys` or `hosts trust` ask for it."""
        from elbroll.transports.connection import Connector  # noqa: PLC0415 - as transport

        return Connector(self.loaded.settings.ssh, self.clock, self.loaded.base, console=self._console_output)

    def _lives(self, host: Host) -> bool:
        """By EC2's word now; without an answer it is taken to live (F-34)."""
        return not died(self.eyes.inventory, host)

    def _console_output(self, host: Host) -> str | None:
        """What EC2 kept of the instance's console, where its host keys were printed at first boot (E2)."""
        from elbroll.inventory.console import console_output  # noqa: PLC0415 - as clients

        return self._patiently(partial(console_output, self.clients, host.id))

    def checks(self, pools: Mapping[PoolId, Pool], verify: Verify, mask: Callable[[str], str]) -> PoolChecks:
        """Makes the probes of hosts, asked through the transport; what they quote is masked."""
        from elbroll.probes.checks import PoolChecks  # noqa: PLC0415 - only where a host is reached

        return PoolChecks(pools, verify, self.transport, self.clock, mask)

    def secrets(self, settings: LbSettings) -> dict[str, Secret]:
        """The values behind `deploy.secrets`. Raises UsageError for one that is missing or empty."""
        from elbroll.cli.secrets import parameter, resolve  # noqa: PLC0415 - rarely wanted

        def read(name: str) -> str:
            return self._patiently(partial(parameter, name, self.clients))

        return resolve(settings.deploy.secrets, self.loaded.base, read)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """For what is asked once and outside the rooms that wait by themselves: the SDK gives up soon (B2)."""
        return patiently(ask, clock=self.clock, budget=PATIENCE, give_up=self._leaving)

    def _leaving(self) -> bool:
        return self.stop.mode >= StopMode.LEAVE

    @property
    def origin(self) -> Origin:
        """What every JSON document begins with; account and region only where they are known by now."""
        from elbroll.outputs.documents import Origin  # noqa: PLC0415 - only for --json

        known = self.__dict__.get("identity")
        return Origin(self.clock.now(), known.account if known else None, known.region if known else None)

    def close(self) -> None:
        """Close every connection to a host; never raises."""
        if "transport" in self.__dict__:
            self.transport.close()
        elif "connector" in self.__dict__:
            self.connector.close()
