"""`elbroll` as people call it: a child process, at a prompt, in a pipe, or at a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping

    from elbroll.demo.world import World

LIMIT = 250.0
"""Seconds that one command may take."""
SOON = 120.0
"""Seconds after which something that a command has to do first does not come any more, however busy a computer is."""
COMMAND = (sys.executable, "-m", "elbroll")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> Any:
        """stdout as the one JSON document that it is."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def next(self) -> tuple[str, ...]:
        """The commands that the closing words offer, without what is said about them."""
        block = re.search(r"^Next +(.*(?:\n {6}.*)*)", self.out, re.MULTILINE)
        rows = block[1].splitlines() if block else []
        return tuple(re.split(r" {3,}", row.strip())[0] for row in rows)


class Running:
    """A command under way, whose output is read as it comes."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.began = time.monotonic()
        self.said: dict[str, str] = {"out": "", "err": ""}
        streams = {"out": child.stdout, "err": child.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=item, daemon=True) for item in streams.items() if item[1]
        ]
        for reader in self._readers:
            reader.start()

    def await_word(self, pattern: str, limit: float = SOON) -> str:
        """Until stderr says it: the whole line. Fails the test when it does not."""
        wait_for(lambda: bool(self._found(pattern)) or self.child.poll() is not None, limit)
        found = self._found(pattern) or self._found_at_the_end(pattern)
        assert found is not None, f"ended without {pattern!r}: {self.said}"
        return found[0].rstrip()

    @property
    def peak(self) -> int:
        """The most memory that the process has held so far, in bytes; 0 once it has ended."""
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.child.pid}/status").read_text())
        return int(told[1]) * 1024 if told else 0

    @property
    def is_stopped(self) -> bool:
        """Whether the process has been sent to sleep by SIGSTOP."""
        return "\nState:\tT" in Path(f"/proc/{self.child.pid}/status").read_text()

    def until(self, look: Callable[[], object], limit: float = SOON) -> None:
        """Until `look` holds, while the command works. Fails the test when that does not come about."""
        wait_for(lambda: look() or self.child.poll() is not None, limit, self.said)
        assert self.child.poll() is None, f"ended too soon: {self.said}"

    def signal(self, number: signal.Signals) -> None:
        """Send it to the process alone; time is counted from here on."""
        self.began = time.monotonic()
        self.child.send_signal(number)

    def kill_hard(self) -> None:
        """`kill -9`: no clean-up of any kind."""
        self.child.kill()
        self.child.wait()

    def end(self) -> Ended:
        """How it ended by itself."""
        try:
            self.child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill_hard()
            pytest.fail(f"no end within {LIMIT:.0f} s: {self.said}")
        seconds = time.monotonic() - self.began
        self._hear_out()
        return Ended(self.child.returncode, self.said["out"], self.said["err"], seconds)

    def _hear_out(self) -> None:
        """What an ended command has said may be on its way yet."""
        for reader in self._readers:
            reader.join(10)

    def _found_at_the_end(self, pattern: str) -> re.Match[str] | None:
        self._hear_out()
        return self._found(pattern)

    def _found(self, pattern: str) -> re.Match[str] | None:
        return re.search(f"^.*{pattern}.*$", self.said["err"], re.MULTILINE)

    def _read(self, name: str, stream: Any) -> None:
        with stream:
            for line in stream:
                self.said[name] += line


class Shell:
    """Calls `elbroll` in a world, with a home and state directory of its own; `elsewhere` gives another computer."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.home = home

    @property
    def folder(self) -> Path:
        """Where commands are called."""
        return self.world.directory

    @property
    def runs(self) -> Path:
        """Where the runs of this computer are kept."""
        return self.home / "state" / "runs"

    def elsewhere(self) -> Shell:
        """A computer that knows nothing of this one."""
        other = self.home / "elsewhere"
        other.mkdir()
        return Shell(self.world, other)

    def without_config(self) -> Shell:
        """A computer with credentials and the hosts' keys in its own `~/.ssh`, but with no elbroll.toml at all."""
        return Bare(self.world, self.home)

    def environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """The world's, in this home; a change to None takes a variable away."""
        home = {"HOME": str(self.home), "ELBROLL_STATE_DIR": str(self.home / "state")}
        given = {**self.world.environment, **home, **changes}
        return {name: value for name, value in given.items() if value is not None}

    def run_of(self, running: Running) -> str:
        """The id of a run, by its first line."""
        return running.await_word(r"  run [0-9a-f]{6}")[-6:]

    def start(self, *words: str, deaf_to: signal.Signals | None = None, **changes: str | None) -> Running:
        """Start a command, with other environment variables as named; `deaf_to` as a shell starts jobs with `&`."""
        deaf = () if deaf_to is None else ("/bin/sh", "-c", f"trap '' {deaf_to.value}; exec \"$@\"", "sh")
        child = subprocess.Popen(
            [*deaf, *COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(changes),
            cwd=self.folder,
        )
        return Running(child)

    def __call__(self, *words: str, **changes: str | None) -> Ended:
        """Run a command to its end."""
        return self.start(*words, **changes).end()

    def line(self, line: str, **changes: str | None) -> Ended:
        """Run a shell line, in which `elbroll` is this one."""
        words = " ".join(COMMAND)
        child = subprocess.Popen(
            ["/bin/bash", "-c", f'elbroll() {{ {words} "$@"; }}; {line}'],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(changes),
            cwd=self.folder,
        )
        return Running(child).end()

    def at_terminal(self, *words: str, **changes: str | None) -> pexpect.spawn[str]:
        """Start a command at a terminal of its own, 100 columns wide, where nothing says that it is CI."""
        nobody_in_ci = dict.fromkeys(("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "NO_COLOR", "FORCE_COLOR"))
        return pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *words],
            env={**self.environment({**nobody_in_ci, **changes}), "TERM": "xterm-256color"},  # type: ignore[arg-type]  # a mapping will do
            cwd=str(self.folder),
            encoding="utf-8",
            codec_errors="replace",  # the echo of Ctrl-C may come in the middle of a character
            timeout=SOON,
            dimensions=(30, 100),
        )


class Bare(Shell):
    """Knows a world's account by `AWS_*` alone."""

    def environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """Neither config nor anything else that the world would tell."""
        return super().environment({"ELBROLL_CONFIG": None, **changes})

    @property
    def folder(self) -> Path:
        """Where nobody has put a config."""
        return self.home


def wait_for(look: Callable[[], object], limit: float = SOON, about: object = "") -> None:
    """Until `look` holds; fails the test after `limit` seconds."""
    end = time.monotonic() + limit
    while not look():
        if time.monotonic() > end:
            pytest.fail(f"it never came about {about}")
        time.sleep(0.05)
