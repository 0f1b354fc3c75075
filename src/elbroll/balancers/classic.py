"""Classic load balancers: what their texts mean, and instances in and out (C1-C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import Action
from elbroll.aws.answers import part
from elbroll.aws.door import door
from elbroll.balancers.members import must_be_of, same_entry
from elbroll.model import Pool, Registration, TargetSeen, TargetState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_elb.type_defs import InstanceTypeDef

    from elbroll.aws.clients import Clients

NOTHING = frozenset({None, "", "N/A"})
TEXTS = (
    ("not currently registered", TargetState.GONE),
    ("deregistration", TargetState.DRAINING),
    ("registration is still in progress", TargetState.INITIAL),
    ("has not passed the configured", TargetState.INITIAL),
    ("in pending state", TargetState.INITIAL),
    ("in stopped state", TargetState.UNUSED),
    ("in terminated state", TargetState.UNUSED),
    ("not configured to route traffic", TargetState.UNUSED),
)
"""Classic balancers have no codes for these: the API reference lists the sentences, and C1 rests on two of them."""


class Classics:
    """`Members` of classic balancers: a registration is the instance id alone (C4)."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def listed(self, pool: Pool) -> tuple[TargetSeen, ...]:
        """One call. Whether a draining instance is listed is written nowhere: those of ours are asked for by id."""
        return self._health(pool)

    def asked(self, pool: Pool, registrations: Sequence[Registration]) -> tuple[TargetSeen, ...]:
        """One call; an id that EC2 no longer knows makes AWS refuse it (TargetRefused) or leave it out (C2)."""
        rows = self._health(pool, Instances=_instances(registrations))
        wanted = {same_entry(registration) for registration in registrations}
        return tuple(row for row in rows if same_entry(row.registration) in wanted)

    def add(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """One call for all."""
        must_be_of(pool, registrations)
        with door(Action.REGISTER_INSTANCES, _resource(pool)):
            self._clients.elb.register_instances_with_load_balancer(
                LoadBalancerName=pool.name, Instances=_instances(registrations)
            )

    def remove(self, pool: Pool, registrations: Sequence[Registration]) -> None:
        """One call for all."""
        must_be_of(pool, registrations)
        with door(Action.DEREGISTER_INSTANCES, _resource(pool)):
            self._clients.elb.deregister_instances_from_load_balancer(
                LoadBalancerName=pool.name, Instances=_instances(registrations)
            )

    def _health(self, pool: Pool, **arguments: Any) -> tuple[TargetSeen, ...]:
        with door(Action.INSTANCE_HEALTH, _resource(pool)):
            answer = self._clients.elb.describe_instance_health(LoadBalancerName=pool.name, **arguments)
        return tuple(_seen(pool, row) for row in part(answer, "InstanceStates", Action.INSTANCE_HEALTH))


def meaning(state: str, reason: str | None, description: str | None) -> TargetState:
    """What state, code and text come to: `InService` alone is not in service, `OutOfService` alone is not out."""
    text = (description or "").lower()
    told = next((meant for words, meant in TEXTS if words in text), None)
    if told is not None:
        return told
    if state == "InService" and description in NOTHING:
        return TargetState.HEALTHY
    if state == "OutOfService" and reason == "Instance":
        return TargetState.UNHEALTHY
    return TargetState.UNKNOWN


def _seen(pool: Pool, row: Mapping[str, Any]) -> TargetSeen:
    word = part(row, "State", Action.INSTANCE_HEALTH)
    reason = None if row.get("ReasonCode") in NOTHING else row["ReasonCode"]
    text = None if row.get("Description") in NOTHING else row["Description"]
    state = meaning(word, reason, text)
    said = " ".join(filter(None, [word if state is TargetState.UNKNOWN else None, text])) or None
    registration = Registration(pool.id, part(row, "InstanceId", Action.INSTANCE_HEALTH), port=None)
    return TargetSeen(registration, state, reason, said)


def _instances(registrations: Sequence[Registration]) -> list[InstanceTypeDef]:
    return [{"InstanceId": registration.id} for registration in registrations]


def _resource(pool: Pool) -> str:
    return f"loadbalancer/{pool.name}"
