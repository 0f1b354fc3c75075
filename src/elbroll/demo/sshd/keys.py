"""Throw-away keys: made anew for each world, worth nothing outside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from pathlib import Path


def new_key() -> paramiko.PKey:
    """A fresh ECDSA P-256 key: quick to make, and known to every OpenSSH we speak to."""
    return paramiko.ECDSAKey.generate(bits=256)


def write_key(key: paramiko.PKey, path: Path) -> Path:
    """Write the private half, readable by its owner alone, and the public half beside it as `.pub`."""
    key.write_private_key_file(str(path))
    path.chmod(0o600)
    path.with_name(f"{path.name}.pub").write_text(f"{key_text(key)} demo\n")
    return path


def key_text(key: paramiko.PKey) -> str:
    """Type and base64 of the public key, as in known_hosts after the host's name."""
    return f"{key.get_name()} {key.get_base64()}"
