"""A run's own folder: its events as JSON lines, its debug log; for people, never read for a decision."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.cli.saying import say
from elbroll.errors import UsageError
from elbroll.outputs.hostlogs import HostLogs
from elbroll.outputs.jsonl import JsonLines, Output, open_new
from elbroll.outputs.mask import MaskedFormatter
from elbroll.outputs.streams import unbuffered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from elbroll.model import RunId
    from elbroll.outputs.bus import Outlet
    from elbroll.outputs.mask import Masker


def state_dir(given: Path | None) -> Path:
    """`--state-dir`, else the platform's own place."""
    if given is not None:
        return given
    from platformdirs import user_state_path  # noqa: PLC0415 - help does without

    return user_state_path("elbroll")


class RunFolder:
    """`runs/RUN` in the state directory, 0700. A folder that cannot be made is a warning, never a reason to stop."""

    def __init__(self, given: Path | None, run: RunId) -> None:
        self.path = state_dir(given) / "runs" / run
        self._debug: logging.Handler | None = None
        self._silence = logging.NullHandler()
        self._hook = threading.excepthook

    @property
    def logs(self) -> Path:
        """What hosts have printed, a file a host."""
        return self.path / "hosts"

    @property
    def debug_log(self) -> Path | None:
        """Where the debug log is, if there is one."""
        return self.path / "debug.log" if self._debug is not None else None

    def close(self) -> None:
        """End the debug log; threads that break are Python's own business again."""
        threading.excepthook = self._hook
        logging.getLogger().removeHandler(self._silence)
        if self._debug is not None:
            logging.getLogger().removeHandler(self._debug)
            self._debug.close()

    def outlets(self, wishes: Mapping[str, object], masker: Masker) -> list[Outlet]:
        """The events of this run as JSON lines, and the copy that was asked for. Raises UsageError for the copy."""
        threading.excepthook = _noted
        logging.getLogger().addHandler(self._silence)  # without any handler, Python itself writes to stderr, unmasked
        wanted = Output.INCLUDED if wishes.get("events_output") else Output.LEFT_OUT
        copy = wishes.get("events")
        outlets: list[Outlet] = [JsonLines(_copy(str(copy)), wanted)] if copy else []
        try:
            _make_own(self.path)
            outlets.append(JsonLines(open_new(self.path / "events.jsonl")))
            outlets.append(HostLogs(self.logs))
            self._debug = debug_log(self.path / "debug.log", masker)
        except (OSError, UsageError) as error:
            say(f"warning: this run is not kept: {error}")
        return outlets


def _noted(broken: threading.ExceptHookArgs) -> None:
    """A thread that has ended by a bug: for the debug log, where it is masked, and not for the screen (I-20)."""
    if broken.exc_value is not None and not isinstance(broken.exc_value, SystemExit):
        name = broken.thread.name if broken.thread else "a thread"
        logging.getLogger("elbroll").error("%s has ended by a bug", name, exc_info=broken.exc_value)


def _make_own(path: Path) -> None:
    """A folder that nobody else may look into, nor anybody have laid out for us; its missing parents too (S-10).

    Raises OSError.
    """
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700)


def _copy(name: str) -> TextIO:
    return unbuffered(sys.stdout) if name == "-" else open_new(Path(name))


class _Quiet(logging.StreamHandler["TextIO"]):
    """Says nothing about a disk that is full, also not when it is closed (F-57)."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Whatever could not be written is lost."""

    def close(self) -> None:
        """The file too."""
        super().close()
        with contextlib.suppress(OSError):
            self.stream.close()


def debug_log(path: Path, masker: Masker) -> logging.Handler:
    """Warnings of every library and more of our own, masked; botocore's bodies are never written (B7, T-8)."""
    handler = _Quiet(open_new(path))
    handler.setFormatter(MaskedFormatter(masker, "%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger("elbroll").setLevel(logging.DEBUG)
    logging.getLogger("paramiko").setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    return handler
