"""Texts of elbroll.toml that name something elsewhere: accounts, stores, secrets, files on hosts, checks.

Each raises ValueError with a predicate, as `types` does.
"""

from __future__ import annotations

import re
import shlex

from elbroll.config.types import one_line, shown

_ACCOUNT = re.compile(r"[0-9]{12}")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\x00-\x1f]*)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODE = re.compile(r"0?[0-7]{3}")
_STATUS = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?")
_PUNCTUATION = "|&;<>()"
_PATH = re.compile(r"/[!-~]*")
_URL = re.compile(r"https?://(?:(?![/?#])[!-~])+(?:[/?#][!-~]*)?")


def account(value: object) -> str:
    """An AWS account's number, as text: as a number it would lose its leading zeros."""
    if isinstance(value, str) and _ACCOUNT.fullmatch(value):
        return value
    raise ValueError(f'wants an account of 12 digits in quotes, such as "123456789012", not {shown(value)}')


def store(value: object) -> str:
    """Where the ledger is kept."""
    text = one_line(value)
    if text == "ssm" or _BUCKET.fullmatch(text) or text.removeprefix("file:") not in (text, ""):
        return text
    raise ValueError(f'wants "ssm", "s3://bucket/prefix" or "file:PATH", not {shown(text)}')


def secret(value: object) -> str:
    """A reference to a secret, never the secret itself (S-3); what stands there is not repeated, it may be one."""
    kind, _, where = value.partition(":") if isinstance(value, str) else ("", "", "")
    good = {"env": bool(_NAME.fullmatch(where)), "file": bool(where), "ssm": where.startswith("/") and where != "/"}
    if not good.get(kind) or "\0" in where or "\n" in where:
        raise ValueError('wants "env:NAME", "file:PATH" or "ssm:/path", never the secret itself')
    return f"{kind}:{where}"


def variable(name: object) -> str:
    """The name of a variable that commands may be given; ours and the shell's own are not to be had."""
    text = str(name)
    if not _NAME.fullmatch(text):
        raise ValueError("is no name of a variable: letters, digits and _, no digit first")
    if text.startswith("ELBROLL_") or text == "IFS":
        raise ValueError(f"is a name that belongs to {'the shell' if text == 'IFS' else 'elbroll'}")
    return text


def argv(value: object) -> tuple[str, ...]:
    """A program on this computer and its words: a list as it stands, a text split as a shell would quote it.

    No shell will run it (I-26), so what only a shell understands is not taken in a text.
    """
    if isinstance(value, str):
        return _program(_split(value), value)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return _program(list(value), value)
    raise ValueError(f"wants a command or a list of its words, not {shown(value)}")


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
        tokens = list(shlex.shlex(text, posix=True, punctuation_chars=True))
    except ValueError:
        raise ValueError(f"wants a command whose quotes are closed, not {shown(text)}") from None
    if for_shells := [token for token in tokens if token and not set(token) - set(_PUNCTUATION)]:
        raise ValueError(f'is run without a shell, which {for_shells[0]} is for: ["sh", "-c", "..."] runs one')
    return words


def _program(words: list[str], value: object) -> tuple[str, ...]:
    if not words or not words[0] or any("\0" in word for word in words):
        raise ValueError(f"wants a command, not {shown(value)}")
    return tuple(words)


def plain_value(value: object) -> str:
    """The value of a variable for commands."""
    if isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(f"wants a text, not {shown(value)}" if not isinstance(value, str) else "wants a text without NUL")


def target_path(value: object) -> str:
    """Where a file goes on a host: a whole path, so that it is the same for every login."""
    text = one_line(value)
    rooted = text.startswith(("/", "~/")) and not text.endswith("/")
    if not rooted or ".." in text.split("/"):
        raise ValueError(f'wants a file by its whole path, "/..." or "~/...", without "..", not {shown(text)}')
    return text


def mode(value: object) -> str:
    """Permissions of a file, octal."""
    if isinstance(value, str) and _MODE.fullmatch(value):
        return value
    raise ValueError(f'wants permissions such as "0644", not {shown(value)}')


def http_check(value: object) -> str:
    """`verify.http`: what can stand in a request line, blanks and other special characters written as %20."""
    text = one_line(value)
    if text in ("auto", "off") or _PATH.fullmatch(text) or _URL.fullmatch(text):
        return text
    raise ValueError(f'wants "auto", "/path", "http://:9000/ready" or "off", not {shown(text)}')


def statuses(value: object) -> str:
    """Statuses as AWS writes them: `200`, `200-299`, `200,202`."""
    found = [_STATUS.fullmatch(part.strip()) for part in value.split(",")] if isinstance(value, str) else [None]
    if isinstance(value, str) and all(match and match[1] <= (match[2] or match[1]) for match in found):
        return value
    raise ValueError(f'wants statuses such as "200", "200-299" or "200,202", not {shown(value)}')
