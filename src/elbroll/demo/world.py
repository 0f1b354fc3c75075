"""The whole world on loopback: an AWS, hosts with SSH and an app, balancers that carry real requests."""

from __future__ import annotations

import os
import random
import shlex
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from elbroll.clock import SystemClock
from elbroll.demo.balancer import Balancer, Target
from elbroll.demo.checks import check
from elbroll.demo.files import write_files
from elbroll.demo.host import DemoHost, Place
from elbroll.demo.landscape import Landscape, MadePool, zones
from elbroll.demo.lifelike import NO_ANSWER, Faults, Server, Simulation, Timing, child_environment, guarded
from elbroll.demo.loopback import free_port
from elbroll.demo.settings import PoolPlan, WorldSettings
from elbroll.demo.sshd.keys import new_key
from elbroll.demo.sweeper import Sweeper
from elbroll.demo.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from elbroll.demo.app import Break
    from elbroll.demo.lifelike import Sickness

_UP_LIMIT = 120.0
"""Seconds until every host must be in service."""
_NOT_THE_USERS = ("ELBROLL_", "XDG_", "SSH_")
"""Beginnings of variables that would lead a child out of the world."""


class World:
    """Up inside its `with` block; nothing of it is left afterwards, also when starting it fails half-way.

    Everything listens on 127.0.0.0/8 and lives in one temporary directory. One world at a time in a process, since
    AWS is played by moto in this process. Raises UsageError where moto is missing.
    """

    def __init__(self, hosts: int = 4, settings: WorldSettings | None = None) -> None:
        self.settings = settings or WorldSettings()
        self.directory = Path()
        """Config, key, known_hosts, and the homes of the hosts."""
        self.config = Path()
        self.endpoint = ""
        """The URL of the AWS of this world."""
        self.environment: Mapping[str, str] = {}
        """The whole environment for a child process that shall live in this world."""
        self.hosts: tuple[DemoHost, ...] = ()
        self.pools: Mapping[str, MadePool] = {}
        """By the names of their plans."""
        self.balancers: Mapping[str, Balancer] = {}
        """What carries the requests of each pool, by the same names."""
        self.simulation: Simulation
        self.faults = Faults()
        """What calls to this world's AWS shall still meet."""
        self._count = hosts
        self._network = f"127.{random.randrange(1, 250)}"
        self._ports_taken: set[int] = set()
        self._mark = uuid.uuid4().hex
        self._key = new_key()
        self._down = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._down.enter_context(guarded())
            self._make_room()
            self._raise_hosts()
            self._raise_aws()
            self._raise_balancers()
            self._describe()
            self._await_service()
        except BaseException:
            self._down.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._down.close()

    def host(self, name: str) -> DemoHost:
        """The host of this name, `demo-1` and so on, or of this instance id."""
        return next(host for host in self.hosts if name in {host.name, host.instance})

    def in_service(self, pool: str) -> set[str]:
        """Instance ids that the balancer calls healthy now in the pool of this name."""
        return {row.target.id for row in self.simulation.rows(self.pools[pool].id) if row.carries_traffic}

    def client(self, service: str) -> Any:
        """A boto3 client for this world's AWS, whatever the user's own settings are."""
        import boto3  # noqa: PLC0415 -- must come after moto (M7)

        make: Any = boto3.client
        return make(service, endpoint_url=self.endpoint)

    def traffic(self, rate: float = 40.0, pool: str | None = None) -> Traffic:
        """Traffic for a pool, the first one unless named; not started yet."""
        return Traffic(self.balancers[pool or next(iter(self.balancers))].url, rate)

    def break_release(self, release: str, stage: Break) -> None:
        """From now on this release is broken on every host."""
        for host in self.hosts:
            host.break_release(release, stage)

    def ssh_line(self, host: DemoHost) -> str:
        """What somebody types to look around on a host."""
        known = shlex.quote(f"UserKnownHostsFile={self.directory}/known_hosts")
        key = shlex.quote(str(self.directory / "key"))
        return f"ssh -F none -i {key} -o {known} -p {host.sshd.port} demo@{host.address}"

    def _make_room(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="elbroll-demo-"))
        self._down.callback(Sweeper(self._mark, self.directory).close)

    def _raise_hosts(self) -> None:
        addresses = [f"{self._network}.{1 + number % len(zones())}.{11 + number}" for number in range(self._count)]
        ssh = self._port(addresses)
        shared = {plan: self._port(addresses) for plan in self.settings.pools if plan.shares_port}
        self.hosts = tuple(
            DemoHost(self._place(number, address, shared), self._key, self._mark, self.settings.app)
            for number, address in enumerate(addresses)
        )
        for host in self.hosts:
            self._down.callback(host.stop)
            host.furnish(self.settings.release, ssh)
            host.start()

    def _place(self, number: int, address: str, shared: Mapping[PoolPlan, int]) -> Place:
        plans = [plan for plan in self.settings.pools if plan.has(number)]
        ports = {plan.name: shared.get(plan) or self._port([address]) for plan in plans}
        name = f"demo-{number + 1}"
        return Place(name, zones()[number % len(zones())], address, ports, self.directory / "hosts" / name)

    def _port(self, addresses: Sequence[str]) -> int:
        """One on which nobody listens yet, and nobody else of this world will."""
        port = free_port(addresses, self._ports_taken)
        self._ports_taken.add(port)
        return port

    def _raise_aws(self) -> None:
        self.simulation = Simulation(SystemClock(), self._ask, timing=Timing(first_check=self.settings.first_check))
        server = Server(self.simulation, self.faults)
        self._down.callback(server.stop)
        self.endpoint = server.start()
        server.reset()
        landscape = Landscape(self.client, self._network)
        landscape.make_network()
        landscape.make_store(self.settings.ledger)
        for host in self.hosts:
            host.instance = landscape.make_instance(host)
            self.simulation.print_on_console(host.instance, host.console)
        self.pools = {plan.name: landscape.make_pool(plan, self._ports(plan)) for plan in self.settings.pools}
        self._down.callback(self.simulation.stop)
        self.simulation.start()

    def _ports(self, plan: PoolPlan) -> Mapping[str, int]:
        return {host.instance: host.place.ports[plan.name] for host in self.hosts if plan.name in host.place.ports}

    def _raise_balancers(self) -> None:
        for name, pool in self.pools.items():
            balancer = Balancer(self._serving(pool), pool.nodes, self.settings.keep_alive)
            self._down.callback(balancer.stop)
            balancer.start()
            self.balancers = {**self.balancers, name: balancer}

    def _serving(self, pool: MadePool) -> Callable[[], list[Target]]:
        def now() -> list[Target]:
            return [self._target(pool, target, port) for target, port in self.simulation.serving(pool.id)]

        return now

    def _ask(self, target: str, port: int | None) -> Sickness | None:
        """The simulation's question; None means well."""
        if target not in {host.instance for host in self.hosts}:
            return NO_ANSWER  # somebody registered a stranger in this world
        asking = [pool for pool in self.pools.values() if port in {None, pool.ports.get(target)}]
        pool = (asking or list(self.pools.values()))[0]
        return check(self._target(pool, target, port), pool.nodes[0], pool.plan.check_limit)

    def _target(self, pool: MadePool, target: str, port: int | None) -> Target:
        return Target(self.host(target).address, port or pool.ports[target])

    def _describe(self) -> None:
        home = self.directory / "operator"
        home.mkdir()
        self.config = write_files(self.directory, self.hosts, self._key, self.settings)
        kept = {
            name: value
            for name, value in child_environment(self.endpoint).items()
            if not name.startswith(_NOT_THE_USERS)
        }
        path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [kept.get("PYTHONPATH")])])
        self.environment = {**kept, "HOME": str(home), "ELBROLL_CONFIG": str(self.config), "PYTHONPATH": path}

    def _await_service(self) -> None:
        deadline = time.monotonic() + _UP_LIMIT
        while not all(self.in_service(name) == set(pool.ports) for name, pool in self.pools.items()):
            if time.monotonic() > deadline:
                raise TimeoutError("the demo's hosts did not come into service")
            time.sleep(0.05)
