"""`iam-policy`: what the config and the account say that a policy has to cover."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from elbroll.cli.session import Session
from elbroll.core.policy import Bucket, Needs, policy, reading
from elbroll.engine.survey import survey_lb
from elbroll.errors import ExitCode
from elbroll.model import BalancerKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.cli.options import Flags
    from elbroll.config.schema import LbSettings, Settings
    from elbroll.model import Scaling


def print_policy(flags: Flags, lb: str | None, *, read_only: bool) -> ExitCode:
    """JSON on stdout, the same with and without `--json`. Only a named balancer is looked up."""
    session = Session(flags)
    settings = session.loaded.settings
    needs = _told(settings, [*settings.lb.values(), settings.defaults]) if lb is None else _found(session, lb)
    click.echo(json.dumps(reading(needs) if read_only else policy(needs), indent=2))
    return ExitCode.OK


def _told(settings: Settings, tables: Sequence[LbSettings]) -> Needs:
    """What the config says by itself; the rest stays a placeholder."""
    store, blank = settings.ledger.store, Needs()
    secrets = {secret for table in tables for secret in table.deploy.secrets.values()}
    return replace(
        blank,
        partition=_partition(settings.aws.region or ""),
        region=settings.aws.region or blank.region,
        account=settings.aws.account or blank.account,
        parameters=store == "ssm",
        bucket=_bucket(store),
        secrets=tuple(sorted(secret.removeprefix("ssm:") for secret in secrets if secret.startswith("ssm:"))),
        console=settings.ssh.host_keys == "console",
        standby=("NAME",) if any(_stands_by(table) for table in tables) else (),
    )


def _found(session: Session, lb: str) -> Needs:
    """With the account's own names, of every pool that hosts of the balancer serve or are recorded in."""
    table, identity = session.loaded.lb(lb), session.identity
    fleet = survey_lb(lb, table, session.eyes).fleet
    pools = fleet.pools.values()
    return replace(
        _told(session.loaded.settings, [table]),
        partition=identity.partition,
        region=identity.region,
        account=identity.account,
        groups=tuple(sorted(pool.name for pool in pools if pool.kind is not BalancerKind.CLASSIC)),
        classics=tuple(sorted(pool.name for pool in pools if pool.kind is BalancerKind.CLASSIC)),
        standby=_groups(fleet.scaling) if _stands_by(table) else (),
    )


def _groups(scaling: Scaling) -> tuple[str, ...]:
    """By the hosts' tags where groups may not be read yet: who asks for a policy often has none."""
    return tuple(sorted({*scaling.groups, *(member.group for member in scaling.members.values())}))


def _stands_by(table: LbSettings) -> bool:
    return table.asg.mode == "standby"


def _partition(region: str) -> str:
    """Offline, by the region's name; the caller's own identity tells it for sure (B7)."""
    special = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for start, name in special.items() if region.startswith(start)), "aws")


def _bucket(store: str) -> Bucket | None:
    """Of `s3://bucket/prefix`."""
    scheme, _, place = store.partition("://")
    name, _, prefix = place.partition("/")
    return Bucket(name, prefix.strip("/")) if scheme == "s3" else None
