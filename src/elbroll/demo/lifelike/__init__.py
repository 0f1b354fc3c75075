"""An AWS on loopback that drains, warms up and refuses like the real one: moto with its lies taken out (aws.md 10)."""

from elbroll.demo.lifelike.apps import FakeApps
from elbroll.demo.lifelike.aws import InProcess, Lifelike, MotoClients, in_process
from elbroll.demo.lifelike.clocks import VirtualClock
from elbroll.demo.lifelike.faults import ANY, DEEDS, Detail, Faults, Kind
from elbroll.demo.lifelike.guard import ACCOUNT, REGION, child_environment, guarded, require_moto
from elbroll.demo.lifelike.pools import Refusal, Timing
from elbroll.demo.lifelike.scalers import Scalers, Sizes
from elbroll.demo.lifelike.server import Server
from elbroll.demo.lifelike.simulation import Simulation
from elbroll.demo.lifelike.targets import (
    ANOMALOUS,
    BAD_STATUS,
    FAILED,
    NO_ANSWER,
    ZONAL_SHIFT,
    Row,
    Shown,
    Sickness,
)
from elbroll.demo.lifelike.timeline import Call, Moved, Timeline, pool_of
from elbroll.demo.lifelike.world import ClassicSettings, Group, GroupSettings, LoadBalancer, Vpc, World

__all__ = [
    "ACCOUNT",
    "ANOMALOUS",
    "ANY",
    "BAD_STATUS",
    "DEEDS",
    "FAILED",
    "NO_ANSWER",
    "REGION",
    "ZONAL_SHIFT",
    "Call",
    "ClassicSettings",
    "Detail",
    "FakeApps",
    "Faults",
    "Group",
    "GroupSettings",
    "InProcess",
    "Kind",
    "Lifelike",
    "LoadBalancer",
    "MotoClients",
    "Moved",
    "Refusal",
    "Row",
    "Scalers",
    "Server",
    "Shown",
    "Sickness",
    "Simulation",
    "Sizes",
    "Timeline",
    "Timing",
    "VirtualClock",
    "Vpc",
    "World",
    "child_environment",
    "guarded",
    "in_process",
    "pool_of",
    "require_moto",
]
