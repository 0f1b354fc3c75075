"""known_hosts as OpenSSH reads it, and what it says of a key that a host has shown (H17, T-11). Pure but for `read`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
"""Types of host keys that can be proven to us; a listed key of any other type says nothing."""

REVOKED = "@revoked"
AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key. `blob` is what the protocol sends."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As OpenSSH prints it: `SHA256:` and 43 characters."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """As it stands in files: type and base64."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One usable line. `names` is the first field as it stands: patterns, or one hashed name."""

    marker: str
    names: str
    key: HostKey
    place: str
    """`file:line`, for people."""

    def lists(self, name: str) -> bool:
        """Whether the line is about `name`: any pattern of it matches, and none with `!` does."""
        if self.names.startswith("|1|"):
            return _hashed(self.names, name.lower())
        hits = [pattern for pattern in self.names.split(",") if _like(pattern.removeprefix("!"), name.lower())]
        return bool(hits) and not any(pattern.startswith("!") for pattern in hits)


@dataclass(frozen=True, slots=True)
class Names:
    """What a host's key may be listed under: the first of `binding` that is listed counts alone.

    `hint` is the address without its port: a key listed there is good, but another one there proves nothing, as it
    may belong to another server of the same address.
    """

    binding: tuple[str, ...]
    hint: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, in the order in which they are tried."""
        return (*self.binding, self.hint) if self.hint else self.binding


@dataclass(frozen=True, slots=True)
class Book:
    """The entries of one or more files, in order, and what is to be told about the rest."""

    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Book) -> Book:
        return Book(self.entries + other.entries, self.warnings + other.warnings)


class Standing(Enum):
    """What the files say of a shown key."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` are the lines that decided: of the listed keys, or the one that revokes."""

    standing: Standing
    name: str
    entries: tuple[Entry, ...] = ()


def judged(entries: Iterable[Entry], names: Names, shown: HostKey) -> Verdict:
    """What to think of `shown`; revoked under any of the names is revoked.

    A listed key of another type counts as listed, so that a stranger cannot pass as "new" by showing another type.
    """
    about = [entry for entry in entries if any(entry.lists(name) for name in names.all)]
    if revoked := tuple(entry for entry in about if entry.marker == REVOKED and entry.key == shown):
        return Verdict(Standing.REVOKED, names.binding[0], revoked)
    name, listed = _first_listed(about, names)
    if any(entry.key == shown for entry in listed):
        return Verdict(Standing.KNOWN, name, listed)
    if listed and name != names.hint:
        return Verdict(Standing.CHANGED, name, listed)
    return Verdict(Standing.UNKNOWN, names.binding[0])


def types_listed(entries: Iterable[Entry], names: Names) -> tuple[str, ...]:
    """Types of the keys that are listed, for offering these first: the server then shows one we know (H17)."""
    _, listed = _first_listed(entries, names)
    return tuple(dict.fromkeys(entry.key.type for entry in listed))


def _first_listed(entries: Iterable[Entry], names: Names) -> tuple[str, tuple[Entry, ...]]:
    usable = [entry for entry in entries if not entry.marker]
    for name in names.all:
        if listed := tuple(entry for entry in usable if entry.lists(name)):
            return name, listed
    return names.binding[0], ()


def read(path: Path) -> Book:
    """The entries of a file. Raises OSError."""
    return parsed(path.read_bytes(), str(path))


def parsed(data: bytes, file: str) -> Book:
    """The entries of a file's text; each bad line is skipped with a warning."""
    entries: list[Entry] = []
    warnings: list[str] = []
    for number, raw in enumerate(data.splitlines(), 1):
        place = f"{file}:{number}"
        try:
            entry = _entry(raw.decode("utf-8", "surrogateescape"), place)
        except ValueError as error:
            warnings.append(f"{place} is skipped: {error}")
            continue
        if entry and entry.marker == AUTHORITY:
            warnings.append(f"{place} is skipped: {AUTHORITY} is not supported; list the host's own key")
        elif entry and entry.key.type in KEY_TYPES:
            entries.append(entry)
    return Book(tuple(entries), tuple(warnings))


def _entry(line: str, place: str) -> Entry | None:
    """Raises ValueError for a line that is neither an entry nor a comment."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if marker not in {"", REVOKED, AUTHORITY}:
        raise ValueError("its marker is unknown")
    if len(words) < 3:
        raise ValueError("it has fewer fields than names, type and key")
    names, type_, encoded = words[:3]
    return Entry(marker, names.lower() if not names.startswith("|") else names, _key(type_, encoded), place)


def _key(type_: str, encoded: str) -> HostKey:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its key is not base64") from None
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != type_.encode("utf-8", "surrogateescape"):
        raise ValueError("its key is not of the type it names")
    return HostKey(type_, blob)


def _hashed(field: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode("utf-8", "surrogateescape"), "sha1"), digest)


def _like(pattern: str, name: str) -> bool:
    """`*` and `?` only: brackets stand for themselves, as in `[10.0.*]:2222`."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))
