"""The guard asked beforehand, host after host on the happy path, so that a plan shows what a deploy would meet. Pure.

Each walked host is taken to come back healthy before the next one leaves (a drained one to stay out). What the guard
refuses then, it would refuse in the roll; what it only refuses for a while (`heals`), the roll waits for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from elbroll.core.guard import NO_CONSENT, Leave, Refuse, may_leave
from elbroll.core.names import listed
from elbroll.core.planned import Refusal
from elbroll.model import PoolView, RecordState, Step, TargetSeen, TargetState, Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.ground import Ground
    from elbroll.core.guard import Consent
    from elbroll.core.planned import PlannedHost
    from elbroll.model import HostId, PoolId, Registration

WAIVABLE = frozenset({"floor", "last-healthy"})


@dataclass(slots=True)
class Rehearsal:
    """What the guard would say in the course of the roll."""

    refused: dict[str, list[tuple[str, Refuse]]] = field(default_factory=dict)
    """By code: names of hosts with the answer, in order."""
    warnings: list[str] = field(default_factory=list)


def rehearse(ground: Ground, walk: Iterable[PlannedHost]) -> Rehearsal:
    """Let every host leave and come back, in order."""
    stage = _Stage(ground, dict(ground.views), dict(ground.out))
    rehearsal = Rehearsal()
    for planned in walk:
        if planned.begin is Step.DRAIN:
            _note(rehearsal, planned, stage)
        stage.moves_on(planned)
    return rehearsal


def refusals_of(rehearsal: Rehearsal, ground: Ground, walk: Iterable[PlannedHost]) -> list[Refusal]:
    """One refusal a code, with the arithmetic of the first host and the names of the others."""
    back = _restorable(ground, {planned.host.id for planned in walk})
    return [_refusal(code, answers, back) for code, answers in rehearsal.refused.items()]


@dataclass(slots=True)
class _Stage:
    """The world as it would be between two walks."""

    ground: Ground
    views: dict[PoolId, PoolView]
    out: dict[HostId, str]

    def asked(self, host: HostId, consent: Consent) -> Leave | Refuse:
        """The guard's answer now."""
        ground = self.ground
        return may_leave(host, ground.fleet, self.views, ground.expected, self.out, ground.rules, consent)

    def moves_on(self, planned: PlannedHost) -> None:
        """The host's walk has ended well."""
        drained = self.ground.asked.request.why is Why.DRAIN
        for id_ in {item.pool for item in planned.registrations} & self.views.keys():
            self.views[id_] = _with(self.views[id_], planned.registrations, TargetState.HEALTHY)
        if drained:
            self.out[planned.host.id] = "by this run"
        else:
            self.out.pop(planned.host.id, None)


def _with(view: PoolView, registrations: frozenset[Registration], state: TargetState) -> PoolView:
    here = {(item.id, item.port): item for item in registrations if item.pool == view.pool}
    others = tuple(row for row in view.rows if (row.registration.id, row.registration.port) not in here)
    return replace(view, rows=(*others, *(TargetSeen(item, state) for item in sorted(here.values()))))


def _note(rehearsal: Rehearsal, planned: PlannedHost, stage: _Stage) -> None:
    """A refusal that consent waives, or that heals by waiting, becomes a warning."""
    consent = stage.ground.asked.consent
    plain, answer = stage.asked(planned.host.id, NO_CONSENT), stage.asked(planned.host.id, consent)
    if isinstance(answer, Refuse) and not answer.heals:
        code = "floor" if answer.code == "threshold" else answer.code  # one consent covers both (safety.md 5)
        rehearsal.refused.setdefault(code, []).append((planned.host.name, answer))
    elif isinstance(answer, Refuse):
        rehearsal.warnings.append(f"{answer.message}: the roll waits for hosts that have only just come")
    else:
        rehearsal.warnings.extend(answer.warnings)
        if isinstance(plain, Refuse):
            rehearsal.warnings.append(f"{plain.message}; you have said yes to that")


def _refusal(code: str, answers: list[tuple[str, Refuse]], back: list[str]) -> Refusal:
    first = answers[0][1]
    others = [name for name, _ in answers[1:]]
    same = (f"likewise {listed(others[:5])}{' and more' if len(others) > 5 else ''}",) if others else ()
    return Refusal(code, first.message, (*first.why, *same), _fix(code, first, back), code in WAIVABLE)


def _fix(code: str, refuse: Refuse, back: list[str]) -> tuple[str, ...]:
    restore = (f"elbroll restore {' '.join(back)} first",) if back else ()
    if code in WAIVABLE:
        return (", or ".join([*restore, f"--yes if you accept {refuse.accepts} in service"]),)
    if code == "zonal-shift":
        return ("wait until the zonal shift is over",)
    return (*restore, "mend one host in place, until the balancer calls it healthy; then roll the others")


def _restorable(ground: Ground, walked: set[HostId]) -> list[str]:
    """Names of hosts that stay out in this roll and that `restore` would put back; not those of unknown version."""
    able = {RecordState.HELD, RecordState.DEPLOYED, RecordState.REGISTERING}
    return [
        ground.fleet.hosts[host].name
        for host, record in ground.records.items()
        if record.state in able and host in ground.fleet.hosts and host not in walked
    ]
