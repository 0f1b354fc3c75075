"""The matcher over known_hosts: OpenSSH's semantics, and the order of names that is elbroll's own."""

from __future__ import annotations

import base64
import hmac
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.transports.knownhosts import Book, HostKey, Names, Standing, judged, parsed, types_listed

if TYPE_CHECKING:
    from pathlib import Path


def a_key(seed: str = "one", type_: str = "ssh-ed25519") -> HostKey:
    """A key that is as good as any to a matcher."""
    name, body = type_.encode(), seed.encode()
    return HostKey(type_, len(name).to_bytes(4, "big") + name + len(body).to_bytes(4, "big") + body)


ONE, TWO, RSA = a_key("one"), a_key("two"), a_key("three", "ssh-rsa")
INSTANCE = "i-0a1b2c3d4e5f60001"
HOST = Names((INSTANCE, "[10.0.1.11]:2222"), hint="10.0.1.11")


def book(*lines: str) -> Book:
    return parsed("\n".join(lines).encode(), "kh")


def hashed(name: str, salt: bytes = b"s" * 20) -> str:
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


def standing(*lines: str, names: Names = HOST, shown: HostKey = ONE) -> Standing:
    return judged(book(*lines).entries, names, shown).standing


@pytest.mark.rule("T-11")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], Standing.UNKNOWN, id="empty"),
        pytest.param([f"{INSTANCE} {ONE.line}"], Standing.KNOWN, id="instance id"),
        pytest.param([f"{INSTANCE} {TWO.line}"], Standing.CHANGED, id="instance id, other key"),
        pytest.param([f"{INSTANCE} {RSA.line}"], Standing.CHANGED, id="other type does not pass as new"),
        pytest.param([f"{INSTANCE} {TWO.line}", f"{INSTANCE} {ONE.line}"], Standing.KNOWN, id="rotation: any entry"),
        pytest.param(
            [f"{INSTANCE} {TWO.line}", f"[10.0.1.11]:2222 {ONE.line}"], Standing.CHANGED, id="listed id counts alone"
        ),
        pytest.param(
            [f"{INSTANCE} {ONE.line}", f"[10.0.1.11]:2222 {TWO.line}"], Standing.KNOWN, id="stale address is ignored"
        ),
        pytest.param([f"[10.0.1.11]:2222 {ONE.line}"], Standing.KNOWN, id="address with port"),
        pytest.param([f"[10.0.1.11]:2222 {TWO.line}"], Standing.CHANGED, id="address with port, other key"),
        pytest.param([f"10.0.1.11 {ONE.line}"], Standing.KNOWN, id="address without port"),
        pytest.param([f"10.0.1.11 {TWO.line}"], Standing.UNKNOWN, id="another port's server proves nothing"),
        pytest.param([f"10.0.1.1 {ONE.line}"], Standing.UNKNOWN, id="no prefix match"),
        pytest.param([f"web,{INSTANCE.upper()},db {ONE.line}"], Standing.KNOWN, id="list, case"),
        pytest.param([f"i-0a* {ONE.line}"], Standing.KNOWN, id="star"),
        pytest.param([f"i-0a1b2c3d4e5f6000? {ONE.line}"], Standing.KNOWN, id="question mark"),
        pytest.param([f"[10.0.*]:2222 {ONE.line}"], Standing.KNOWN, id="brackets are no character class"),
        pytest.param([f"*,!{INSTANCE},!*10.0.* {ONE.line}"], Standing.UNKNOWN, id="negation wins"),
        pytest.param([f"!other {ONE.line}"], Standing.UNKNOWN, id="negation alone lists nothing"),
        pytest.param([f"{hashed(INSTANCE)} {ONE.line}"], Standing.KNOWN, id="hashed"),
        pytest.param([f"{hashed('other')} {ONE.line}"], Standing.UNKNOWN, id="hashed, other name"),
        pytest.param([f"|1|nonsense {ONE.line}"], Standing.UNKNOWN, id="broken hash"),
        pytest.param([f"@revoked * {ONE.line}"], Standing.REVOKED, id="revoked"),
        pytest.param(
            [f"{INSTANCE} {ONE.line}", f"@revoked * {ONE.line}"], Standing.REVOKED, id="revoked though listed"
        ),
        pytest.param([f"@revoked * {TWO.line}"], Standing.UNKNOWN, id="another key revoked"),
        pytest.param([f"@revoked elsewhere {ONE.line}"], Standing.UNKNOWN, id="revoked elsewhere"),
        pytest.param([f"@cert-authority * {ONE.line}"], Standing.UNKNOWN, id="authorities vouch for nothing"),
        pytest.param([f"  {INSTANCE}\t {ONE.line} a comment of words"], Standing.KNOWN, id="blanks and comment"),
        pytest.param([f"{INSTANCE} {a_key(type_='ssh-dss').line}"], Standing.UNKNOWN, id="a type nobody can prove"),
    ],
)
def test_what_the_lines_say_of_the_key(lines: list[str], expected: Standing) -> None:
    assert standing(*lines) is expected


