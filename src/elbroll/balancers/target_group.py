"""Target groups: what a health row means, and exact entries in and out (T1, T2, T3, T5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import Action
from elbroll.aws.answers import chunks, part
from elbroll.aws.door import door
from elbroll.balancers.members import must_be_of, same_entry
from elbroll.model import BalancerKind, Pool, Registration, TargetSeen, TargetState, TargetType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_elbv2.type_defs import TargetDescriptionTypeDef

    from elbroll.aws.clients import Clients

AT_A_TIME = 100
"""Targets in one question."""
UNUSED = {
    "Target.NotRegistered": TargetState.GONE,
    "Target.NotInUse": TargetState.UNUSED,
    "Target.InvalidState": TargetState.UNUSED,
    "Target.IpUnusable": TargetState.UNUSED,
}
"""`unused` is not "gone": only its reason tells."""
NOT_SHIFTED = frozenset({None, "no_override"})
SHIFTED = frozenset({"zonal_shift_active", "zonal_shift_delegated_to_dns"})


class TargetGroups:
    """`Members` of application and network balancers' pools."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def listed(self, pool: Pool) -> tuple[TargetSeen, ...]:
        """One call; with anomalies where the balancer detects them."""
        extra: dict[str, Any] = {"Include": ["AnomalyDetection"]} if pool.kind is BalancerKind.ALB else {}
        return tuple(_seen(pool, row) for row in self._health(pool, **extra))

    def asked(self, pool: Pool, registrations: Sequence[Registration]) -> tuple[TargetSeen, ...]:
        """One call for a hundred; rows carry the registrations as they were asked for."""
        exact = {same_entry(registration): registration for registration in registrations}
        found: list[TargetSeen] = []
        for some in chunks(registrations, AT_A_TIME):
            for row in self._health(pool, Targets=[_target(registration) for registration in some]):
                seen = _seen(pool, row, exact)
                found += [seen] if same_entry(seen.registration) in exact else []
        return tuple(found)

    def add(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """One call for all: AWS takes all or none."""
        must_be_of(pool, registrations)
        with door(Action.REGISTER_TARGETS, _resource(pool)):
            self._clients.elbv2.register_targets(
                TargetGroupArn=_arn(pool), Targets=[_target(registration) for registration in registrations]
            )

    def remove(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """One call for all."""
        must_be_of(pool, registrations)
        with door(Action.DEREGISTER_TARGETS, _resource(pool)):
            self._clients.elbv2.deregister_targets(
                TargetGroupArn=_arn(pool), Targets=[_target(registration) for registration in registrations]
            )

    def _health(self, pool: Pool, **arguments: Any) -> Sequence[Mapping[str, Any]]:
        with door(Action.TARGET_HEALTH, _resource(pool)):
            answer = self._clients.elbv2.describe_target_health(TargetGroupArn=_arn(pool), **arguments)
        rows: Sequence[Mapping[str, Any]] = part(answer, "TargetHealthDescriptions", Action.TARGET_HEALTH)
        return rows


def meaning(state: str, reason: str | None, override: str | None = None) -> TargetState:
    """What AWS's words come to. Words we do not know are neither capacity nor gone (T1, F-26)."""
    match state:
        case "healthy" if reason is None:
            return _healthy(override)
        case "initial":
            return TargetState.INITIAL
        case "unhealthy" | "unhealthy.draining":
            return TargetState.UNHEALTHY
        case "draining":
            return TargetState.DRAINING
        case "unused":
            return UNUSED.get(reason or "", TargetState.UNKNOWN)
        case "unavailable":
            return TargetState.UNAVAILABLE
        case _:
            return TargetState.UNKNOWN


def _healthy(override: str | None) -> TargetState:
    """A zonal shift keeps traffic away from healthy targets (T3)."""
    if override in NOT_SHIFTED:
        return TargetState.HEALTHY
    return TargetState.SHIFTED if override in SHIFTED else TargetState.UNKNOWN


def _seen(
    pool: Pool, row: Mapping[str, Any], exact: Mapping[tuple[str, int | None], Registration] | None = None
) -> TargetSeen:
    health = part(row, "TargetHealth", Action.TARGET_HEALTH)
    word = part(health, "State", Action.TARGET_HEALTH)
    override = row.get("AdministrativeOverride", {})
    shifted = part(override, "State", Action.TARGET_HEALTH) if override else None
    state = meaning(word, health.get("Reason"), shifted)
    registration = _registration(pool, part(row, "Target", Action.TARGET_HEALTH))
    return TargetSeen(
        (exact or {}).get(same_entry(registration), registration),
        state,
        health.get("Reason"),
        _said(state, word, health, override),
        anomalous=row.get("AnomalyDetection", {}).get("Result") == "anomalous",
    )


def _said(state: TargetState, word: str, health: Mapping[str, Any], override: Mapping[str, Any]) -> str | None:
    """AWS's own text; before it AWS's own word, where ours says less (T1: shown as it came)."""
    words = [word] if state is TargetState.UNKNOWN or word == "unhealthy.draining" else []
    if override.get("State") not in NOT_SHIFTED:
        words += [override["State"], override.get("Description", "")]
    return " ".join(filter(None, [*words, health.get("Description")])) or None


def _registration(pool: Pool, target: Mapping[str, Any]) -> Registration:
    """The whole target (T5), but for the zone of an instance, which AWS does not take back (API)."""
    zone = target.get("AvailabilityZone") if pool.target_type is TargetType.IP else None
    address, port = (part(target, name, Action.TARGET_HEALTH) for name in ("Id", "Port"))
    return Registration(pool.id, address, port, zone, target.get("QuicServerId"))


def _target(registration: Registration) -> TargetDescriptionTypeDef:
    target: TargetDescriptionTypeDef = {"Id": registration.id}
    if registration.port is not None:
        target["Port"] = registration.port
    if registration.zone is not None:
        target["AvailabilityZone"] = registration.zone
    if registration.quic_server_id is not None:
        target["QuicServerId"] = registration.quic_server_id
    return target


def _arn(pool: Pool) -> str:
    assert pool.arn is not None, "only a classic balancer has no ARN"  # noqa: S101
    return pool.arn


def _resource(pool: Pool) -> str:
    return f"targetgroup/{pool.name}"
