"""moto in this process, made lifelike: for one thread with patched boto3, or as a server (aws.md M4, M5, M7)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elbroll.demo.lifelike.apps import FakeApps
from elbroll.demo.lifelike.clocks import VirtualClock
from elbroll.demo.lifelike.faults import Faults
from elbroll.demo.lifelike.guard import REGION, guarded, require_moto, without_images
from elbroll.demo.lifelike.patching import added, patched
from elbroll.demo.lifelike.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.demo.lifelike.patching import Addition, Patch
    from elbroll.demo.lifelike.timeline import Timeline


class Lifelike:
    """Puts a simulation behind moto, until `uninstall`. Also a context manager."""

    def __init__(self, simulation: Simulation, faults: Faults | None = None) -> None:
        self.simulation = simulation
        self.faults = faults or Faults()
        self._undo = ExitStack()

    def install(self) -> None:
        """Replace moto's methods. Raises UsageError where moto is missing."""
        require_moto()
        self._undo.enter_context(without_images())
        self._undo.enter_context(patched(patches(self.simulation, self.faults)))
        self._undo.enter_context(added(additions(self.simulation)))

    def uninstall(self) -> None:
        """Put moto's own methods back; harmless when repeated."""
        self._undo.close()

    def __enter__(self) -> Lifelike:
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.uninstall()


def patches(simulation: Simulation, faults: Faults) -> tuple[Patch, ...]:
    """Everything of moto's that is replaced (aws.md M1, M2, M3, M8)."""
    # moto is not a dependency of the tool itself, and slow to import
    from elbroll.demo.lifelike.classic import Classic  # noqa: PLC0415
    from elbroll.demo.lifelike.consoles import Consoles  # noqa: PLC0415
    from elbroll.demo.lifelike.interceptor import Interceptor  # noqa: PLC0415
    from elbroll.demo.lifelike.parameters import Parameters  # noqa: PLC0415
    from elbroll.demo.lifelike.scaling import ScalingGroups  # noqa: PLC0415
    from elbroll.demo.lifelike.settings_v2 import SettingsV2  # noqa: PLC0415
    from elbroll.demo.lifelike.target_groups import TargetGroups  # noqa: PLC0415

    return (
        *TargetGroups(simulation).patches(),
        *SettingsV2().patches(),
        *Classic(simulation).patches(),
        *Parameters().patches(),
        *Consoles(simulation).patches(),
        *ScalingGroups(simulation).patches(),
        *Interceptor(simulation.clock, faults, simulation.timeline).patches(),
    )


def additions(simulation: Simulation) -> tuple[Addition, ...]:
    """Everything that moto lacks."""
    from elbroll.demo.lifelike.scaling import ScalingGroups  # noqa: PLC0415 - as above

    return ScalingGroups(simulation).additions()


class MotoClients:
    """Makes each boto3 client once. Clients outlive a world, so a test suite may share one of these: it saves 0.3 s."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of a service; the first call must come while `in_process` holds."""
        if service not in self._made:
            import boto3  # noqa: PLC0415 - must come after moto (M7)

            make: Any = boto3.client
            self._made[service] = make(service, region_name=REGION)
        return self._made[service]


@dataclass(frozen=True, slots=True)
class InProcess:
    """A lifelike AWS that boto3 in this process talks to, by a clock that the test moves."""

    simulation: Simulation
    clock: VirtualClock
    apps: FakeApps
    faults: Faults
    client: MotoClients

    @property
    def timeline(self) -> Timeline:
        """All calls and all moves of targets so far."""
        return self.simulation.timeline


@contextmanager
def in_process(client: MotoClients | None = None) -> Iterator[InProcess]:
    """moto with patched boto3, fake keys, a virtual clock and apps that are well. Nothing leaves the process."""
    require_moto()
    from moto import mock_aws  # noqa: PLC0415 - not a dependency of the tool itself

    clock, apps, faults = VirtualClock(), FakeApps(), Faults()
    simulation = Simulation(clock, apps)
    with guarded(), Lifelike(simulation, faults), mock_aws():
        yield InProcess(simulation, clock, apps, faults, client or MotoClients())
