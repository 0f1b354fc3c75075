"""The certificate that may lie beside a private key (T-22): its dates decide whether it is worth offering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class NotNow(Exception):
    """The certificate cannot be used; the message says why, as the end of a sentence about the file."""


def beside(key: Path) -> Path:
    """Where OpenSSH looks for the certificate of a key."""
    return key.with_name(f"{key.name}-cert.pub")


def check(certificate: Path, now: datetime) -> None:
    """Raises NotNow where it is expired, not yet valid, no user certificate, or unreadable; FileNotFoundError."""
    data = certificate.read_bytes()
    try:
        found = serialization.load_ssh_public_identity(data)
    except Exception as error:
        raise NotNow("cannot be read") from error
    if not isinstance(found, serialization.SSHCertificate) or found.type is not serialization.SSHCertificateType.USER:
        raise NotNow("is no user certificate")
    if found.valid_before <= now.timestamp():
        raise NotNow("has expired")
    if found.valid_after > now.timestamp():
        raise NotNow("is not valid yet")
