"""ssh_config as `ssh -G` reads it: what is obeyed, what is expanded, what goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from elbroll.errors import HostAccessError
from elbroll.transports import sshconfig
from elbroll.transports.sshconfig import Question, SshConfig, obeyed, parsed

with_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh program on this machine")


@pytest.fixture
def config(tmp_path: Path) -> SshConfig:
    return SshConfig("config", tmp_path)


def printed(*lines: str) -> dict[str, list[str]]:
    return parsed("\n".join(lines))


@pytest.mark.rule("T-25", "H22")
def test_home_tokens_and_variables_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "/keys")
    monkeypatch.setenv("HOME", "/home/ana")
    options = printed(
        "user deploy",
        "hostname 10.0.1.11",
        "port 2222",
        "hostkeyalias web-alias",
        "identityfile ~/.ssh/%h",
        "identityfile ${KEYS}/%r-%n%%",
        "identityfile %d/x",
        "proxycommand nc -X %h %p %r %k %C",
        "userknownhostsfile ~/.ssh/a /b/%k",
        "globalknownhostsfile /etc/c",
    )
    found = obeyed(options, Question("web-1"), chosen=True)
    assert (found.address, found.user, found.port, found.alias) == ("10.0.1.11", "deploy", 2222, "web-alias")
    assert found.identity_files == tuple(map(Path, ("/home/ana/.ssh/10.0.1.11", "/keys/deploy-web-1%", "/home/ana/x")))
    assert found.proxy_command == "nc -X 10.0.1.11 2222 deploy web-alias %C"
    assert found.known_hosts == tuple(map(Path, ("/home/ana/.ssh/a", "/b/web-alias", "/etc/c")))


@pytest.mark.rule("T-25")
@pytest.mark.parametrize(
    ("line", "agent"),
    [
        ("", "/run/usual"),
        ("identityagent SSH_AUTH_SOCK", "/run/usual"),
        ("identityagent none", None),
        ("identityagent $OTHER", "/run/other"),
        ("identityagent ${OTHER}", "/run/other"),
        ("identityagent $NOT_SET", None),
        ("identityagent ~/agent", "/home/ana/agent"),
    ],
)
def test_the_agent_is_found_as_openssh_finds_it(line: str, agent: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/usual")
    monkeypatch.setenv("OTHER", "/run/other")
    monkeypatch.setenv("HOME", "/home/ana")
    assert obeyed(printed(line), Question("h"), chosen=False).agent == agent


@pytest.mark.rule("T-25")
def test_the_word_none_switches_off() -> None:
    options = printed("identityfile none", "proxyjump none", "proxycommand none", "userknownhostsfile none")
    found = obeyed(options, Question("h"), chosen=True)
    assert (found.identity_files, found.proxy_jump, found.proxy_command, found.known_hosts) == ((), None, None, ())


@with_ssh
@pytest.mark.rule("T-25", "H22")
def test_includes_matches_and_wildcards_are_read_by_ssh_itself(config: SshConfig, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host web-*\n  HostName %h.internal\n  Port 2200\n")
    (tmp_path / "config").write_text(
        f"Include {tmp_path}/more\nMatch user ana\n  ProxyJump gw\nMatch host *.internal exec true\n  User svc\n"
    )
    found = config.of(Question("web-1"))
    assert (found.address, found.port, found.user) == ("web-1.internal", 2200, "svc")
    assert config.of(Question("web-1", user="ana")).proxy_jump == "gw"


@with_ssh
@pytest.mark.rule("T-25", "T-20")
def test_usual_key_files_are_told_from_chosen_ones(config: SshConfig, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host a\n  IdentityFile ~/.ssh/mine\n  IdentitiesOnly yes\n")
    assert (config.of(Question("a")).chosen, config.of(Question("b")).chosen) == (True, False)
    assert (config.of(Question("a")).identities_only, config.of(Question("b")).identities_only) == (True, False)


@with_ssh
@pytest.mark.rule("T-25")
def test_faults_are_shown_in_the_words_of_ssh(config: SshConfig, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host a\n  Hoost b\n")
    with pytest.raises(HostAccessError) as caught:
        config.of(Question("a"))
    assert f"{tmp_path}/config: line 2" in caught.value.why[0]


@with_ssh
@pytest.mark.rule("T-25")
def test_a_named_file_that_is_missing_is_an_error(config: SshConfig) -> None:
    with pytest.raises(HostAccessError) as caught:
        config.of(Question("a"))
    assert "No such file" in caught.value.why[0]


@with_ssh
@pytest.mark.rule("T-25", "H22")
@pytest.mark.usefixtures("no_leftovers")
def test_a_match_that_hangs_is_killed_with_all_it_started(
    config: SshConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sshconfig, "LIMIT", 0.3)
    (tmp_path / "config").write_text('Match exec "sleep 30"\n  User x\n')
    with pytest.raises(HostAccessError, match=r"did not end within 0\.3s"):
        config.of(Question("a"))


@with_ssh
@pytest.mark.rule("T-25")
def test_ssh_is_asked_once_for_each_question(config: SshConfig, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f'Match exec "echo x >>{tmp_path}/asked"\n  User x\n')
    for _ in range(3):
        config.of(Question("a"))
    assert (tmp_path / "asked").read_text().count("x") == 1


@pytest.mark.rule("T-25")
def test_an_empty_config_file_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    found = SshConfig("", tmp_path).of(Question("10.0.1.11", user="ana", port=2222))
    assert (found.address, found.user, found.port, found.agent) == ("10.0.1.11", "ana", 2222, None)
    assert [file.name for file in found.identity_files] == ["id_ed25519", "id_ecdsa", "id_rsa"]


@pytest.mark.rule("T-25")
def test_without_ssh_a_config_file_is_an_error_with_both_cures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostAccessError) as caught:
        SshConfig("config", tmp_path).of(Question("a"))
    assert "install" in caught.value.fix[0]
    assert 'config_file = ""' in caught.value.fix[1]


@pytest.mark.rule("T-25")
def test_without_ssh_and_without_the_usual_file_the_built_in_values_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SshConfig("~/.ssh/config", tmp_path).of(Question("a")).port == 22
