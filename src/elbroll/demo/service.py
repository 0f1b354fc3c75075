"""Keeps one host's app running, as an init system would: started again on request, left dead when it dies."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOOK = 0.05
"""Seconds between two looks at the process and at the wish for another."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How the app of a host behaves. Times in seconds."""

    start_up: float = 1.0
    """From the start of the process until it listens; connections are refused meanwhile."""
    latency: float = 0.02


class Service:
    """The app's process, from `start` to `stop`.

    Two files in the host's home are the contract with `web-ctl`: `app.pid` names the process, and a file
    `restart` asks for another one once this one has ended.
    """

    def __init__(
        self, home: Path, address: str, ports: tuple[int, ...], environment: Mapping[str, str], app: AppSettings
    ) -> None:
        self._home = home
        self._environment = dict(environment)
        words = ["--address", address, "--home", str(home), *(f"--port={port}" for port in ports)]
        times = [f"--start-up={app.start_up}", f"--latency={app.latency}"]
        self._command = [sys.executable, "-m", "elbroll.demo.app", *words, *times]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="demo-service", daemon=True)

    @property
    def running(self) -> bool:
        """The process lives, whether it listens already or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and the watch over it; answers before it listens."""
        self._launch()
        self._thread.start()

    def stop(self) -> None:
        """End the watch and the process; returns once both are over."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._bury()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK):
            wish = self._home / "restart"
            if not self.running and wish.exists():
                wish.unlink()
                self._bury()
                self._launch()

    def _launch(self) -> None:
        """In a session of its own: Ctrl-C at the demo's terminal is not meant for hosts."""
        self._process = subprocess.Popen(  # noqa: S603 -- our own program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        told = self._home / "app.pid.new"
        told.write_text(f"{self._process.pid}\n")
        told.replace(self._home / "app.pid")  # whoever reads it finds a whole number

    def _bury(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
