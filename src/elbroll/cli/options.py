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


class Option(click.Option):
    """An option that belongs to a group of its command's help."""

    def __init__(self, *names: Any, group: str = "Options", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.group = group


class Grouped(click.Command):
    """A command whose help shows its options group by group: its own first, those of every command last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section a group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            row = option.get_help_record(ctx)
            if row is not None and isinstance(option, click.Option):  # click tells arguments here too
                groups.setdefault(getattr(option, "group", "Options"), []).append(row)
        last = [name for name in (EVERYWHERE,) if name in groups]
        for name in [*(name for name in groups if name not in last), *last]:
            with formatter.section(name):
                formatter.write_dl(groups[name])


EVERYWHERE = "Every command"
SELECTION = "Release and selection"
PACE = "Pace"
SAFETY = "Safety and record"


def option(group: str, *names: Any, **settings: Any) -> Callable[[F], F]:
    """`click.option` in a group."""
    return click.option(*names, cls=Option, group=group, **settings)


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
    option(EVERYWHERE, "-c", "--config", metavar="FILE", help="elbroll.toml to use.", **env("CONFIG")),
    option(EVERYWHERE, "--profile", metavar="NAME", help="AWS profile.", **env("PROFILE")),
    option(EVERYWHERE, "--region", metavar="NAME", help="AWS region.", **env("REGION")),
    option(EVERYWHERE, "--json", "as_json", is_flag=True, help="One JSON document on stdout.", **env("JSON")),
    option(EVERYWHERE, "-v", "--verbose", count=True, help="Host output; -vv: AWS calls and record writes too."),
    option(EVERYWHERE, "-q", "--quiet", count=True, help="Errors and summary only; -qq: errors only."),
    option(EVERYWHERE, "--color", type=click.Choice(["auto", "always", "never"]), default="auto", **env("COLOR")),
    option(
        EVERYWHERE, "--progress", type=click.Choice(["auto", "tty", "plain", "none"]), default="auto", **env("PROGRESS")
    ),
    option(EVERYWHERE, "--no-input", is_flag=True, help="Never ask.", **env("NO_INPUT")),
    option(EVERYWHERE, "-y", "--yes", is_flag=True, help="Consent to what the plan shows."),
    option(
        EVERYWHERE,
        "--ci",
        type=click.Choice(["auto", "github", "gitlab", "buildkite", "none"]),
        default="auto",
        **env("CI"),
    ),
    option(
        EVERYWHERE,
        "--state-dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Where runs are kept.",
        **env("STATE_DIR"),
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

    for give in reversed(_COMMON):
        wrapped = give(wrapped)
    return wrapped  # type: ignore[return-value]  # the signature gains options that click fills in


def _was_said(ctx: click.Context, name: str) -> bool:
    """What stands on the command line; the environment counts once, before the command's word, as it yields to both."""
    source = ctx.get_parameter_source(name)
    if ctx.parent is not None and source is click.core.ParameterSource.ENVIRONMENT:
        return False
    return source not in (click.core.ParameterSource.DEFAULT, None)


def lb_option(*, required: bool = True) -> Callable[[F], F]:
    """`--lb NAME`."""
    text = "Table [lb.NAME], or a balancer's or target group's AWS name."
    return click.option("--lb", metavar="NAME", required=required, help=text, **env("LB"))


def selection_options(command: F) -> F:
    """Which hosts, and which release."""
    for give in reversed(
        (
            option(SELECTION, "--release", metavar="LABEL", help="Label of what is rolled.", **env("RELEASE")),
            option(SELECTION, "--only", metavar="HOST", multiple=True, help="Only these hosts; repeatable."),
            option(SELECTION, "--exclude", metavar="HOST", multiple=True, help="Not these hosts; repeatable."),
            option(SELECTION, "--limit", metavar="N", type=click.IntRange(min=1), help="At most N hosts."),
            option(
                SELECTION,
                "--include-current",
                is_flag=True,
                help="Also hosts already on the release.",
                **env("INCLUDE_CURRENT"),
            ),
        )
    ):
        command = give(command)
    return command


def pace_options(command: F) -> F:
    """How fast, and how far."""
    for give in reversed(
        (
            option(PACE, "--max-unavailable", metavar="N|N%", help="Hosts out at once.", **env("MAX_UNAVAILABLE")),
            option(PACE, "--floor", metavar="N|N%", help="Hosts in service at least.", **env("FLOOR")),
            option(PACE, "--bake", metavar="D", help="Watched in service before the next.", **env("BAKE")),
            option(PACE, "--max-failures", metavar="N", type=int, help="Left-out hosts borne.", **env("MAX_FAILURES")),
            option(
                PACE,
                "--order",
                type=click.Choice(["spread", "zone", "name"]),
                help="Which host comes next.",
                **env("ORDER"),
            ),
        )
    ):
        command = give(command)
    return command


def run_options(command: F) -> F:
    """Safety and record of a run that changes things."""
    for give in reversed(
        (
            option(SAFETY, "--lock-wait", metavar="D", default="0s", help="Wait for another run.", **env("LOCK_WAIT")),
            option(SAFETY, "--events", metavar="FILE|-", help="A copy of the events.", **env("EVENTS")),
            option(
                SAFETY,
                "--events-output",
                is_flag=True,
                help="Host output among the events too.",
                **env("EVENTS_OUTPUT"),
            ),
        )
    ):
        command = give(command)
    return command
