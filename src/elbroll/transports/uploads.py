"""Files for hosts: whole or not at all, and not again where the host has them already (T-40 … T-42)."""

from __future__ import annotations

import hashlib
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import HostUnreachable, Refused
from elbroll.transports.cleaned import visible
from elbroll.transports.output import Output
from elbroll.transports.talking import Talk, listen, opened, silent
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.config.schema import Upload
    from elbroll.engine.ports import Clock
    from elbroll.transports.exchange import Exchange, Word
    from elbroll.transports.kept import KeptLine

_PIECE = 256 * 1024
_PATIENCE = 60.0
"""Seconds of silence while the host hashes and compares."""

_REFUSALS = {
    "parent": "its folder does not exist there",
    "folder": "the target is a folder",
    "right": "no right to write into its folder",
    "create": "no right to write into its folder",
    "checksum": "what arrived is not what was sent",
    "mode": "its permissions cannot be set",
    "rename": "it cannot be put in place of the target",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A local file, hashed once for all hosts."""

    path: Path
    size: int
    changed: int
    """Nanoseconds of its last change."""
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """Its bytes. Raises Refused if it is no longer what was hashed."""
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
        self.check()

    def check(self) -> None:
        """Raises Refused if size or time have changed."""
        if _stamp(self.path) != (self.size, self.changed):
            raise Refused(f"{self.path} changed while it was uploaded")


class Sources:
    """Opened, checked and hashed once, however many hosts get them. Relative paths start at `base`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._known: dict[str, Source] = {}

    def of(self, upload: Upload) -> Source:
        """Raises Refused for what is no readable regular file."""
        with self._lock:
            if upload.from_ not in self._known:
                self._known[upload.from_] = _hashed(self._base / Path(upload.from_).expanduser())
            source = self._known[upload.from_]
        source.check()
        return source


def checked_target(to: str) -> str:
    """The path on the host as it was given. Raises Refused (T-42)."""
    absolute = to.startswith(("/", "~/"))
    if not absolute or to.endswith("/") or ".." in to.split("/") or any(char in to for char in "\n\r\0"):
        raise Refused(
            f"{to!r} cannot be the target of an upload",
            fix=("give a whole path, file name included: /opt/web/app.jar or ~/app.jar",),
        )
    return to


def send(line: KeptLine, clock: Clock, source: Source, upload: Upload, job: str) -> None:
    """Raises HostUnreachable, HostAccessError, Refused; the old file stays untouched then."""
    target = checked_target(upload.to)
    output = Output(clock)
    with opened(line) as exchange:
        mode = upload.mode.lstrip("0") or "0"
        call = ("upload", exchange.nonce, source.size, source.sha256, mode, f"{job}-{exchange.nonce[:8]}")
        exchange.send(program("base", "upload", call=call) + f":{target}\n.\n".encode("utf-8", "surrogateescape"))
        talk = _until(exchange, output, clock, lambda talk: not talk.has("SEND"))
        if talk.has("SEND") and not talk.finished:
            _send_all(exchange, source)
            talk = _until(exchange, output, clock, lambda _: True)
    _judge(line, talk, output, upload)


def _until(exchange: Exchange, output: Output, clock: Clock, more: Callable[[Talk], bool]) -> Talk:
    def mind(talk: Talk) -> bool:
        return more(talk) and clock.monotonic() - talk.heard_at < _PATIENCE

    return listen(exchange, output, clock, mind)


def _send_all(exchange: Exchange, source: Source) -> None:
    """A host that stops listening has said why, or will be silent."""
    for piece in source.pieces():
        if not exchange.send(piece):
            break
    exchange.end_input()


def _judge(line: KeptLine, talk: Talk, output: Output, upload: Upload) -> None:
    if talk.has("SAME") or talk.has("DONE"):
        return
    for word in talk.words:
        if word.name == "REFUSED":
            raise _refusal(line, word, upload)
    raise silent(line, talk, output)


def _refusal(line: KeptLine, word: Word, upload: Upload) -> Exception:
    kind, *said = word.rest or ("",)
    if kind == "cut":
        return HostUnreachable(f"the line to {line.host.name} was lost during an upload; {upload.to} is untouched")
    reason = _REFUSALS.get(kind) or visible(" ".join(said)) or kind
    return Refused(f"{upload.to} cannot be uploaded to {line.host.name}: {reason}", now="The file there is untouched.")


def _hashed(path: Path) -> Source:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise Refused(f"{path} is a folder", fix=("make it a tarball",))
        if not stat.S_ISREG(kind):
            raise Refused(f"{path} is not a regular file")
        size, changed = _stamp(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    return Source(path, size, changed, digest)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        seen = path.stat()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    return seen.st_size, seen.st_mtime_ns
