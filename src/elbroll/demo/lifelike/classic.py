"""Classic balancers of moto that drain, warm up and say so in AWS's words (aws.md C1-C5, M2). Imports moto."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.elb.exceptions import ELBClientError, LoadBalancerNotFoundError
from moto.elb.models import ELBBackend, FakeHealthCheck, LoadBalancer
from moto.elb.responses import ELBResponse

from elbroll.demo.lifelike.patching import Patch, stock
from elbroll.demo.lifelike.targets import Asked, Life, PoolRules, Row, Shown
from elbroll.model import BalancerKind, TargetType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.demo.lifelike.simulation import Simulation

DRAINING = Shown("InService", "N/A", "Instance deregistration currently in progress.")
OUT = Shown("OutOfService", "Instance", "Instance is not currently registered with the LoadBalancer.")
IN_SERVICE = Shown("InService", "N/A", "N/A")
COMING = Shown("OutOfService", "ELB", "Instance registration is still in progress.")
STOPPED = Shown("OutOfService", "Instance", "Instance is in stopped state.")
SICK = Shown(
    "OutOfService",
    "Instance",
    "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
)
WORDS = {
    Life.DRAINING.value: DRAINING,
    Life.HEALTHY.value: IN_SERVICE,
    Life.INITIAL.value: COMING,
    Life.UNHEALTHY.value: SICK,
}


class ClassicSource:
    """A classic balancer of moto's, as the simulation asks about it."""

    def __init__(self, backend: ELBBackend, balancer: LoadBalancer) -> None:
        self._backend = backend
        self._balancer = balancer

    def rules(self) -> PoolRules:
        """The settings now; without a configured check AWS's default, a connect every 30 s (C5)."""
        first = self._balancer.listeners[0].instance_port if self._balancer.listeners else 80
        check = self._balancer.health_check or FakeHealthCheck("5", "10", "2", "30", f"TCP:{first}")
        port = re.search(r":(\d+)", check.target)
        return PoolRules(
            kind=BalancerKind.CLASSIC,
            target_type=TargetType.INSTANCE,
            port=None,
            check_port=int(port.group(1)) if port else None,
            checks_enabled=True,
            interval=float(check.interval),
            healthy_threshold=int(check.healthy_threshold),
            unhealthy_threshold=int(check.unhealthy_threshold),
            delay=_draining(self._balancer.attributes["connection_draining"]),
        )

    def instance_state(self, target_id: str) -> str | None:
        """EC2's state; `terminated` for ids that EC2 no longer knows."""
        return instance_state(self._backend, target_id) or "terminated"


