"""One elbroll.toml as read: what it says, and where each word of it stands."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elbroll.config.faults import Fault, Mark, mark, refusal
from elbroll.config.keys import dotted
from elbroll.config.locate import Located, Spot, locate
from elbroll.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from elbroll.config.keys import Path as KeyPath

LARGEST = 1024 * 1024
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """`shown`: the file as its user would name it."""

    path: Path
    shown: str
    told: Mapping[str, Any]
    located: Located

    def key_mark(self, path: KeyPath) -> Mark | None:
        """Where a key stands; of one that is missing, the table that lacks it."""
        spot = self._spot(path)
        return mark(self.located.text, spot.key, spot.key_end) if spot else None

    def value_mark(self, path: KeyPath) -> Mark | None:
        """Where the value of a key stands."""
        spot = self._spot(path)
        return mark(self.located.text, spot.value, spot.value_end) if spot else None

    def line(self, path: KeyPath) -> int:
        """The line of a key, counted from 1."""
        return self.located.text.count("\n", 0, self.located.spots[path].key) + 1

    def _spot(self, path: KeyPath) -> Spot | None:
        ways = (path[:end] for end in range(len(path), 0, -1))
        return next((self.located.spots[way] for way in ways if way in self.located.spots), None)


def read(path: Path, cwd: Path) -> Document:
    """The file, parsed. Raises ConfigError for what is no TOML, or not safe to believe (S-10)."""
    shown = str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
    text = _text(_bytes(path, shown), shown)
    try:
        told = tomllib.loads(text)
    except RecursionError as error:
        raise refusal([Fault("its tables and lists are nested too deep", mark(text, 0, 0))], shown) from error
    except ValueError as error:  # TOMLDecodeError, and numbers with more digits than Python reads
        raise refusal([_broken(text, str(error))], shown) from error
    return Document(path, shown, told, locate(text))


def _bytes(path: Path, shown: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            _believable(os.fstat(file.fileno()), shown)
            return file.read(LARGEST + 1)
    except OSError as error:
        raise _refused(f"{shown} cannot be read: {error.strerror}") from error


def _believable(found: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(f"{shown} is no file")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"error: others may write {shown}, and what stands in it is run on your hosts\nNothing was done.",
            fix=(f"chmod go-w {shown}",),
        )


def _text(raw: bytes, shown: str) -> str:
    if len(raw) > LARGEST:
        raise _refused(f"{shown} is larger than 1 MiB")
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8").replace("\r\n", "\n")
        raise refusal([Fault("this is not UTF-8", mark(good, len(good), len(good)))], shown) from error


def _broken(text: str, said: str) -> Fault:
    """What tomllib says; its place stands only in its words before Python 3.14."""
    found = _AT.search(said)
    line, column = (int(found[1]), int(found[2])) if found and found[1] else (0, 0)
    at = sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1 if line else len(text)
    again = [(path, spot) for path, spot in locate(text).again if spot.key <= at]
    if again:
        path, spot = again[0]
        return Fault(f"{dotted(path)} is given a second time", mark(text, spot.key, spot.key_end))
    says = _AT.sub("", said)
    return Fault(says[:1].lower() + says[1:], mark(text, at, at))


def _refused(says: str) -> ConfigError:
    return ConfigError(f"error: {says}\nNothing was done.")