@pytest.mark.rule("T-11")
def test_an_alias_replaces_address_and_port() -> None:
    names = Names(("web-alias",))
    assert standing(f"10.0.1.11 {ONE.line}", names=names) is Standing.UNKNOWN
    assert standing(f"web-alias {ONE.line}", names=names) is Standing.KNOWN


@pytest.mark.rule("T-11", "H17")
@pytest.mark.parametrize(
    ("line", "word"),
    [
        (f"{INSTANCE} ssh-ed25519", "fewer fields"),
        (f"{INSTANCE} ssh-ed25519 !!!notbase64", "not base64"),
        (f"{INSTANCE} ssh-rsa {ONE.line.split()[1]}", "not of the type"),
        (f"@sometimes {INSTANCE} {ONE.line}", "marker"),
        (f"@cert-authority *.example.com {TWO.line}", "not supported"),
        ("10.0.0.1 1024 35 1234567890", "not base64"),
        ("\x00\xff garbage", "fewer fields"),
    ],
)
def test_a_bad_line_is_skipped_with_its_place_and_spoils_no_other(line: str, word: str) -> None:
    found = book("# a comment", line, "", f"{INSTANCE} {ONE.line}")
    assert judged(found.entries, HOST, ONE).standing is Standing.KNOWN
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("kh:2 is skipped")
    assert word in found.warnings[0]


def test_windows_line_ends_are_no_part_of_a_key() -> None:
    assert judged(parsed(f"{INSTANCE} {ONE.line}\r\n".encode(), "kh").entries, HOST, ONE).standing is Standing.KNOWN


def test_a_verdict_points_at_the_lines_that_decided() -> None:
    verdict = judged(book("# note", f"{INSTANCE} {TWO.line}").entries, HOST, ONE)
    assert (verdict.name, [entry.place for entry in verdict.entries]) == (INSTANCE, ["kh:2"])


@pytest.mark.rule("H17")
def test_types_of_the_first_listed_name_are_offered_first() -> None:
    entries = book(f"{INSTANCE} {RSA.line}", f"[10.0.1.11]:2222 {ONE.line}").entries
    assert types_listed(entries, HOST) == ("ssh-rsa",)


@pytest.mark.rule("T-11")
@given(st.binary(max_size=300))
def test_no_file_makes_the_matcher_fail(data: bytes) -> None:
    assert judged(parsed(data, "kh").entries, HOST, ONE).standing is Standing.UNKNOWN


@pytest.mark.sshd
@pytest.mark.rule("T-11")
def test_names_hashed_by_ssh_keygen_are_found(tmp_path: Path, ssh_keys: Path) -> None:
    file = tmp_path / "known_hosts"
    public = (ssh_keys / "host_ed25519.pub").read_text()
    file.write_text(f"[web.example.com]:2222 {public}")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    type_, encoded = public.split()[:2]
    names, shown = Names(("[web.example.com]:2222",)), HostKey(type_, base64.b64decode(encoded))
    assert b"web.example" not in file.read_bytes()
    assert judged(parsed(file.read_bytes(), "kh").entries, names, shown).standing is Standing.KNOWN


@pytest.mark.sshd
def test_fingerprints_are_written_as_openssh_writes_them(ssh_keys: Path) -> None:
    public = ssh_keys / "host_rsa.pub"
    printed = subprocess.run(["ssh-keygen", "-lf", public], check=True, capture_output=True, text=True).stdout
    type_, encoded = public.read_text().split()[:2]
    assert HostKey(type_, base64.b64decode(encoded)).fingerprint == printed.split()[1]
