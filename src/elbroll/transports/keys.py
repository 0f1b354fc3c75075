"""Private key files made usable: mended, parsed, judged, each fault with a sentence of its own (H21, T-21)."""

from __future__ import annotations

import base64
import io
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elbroll.model import Secret

    Passphrase = Callable[[Path], Secret | None]
    """Asks for the passphrase of a key file; None: nobody can be asked."""

SMALLEST_RSA = 2048
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-", b"-----BEGIN PUBLIC KEY", b"---- BEGIN SSH2 PUBLIC KEY")
_ARMOUR = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", re.DOTALL)
_MAGIC = b"openssh-key-v1\0"


class Unusable(Exception):
    """The file holds no key that can log in; the message says why, as the end of a sentence about the file."""


class NeedsPassphrase(Unusable):
    """The key is encrypted and nobody gave its passphrase. `public` is its public half where that can be read."""

    def __init__(self, message: str, public: bytes | None) -> None:
        super().__init__(message)
        self.public = public


class IsPublic(Unusable):
    """The file holds a public key, which an agent may have the private half of."""

    def __init__(self, message: str, public: bytes | None) -> None:
        super().__init__(message)
        self.public = public


@dataclass(frozen=True, slots=True)
class Loaded:
    """A private key ready to sign, and what is to be told about its file."""

    key: PKey
    warnings: tuple[str, ...] = ()


def load(path: Path, passphrase: Passphrase | None = None) -> Loaded:
    """Read a key file. Raises Unusable, FileNotFoundError, other OSErrors."""
    mode = path.stat().st_mode
    data = mended(path.read_bytes())
    key = parsed(data, lambda: passphrase(path) if passphrase else None)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unusable(f"can be written by others; chmod 600 {path}")
    readable = mode & (stat.S_IRGRP | stat.S_IROTH)
    return Loaded(key, (f"{path} can be read by others; chmod 600 {path}",) if readable else ())


def mended(data: bytes) -> bytes:
    """The key's text as it was before editors, copying and environment variables got at it."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip()
    if b"\n" not in text:
        text = text.replace(b"\\r\\n", b"\n").replace(b"\\n", b"\n")
    return b"\n".join(line.strip() for line in text.split(b"\n")).strip() + b"\n"


def parsed(data: bytes, passphrase: Callable[[], Secret | None]) -> PKey:
    """The private key in a mended text. Raises Unusable."""
    _refuse_other_things(data)
    locked = _is_locked(data)
    secret = passphrase() if locked else None
    if locked and secret is None:
        raise NeedsPassphrase("wants a passphrase; load it into an ssh-agent with ssh-add", public_half(data))
    key = _opened(data, secret)
    return _paramiko_key(key)


def public_half(data: bytes) -> bytes | None:
    """The public blob that an OpenSSH private key file carries in clear; None for other formats."""
    header = _openssh_header(data)
    return header[2] if header else None


def _refuse_other_things(data: bytes) -> None:
    if data.startswith(b"PuTTY-User-Key-File"):
        raise Unusable("is a PuTTY key; puttygen KEY.ppk -O private-openssh -o KEY converts it")
    if data.startswith(_PUBLIC):
        raise IsPublic("is a public key; name the private one, usually the same path without .pub", _blob(data))
    if b"PRIVATE KEY" not in data:
        raise Unusable("is not a private key in OpenSSH, PEM or PKCS#8 form")
    header = _openssh_header(data)
    if header and b"sk-" in header[2][:40]:
        raise Unusable("is kept on a security key, which needs a touch for each login; use an ssh-agent key instead")


def _is_locked(data: bytes) -> bool:
    header = _openssh_header(data)
    if header:
        return header[0] != b"none"
    return b"BEGIN ENCRYPTED PRIVATE KEY" in data or b"Proc-Type: 4,ENCRYPTED" in data


def _opened(data: bytes, secret: Secret | None) -> object:
    password = secret.reveal().encode() if secret else None
    try:
        if b"BEGIN OPENSSH PRIVATE KEY" in data:
            return serialization.load_ssh_private_key(data, password)
        return serialization.load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = "does not open with that passphrase" if password else "is damaged or of a kind that cannot be read"
        raise Unusable(why) from error


def _paramiko_key(key: object) -> PKey:
    """By way of the OpenSSH form in memory: the one that paramiko reads reliably for all three kinds."""
    match key:
        case rsa.RSAPrivateKey() if key.key_size < SMALLEST_RSA:
            raise Unusable(f"is an RSA key of {key.key_size} bits; servers refuse less than {SMALLEST_RSA}")
        case rsa.RSAPrivateKey():
            return RSAKey(file_obj=_openssh_form(key))
        case ec.EllipticCurvePrivateKey() if key.curve.name in {"secp256r1", "secp384r1", "secp521r1"}:
            return ECDSAKey(file_obj=_openssh_form(key))
        case ed25519.Ed25519PrivateKey():
            return Ed25519Key(file_obj=_openssh_form(key))
        case dsa.DSAPrivateKey():
            raise Unusable("is a DSA key, which servers no longer take; make one with ssh-keygen -t ed25519")
        case _:
            raise Unusable("is of a kind that SSH has no use for; ssh-keygen -t ed25519 makes a good one")


def _openssh_form(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> io.StringIO:
    form = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return io.StringIO(form.decode())


def _openssh_header(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Cipher, key derivation and public blob of an OpenSSH private key (PROTOCOL.key)."""
    armour = _ARMOUR.search(data)
    if not armour:
        return None
    try:
        body = base64.b64decode(armour[1]).removeprefix(_MAGIC)
        cipher, rest = _string(body)
        kdf, rest = _string(rest)
        _, rest = _string(rest)
        public, _ = _string(rest[4:])
    except ValueError:
        return None
    return cipher, kdf, public


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A length-prefixed string, and what follows it. Raises ValueError."""
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < end:
        raise ValueError("cut short")
    return data[4:end], data[end:]


def _blob(public_line: bytes) -> bytes | None:
    words = public_line.split()
    try:
        return base64.b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        return None
