"""Auto Scaling groups over AWS: who belongs to which, and hosts in and out of standby (A1 to A7).

Two calls change something, and neither a size, a process, nor protection: whatever a group is told here, it is told
of one of its hosts.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import Action
from elbroll.aws.answers import chunks, everything, part
from elbroll.aws.door import door
from elbroll.balancers.settings import classic_id, pool_id
from elbroll.errors import AwsRefused, PermissionDenied, StandbyRefused, Unreadable
from elbroll.model import HostId, Lifecycle, Member, ScalingGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from types_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

    from elbroll.aws.clients import Clients
    from elbroll.model import PoolId

AT_A_TIME = 50
"""Instances, or groups, in one call (Q3)."""
NEWEST = 10
"""Refreshes asked for, newest first; of one group only one is ever under way."""
RUNNING = frozenset({"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"})
SOURCES = {"elbv2": pool_id, "elb": classic_id}
"""Kinds of traffic sources that are pools of ours, and how they are named."""
STATES = {"InService": Lifecycle.IN_SERVICE, "EnteringStandby": Lifecycle.ENTERING, "Standby": Lifecycle.STANDBY}
STEMS = {"Pending": Lifecycle.COMING, "Terminating": Lifecycle.LEAVING, "Terminated": Lifecycle.LEAVING}
DETACHING = ("Detaching", "Detached")


class AwsGroups:
    """The `Groups` port. Nothing is kept, and nothing is retried by time here (B2)."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def members(self, hosts: Collection[HostId]) -> Mapping[HostId, Member]:
        """Those of the hosts that belong to a group; one that AWS leaves out belongs to none (A6)."""
        rows = (row for some in chunks(sorted(hosts), AT_A_TIME) for row in self._instances(some))
        return {member.host: member for member in map(_member, rows) if member.host in hosts}

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """The groups of these names that exist, each with its instance refresh if one is under way."""
        rows = (row for some in chunks(sorted(names), AT_A_TIME) for row in self._described(some))
        return {name: self._group(row) for row in rows if (name := row["AutoScalingGroupName"]) in names}

    def enter_standby(self, group: str, host: HostId) -> None:
        """One host less is wanted from now on, so that none is launched in its place (A4). Proves nothing (A5)."""
        with _asking(Action.ENTER_STANDBY, group):
            self._clients.autoscaling.enter_standby(
                AutoScalingGroupName=group, InstanceIds=[host], ShouldDecrementDesiredCapacity=True
            )

    def exit_standby(self, group: str, host: HostId) -> None:
        """One host more is wanted from now on. Proves nothing (A5)."""
        with _asking(Action.EXIT_STANDBY, group):
            self._clients.autoscaling.exit_standby(AutoScalingGroupName=group, InstanceIds=[host])

    def _instances(self, ids: Iterable[HostId]) -> tuple[Any, ...]:
        pages = partial(self._clients.autoscaling.get_paginator, "describe_auto_scaling_instances")
        return everything(pages, "AutoScalingInstances", Action.SCALING_INSTANCES, {"InstanceIds": list(ids)})

    def _described(self, names: Iterable[str]) -> tuple[Any, ...]:
        pages = partial(self._clients.autoscaling.get_paginator, "describe_auto_scaling_groups")
        return everything(pages, "AutoScalingGroups", Action.SCALING_GROUPS, {"AutoScalingGroupNames": list(names)})

    def _group(self, row: AutoScalingGroupTypeDef) -> ScalingGroup:
        name = row["AutoScalingGroupName"]
        refresh, unread = self._refresh(name)
        hosts = {
            HostId(each["InstanceId"]): meaning(each.get("LifecycleState", "")) for each in row.get("Instances", [])
        }
        return ScalingGroup(
            name=name,
            min_size=part(row, "MinSize", Action.SCALING_GROUPS),
            desired=part(row, "DesiredCapacity", Action.SCALING_GROUPS),
            max_size=part(row, "MaxSize", Action.SCALING_GROUPS),
            health_check=row.get("HealthCheckType", "EC2"),
            zones=tuple(row.get("AvailabilityZones", [])),
            suspended=frozenset(each["ProcessName"] for each in row.get("SuspendedProcesses", [])),
            pools=frozenset(_pools(row)),
            elsewhere=tuple(_elsewhere(row)),
            hosts=frozenset(host for host, lifecycle in hosts.items() if lifecycle is not Lifecycle.LEAVING),
            launching=frozenset(host for host, lifecycle in hosts.items() if lifecycle is Lifecycle.COMING),
            refresh=refresh,
            unread=unread,
        )

    def _refresh(self, group: str) -> tuple[str | None, str | None]:
        """The status of the one under way, and why it could not be read: not permitted, or not offered here (F-21).

        Silence is neither: it raises Unanswered, since a refresh that nobody saw would replace hosts all the same (A7).
        """
        try:
            with door(Action.REFRESHES, f"autoScalingGroup/{group}"):
                answer = self._clients.autoscaling.describe_instance_refreshes(
                    AutoScalingGroupName=group, MaxRecords=NEWEST
                )
        except (PermissionDenied, AwsRefused, Unreadable) as error:
            return None, error.message
        found = part(answer, "InstanceRefreshes", Action.REFRESHES)
        return next((each["Status"] for each in found if each["Status"] in RUNNING), None), None


@contextmanager
def _asking(action: Action, group: str) -> Iterator[None]:
    """Raises StandbyRefused where the group has a reason of its own, besides what `door` raises."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - heavy

    with door(action, f"autoScalingGroup/{group}"):
        try:
            yield
        except ClientError as error:
            answer = error.response.get("Error", {})
            if answer.get("Code") != "ValidationError":
                raise
            raise StandbyRefused(f"{group} refused {action}: {answer.get('Message', 'no reason given')}") from error


def meaning(said: str) -> Lifecycle:
    """What AWS's word comes to; waiting and proceeding in a hook changes nothing about it."""
    if said.startswith(DETACHING):
        return Lifecycle.LEAVING
    return STATES.get(said) or STEMS.get(said.partition(":")[0], Lifecycle.UNKNOWN)


def _member(row: Mapping[str, Any]) -> Member:
    said = part(row, "LifecycleState", Action.SCALING_INSTANCES)
    return Member(HostId(row["InstanceId"]), row["AutoScalingGroupName"], meaning(said), said)


def _pools(row: AutoScalingGroupTypeDef) -> Iterator[PoolId]:
    yield from (pool_id(arn) for arn in row.get("TargetGroupARNs", []))
    yield from (classic_id(name) for name in row.get("LoadBalancerNames", []))
    for source in row.get("TrafficSources", []):
        if (kind := source.get("Type", "elbv2")) in SOURCES:
            yield SOURCES[kind](source["Identifier"])


def _elsewhere(row: AutoScalingGroupTypeDef) -> Iterator[str]:
    for source in row.get("TrafficSources", []):
        if source.get("Type", "elbv2") not in SOURCES:
            yield source["Identifier"]
