"""Private key files: every form that loads, and a sentence for each thing that is no usable key."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from elbroll.model import Secret
from elbroll.transports.keys import IsPublic, NeedsPassphrase, Unusable, load, mended, parsed
from transports.machine import make_key

if TYPE_CHECKING:
    from pathlib import Path

PEM, DER_FORMS = serialization.Encoding.PEM, serialization.PrivateFormat
OPEN = serialization.NoEncryption()
MAKERS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}
FORMS = {"openssh": DER_FORMS.OpenSSH, "pem": DER_FORMS.TraditionalOpenSSL, "pkcs8": DER_FORMS.PKCS8}


@pytest.fixture(scope="module")
def made() -> dict[str, object]:
    return {name: make() for name, make in MAKERS.items()}


def written(key: object, form: str, passphrase: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else OPEN
    return key.private_bytes(PEM, FORMS[form], how)


def nobody() -> None:
    return None


@pytest.mark.rule("T-21", "H21")
@pytest.mark.parametrize(
    ("kind", "form"),
    [(kind, form) for kind in MAKERS for form in FORMS if (kind, form) != ("ed25519", "pem")],
)
def test_every_kind_loads_from_every_form(kind: str, form: str, made: dict[str, object]) -> None:
    key = parsed(mended(written(made[kind], form)), nobody)
    public = made[kind].public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert f"{key.get_name()} {key.get_base64()}" == public.decode()
    assert key.can_sign()


@pytest.mark.rule("T-21")
@pytest.mark.parametrize("form", ["openssh", "pem", "pkcs8"])
@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="BOM"),
        pytest.param(lambda text: text.strip().replace(b"\n", b"\\n"), id="literal newlines"),
        pytest.param(lambda text: text.strip().replace(b"\n", b"\\r\\n"), id="literal CRLF"),
        pytest.param(lambda text: b"\n\n" + text.replace(b"\n", b"\n    "), id="indented, as in YAML"),
        pytest.param(lambda text: text.rstrip(), id="no newline at the end"),
    ],
)
def test_harm_done_on_the_way_is_mended(harm, form: str, made: dict[str, object]) -> None:
    assert parsed(mended(harm(written(made["rsa"], form))), nobody).can_sign()


@pytest.mark.rule("T-21")
@pytest.mark.parametrize("form", ["openssh", "pkcs8"])
def test_a_locked_key_opens_with_its_passphrase_alone(form: str, made: dict[str, object]) -> None:
    data = mended(written(made["ed25519"], form, b"open sesame"))
    assert parsed(data, lambda: Secret("open sesame")).can_sign()
    with pytest.raises(Unusable, match="does not open"):
        parsed(data, lambda: Secret("wrong"))
    with pytest.raises(NeedsPassphrase, match="ssh-add"):
        parsed(data, nobody)


def test_a_locked_openssh_key_shows_its_public_half(made: dict[str, object]) -> None:
    data = mended(written(made["ed25519"], "openssh", b"secret"))
    with pytest.raises(NeedsPassphrase) as caught:
        parsed(data, nobody)
    assert caught.value.public == parsed(mended(written(made["ed25519"], "openssh")), nobody).asbytes()


def small_rsa() -> bytes:
    return written(rsa.generate_private_key(65537, 1024), "pem")


def a_dsa() -> bytes:
    return written(dsa.generate_private_key(1024), "pkcs8")


@pytest.mark.rule("T-21")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen", id="PPK"),
        pytest.param(b"-----BEGIN PUBLIC KEY-----\nAAAA\n", "public key", id="PEM public"),
        pytest.param(b"---- BEGIN SSH2 PUBLIC KEY ----\n", "public key", id="SSH2 public"),
        pytest.param(b"", "not a private key", id="empty"),
        pytest.param(b"hello\n", "not a private key", id="other"),
        pytest.param(b"\x00\xff\xfe", "not a private key", id="binary"),
        pytest.param(
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "damaged", id="cut"
        ),
        pytest.param(
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "damaged", id="cut PEM"
        ),
        pytest.param(small_rsa(), "1024 bits", id="small RSA"),
        pytest.param(a_dsa(), "DSA", id="DSA"),
    ],
)
def test_what_is_no_usable_key_is_told_in_a_sentence_of_its_own(data: bytes, says: str) -> None:
    with pytest.raises(Unusable, match=says):
        parsed(mended(data), nobody)


@pytest.mark.rule("T-21")
def test_a_security_key_is_recognised_by_its_public_half(tmp_path: Path) -> None:
    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public = string(b"sk-ssh-ed25519@openssh.com") + string(b"x" * 32) + string(b"ssh:")
    body = b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"") + bytes([0, 0, 0, 1]) + string(public)
    armour = base64.encodebytes(body)
    data = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + armour + b"-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(Unusable, match="security key"):
        parsed(mended(data), nobody)


@pytest.mark.sshd
@pytest.mark.rule("T-21")
def test_a_public_key_file_is_told_from_a_private_one(ssh_keys: Path) -> None:
    with pytest.raises(IsPublic, match=r"without \.pub") as caught:
        load(ssh_keys / "client.pub")
    assert caught.value.public == load(ssh_keys / "client").key.asbytes()


@pytest.mark.sshd
@pytest.mark.rule("T-21", "S-10")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_warned_about(mode: int, tmp_path: Path, ssh_keys: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes((ssh_keys / "client").read_bytes())
    key.chmod(mode)
    assert load(key).warnings == (f"{key} can be read by others; chmod 600 {key}",)


@pytest.mark.sshd
@pytest.mark.rule("T-21", "S-10")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_key_that_others_can_write_is_refused(mode: int, tmp_path: Path, ssh_keys: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes((ssh_keys / "client").read_bytes())
    key.chmod(mode)
    with pytest.raises(Unusable, match="written by others"):
        load(key)


@pytest.mark.rule("S-10")
def test_a_private_key_of_the_owner_alone_gives_no_warning(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert load(key).warnings == ()


@given(st.binary(max_size=200))
def test_no_file_makes_the_loader_fail_in_another_way(data: bytes) -> None:
    with pytest.raises(Unusable):
        parsed(mended(data), nobody)


@given(st.binary(max_size=200))
def test_no_armoured_rubbish_makes_the_loader_fail_in_another_way(data: bytes) -> None:
    armoured = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + data + b"\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(Unusable):
        parsed(mended(armoured), nobody)