class Classic:
    """What stands in for moto's classic balancers."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._delete = stock(ELBBackend, "delete_load_balancer")

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (
            Patch(ELBBackend, "register_instances", self.register_instances),
            Patch(ELBBackend, "deregister_instances", self.deregister_instances),
            Patch(ELBBackend, "describe_instance_health", self.describe_instance_health),
            Patch(ELBBackend, "delete_load_balancer", self.delete_load_balancer),
            Patch(ELBResponse, "register_instances_with_load_balancer", self.answer_register),
            Patch(ELBResponse, "deregister_instances_from_load_balancer", self.answer_deregister),
            Patch(ELBResponse, "describe_instance_health", self.answer_health),
        )

    def register_instances(
        self,
        backend: ELBBackend,
        load_balancer_name: str,
        instance_ids: Iterable[str],
        from_autoscaling: bool = False,
    ) -> LoadBalancer:
        """All or none; whoever is a member already stays one."""
        balancer = _found(backend, load_balancer_name)
        wanted = list(instance_ids)
        for one in wanted:
            _refuse_stranger(backend, one)
        members = balancer.instance_autoscaling_ids if from_autoscaling else balancer.instance_sparse_ids
        members.extend(one for one in dict.fromkeys(wanted) if one not in balancer.instance_ids)
        self._simulation.register(_pool(balancer), ClassicSource(backend, balancer), _asked(wanted))
        return balancer

    def deregister_instances(
        self,
        backend: ELBBackend,
        load_balancer_name: str,
        instance_ids: Iterable[str],
        from_autoscaling: bool = False,
    ) -> LoadBalancer:
        """Out of both lists of moto's, however they came in; strangers to the balancer are passed over."""
        del from_autoscaling
        balancer = _found(backend, load_balancer_name)
        leaving = set(instance_ids)
        balancer.instance_sparse_ids = [one for one in balancer.instance_sparse_ids if one not in leaving]
        balancer.instance_autoscaling_ids = [one for one in balancer.instance_autoscaling_ids if one not in leaving]
        self._simulation.deregister(_pool(balancer), ClassicSource(backend, balancer), _asked(leaving))
        return balancer

    def describe_instance_health(
        self, backend: ELBBackend, lb_name: str, instances: list[dict[str, str]]
    ) -> list[dict[str, Any]]:
        """Members and draining ones, or who was asked for; terminated instances are missing (C2)."""
        balancer = _found(backend, lb_name)
        pool, source = _pool(balancer), ClassicSource(backend, balancer)
        if instances:
            asked = [one["InstanceId"] for one in instances]
            for one in asked:
                _refuse_stranger(backend, one, gone_is_fine=True)
            rows = self._simulation.rows_of(pool, source, _asked(asked))
        else:
            rows = self._simulation.listing(pool, source)
        return [_worded(row) for row in rows if source.instance_state(row.target.id) != "terminated"]

    def delete_load_balancer(self, backend: ELBBackend, load_balancer_name: str) -> None:
        """A balancer made under the same name later knows nothing of the members of this one."""
        self._delete(backend, load_balancer_name)
        self._simulation.forget(f"clb/{load_balancer_name}")

    def answer_register(self, response: ELBResponse) -> ActionResult:
        """Answers all members (C4)."""
        name, ids = _request(response)
        return _members(response.elb_backend.register_instances(name, ids))

    def answer_deregister(self, response: ELBResponse) -> ActionResult:
        """Answers the members that are left (C4)."""
        name, ids = _request(response)
        return _members(response.elb_backend.deregister_instances(name, ids))

    def answer_health(self, response: ELBResponse) -> ActionResult:
        """Passes on the texts, which moto would replace by `N/A`."""
        name, ids = _request(response)
        asked = [{"InstanceId": one} for one in ids]
        return ActionResult({"InstanceStates": response.elb_backend.describe_instance_health(name, asked)})


def instance_state(backend: ELBBackend, instance_id: str) -> str | None:
    """EC2's state of an instance; None for strangers."""
    instance = ec2_backends[backend.account_id][backend.region_name].get_instance_by_id(instance_id)
    return str(instance.state) if instance else None


def _request(response: ELBResponse) -> tuple[str, list[str]]:
    instances = response._get_param("Instances", [])  # noqa: SLF001 - as moto's own handlers do
    return str(response._get_param("LoadBalancerName")), [str(one["InstanceId"]) for one in instances]  # noqa: SLF001


def _members(balancer: LoadBalancer) -> ActionResult:
    return ActionResult({"Instances": balancer.instances})


def _found(backend: ELBBackend, name: str) -> LoadBalancer:
    balancer = backend.load_balancers.get(name)
    if balancer is None:
        raise LoadBalancerNotFoundError(name)
    return balancer


def _pool(balancer: LoadBalancer) -> str:
    return f"clb/{balancer.name}"


def _asked(instance_ids: Iterable[str]) -> list[Asked]:
    return [Asked(one, None) for one in instance_ids]


def _refuse_stranger(backend: ELBBackend, instance_id: str, *, gone_is_fine: bool = False) -> None:
    state = instance_state(backend, instance_id)
    if state is None or (state == "terminated" and not gone_is_fine):
        raise ELBClientError("InvalidInstance", f"Could not find EC2 instance {instance_id}.")


def _worded(row: Row) -> dict[str, Any]:
    shown = _shown(row.shown)
    return {
        "InstanceId": row.target.id,
        "State": shown.state,
        "ReasonCode": shown.reason or "N/A",
        "Description": shown.description or "N/A",
    }


def _shown(shown: Shown) -> Shown:
    """Target groups' words in a classic's; what a test has forced in a classic's own words stays as it is."""
    if shown.state != "unused":
        return WORDS.get(shown.state, shown)
    return OUT if shown.reason == "Target.NotRegistered" else STOPPED


def _draining(attribute: dict[str, Any]) -> float:
    """moto adds its default as `timeout` beside the caller's `Timeout`."""
    enabled = attribute.get("Enabled", attribute.get("enabled", "false"))
    if str(enabled).lower() != "true":
        return 0.0
    return float(attribute.get("Timeout", attribute.get("timeout", 300)))
