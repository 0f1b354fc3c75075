"""Secrets that can be found again in any encoding, and what is searched for them."""

from __future__ import annotations

import base64
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_EVERY = 0.03
"""Seconds between two looks at the process list."""
MARKS = ("ENVcanary4f7e21", "FILEcanary9b03c5first", "FILEcanary77ad1esecond", "SSMcanary5d8c60", "LONGcanary2a6b88")
"""A word of letters and digits in each line of a secret: no quoting changes it, so wherever it shows, a secret does."""
ENV = f"p'a\"ss $HOME %s `id` {MARKS[0]}\\!&;"
FILE = f"-----BEGIN{MARKS[1]}$(id)'\n{MARKS[2]}\"==%0A\n-----END"
SSM = f"{MARKS[3]}+/aGk=="
LONG = f"{'0123456789abcdef' * 6}{MARKS[4]}{'fedcba9876543210' * 6}"
"""Long enough for `base64` to break it over several lines."""


@dataclass(frozen=True, slots=True)
class Needle:
    """One form of a mark."""

    mark: str
    form: str


def needles() -> tuple[Needle, ...]:
    """Every mark as it is, and within base64 at each of its three offsets."""
    return tuple(Needle(mark, form) for mark in MARKS for form in _forms(mark))


def _forms(mark: str) -> Iterator[str]:
    yield mark
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + mark.encode()).decode().rstrip("=")
        yield whole[-(-shift * 8 // 6) : (shift + len(mark)) * 8 // 6]


def found_in(text: str | bytes) -> list[str]:
    """The marks that show in a text, in whatever form."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    flat = text.replace("\n", "").replace("\r", "")
    return sorted({needle.mark for needle in needles() if needle.form in text or needle.form in flat})


class ProcessList:
    """Watches what everybody on this computer can see of processes, and what their owner can see."""

    def __init__(self) -> None:
        self.arguments: set[str] = set()
        """Command lines in which a secret showed."""
        self.strangers: set[str] = set()
        """Command lines of processes that held a secret in their environment and are no command of a job."""
        self.looks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="process-list", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self.looks += 1
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit() and int(folder.name) != os.getpid():
                    self._look(folder)

    def _look(self, folder: Path) -> None:
        line, environment = _read(folder / "cmdline"), _read(folder / "environ")
        said = line.replace(b"\0", b" ").decode("utf-8", "replace")
        if found_in(line):
            self.arguments.add(said)
        ours = b"ELBROLL_RUN=" in environment or "-m elbroll" in said
        if not ours and any(mark.encode() in environment for mark in MARKS):
            self.strangers.add(said)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def ledger_text(ssm: Any) -> str:
    """Every value that ever stood below /elbroll, and who is said to have written it."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/elbroll", Recursive=True)
    names = [one["Name"] for page in pages for one in page["Parameters"]]
    versions = [one for name in names for one in ssm.get_parameter_history(Name=name)["Parameters"]]
    assert versions, "the ledger is empty: nothing would be proven"
    return "\n".join(repr(one) for one in versions)
