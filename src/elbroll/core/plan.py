"""pools + hosts + records + selection -> RolloutPlan: order, batches, skips, refusals, time estimate. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.advice import advice_for
from elbroll.core.begin import begin_of, held_release
from elbroll.core.choice import DEAD, choose
from elbroll.core.estimate import costliest, host_estimate, whole_estimate
from elbroll.core.ground import Asked, survey_ground
from elbroll.core.guard import NO_CONSENT
from elbroll.core.names import listed
from elbroll.core.order import batch_of
from elbroll.core.planned import PlannedHost, PlannedPool, Refusal, Request, RolloutPlan, Skipped, SkipReason
from elbroll.core.refusals import standing_refusals
from elbroll.core.rehearsal import refusals_of, rehearse, warnings_of
from elbroll.core.scaling import planned_groups
from elbroll.core.select import select
from elbroll.core.timing import drain_limit, healthy_about, healthy_limit, settle_for, until_for
from elbroll.model import Amount, Why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from elbroll.config.schema import LbSettings
    from elbroll.core.ground import Ground
    from elbroll.core.guard import Consent
    from elbroll.model import Fleet, Host, HostId, HostRecord, Pool, PoolId, PoolView

__all__ = [
    "PlannedHost",
    "PlannedPool",
    "Refusal",
    "Request",
    "RolloutPlan",
    "SkipReason",
    "Skipped",
    "held_release",
    "make_plan",
]


def make_plan(  # noqa: PLR0913 - everything that is known beforehand, each a value of its own
    fleet: Fleet,
    views: Mapping[PoolId, PoolView],
    records: Mapping[HostId, HostRecord],
    request: Request,
    settings: LbSettings,
    now: datetime,
    *,
    consent: Consent = NO_CONSENT,
) -> RolloutPlan:
    """Decide on everything that can be decided beforehand; never raises for a bad fleet: it refuses.

    `records`: all of the fleet, open and closed. Hosts are listed although refusals forbid to walk them. What
    `consent` waives is a warning.
    """
    ground = survey_ground(fleet, views, records, Asked(request, settings, consent, now))
    selection = select(fleet, request)
    hosts, skipped = choose(ground, selection)
    walk = _planned_hosts(ground, hosts)
    refusals = [*_nobody(fleet), *_unread(fleet, views), *selection.refusals, *standing_refusals(ground, walk)]
    rehearsal = rehearse(ground, walk)
    warnings = [*advice_for(ground, walk, skipped), *warnings_of(rehearsal)]
    return _plan(ground, walk, skipped, [*refusals, *refusals_of(rehearsal, ground, walk)], warnings)


def _plan(
    ground: Ground,
    walk: Sequence[PlannedHost],
    skipped: Sequence[Skipped],
    refusals: Sequence[Refusal],
    warnings: Sequence[str],
) -> RolloutPlan:
    request, settings, fleet = ground.asked.request, ground.asked.settings, ground.fleet
    own = [seen for id_, seen in ground.capacities.items() if id_ in fleet.own]
    members = frozenset().union(*(seen.expected for seen in own))
    walked = {pool.id: pool for planned in walk for pool in ground.pools_of(planned.host)}
    return RolloutPlan(
        lb=fleet.lb,
        kind=fleet.kind,
        why=request.why,
        release=request.release,
        pools=tuple(_planned_pool(pool, ground) for pool in _own_first(fleet)),
        hosts=tuple(walk),
        skipped=tuple(skipped),
        refusals=tuple(refusals),
        warnings=tuple(dict.fromkeys(warnings)),
        max_unavailable=ground.rules.max_unavailable,
        total=ground.total,
        in_service=sum(map(ground.serves, members)),
        floor=max((seen.floor for seen in own), default=1),
        estimate=whole_estimate((planned.batch, planned.estimate) for planned in walk),
        costliest=costliest(walked.values(), settings, len(walk)),
        batches=max((planned.batch for planned in walk), default=0),
        canary=min(_canary(ground), len(walk)),
        groups=planned_groups(ground, walk),
    )


def _nobody(fleet: Fleet) -> list[Refusal]:
    if any(host.state not in DEAD for host in fleet.hosts.values()):
        return []
    return [Refusal("no-hosts", f"no host is behind {fleet.lb}, and none is recorded as out")]


def _unread(fleet: Fleet, views: Mapping[PoolId, PoolView]) -> list[Refusal]:
    """Never plan on half an answer (F-15)."""
    missing = sorted(pool.name for id_, pool in fleet.pools.items() if id_ not in views)
    return [Refusal("unread", f"the health of {listed(missing)} was not read")] if missing else []


def _own_first(fleet: Fleet) -> list[Pool]:
    return sorted(fleet.pools.values(), key=lambda pool: (pool.id not in fleet.own, pool.name, pool.id))


def _planned_pool(pool: Pool, ground: Ground) -> PlannedPool:
    settings, seen = ground.asked.settings, ground.capacities[pool.id]
    return PlannedPool(
        pool=pool,
        own=pool.id in ground.fleet.own,
        until=until_for(pool, settings),
        settle=settle_for(pool, settings),
        drain_limit=drain_limit((pool,), settings),
        healthy_about=healthy_about(pool),
        healthy_limit=healthy_limit(pool),
        expected=len(seen.expected),
        capacity=len(seen.capacity),
        floor=seen.floor,
        floor_why=seen.floor_why,
        strange=pool.id in ground.fleet.strange,
    )


def _planned_hosts(ground: Ground, hosts: Sequence[Host]) -> list[PlannedHost]:
    first, size = _canary(ground), _batch_size(ground, hosts)
    return [_planned_host(host, ground, batch_of(place, size, first)) for place, host in enumerate(hosts)]


def _canary(ground: Ground) -> int:
    canary = ground.asked.settings.pace.canary
    share = canary if canary is None or isinstance(canary, Amount) else canary.hosts
    return 0 if share is None else share.rounded_down(ground.total)


def _batch_size(ground: Ground, hosts: Sequence[Host]) -> int:
    """As many at once as the floor leaves room for, in the tightest pool of the fleet's own."""
    walked = {host.id for host in hosts}
    room = [
        len(seen.expected) - seen.floor - len((seen.expected & ground.out.keys()) - walked)
        for id_, seen in ground.capacities.items()
        if id_ in ground.fleet.own
    ]
    return max(1, min([ground.rules.max_unavailable, *room]))


def _planned_host(host: Host, ground: Ground, batch: int) -> PlannedHost:
    request, settings = ground.asked.request, ground.asked.settings
    record, worst = ground.open_record(host.id), ground.worst(host.id)
    resumed = None if request.why is Why.DRAIN else record
    begin = begin_of(resumed, request.release, ground.showing(host.id))
    before = held_release(ground.records.get(host.id))
    return PlannedHost(
        host=host,
        registrations=frozenset(
            item for item in ground.fleet.registrations.get(host.id, frozenset()) if item.pool in ground.fleet.pools
        ),
        state=ground.state(host.id),
        said=_said(worst.row.reason, worst.row.said) if worst else None,
        record=record,
        begin=begin,
        release_before=before,
        release_after=request.release or (None if request.why is Why.ROLL else before),
        batch=batch,
        estimate=host_estimate(ground.pools_of(host), begin, settings),
    )


def _said(*words: str | None) -> str | None:
    return ", ".join(filter(None, words)) or None
