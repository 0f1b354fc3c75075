"""Who runs: person, machine, process and CI job, as written into locks and events."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from typing import TYPE_CHECKING

from elbroll.model import Holder, RunId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def new_run() -> RunId:
    """Six hexadecimal digits that no other run is likely to have."""
    return RunId(secrets.token_hex(3))


def holder(run: RunId, command: str, started: datetime, environ: Mapping[str, str]) -> Holder:
    """This process; the CI job's address where one of the known services says it."""
    return Holder(
        run=run,
        user=_user(environ),
        machine=socket.gethostname(),
        pid=os.getpid(),
        command=command,
        started=started,
        url=ci_url(environ),
    )


def ci_url(environ: Mapping[str, str]) -> str | None:
    """The page of the CI job that we run in."""
    if environ.get("GITHUB_ACTIONS"):
        parts = (environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
        server, repository, number = parts
        return f"{server}/{repository}/actions/runs/{number}"
    return environ.get("CI_JOB_URL") or environ.get("BUILDKITE_BUILD_URL") or None


def _user(environ: Mapping[str, str]) -> str:
    named = environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or environ.get("BUILDKITE_BUILD_CREATOR")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
