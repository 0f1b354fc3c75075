"""Which hosts are walked, in which order, and which are left as they are. Pure (safety.md 4, I-18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.begin import held_release
from elbroll.core.order import in_order
from elbroll.core.planned import Skipped, SkipReason
from elbroll.model import InstanceState, RecordState, TargetState, Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.ground import Ground
    from elbroll.core.select import Selection
    from elbroll.model import Host

DEAD = frozenset({InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN, InstanceState.MISSING})


def choose(ground: Ground, selection: Selection) -> tuple[list[Host], list[Skipped]]:
    """Hosts to walk in their order, and the others with the reason."""
    reasons = {host.id: _reason_to_skip(host, ground, selection) for host in ground.fleet.hosts.values()}
    walked = _queue(ground, (host for host in ground.fleet.hosts.values() if reasons[host.id] is None))
    limit = ground.asked.request.limit
    cut = walked if limit is None else walked[: max(0, limit)]
    kept = {host.id for host in cut}
    left = in_order((host for host in ground.fleet.hosts.values() if host.id not in kept), "name")
    return cut, [_skipped(host, reasons[host.id] or SkipReason.NOT_SELECTED, ground) for host in left]


def _reason_to_skip(host: Host, ground: Ground, selection: Selection) -> SkipReason | None:
    if host.state in DEAD:
        return SkipReason.GONE
    if host.id not in selection.chosen:
        return SkipReason.NOT_SELECTED
    if _stays_out(host, ground, selection):
        return SkipReason.DRAINED
    return SkipReason.CURRENT if _is_current(host, ground) else None


def _stays_out(host: Host, ground: Ground, selection: Selection) -> bool:
    """Out on purpose and not asked for by its own name; or out already, where draining is all that was asked."""
    record = ground.open_record(host.id)
    if record is None:
        return False
    if ground.asked.request.why is Why.DRAIN:
        return not ground.showing(host.id)
    return record.why is Why.DRAIN and record.state is not RecordState.UNREADABLE and host.id not in selection.named


def _is_current(host: Host, ground: Ground) -> bool:
    """On the release by its closed record, and in service everywhere: nothing to do (I-19)."""
    request, record = ground.asked.request, ground.records.get(host.id)
    if request.why is Why.DRAIN or request.release is None or request.include_current or record is None:
        return False
    closed = record.state is RecordState.IN_SERVICE and record.release_after == request.release
    return closed and ground.serves(host.id)


def _queue(ground: Ground, hosts: Iterable[Host]) -> list[Host]:
    """Recorded hosts first, those that somebody registered by hand foremost; then sick ones; then the rest."""
    ranks: list[list[Host]] = [[], [], [], []]
    for host in hosts:
        ranks[_rank(host, ground)].append(host)
    return [host for rank in ranks for host in in_order(rank, ground.asked.settings.pace.order)]


def _rank(host: Host, ground: Ground) -> int:
    if ground.by_hand(host.id):
        return 0
    if ground.open_record(host.id) is not None:
        return 1
    return 3 if ground.state(host.id) in {TargetState.HEALTHY, TargetState.INITIAL} else 2


def _skipped(host: Host, reason: SkipReason, ground: Ground) -> Skipped:
    out = host.id in ground.out
    return Skipped(host, reason, held_release(ground.records.get(host.id)), out, ground.state(host.id))
