"""`elbroll demo`: the ordinary command line rolls a release over a world on loopback while requests are counted."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from elbroll.demo.app import Break
from elbroll.demo.lifelike import require_moto
from elbroll.demo.world import World
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from elbroll.demo.traffic import Count

RATE = 40.0
"""Requests a second."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID_TO_ALL = frozenset({signal.SIGINT})
"""Signals that a terminal sends to parent and child alike; the others are passed on."""


class Afterwards(Enum):
    """What becomes of the world after the roll."""

    END = "end"
    STAY = "stay"
    """It stays up until a signal comes, so that every other command can be tried."""


class Trouble(Enum):
    """What goes wrong in the first roll."""

    DEPLOY = "deploy"
    VERIFY = "verify"
    REGISTER = "register"
    KILL = "kill"
    """Not the release: elbroll itself is killed in mid-roll, beyond any clean-up."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo has shown."""

    exit_code: int
    """0 also where a broken release was halted as it should be, and then repaired."""
    count: Count
    next: str

    @property
    def requests(self) -> str:
        """The line that it was all about."""
        return f"Requests  {self.count.answered:,} answered, {self.count.failed:,} failed"


def run_demo(
    hosts: int,
    trouble: Trouble | None,
    afterwards: Afterwards,
    say: Callable[[str], None],
    command: Sequence[str] = (sys.executable, "-m", "elbroll"),
) -> DemoResult:
    """Start a world, roll, repair if there was `trouble`, and end the world; `say` gets each line between the rolls.

    The rolls draw on this process' own terminal. Call it from the main thread: signals are passed on to the roll
    meanwhile. Raises UsageError where moto is missing.
    """
    require_moto()
    say(f"A world on 127.0.0.1: {hosts} {_hosts(hosts)}, 1 balancer, {RATE:.0f} requests a second.")
    with World(hosts) as world:
        with world.traffic(RATE) as traffic:
            code = _play(world, trouble, say, command)
            result = DemoResult(code, traffic.count, _next(trouble))
            if afterwards is Afterwards.STAY:
                _stay(world, result, say)
        return DemoResult(code, traffic.count, result.next)


def exports(environment: Mapping[str, str], state: str) -> tuple[str, ...]:
    """Lines for another terminal's shell, after which `elbroll` there means this world and nothing of the user's."""
    strangers = [name for name in os.environ if name.startswith("AWS_") and name not in environment]
    unset = [f"unset {' '.join(sorted(strangers))}"] if strangers else []
    wanted = {name: value for name, value in environment.items() if name.startswith(("AWS_", "ELBROLL_"))}
    wanted |= {"NO_PROXY": environment["NO_PROXY"], "ELBROLL_STATE_DIR": state}
    return (*unset, *(f"export {name}={shlex.quote(value)}" for name, value in sorted(wanted.items())))


def _play(world: World, trouble: Trouble | None, say: Callable[[str], None], command: Sequence[str]) -> int:
    if trouble is None:
        return _roll(world, "v2", command)
    if trouble is Trouble.KILL:
        return _play_killed(world, say, command)
    world.break_release("v2", Break(trouble.value))
    say(f"Release v2 is broken: {_BROKEN[trouble.value]}.")
    code = _roll(world, "v2", command)
    if code != ExitCode.HALTED:
        return code or ExitCode.BUG
    say("")
    say("Repair: release v3 is well. $ elbroll deploy --lb demo --release v3")
    return _roll(world, "v3", command)


def _play_killed(world: World, say: Callable[[str], None], command: Sequence[str]) -> int:
    """`kill -9` while a host is out; the record is in the account, so any computer can go on."""
    say("elbroll is killed (kill -9) while the first host is draining.")
    _kill_in_mid_roll(world, command)
    say("")
    say("The run is dead, a host is out. $ elbroll status")
    _elbroll(world, command, "status")
    locks = json.loads(_output(world, command, "status", "--json"))["fleets"][0]["lock"]
    run = locks["by"]["run"] if locks else ""
    say("")
    say(f"Repair: free the dead run's lock, roll again. $ elbroll unlock demo {run} --yes")
    _elbroll(world, command, "unlock", "demo", run, "--yes")
    return _roll(world, "v2", command)


def _kill_in_mid_roll(world: World, command: Sequence[str]) -> None:
    pool = next(iter(world.pools.values())).id
    with _started(world, command, _deploy("v2")) as child:
        while child.poll() is None and not world.simulation.draining(pool):
            time.sleep(0.1)
        child.kill()


_BROKEN = {
    "deploy": "its deploy command fails",
    "verify": "it answers 502 on /healthz",
    "register": "it looks well, except to the balancer's own checks",
}


def _roll(world: World, release: str, command: Sequence[str]) -> int:
    """Roll as anybody would: the exit code, or 128 + the signal that killed it."""
    return _elbroll(world, command, *_deploy(release))


def _elbroll(world: World, command: Sequence[str], *words: str) -> int:
    with _started(world, command, words) as child, _signals_for(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


def _deploy(release: str) -> tuple[str, ...]:
    return ("deploy", "--lb", "demo", "--release", release)


def _started(world: World, command: Sequence[str], words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*command, *words], env=dict(world.environment), cwd=world.directory)  # noqa: S603 -- ourselves


def _output(world: World, command: Sequence[str], *words: str) -> str:
    ended = subprocess.run(  # noqa: S603 -- ourselves
        [*command, *words], env=dict(world.environment), cwd=world.directory, stdout=subprocess.PIPE, check=True
    )
    return ended.stdout.decode()


@contextmanager
def _signals_for(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the child works it alone decides what a signal means; we only see to it that it hears of it."""

    def pass_on(number: int, _: object) -> None:
        if number not in _SAID_TO_ALL:
            child.send_signal(number)

    with _handled(pass_on):
        yield


@contextmanager
def _handled(handler: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _stay(world: World, result: DemoResult, say: Callable[[str], None]) -> None:
    say(result.requests)
    say("The world stays up until Ctrl-C. In another terminal:")
    for line in exports(world.environment, str(world.directory / "state")):
        say(f"  {line}")
    host = world.hosts[0]
    say("Then try   elbroll status, elbroll drain demo-1, elbroll restore demo-1")
    say(f"Look in    {world.ssh_line(host)}")
    say(f"Ask        curl {world.balancers['demo'].url}/")
    _await_signal()


def _await_signal() -> None:
    over = threading.Event()
    with _handled(lambda *_: over.set()):
        while not over.wait(0.2):
            pass


def _next(trouble: Trouble | None) -> str:
    if trouble is None:
        return "elbroll demo --break verify, or --stay: keep the world, say how to use it"
    return "elbroll demo --stay: keep the world, say how to use it"


def _hosts(number: int) -> str:
    return "host" if number == 1 else "hosts"
