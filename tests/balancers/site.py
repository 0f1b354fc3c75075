"""A small account for the tests of this room, and a record of the calls that reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.balancers import AwsBalancer, AwsDirectory
from elbroll.inventory import Ec2Inventory
from elbroll.model import Host, HostId, Pool, Registration

if TYPE_CHECKING:
    from elbroll.aws import Clients
    from elbroll.demo.lifelike import GroupSettings, InProcess, World


class Site:
    """A network, and shortcuts to make pools and hosts in it and to see them as elbroll does."""

    def __init__(self, aws: InProcess, world: World, clients: Clients) -> None:
        self.aws = aws
        self.world = world
        self.clients = clients
        self.clock = aws.clock
        self.vpc = world.a_vpc()
        self.balancer = AwsBalancer(clients, aws.clock)
        self.directory = AwsDirectory(clients, aws.clock)

    def alb(self, name: str = "web", settings: GroupSettings | None = None, **groups: int) -> tuple[Pool, ...]:
        """An ALB with these groups (name to port), as elbroll finds them."""
        self.world.an_alb_with_groups(name, self.vpc, groups or {f"{name}-http": 8080}, settings)
        return self.directory.find(name, ())

    def nlb(self, name: str, group: str, settings: GroupSettings) -> Pool:
        """An NLB with one group on port 9000."""
        made = self.world.a_group(group, self.vpc, 9000, settings)
        self.world.attach(self.world.an_nlb(name, self.vpc), made, 443, settings.protocol)
        return self.directory.find(name, ())[0]

    def classic(self, name: str = "old") -> Pool:
        """A classic balancer, as elbroll finds it."""
        self.world.a_classic(name, self.vpc)
        return self.directory.find(name, ())[0]

    def launch(self, name: str, **where: str) -> HostId:
        """A running instance."""
        return HostId(self.world.launch(self.vpc, name, **where))

    def register(self, pool: Pool, *entries: Registration) -> None:
        """Register behind elbroll's back, and let checks pass."""
        other = AwsBalancer(self.clients, self.clock)
        other.register(pool, entries)
        self.clock.advance(600)

    def host(self, identity: HostId) -> Host:
        """The instance as the inventory sees it."""
        return Ec2Inventory(self.clients, self.clock).instances([identity])[identity]

    def states(self, pool: Pool) -> dict[tuple[str, int | None], str]:
        """A fresh look: state by id and port."""
        view = self.balancer.look(pool, 0.0)
        return {(row.registration.id, row.registration.port): str(row.state) for row in view.rows}


class Calls:
    """Notes each call of some clients as IAM names it, with its parameters; may make calls fail."""

    def __init__(self, clients: Clients) -> None:
        self._clients = [clients.elbv2, clients.elb, clients.ec2, clients.autoscaling, clients.sts]
        self.made: list[tuple[str, dict[str, Any]]] = []
        self._faults: dict[str, list[Exception]] = {}

    def __enter__(self) -> Calls:
        for client in self._clients:
            client.meta.events.register("provide-client-params.*.*", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.meta.events.unregister("provide-client-params.*.*", self._note)

    @property
    def actions(self) -> list[str]:
        """In order."""
        return [action for action, _ in self.made]

    def parameters(self, operation: str) -> list[dict[str, Any]]:
        """Of each call of that operation."""
        return [sent for action, sent in self.made if action.endswith(f":{operation}")]

    def fail(self, operation: str, *errors: Exception) -> None:
        """Let the next calls of that operation, or of `*`, end like this, unapplied."""
        self._faults.setdefault(operation, []).extend(errors)

    def forgive(self) -> None:
        """Let all calls through again."""
        self._faults.clear()

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.made.append((f"{model.service_model.signing_name}:{model.name}", params))
        for waiting in (self._faults.get(model.name, []), self._faults.get("*", [])):
            for error in waiting[:1]:
                del waiting[0]
                raise error
