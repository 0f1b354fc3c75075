"""Commands for hosts: the text that is sent, and what the answers prove (ssh.md 2; T-31, T-32). Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.errors import Refused
from elbroll.model import JobEnd, OnLoss
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from elbroll.model import Job, Secret
    from elbroll.transports.exchange import Ended, Word

ROOT = ""
"""The job folders' place; empty: `~/.elbroll/jobs`, as the wrapper finds it."""
FLOOD = 1 << 30
"""Bytes of output after which a command is stopped."""
LONGEST = 256 * 1024
"""Bytes of a command's text."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STATUS = re.compile(r"[0-9]{1,3}")
_SHELLS_OWN = frozenset({"IFS", "UID", "EUID", "PPID", "OPTIND", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO"})
"""Names whose setting would end or bend the wrapper's shell itself."""

FINAL = frozenset({"EXIT", "DUP", "BUSY", "CUT", "REFUSED", "NEVER", "REBOOTED", "GONE", "DONE", "SAME"})
"""Words after which the wrapper says nothing more."""

_STOPPED = {
    "limit": "stopped at its limit",
    "flood": "stopped after more than 1 GiB of output",
    "asked": "stopped because it was asked to",
    "lost": "stopped because the line to the host was lost",
}
_REFUSED = {
    "workdir": "the working directory does not exist",
    "disk": "the host cannot write the command down: no space left?",
    "setsid": "the host has no setsid",
    "job folder": "the host can make no folder for commands, neither in the home directory nor in /var/tmp",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is proven about a command's end."""

    end: JobEnd
    status: int | None = None
    cause: str | None = None


# --- what is sent ------------------------------------------------------------------------------------


def start_text(job: Job, nonce: str) -> bytes:
    """Everything that starts the job. Raises Refused for what no host could be given."""
    limit, grace = max(1, math.ceil(job.limit)), max(1, math.ceil(job.grace))
    rule = OnLoss(job.on_loss).value
    call = ("job", ROOT, _checked_id(job.id), nonce, limit, grace, rule, FLOOD)
    return program("base", "job", call=call) + body(job.line, job.env, job.secrets, job.workdir)


def ask_text(job: Job, nonce: str, since: str) -> bytes:
    """Asks what became of the job, and for its output from `since` on (as `tail -c` takes it)."""
    grace = max(1, math.ceil(job.grace))
    return program("base", "job", call=("ask", ROOT, _checked_id(job.id), nonce, grace, since))


def open_text(nonce: str) -> bytes:
    """Asks which commands of ours are still running."""
    return program("base", "job", call=("open_jobs", ROOT, nonce))


def body(
    line: str, env: Mapping[str, str], secrets: Mapping[str, Secret] | None = None, workdir: str | None = None
) -> bytes:
    """Folder, variables and the command's own lines, as the wrapper reads them. Raises Refused (T-31, T-32)."""
    texts = [f"@{_plain(workdir, 'workdir')}"] if workdir else []
    texts += [_variable(name, value) for name, value in env.items()]
    texts += [_variable(name, _revealed(name, secret)) for name, secret in (secrets or {}).items()]
    texts += [f":{text}" for text in _command(line).split("\n")]
    return "\n".join([*texts, ".", ""]).encode("utf-8", "surrogateescape")


def _command(line: str) -> str:
    text = line.replace("\r\n", "\n")
    if "\0" in text or "\r" in text:
        raise Refused("a command contains a NUL, or a carriage return that ends no line")
    if len(text.encode("utf-8", "surrogateescape")) > LONGEST:
        raise Refused("a command is longer than 256 KiB", fix=("upload it as a file, and run that",))
    return text


def _variable(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name in _SHELLS_OWN or name.startswith("_elb_"):
        raise Refused(f"{name!r} cannot be the name of a variable for commands")
    if "\0" in value:
        raise Refused(f"the value of {name} contains a NUL")
    first, *more = value.split("\n")
    return "\n".join([f"={name}={first}", *(f"+{line}" for line in more)])


def _revealed(name: str, secret: Secret) -> str:
    if not secret.reveal():
        raise Refused(f"the secret {name} is empty")
    return secret.reveal()


def _plain(text: str, what: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise Refused(f"{what} contains a line break or a NUL")
    return text


def _checked_id(job_id: object) -> str:
    text = str(job_id)
    if not _ID.fullmatch(text):
        raise Refused(f"{text!r} cannot name a command")
    return text


# --- what is answered --------------------------------------------------------------------------------


def verdict(words: Sequence[Word], ended: Ended | None) -> Ending | None:
    """What the answers to a start prove; None: nothing, so the host has to be asked."""
    for word in words:
        match word.name:
            case "EXIT":
                return _exited(word.rest, begun=_has(words, "START"))
            case "BUSY" | "CUT" | "REFUSED" | "NEVER":
                return Ending(JobEnd.NOT_RUN, cause=_why_not(word))
            case _:
                continue
    if ended and ended.sound and ended.status is not None and not words:
        said = f": {ended.noise[-1]}" if ended.noise else ""
        return Ending(JobEnd.NOT_RUN, cause=f"the login shell ended with {ended.status} before our command{said}")
    return None


def asked_verdict(words: Sequence[Word]) -> Ending | None:
    """What the answers to asking prove; None: ask again."""
    for word in words:
        match word.name, word.rest:
            case "REFUSED", ("job", "folder"):
                return None
            case "EXIT", rest:
                return _exited(rest, begun=True)
            case "BUSY" | "CUT" | "REFUSED" | "NEVER", _:
                return Ending(JobEnd.NOT_RUN, cause=_why_not(word))
            case "REBOOTED", _:
                return Ending(JobEnd.UNKNOWN, cause="the host rebooted meanwhile")
            case "GONE", _:
                return Ending(JobEnd.UNKNOWN, cause="the command vanished without leaving its status")
            case _:
                continue
    return None


def _exited(rest: tuple[str, ...], *, begun: bool) -> Ending | None:
    match rest:
        case [status, why, left] if _STATUS.fullmatch(status) and int(status) <= 255:
            return _by_cause(int(status), why, left, begun=begun)
        case _:
            return None


def _by_cause(status: int, why: str, left: str, *, begun: bool) -> Ending:
    if not begun or why == "buried":
        return Ending(JobEnd.NOT_RUN, cause="the host ended it before it began")
    if why == "-":
        return Ending(JobEnd.EXIT, status)
    may_run = "" if left == "-" else f"; may still run: {left.replace(',', ', ')}"
    return Ending(JobEnd.TIMED_OUT, status, _STOPPED.get(why, "stopped") + may_run)


def _why_not(word: Word) -> str:
    match word.name:
        case "BUSY":
            return f"another command of elbroll still runs on the host: {' '.join(word.rest)}"
        case "CUT":
            return "the line was lost before the command had arrived whole"
        case "NEVER":
            return "it never began, and never will"
        case _:
            what = " ".join(word.rest)
            return _REFUSED.get(what, f"the host refused it: {what}")


def _has(words: Iterable[Word], name: str) -> bool:
    return any(word.name == name for word in words)
