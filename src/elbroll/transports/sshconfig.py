"""What ssh_config says of a host, as OpenSSH itself reads it: `ssh -G` is asked, nothing is parsed twice (H22)."""

from __future__ import annotations

import getpass
import os
import re
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError
from elbroll.transports.children import ProgramMissing, TookTooLong, outcome
from elbroll.transports.cleaned import cleaned, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL_FILE = "~/.ssh/config"
LIMIT = 5.0
"""Seconds that `ssh -G` may take; it runs the commands of `Match exec` (T-25)."""

_USUAL_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_TOKEN = re.compile(r"%([a-zA-Z%])")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """The options of ssh_config that elbroll obeys, tokens and `~` expanded."""

    address: str
    user: str
    port: int
    identity_files: tuple[Path, ...]
    chosen: bool
    """Whether the identity files were named by the user, not OpenSSH's usual places."""
    identities_only: bool
    agent: str | None
    alias: str | None
    known_hosts: tuple[Path, ...]
    proxy_command: str | None
    proxy_jump: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What `ssh -G` is asked: a host by the word a user would type, with what elbroll.toml decides anyway."""

    word: str
    user: str | None = None
    port: int | None = None


class SshConfig:
    """Asks `ssh -G` once for each question; safe to use from several threads."""

    def __init__(self, config_file: str, base_dir: Path) -> None:
        self._file = config_file
        self._base_dir = base_dir
        self._lock = threading.Lock()
        self._known: dict[Question, HostConfig] = {}
        self._usual_identities: list[str] | None = None

    def of(self, question: Question) -> HostConfig:
        """What applies to the host. Raises HostAccessError with ssh's own words, or where ssh is missing."""
        with self._lock:
            known = self._known.get(question)
        answer = known or self._asked(question)
        with self._lock:
            return self._known.setdefault(question, answer)

    def _asked(self, question: Question) -> HostConfig:
        if not self._file or not (printed := self._printed(question, self._file_option())):
            return _built_in(question)
        options = parsed(printed)
        return obeyed(options, question, chosen=options.get("identityfile") != self._usual(question))

    def _file_option(self) -> tuple[str, ...]:
        """The default file goes unnamed, so that the system-wide one is read as well."""
        return () if self._file == USUAL_FILE else ("-F", str(self._base_dir / Path(self._file).expanduser()))

    def _usual(self, question: Question) -> list[str]:
        if self._usual_identities is None:
            printed = self._printed(question, ("-F", "none"))
            self._usual_identities = parsed(printed or "").get("identityfile", [])
        return self._usual_identities

    def _printed(self, question: Question, file_option: tuple[str, ...]) -> str | None:
        """What ssh prints; None where neither ssh nor the default config file exists."""
        user = ("-l", question.user) if question.user else ()
        port = ("-p", str(question.port)) if question.port else ()
        try:
            ended = outcome(("ssh", "-G", *file_option, *user, *port, "--", question.word), LIMIT)
        except ProgramMissing:
            self._do_without_ssh()
            return None
        except TookTooLong as error:
            raise HostAccessError(
                f"ssh -G {question.word} did not end within {LIMIT:g}s",
                why=("it reads ssh_config, and a Match exec there may hang",),
                fix=('config_file = "" in [ssh] reads none',),
            ) from error
        if ended.status != 0:
            raise HostAccessError(f"ssh cannot read its config for {question.word}", why=cleaned(ended.stderr))
        return ended.stdout.decode("utf-8", "surrogateescape")

    def _do_without_ssh(self) -> None:
        if self._file == USUAL_FILE and not Path(USUAL_FILE).expanduser().exists():
            return
        raise HostAccessError(
            f"there is no ssh program to read {self._file} with",
            fix=("install the OpenSSH client", 'or config_file = "" in [ssh], which reads none'),
        )


def parsed(printed: str) -> dict[str, list[str]]:
    """The lines of `ssh -G`: each option with its values in order."""
    options: dict[str, list[str]] = {}
    for line in printed.splitlines():
        name, _, value = line.strip().partition(" ")
        options.setdefault(name.lower(), []).append(value)
    return options


def obeyed(options: Mapping[str, list[str]], question: Question, *, chosen: bool) -> HostConfig:
    """The options that count, out of all that `ssh -G` prints."""
    address = _set(options, "hostname") or question.word
    user = _set(options, "user") or getpass.getuser()
    port = _port(_set(options, "port") or "22")
    alias = _set(options, "hostkeyalias")
    tokens = _tokens(question.word, address, user, port, alias or address)
    files = options.get("identityfile", [])
    return HostConfig(
        address=address,
        user=user,
        port=port,
        identity_files=tuple(_path(file, tokens) for file in files if file != "none"),
        chosen=chosen,
        identities_only=_set(options, "identitiesonly") == "yes",
        agent=_agent(_set(options, "identityagent"), tokens, none="none" in options.get("identityagent", ())),
        alias=alias,
        known_hosts=_known_hosts(options, tokens),
        proxy_command=_expanded(command, tokens) if (command := _set(options, "proxycommand")) else None,
        proxy_jump=_set(options, "proxyjump"),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise HostAccessError(f"ssh says that the port is {visible(text[:20])!r}, which is none")
    return int(text)


def _built_in(question: Question) -> HostConfig:
    return HostConfig(
        address=question.word,
        user=question.user or getpass.getuser(),
        port=question.port or 22,
        identity_files=tuple(Path(file).expanduser() for file in _USUAL_KEYS),
        chosen=False,
        identities_only=False,
        agent=os.environ.get("SSH_AUTH_SOCK") or None,
        alias=None,
        known_hosts=(),
        proxy_command=None,
        proxy_jump=None,
    )


def _set(options: Mapping[str, list[str]], name: str) -> str | None:
    """The first value, as OpenSSH takes it; None where there is none or it says `none`."""
    value = next(iter(options.get(name, ())), "")
    return value if value and value != "none" else None


def _agent(value: str | None, tokens: Mapping[str, str], *, none: bool) -> str | None:
    if none:
        return None
    if value is None or value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if value.startswith("$") and not value.startswith("${"):
        return os.environ.get(value[1:]) or None
    return str(_path(value, tokens))


def _known_hosts(options: Mapping[str, list[str]], tokens: Mapping[str, str]) -> tuple[Path, ...]:
    names = (_set(options, "userknownhostsfile") or "").split() + (_set(options, "globalknownhostsfile") or "").split()
    return tuple(_path(name, tokens) for name in names)


def _tokens(word: str, address: str, user: str, port: int, key_name: str) -> dict[str, str]:
    """ssh_config(5), TOKENS. `%C` is left alone: it names sockets of connections that elbroll does not share."""
    return {
        "%": "%",
        "d": str(Path.home()),
        "h": address,
        "i": str(os.getuid()),
        "k": key_name,
        "L": socket.gethostname().partition(".")[0],
        "l": socket.gethostname(),
        "n": word,
        "p": str(port),
        "r": user,
        "u": getpass.getuser(),
    }


def _expanded(text: str, tokens: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda found: tokens.get(found[1], found[0]), text)


def _path(text: str, tokens: Mapping[str, str]) -> Path:
    with_variables = _VARIABLE.sub(lambda found: os.environ.get(found[1], found[0]), text)
    path = Path(_expanded(with_variables, tokens))
    try:
        return path.expanduser()
    except RuntimeError:  # `~somebody/key` of a user that this computer does not have
        return path
