"""The guard asked beforehand, host after host on the happy path, so that a plan shows what a deploy would meet. Pure.

Each walked host is taken to come back healthy before the next one leaves (a drained one to stay out). What the guard
refuses then, it would refuse in the roll; what it only refuses for a while (`heals`), the roll waits for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from elbroll.core.guard import NO_CONSENT, Consent, Leave, Refuse, may_leave
from elbroll.core.names import host_word, listed
from elbroll.core.planned import Refusal
from elbroll.model import PoolView, RecordState, Step, TargetSeen, TargetState, Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.core.ground import Ground
    from elbroll.core.planned import PlannedHost
    from elbroll.model import HostId, PoolId, Registration

WAIVABLE = frozenset({"floor", "last-healthy"})


@dataclass(frozen=True, slots=True)
class _Answer:
    name: str
    refuse: Refuse


@dataclass(slots=True)
class Rehearsal:
    """What the guard would say in the course of the roll."""

    refused: dict[str, list[_Answer]] = field(default_factory=dict)
    """By code, in order."""
    agreed: list[_Answer] = field(default_factory=list)
    """What consent has waived."""
    healing: list[_Answer] = field(default_factory=list)
    """What the roll waits for."""
    warnings: list[str] = field(default_factory=list)
    """What the guard lets pass with a word."""


def rehearse(ground: Ground, walk: Iterable[PlannedHost]) -> Rehearsal:
    """Let every host leave and come back, in order."""
    stage = _Stage(ground, dict(ground.views), dict(ground.out))
    rehearsal = Rehearsal()
    for planned in walk:
        if planned.begin is Step.DRAIN:
            _note(rehearsal, planned, stage)
        stage.moves_on(planned)
    return rehearsal


def warnings_of(rehearsal: Rehearsal) -> list[str]:
    """What does not forbid the roll: one sentence a kind, then the guard's own words."""
    agreed = [f"{_told(rehearsal.agreed)}; you have said yes to that"] if rehearsal.agreed else []
    healing = [f"{_told(rehearsal.healing)}; the roll waits for newcomers"] if rehearsal.healing else []
    return [*agreed, *healing, *rehearsal.warnings]


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
        for id_ in {item.pool for item in planned.registrations}:
            self.views[id_] = _with(self.views[id_], planned.registrations, TargetState.HEALTHY)
        if drained:
            self.out[planned.host.id] = "by this run"
        else:
            self.out.pop(planned.host.id, None)


def _with(view: PoolView, registrations: frozenset[Registration], state: TargetState) -> PoolView:
    here = {(item.id, item.port): item for item in registrations if item.pool == view.pool}
    others = tuple(row for row in view.rows if (row.registration.id, row.registration.port) not in here)
    return replace(view, rows=(*others, *(TargetSeen(item, state) for item in sorted(here.values(), key=str))))


def _note(rehearsal: Rehearsal, planned: PlannedHost, stage: _Stage) -> None:
    """Sort the guard's answer: no, yes by consent, later, or yes."""
    consent = stage.ground.asked.consent
    plain, answer = stage.asked(planned.host.id, NO_CONSENT), stage.asked(planned.host.id, consent)
    if isinstance(answer, Leave):
        rehearsal.warnings.extend(answer.warnings)
        if isinstance(plain, Refuse):
            rehearsal.agreed.append(_Answer(planned.host.name, plain))
    elif answer.heals:
        rehearsal.healing.append(_Answer(planned.host.name, answer))
    else:
        _note_refused(rehearsal, planned, stage)


def _note_refused(rehearsal: Rehearsal, planned: PlannedHost, stage: _Stage) -> None:
    """Behind one refusal there may be another: each is asked for, so that one yes covers them all."""
    consent = stage.ground.asked.consent
    while isinstance(answer := stage.asked(planned.host.id, consent), Refuse):
        code = "floor" if answer.code == "threshold" else answer.code  # one consent covers both (safety.md 5)
        rehearsal.refused.setdefault(code, []).append(_Answer(planned.host.name, answer))
        if code not in WAIVABLE:
            return
        consent = Consent(
            below_floor=consent.below_floor or code == "floor",
            last_healthy=consent.last_healthy or code == "last-healthy",
        )


def _told(answers: list[_Answer]) -> str:
    return ", ".join([answers[0].refuse.message, *_likewise(answers)])


def _likewise(answers: list[_Answer]) -> tuple[str, ...]:
    """The hosts after the first, five of them by name."""
    others = [answer.name for answer in answers[1:]]
    named = others if len(others) <= 5 else [*others[:5], f"{len(others) - 5} more"]
    return (f"likewise {listed(named)}",) if named else ()


def _refusal(code: str, answers: list[_Answer], back: list[str]) -> Refusal:
    first = answers[0].refuse
    return Refusal(code, first.message, (*first.why, *_likewise(answers)), _fix(code, first, back), code in WAIVABLE)


def _fix(code: str, refuse: Refuse, back: list[str]) -> tuple[str, ...]:
    restore = (f"elbroll restore {' '.join(back)} first",) if back else ()
    if code in WAIVABLE:
        return (", or ".join([*restore, f"--yes if you accept {refuse.accepts} in service"]),)
    if code == "zonal-shift":
        return ("wait until the zonal shift is over",)
    return (*restore, "mend one host in place, until the balancer calls it healthy; then roll the others")


def _restorable(ground: Ground, walked: set[HostId]) -> list[str]:
    """Words for hosts that stay out in this roll and that `restore` would put back; not those of unknown version."""
    able = {RecordState.HELD, RecordState.DEPLOYED, RecordState.REGISTERING}
    return [
        host_word(ground.fleet.hosts[host].name, host)
        for host, record in ground.records.items()
        if record.state in able and host in ground.fleet.hosts and host not in walked
    ]
