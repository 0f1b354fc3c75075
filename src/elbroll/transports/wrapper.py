"""The text that a host's shell is given: one constant bootstrap line, all else over the channel's input (H8)."""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources

BOOTSTRAP = "exec /bin/sh -c 'while IFS= read -r l; do eval \"$l\"; done'"
"""The command of every exec. It means the same in dash, bash, zsh, fish and tcsh, and shows nothing in `ps`."""

_LOADER = (
    "_elb_q=$(printf '\\n_'); _elb_q=${_elb_q%_} _elb_t=; "
    'while IFS= read -r l && [ "$l" != . ]; do _elb_t=$_elb_t$l$_elb_q; done; eval "$_elb_t"'
)
"""Gathers the lines up to a lone `.` and evaluates them; one line itself, as `read` takes it."""


def new_nonce() -> str:
    """128 random bits: output cannot forge a control line that bears them."""
    return secrets.token_hex(16)


def program(*parts: str, call: tuple[str | int, ...]) -> bytes:
    """The first bytes of an exec's input: loader, the named parts of `host/`, and the call that starts them.

    `call` is a function and its arguments; they are put in single quotes and may not contain any.
    """
    words = [str(word) for word in call]
    if any("'" in word or "\n" in word for word in words):
        raise ValueError("an argument of the wrapper would be parsed by the shell")
    line = " ".join(f"'{word}'" for word in words)
    return "\n".join([_LOADER, *(_part(part) for part in parts), line, ".", ""]).encode()


@cache
def _part(name: str) -> str:
    """A file of `host/` without comments and indentation: the host's shell reads it byte by byte."""
    text = resources.files("elbroll.transports").joinpath("host", f"{name}.sh").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))
