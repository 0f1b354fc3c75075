"""The host keys that cloud-init writes to an instance's console when it first boots (aws.md E2)."""

from __future__ import annotations

import base64
import hashlib
import re

_FULL = re.compile(r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+)\s+(AAAA[0-9A-Za-z+/]+={0,2})")
_PRINT = re.compile(r"SHA256:[0-9A-Za-z+/]{43}")
_MARK = re.compile(r"-----\s*(BEGIN|END) SSH HOST KEY (?:KEYS|FINGERPRINTS)\s*-----")


class NothingThere(Exception):
    """The console output is gone or has no host keys; the message says which."""


def fingerprints(text: str | None) -> frozenset[str]:
    """SHA256 fingerprints of the keys between cloud-init's marks, whatever stands before them in a line.

    Raises NothingThere.
    """
    if not text:
        raise NothingThere("its console output is gone; AWS keeps it for about an hour")
    inside = _between_marks(text.replace("\r", "\n"))
    shown = (_fingerprint(blob) for blob in _FULL.findall(inside))
    if found := frozenset(_PRINT.findall(inside)) | {each for each in shown if each}:
        return found
    raise NothingThere("its console output has no host keys (any more); AWS keeps the last 64 KB")


def _between_marks(text: str) -> str:
    """All blocks; one that lost its beginning to the 64 KB limit ends at its mark all the same."""
    kept: list[str] = []
    start = 0
    for mark in _MARK.finditer(text):
        if mark[1] == "END":
            kept.append(text[start : mark.start()])
        start = mark.end()
    return "\n".join(kept)


def _fingerprint(encoded: str) -> str | None:
    """None for a key that lost its end."""
    try:
        blob = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
