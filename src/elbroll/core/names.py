"""How registrations, hosts and durations are called in sentences. The texts may hold untrusted names."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elbroll.model import Fleet, Host, HostId, PoolId, Registration

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""What every shell reads as one word that means itself."""


def host_word(name: str | None, host: HostId) -> str:
    """How a host is called in a command that people paste: by its name only where that is plain, else its id (I-26)."""
    return name if name and PLAIN_NAME.fullmatch(name) else shlex.quote(host)


def pool_word(pool: PoolId) -> str:
    """How a pool is called in a command that people paste (I-26)."""
    return shlex.quote(pool_name(pool))


def pool_name(pool: PoolId) -> str:
    """The name within the id, also of a pool that is no longer known."""
    return pool.split("/")[1] if "/" in pool else pool


def pools_gone(name: str | None, host: HostId, pools: Sequence[PoolId]) -> tuple[str, str]:
    """That deleted pools keep the record of a host open, and the command that gives them up (F-35)."""
    what = f"{listed(list(map(pool_name, pools)))} no longer {'exists' if len(pools) == 1 else 'exist'}"
    return what, f"elbroll restore {host_word(name, host)} {gives_up(pools)}"


def gives_up(pools: Sequence[PoolId]) -> str:
    """The options by which a record no longer waits for these pools."""
    return " ".join(f"--give-up {pool_word(pool)}" for pool in pools)


def registration_name(registration: Registration) -> str:
    """`web-prod-http:8080`; without a port where there is none."""
    name = pool_name(registration.pool)
    return name if registration.port is None else f"{name}:{registration.port}"


def everyone(fleet: Fleet) -> list[Host]:
    """The fleet's hosts and their neighbours in other pools."""
    return [*fleet.hosts.values(), *fleet.neighbours.values()]


def known_host(fleet: Fleet, host: HostId) -> Host | None:
    """The host or neighbour of that id; None where AWS lists no such machine."""
    return fleet.hosts.get(host) or fleet.neighbours.get(host)


def host_name(fleet: Fleet, host: HostId) -> str:
    """The host's name, or its id where AWS no longer lists it."""
    known = known_host(fleet, host)
    return known.name if known else host


def counted(number: int, word: str) -> str:
    """`1 host`, `2 hosts`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def clock_time(seconds: float) -> str:
    """`0:20`, `5:00`, `1:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
