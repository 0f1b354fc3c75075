"""Auto Scaling groups of moto that let hosts stand by, and replace sick ones (aws.md A1-A7, M3). Imports moto."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import (
    AutoScalingBackend,
    EnterStandbyActivity,
    ExitStandbyActivity,
    FakeAutoScalingGroup,
    InstanceState,
    autoscaling_backends,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from elbroll.demo.lifelike.guard import ACCOUNT, REGION
from elbroll.demo.lifelike.patching import Addition, Patch
from elbroll.demo.lifelike.timeline import pool_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moto.elbv2.models import FakeTargetGroup

    from elbroll.demo.lifelike.simulation import Simulation

IN_SERVICE = "InService"
STANDBY = "Standby"


class BusyError(AutoscalingClientError):
    """An instance is on its way from one state to another."""

    code = "ScalingActivityInProgress"


class ScalingGroups:
    """What stands in for moto's groups."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._states = simulation.groups

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (
            Patch(AutoScalingBackend, "enter_standby_instances", self.enter_standby_instances),
            Patch(AutoScalingBackend, "exit_standby_instances", self.exit_standby_instances),
            Patch(AutoScalingBackend, "update_attached_target_groups", self.update_attached_target_groups),
            Patch(AutoScalingBackend, "update_attached_elbs", self.update_attached_elbs),
            Patch(AutoScalingBackend, "describe_auto_scaling_instances", self.describe_auto_scaling_instances),
        )

    def additions(self) -> tuple[Addition, ...]:
        """What moto does not offer."""
        return (Addition(AutoScalingResponse, "describe_instance_refreshes", self.describe_instance_refreshes),)

    def enter_standby_instances(
        self, backend: AutoScalingBackend, group_name: str, instance_ids: list[str], should_decrement: bool
    ) -> list[EnterStandbyActivity]:
        """Out of all attached pools; with decrement not below the group's minimum (A3, A4)."""
        group = _found(backend, group_name)
        states = list(self._settled(group, instance_ids, IN_SERVICE))
        before = group.desired_capacity or 0
        if should_decrement and before - len(states) < (group.min_size or 0):
            sizes = f"min-size={group.min_size}, max-size={group.max_size}, and desired-size={before}"
            raise ValidationError(
                f"AutoScalingGroup {group.name} has {sizes}. To place into standby {len(states)} instance, please "
                "update the AutoScalingGroup sizes appropriately."
            )
        self._move(states, STANDBY, "EnteringStandby")
        self._leave(backend, group, instance_ids)
        group.set_desired_capacity(before - len(states) if should_decrement else before)
        return [EnterStandbyActivity(state.instance, before) for state in states]

    def exit_standby_instances(
        self, backend: AutoScalingBackend, group_name: str, instance_ids: list[str]
    ) -> list[ExitStandbyActivity]:
        """Into all attached pools, on their own ports; never beyond the maximum, nor without `Launch` (A5)."""
        group = _found(backend, group_name)
        states = list(self._settled(group, instance_ids, STANDBY))
        before = group.desired_capacity or 0
        if "Launch" in {each["ProcessName"] for each in group.suspended_processes}:
            raise ValidationError("You cannot exit standby while the Launch process is suspended.")
        if before + len(states) > (group.max_size or 0):
            raise ValidationError(f"AutoScalingGroup {group.name} has max-size={group.max_size}.")
        self._move(states, IN_SERVICE, "Pending")
        group.set_desired_capacity(before + len(states))
        return [ExitStandbyActivity(state.instance, before) for state in states]

    def update_attached_target_groups(self, backend: AutoScalingBackend, group_name: str) -> None:
        """Whoever came into service joins once; whom somebody took out by hand stays out (A1)."""
        group = backend.autoscaling_groups[group_name]
        for pool in _target_groups(backend, group):
            if fresh := self._joining(group, pool_of(pool.arn)):
                backend.elbv2_backend.register_targets(pool.arn, [{"Id": one, "Port": pool.port} for one in fresh])

    def update_attached_elbs(self, backend: AutoScalingBackend, group_name: str) -> None:
        """The same for classic balancers."""
        group = backend.autoscaling_groups[group_name]
        for name in group.load_balancer_names:
            if name in backend.elb_backend.load_balancers and (fresh := self._joining(group, f"clb/{name}")):
                backend.elb_backend.register_instances(name, fresh, from_autoscaling=True)

    def describe_auto_scaling_instances(
        self, backend: AutoScalingBackend, instance_ids: list[str]
    ) -> list[InstanceState]:
        """With states that take their time; who belongs to no group is missing (A6)."""
        states = (state for group in backend.autoscaling_groups.values() for state in group.instance_states)
        return [self._shown(state) for state in states if not instance_ids or state.instance.id in instance_ids]

    def describe_instance_refreshes(self, response: AutoScalingResponse) -> ActionResult:
        """At most one, as it was told to be."""
        name = str(response._get_param("AutoScalingGroupName"))  # noqa: SLF001 - as moto's own handlers do
        status = self._states.refreshes.get(name)
        refreshes = [{"InstanceRefreshId": "refresh-1", "AutoScalingGroupName": name, "Status": status}]
        return ActionResult({"InstanceRefreshes": refreshes if status else []})

    def unwell(self, group_name: str) -> tuple[str, ...]:
        """Whom the group's health checks find sick: with type ELB whoever in service gets no traffic from one of the
        attached pools, members taken out by hand among them (A1)."""
        group = _found(autoscaling_backends[ACCOUNT][REGION], group_name)
        serving = (str(state.instance.id) for state in group.active_instances())
        return tuple(one for one in serving if self._unwell(group, one))

    # --- private ---------------------------------------------------------------------------------

    def _settled(self, group: FakeAutoScalingGroup, ids: Iterable[str], wanted: str) -> Iterator[InstanceState]:
        members = {state.instance.id: state for state in group.instance_states}
        for one in ids:
            if one not in members:
                raise ValidationError(f"The instance {one} is not part of Auto Scaling group {group.name}.")
            shown = str(self._shown(members[one]).lifecycle_state)
            if shown not in {IN_SERVICE, STANDBY}:
                raise BusyError(f"Scaling activity in progress for instance {one}: {shown}")
            if shown != wanted:
                raise ValidationError(f"The instance {one} is not in {wanted}.")
            yield members[one]

    def _move(self, states: Iterable[InstanceState], to: str, by_way_of: str) -> None:
        for state in states:
            state.lifecycle_state = to
            until = self._simulation.clock.monotonic() + self._states.lag
            self._states.moving[state.instance.id] = (by_way_of, until)

    def _shown(self, state: InstanceState) -> InstanceState:
        by_way_of, until = self._states.moving.get(state.instance.id, ("", 0.0))
        if self._simulation.clock.monotonic() >= until:
            return state
        shown = copy.copy(state)
        shown.lifecycle_state = by_way_of
        return shown

    def _joining(self, group: FakeAutoScalingGroup, pool: str) -> list[str]:
        serving = [state.instance.id for state in group.active_instances()]
        fresh = [one for one in serving if (pool, one) not in self._states.joined]
        self._states.joined.update((pool, one) for one in fresh)
        return fresh

    def _leave(self, backend: AutoScalingBackend, group: FakeAutoScalingGroup, ids: list[str]) -> None:
        for pool in _target_groups(backend, group):
            backend.elbv2_backend.deregister_targets(pool.arn, [{"Id": one, "Port": pool.port} for one in ids])
            self._states.joined.difference_update((pool_of(pool.arn), one) for one in ids)
        for name in group.load_balancer_names:
            backend.elb_backend.deregister_instances(name, ids, from_autoscaling=True)
            self._states.joined.difference_update((f"clb/{name}", one) for one in ids)

    def _unwell(self, group: FakeAutoScalingGroup, instance: str) -> bool:
        pools = [*map(pool_of, group.target_group_arns), *(f"clb/{name}" for name in group.load_balancer_names)]
        if "ELB" not in str(group.health_check_type) or not pools:
            return False
        rows = {pool: [row for row in self._simulation.rows(pool) if row.target.id == instance] for pool in pools}
        return any(not found or any(not row.carries_traffic for row in found) for found in rows.values())


def _found(backend: AutoScalingBackend, name: str) -> FakeAutoScalingGroup:
    group = backend.autoscaling_groups.get(name)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


def _target_groups(backend: AutoScalingBackend, group: FakeAutoScalingGroup) -> list[FakeTargetGroup]:
    known = backend.elbv2_backend.target_groups
    return [known[arn] for arn in group.target_group_arns if arn in known]
