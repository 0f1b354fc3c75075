"""Options that several commands share. Each has the variable ELBROLL_ and its name, unless it is consent."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Flags:
    """The options that every command takes, before or after its word."""

    config: str | None = None
    profile: str | None = None
    region: str | None = None
    as_json: bool = False
    verbose: int = 0
    quiet: int = 0
    color: str = "auto"
    progress: str = "auto"
    no_input: bool = False
    yes: bool = False
    ci: str = "auto"
    state_dir: Path | None = None


def env(name: str) -> dict[str, Any]:
    """The environment variable of an option, named in its help."""
    return {"envvar": f"ELBROLL_{name}", "show_envvar": True}


_COMMON = (
    click.option("-c", "--config", metavar="FILE", help="elbroll.toml to use.", **env("CONFIG")),
    click.option("--profile", metavar="NAME", help="AWS profile.", **env("PROFILE")),
    click.option("--region", metavar="NAME", help="AWS region.", **env("REGION")),
    click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.", **env("JSON")),
    click.option("-v", "--verbose", count=True, help="Host output; -vv: AWS calls and record writes too."),
    click.option("-q", "--quiet", count=True, help="Errors and summary only; -qq: errors only."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", **env("COLOR")),
    click.option("--progress", type=click.Choice(["auto", "tty", "plain", "none"]), default="auto", **env("PROGRESS")),
    click.option("--no-input", is_flag=True, help="Never ask.", **env("NO_INPUT")),
    click.option("-y", "--yes", is_flag=True, help="Consent to what the plan shows."),
    click.option(
        "--ci", type=click.Choice(["auto", "github", "gitlab", "buildkite", "none"]), default="auto", **env("CI")
    ),
    click.option(
        "--state-dir", metavar="DIR", type=click.Path(path_type=Path), help="Where runs are kept.", **env("STATE_DIR")
    ),
)


def common_options(command: F) -> F:
    """Give a command the common options; it gets them as one `flags`, merged with those before its word."""
    names = [field.name for field in fields(Flags)]

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        ctx = click.get_current_context()
        given = {name: kwargs.pop(name) for name in names}
        said = {name: value for name, value in given.items() if _was_said(ctx, name)}
        before = ctx.obj if isinstance(ctx.obj, Flags) else Flags()
        return command(*args, flags=replace(before, **said), **kwargs)

    for option in reversed(_COMMON):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # the signature gains options that click fills in


def _was_said(ctx: click.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source not in (click.core.ParameterSource.DEFAULT, None)


def lb_option(*, required: bool = True) -> Callable[[F], F]:
    """`--lb NAME`."""
    text = "Table [lb.NAME], or a balancer's or target group's AWS name."
    return click.option("--lb", metavar="NAME", required=required, help=text, **env("LB"))


def selection_options(command: F) -> F:
    """Which hosts, and which release."""
    for option in reversed(
        (
            click.option("--release", metavar="LABEL", help="Label of what is rolled.", **env("RELEASE")),
            click.option("--only", metavar="HOST", multiple=True, help="Only these hosts; repeatable."),
            click.option("--exclude", metavar="HOST", multiple=True, help="Not these hosts; repeatable."),
            click.option("--limit", metavar="N", type=click.IntRange(min=1), help="At most N hosts."),
            click.option(
                "--include-current", is_flag=True, help="Also hosts already on the release.", **env("INCLUDE_CURRENT")
            ),
        )
    ):
        command = option(command)
    return command


def pace_options(command: F) -> F:
    """How fast, and how far."""
    for option in reversed(
        (
            click.option("--max-unavailable", metavar="N|N%", help="Hosts out at once.", **env("MAX_UNAVAILABLE")),
            click.option("--floor", metavar="N|N%", help="Hosts in service at least.", **env("FLOOR")),
            click.option("--bake", metavar="D", help="Watched in service before the next.", **env("BAKE")),
            click.option("--max-failures", metavar="N", type=int, help="Left-out hosts borne.", **env("MAX_FAILURES")),
            click.option(
                "--order", type=click.Choice(["spread", "zone", "name"]), help="Which host comes next.", **env("ORDER")
            ),
        )
    ):
        command = option(command)
    return command


def run_options(command: F) -> F:
    """Safety and record of a run that changes things."""
    for option in reversed(
        (
            click.option("--lock-wait", metavar="D", default="0s", help="Wait for another run.", **env("LOCK_WAIT")),
            click.option("--events", metavar="FILE|-", help="A copy of the events.", **env("EVENTS")),
            click.option(
                "--events-output", is_flag=True, help="Host output among the events too.", **env("EVENTS_OUTPUT")
            ),
        )
    ):
        command = option(command)
    return command
