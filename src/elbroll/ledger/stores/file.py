"""Files in a folder: for trying out, on one computer and one local disk, nothing more (safety.md 2.6, S-10)."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import Refused, StoreDown
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.values import base_of, nonce_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Final

    from elbroll.engine.ports import Clock
    from elbroll.ledger.values import Draft

SUFFIX: Final = ".json"
GUARD: Final = ".guard"
PATIENCE: Final = 5.0
"""Seconds to wait for another process that is just writing."""


class FileStore:
    """One file a key, replaced whole: a reader sees the old value or the new one (I-23). `root` is the folder the
    user named, `parts` the folders below it (account, region)."""

    def __init__(self, root: Path, parts: tuple[str, ...], clock: Clock) -> None:
        self._folders = [root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
        self._folder = self._folders[-1]
        self._clock = clock

    @property
    def limit(self) -> int:
        """Ours, in bytes."""
        return 262_144

    def ready(self, writes: int) -> None:
        """See `Store.ready`: nothing here waits for its turn."""

    def read(self, key: str) -> Stored | None:
        """What the file holds; see `Store.read`. Raises Refused for links and files that others may write."""
        with self._trouble(key):
            self._check_folders()
            return self._load(self._path(key))

    def write(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        """Compare and replace, alone in the folder; see `Store.write`."""
        with self._trouble(key):
            self._make_folders()
            with self._alone():
                now = self._load(self._path(key))
                if now is None and over is not None:
                    return Verdict.DELETED
                if now is not None and nonce_of(now.text) == draft.nonce:
                    return Verdict.WON
                if now is not None and (over is None or now.base != over.base):
                    return Verdict.LOST
                self._replace(self._path(key), draft.over(now.base if now is not None else 0))
        return Verdict.WON

    def list(self, prefix: str) -> Mapping[str, Stored]:
        """See `Store.list`."""
        with self._trouble(prefix):
            self._check_folders()
            loaded = {_key(path): self._load(path) for path in self._paths() if _key(path).startswith(prefix)}
        return {key: stored for key, stored in loaded.items() if stored is not None}

    def _paths(self) -> Sequence[Path]:
        """Not by `glob`, which shows a folder that it may not look into as an empty one (F-15)."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - says at once what `iterdir` says later
        except FileNotFoundError:
            return []
        return [self._folder / name for name in sorted(names) if name.endswith(SUFFIX)]

    def _path(self, key: str) -> Path:
        return self._folder / (key.replace("/", "+") + SUFFIX)

    def _load(self, path: Path) -> Stored | None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(file.fileno())
            _check(path, about, stat.S_ISREG)
            body = file.read(self.limit + 1)
        text = _text(body, self.limit)
        base = base_of(text) if text is not None else None
        number = base + 1 if base is not None else zlib.crc32(body)
        return Stored(text, number, number, max(0.0, self._clock.now().timestamp() - about.st_mtime))

    def _replace(self, path: Path, text: str) -> None:
        """The name turns from the old file to the new one in one step, and both survive a power cut."""
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._sync_folder()

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._folder / GUARD, flags, 0o600)
        try:
            self._wait_for(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        began = self._clock.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock.monotonic() - began > PATIENCE:
                    raise
                self._clock.sleep(0.02)
            else:
                return

    def _make_folders(self) -> None:
        for folder in self._folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check(folder, folder.lstat(), stat.S_ISDIR)

    def _check_folders(self) -> None:
        for folder in self._folders:
            if os.path.lexists(folder):
                _check(folder, folder.lstat(), stat.S_ISDIR)

    @contextmanager
    def _trouble(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreDown(
                f"the ledger's file for {key} cannot be used: {error.strerror or error}",
                why=(str(self._folder),),
                fix=("look at the folder and its disk",),
            ) from error


def _key(path: Path) -> str:
    return path.name.removesuffix(SUFFIX).replace("+", "/")


def _check(path: Path, about: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    """Ours alone, and what it says it is."""
    if not is_kind(about.st_mode):
        raise _refused(path, "it is a link, or no plain file or folder")
    if about.st_uid != os.geteuid():
        raise _refused(path, "it belongs to another user")
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refused(path, "its group or everybody may write to it")


def _refused(path: Path, why: str) -> Refused:
    return Refused(f"the ledger will not use {path}: {why}", fix=(f"ls -ld {path}; chmod go-w {path}",))


def _text(body: bytes, limit: int) -> str | None:
    try:
        return body.decode() if len(body) <= limit else None
    except UnicodeDecodeError:
        return None
