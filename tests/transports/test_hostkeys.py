"""What becomes of a shown host key under each policy, and what is written down."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.errors import HostAccessError
from elbroll.transports.hostkeys import HostKeys
from elbroll.transports.knownhosts import HostKey
from elbroll.transports.target import Target

if TYPE_CHECKING:
    from pathlib import Path

INSTANCE = "i-0a1b2c3d4e5f60001"
HOST = Target("web-1 (10.0.1.11)", "10.0.1.11", 22, "deploy", instance=INSTANCE)
BASTION = Target("bastion gw", "gw.example.com", 2222, "ops")


def a_key(seed: str) -> HostKey:
    name, body = b"ssh-ed25519", seed.encode()
    return HostKey("ssh-ed25519", len(name).to_bytes(4, "big") + name + len(body).to_bytes(4, "big") + body)


ONE, TWO = a_key("one"), a_key("two")


def keys(policy: Any, *files: Path, named: bool = True, console: str | None = None) -> HostKeys:
    return HostKeys(policy, files, named=named, console=lambda _: console)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.touch(mode=0o600)
    return file


def block(*lines: str) -> str:
    return "\r\n".join(("boot", "-----BEGIN SSH HOST KEY KEYS-----", *lines, "-----END SSH HOST KEY KEYS-----", "up"))


@pytest.mark.rule("T-10", "F-40", "S-2")
@pytest.mark.parametrize("policy", ["strict", "accept-new", "console"])
def test_a_known_key_passes_in_silence(policy: str, book: Path) -> None:
    book.write_text(f"{INSTANCE} {ONE.line}\n")
    assert keys(policy, book).check(HOST, ONE) == ()


@pytest.mark.rule("T-10", "F-40")
def test_strict_refuses_an_unknown_key_with_type_fingerprint_and_cure(book: Path) -> None:
    with pytest.raises(HostAccessError, match="not known") as caught:
        keys("strict", book).check(HOST, ONE)
    assert caught.value.why == (f"shown  ssh-ed25519 {ONE.fingerprint}",)
    assert caught.value.fix == (f"elbroll hosts trust {INSTANCE} --from-console",)
    assert caught.value.exit_code == 3


@pytest.mark.rule("T-12", "F-40", "S-2")
@pytest.mark.parametrize("policy", ["strict", "accept-new", "console"])
def test_a_changed_key_is_refused_under_every_policy(policy: str, book: Path) -> None:
    book.write_text(f"# mine\n{INSTANCE} {TWO.line}\n")
    with pytest.raises(HostAccessError, match="another host key") as caught:
        keys(policy, book, console=block(ONE.line)).check(HOST, ONE)
    why = "\n".join(caught.value.why)
    assert ONE.fingerprint in why
    assert TWO.fingerprint in why
    assert f"{book}:2" in why
    assert INSTANCE in why
    assert book.read_text() == f"# mine\n{INSTANCE} {TWO.line}\n"


@pytest.mark.rule("T-12")
def test_a_revoked_key_is_refused_though_it_is_also_listed(book: Path) -> None:
    book.write_text(f"{INSTANCE} {ONE.line}\n@revoked * {ONE.line}\n")
    with pytest.raises(HostAccessError, match="revoked"):
        keys("accept-new", book).check(HOST, ONE)


@pytest.mark.rule("S-10", "S-2")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("policy", ["strict", "accept-new", "console"])
def test_our_own_file_is_refused_where_others_may_write_it(policy: str, mode: int, book: Path) -> None:
    book.write_text(f"{INSTANCE} {ONE.line}\n")
    book.chmod(mode)
    with pytest.raises(HostAccessError, match="others may write") as caught:
        keys(policy, book, named=False).check(HOST, ONE)
    assert caught.value.fix == (f"chmod go-w '{book}'",)


@pytest.mark.rule("S-10")
def test_a_file_of_ssh_config_that_others_may_write_is_warned_about(book: Path, tmp_path: Path) -> None:
    book.write_text(f"{INSTANCE} {ONE.line}\n")
    book.chmod(0o664)
    found = keys("strict", tmp_path / "own", named=False).book(replace(HOST, known_hosts=(book,)))
    assert found.warnings == (f"others may write {book}; chmod go-w '{book}'",)
    assert len(found.entries) == 1


@pytest.mark.rule("T-13", "S-10", "H18")
def test_a_first_key_becomes_one_line_and_nothing_else_is_touched(book: Path) -> None:
    before = "# comment\n@cert-authority * strange line\nno newline at the end"
    book.write_text(before)
    assert "now listed" in keys("accept-new", book).check(HOST, ONE)[0]
    assert book.read_text() == f"{before}\n{INSTANCE} {ONE.line}\n"


@pytest.mark.rule("T-13", "S-10")
def test_a_new_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "ssh" / "known_hosts"
    keys("accept-new", file).check(HOST, ONE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.rule("T-13")
def test_only_the_first_file_is_written(tmp_path: Path, book: Path) -> None:
    second = tmp_path / "second"
    second.write_text("# shared by the team\n")
    keys("accept-new", book, second).check(HOST, ONE)
    assert second.read_text() == "# shared by the team\n"
    assert ONE.line in book.read_text()


@pytest.mark.rule("T-13")
def test_two_at_once_leave_both_lines_whole(book: Path) -> None:
    hosts = [Target(f"h{n}", "10.0.0.1", 22, "u", instance=f"i-{n:017x}") for n in range(16)]
    made = [keys("accept-new", book) for _ in hosts]
    barrier = threading.Barrier(len(hosts))

    def go(number: int) -> None:
        barrier.wait(20)
        made[number].check(hosts[number], a_key(str(number)))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(len(hosts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    expected = {f"i-{n:017x} {a_key(str(n)).line}" for n in range(16)}
    assert set(book.read_text().splitlines()) == expected


@pytest.mark.rule("T-13", "T-12")
def test_a_file_that_cannot_be_written_holds_the_key_for_this_run_only(tmp_path: Path) -> None:
    (tmp_path / "ro").symlink_to("/proc/version")
    made = keys("accept-new", tmp_path / "ro")
    assert "this run only" in made.check(HOST, ONE)[0]
    assert made.check(HOST, ONE) == ()
    with pytest.raises(HostAccessError, match="another host key"):
        made.check(HOST, TWO)


@pytest.mark.rule("T-14")
def test_a_bastion_is_filed_by_its_name_and_port(book: Path) -> None:
    keys("accept-new", book).check(BASTION, ONE)
    assert book.read_text() == f"[gw.example.com]:2222 {ONE.line}\n"


@pytest.mark.rule("T-14", "T-10")
def test_an_unknown_bastion_cannot_be_looked_up_on_a_console(book: Path) -> None:
    with pytest.raises(HostAccessError, match="not known") as caught:
        keys("console", book, console=block(ONE.line)).check(BASTION, ONE)
    assert "gw.example.com" in caught.value.fix[0]


# --- console -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-10", "S-2")
def test_a_key_that_the_console_lists_is_accepted_and_filed(book: Path) -> None:
    console = block(f"[   12.3] cloud-init[901]: {ONE.line} root@ip-10-0-1-11", TWO.line)
    assert keys("console", book, console=console).check(HOST, ONE)
    assert book.read_text() == f"{INSTANCE} {ONE.line}\n"


@pytest.mark.rule("T-10")
@pytest.mark.parametrize("console", [None, "", "login:", block("nothing here"), ONE.fingerprint])
def test_without_keys_on_the_console_the_host_is_refused_and_told_so(console: str | None, book: Path) -> None:
    with pytest.raises(HostAccessError, match="not known") as caught:
        keys("console", book, console=console).check(HOST, ONE)
    assert "console output" in caught.value.why[1]
    assert book.read_text() == ""


@pytest.mark.rule("T-10", "S-2")
def test_a_key_that_the_console_does_not_list_is_a_stranger(book: Path) -> None:
    with pytest.raises(HostAccessError, match="does not list") as caught:
        keys("console", book, console=block(TWO.line)).check(HOST, ONE)
    assert f"console  {TWO.fingerprint}" in caught.value.why
    assert book.read_text() == ""


@pytest.mark.rule("T-13")
def test_trust_from_the_console_files_what_it_lists(book: Path) -> None:
    assert "now listed" in keys("strict", book, console=block(ONE.line)).trust(HOST, ONE, None)
    assert ONE.line in book.read_text()


@pytest.mark.rule("T-12")
def test_trust_cures_no_changed_key(book: Path) -> None:
    book.write_text(f"{INSTANCE} {TWO.line}\n")
    with pytest.raises(HostAccessError, match="another host key"):
        keys("strict", book).trust(HOST, ONE, ONE.fingerprint)


@pytest.mark.rule("T-13")
def test_trust_that_cannot_write_fails(tmp_path: Path) -> None:
    (tmp_path / "ro").symlink_to("/proc/version")
    with pytest.raises(HostAccessError, match="cannot be written"):
        keys("strict", tmp_path / "ro").trust(HOST, ONE, ONE.fingerprint)


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-11")
def test_a_file_that_the_config_names_must_exist(tmp_path: Path) -> None:
    with pytest.raises(HostAccessError, match="known_hosts in"):
        keys("strict", tmp_path / "missing").check(HOST, ONE)


@pytest.mark.rule("T-11")
def test_the_usual_file_need_not_exist(tmp_path: Path) -> None:
    with pytest.raises(HostAccessError, match="is not known"):
        keys("strict", tmp_path / "missing", named=False).check(HOST, ONE)


@pytest.mark.rule("T-11")
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostAccessError, match="cannot be read"):
        keys("strict", tmp_path).check(HOST, ONE)


@pytest.mark.rule("T-11")
def test_files_that_ssh_config_names_are_read_and_never_written(tmp_path: Path, book: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text(f"10.0.1.11 {ONE.line}\n")
    host = Target("web-1", "10.0.1.11", 22, "u", instance=INSTANCE, known_hosts=(theirs, tmp_path / "missing", book))
    assert keys("accept-new", book).check(host, ONE) == ()
    assert (book.read_text(), theirs.read_text()) == ("", f"10.0.1.11 {ONE.line}\n")


@pytest.mark.rule("T-11")
def test_bad_lines_are_told(book: Path) -> None:
    book.write_text("bad\n")
    assert keys("strict", book).book(HOST).warnings[0].startswith(f"{book}:1 is skipped")
