"""Target groups of moto that drain and warm up (aws.md M1). Imports moto: import it only where moto is wanted."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import ELBClientError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup
from moto.elbv2.responses import ELBV2Response

from elbroll.demo.lifelike.patching import Patch, stock
from elbroll.demo.lifelike.pools import Refusal
from elbroll.demo.lifelike.targets import Asked, PoolRules, Row
from elbroll.demo.lifelike.timeline import pool_of
from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from elbroll.demo.lifelike.simulation import Simulation


class GroupSource:
    """A target group of moto's, as the simulation asks about it."""

    def __init__(self, group: FakeTargetGroup) -> None:
        self._group = group

    def rules(self) -> PoolRules:
        """The settings now."""
        group = self._group
        attributes = group.attributes
        check_port = str(group.health_check_port or "traffic-port")
        return PoolRules(
            kind=self._kind(),
            target_type=TargetType.IP if group.target_type == "ip" else TargetType.INSTANCE,
            port=int(group.port),
            check_port=None if check_port == "traffic-port" else int(check_port),
            checks_enabled=str(group.health_check_enabled).lower() != "false",
            interval=float(group.health_check_interval_seconds),
            healthy_threshold=int(group.healthy_threshold_count),
            unhealthy_threshold=int(group.unhealthy_threshold_count),
            delay=float(str(attributes["deregistration_delay.timeout_seconds"])),
            fail_open_count=_number(attributes.get(f"{ROUTING}.count"), 1),
            fail_open_percent=_number(attributes.get(f"{ROUTING}.percentage"), 0),
        )

    def instance_state(self, target_id: str) -> str | None:
        """EC2's state; None for addresses and strangers."""
        instance = self._group.ec2_backend.get_instance_by_id(target_id)
        return str(instance.state) if instance else None

    def _kind(self) -> BalancerKind | None:
        if not self._group.load_balancer_arns:
            return None
        return BalancerKind.ALB if self._group.protocol in {"HTTP", "HTTPS"} else BalancerKind.NLB


ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"


class Health(FakeHealthStatus):
    """A row as moto serialises it, with all that was given at registration (T5)."""

    def __init__(self, row: Row) -> None:
        shown = row.shown
        port = str(row.target.port)
        super().__init__(row.target.id, port, str(row.check_port or port), shown.state, shown.reason, shown.description)
        self._row = row
        self.administrative_override = shown.override
        self.anomaly_detection = shown.anomaly

    @property
    def target(self) -> dict[str, Any]:
        """`Id`, `Port`, and whatever else AWS would give back."""
        target = self._row.target
        extra = {"AvailabilityZone": target.zone, "QuicServerId": target.quic_server_id}
        return {**super().target, **{key: value for key, value in extra.items() if value is not None}}


class TargetGroups:
    """What stands in for moto's target groups."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._delete: Callable[..., FakeTargetGroup] = stock(ELBv2Backend, "delete_target_group")

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (
            Patch(FakeTargetGroup, "register", self.register),
            Patch(FakeTargetGroup, "deregister", self.deregister),
            Patch(FakeTargetGroup, "deregister_terminated_instances", self.deregister_terminated_instances),
            Patch(ELBv2Backend, "describe_target_health", self.describe_target_health),
            Patch(ELBv2Backend, "delete_target_group", self.delete_target_group),
            Patch(ELBV2Response, "describe_target_health", self.answer_health),
        )

    def register(self, group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
        """All or none. Raises moto's error where AWS says `InvalidTarget` (T11)."""
        for target in targets:
            _refuse(group, str(target["Id"]))
        try:
            self._simulation.register(pool_of(group.arn), GroupSource(group), _asked(targets))
        except Refusal as refusal:
            raise ELBClientError(refusal.code, refusal.message) from refusal

    def deregister(self, group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
        """Always succeeds (T6)."""
        self._simulation.deregister(pool_of(group.arn), GroupSource(group), _asked(targets))

    def deregister_terminated_instances(self, group: FakeTargetGroup, instance_ids: list[str]) -> None:
        """AWS takes terminated instances out by itself."""
        del group
        self._simulation.terminated(instance_ids)

    def describe_target_health(
        self, backend: ELBv2Backend, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        """A listing shows registered and draining targets; asked by id, strangers get a row too (T2)."""
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        return list(self._rows(group, targets))

    def answer_health(self, response: ELBV2Response) -> ActionResult:
        """Anomalies are shown to those who ask for them (T3)."""
        arn, targets = response._get_param("TargetGroupArn"), response._get_param("Targets", [])  # noqa: SLF001
        rows = response.elbv2_backend.describe_target_health(arn, targets)
        if not {"AnomalyDetection", "All"} & set(response._get_param("Include", [])):  # noqa: SLF001
            for row in rows:
                row.anomaly_detection = None  # type: ignore[attr-defined]  # a `Health`, which moto does not know
        return ActionResult({"TargetHealthDescriptions": rows})

    def delete_target_group(self, backend: ELBv2Backend, target_group_arn: str) -> FakeTargetGroup:
        """Its targets go with it."""
        deleted = self._delete(backend, target_group_arn)
        self._simulation.forget(pool_of(target_group_arn))
        return deleted

    def _rows(self, group: FakeTargetGroup, targets: list[dict[str, Any]]) -> list[Health]:
        pool, source = pool_of(group.arn), GroupSource(group)
        if targets:
            rows = self._simulation.rows_of(pool, source, _asked(targets))
        else:
            rows = self._simulation.listing(pool, source)
        return [Health(row) for row in rows]


def _asked(targets: Iterable[dict[str, Any]]) -> list[Asked]:
    return [
        Asked(
            str(target["Id"]),
            int(target["Port"]) if target.get("Port") is not None else None,
            target.get("AvailabilityZone"),
            target.get("QuicServerId"),
        )
        for target in targets
    ]


def _refuse(group: FakeTargetGroup, target_id: str) -> None:
    if group.target_type == "ip":
        _refuse_address(target_id)
        return
    instance = group.ec2_backend.get_instance_by_id(target_id)
    if instance is None:
        raise ELBClientError("InvalidTarget", f"The following targets do not exist: '{target_id}'")
    if instance.state != "running":
        raise ELBClientError(
            "InvalidTarget",
            f"The following targets are not in a running state and cannot be registered: '{target_id}'",
        )
    if instance.vpc_id != group.vpc_id:
        raise ELBClientError(
            "InvalidTarget", f"The following targets are not in the target group VPC '{group.vpc_id}': '{target_id}'"
        )


def _refuse_address(target_id: str) -> None:
    try:
        ipaddress.ip_address(target_id)
    except ValueError as error:
        raise ELBClientError("ValidationError", f"The IP address '{target_id}' is not a valid IPv4 address") from error


def _number(value: object, off: int) -> int:
    """Attributes are text, and `off` switches one off."""
    return off if value in {None, "off"} else int(str(value))
