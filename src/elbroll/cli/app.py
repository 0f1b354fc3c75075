"""The command `elbroll`: commands are loaded when they are called, so that help and completion start at once."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from elbroll import __version__
from elbroll.cli.ending import explain
from elbroll.cli.options import Flags, common_options
from elbroll.cli.struck import Struck, end_all_the_same, hear, strike, unhear
from elbroll.errors import ElbrollError, ExitCode, Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Mapping[str, tuple[str, str]] = {
    "plan": ("plan", "Show what a deploy would do; changes nothing."),
    "deploy": ("deploy", "Roll a release over the hosts behind a load balancer."),
    "exec": ("exec", "Run any command on each host while it is out of the balancer."),
    "drain": ("drain", "Take hosts out of every pool, and remember where they were."),
    "restore": ("restore", "Put hosts back exactly where the record says."),
    "status": ("status", "Show who serves, who is out, and what comes next."),
    "unlock": ("unlock", "Free the lock of a run that is truly dead."),
    "hosts": ("hosts", "List hosts, or file a host's key after comparing it."),
    "config": ("config", "Show, check or describe elbroll.toml."),
    "iam-policy": ("iam_policy", "Print the smallest IAM policy that works."),
    "demo": ("demo", "Roll a whole fleet on this computer, with no AWS account."),
    "help": ("help", "Help on a command, exit codes, events, the config."),
}


STDERR = 2
"""The highest of the three standard descriptors."""


class LazyGroup(click.Group):
    """Knows its commands by name and one line; imports one when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"elbroll.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the lines above, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Unknown commands name the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # noqa: PLC0415 - only for a mistyped command

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            if not near or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, message="elbroll %(version)s")
@common_options
@click.pass_context
def app(ctx: click.Context, flags: Flags) -> None:
    """Roll a change over the EC2 hosts behind an AWS load balancer.

    Each host in turn: out of every pool it serves, its traffic gone, deploy
    over SSH, verify, back exactly where it was.

    \b
      elbroll plan --lb web-prod --release v143
      elbroll deploy --lb web-prod --release v143
    """
    ctx.obj = flags
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code (`elbroll help exit-codes`)."""
    _open_closed_streams()
    hear(strike)
    end_all_the_same()
    code = run(sys.argv[1:] if argv is None else list(argv))
    unhear()
    _flush_for_the_last_time()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Born with a stream closed (`>&-`): nothing else may get its number, and what is written there goes nowhere."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    for name, fileno in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(fileno, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def _flush_for_the_last_time() -> None:
    """A reader that has gone away is no news (F-57); the room of outputs knows how, if it was loaded at all."""
    streams = sys.modules.get("elbroll.outputs.streams")
    if streams is not None:
        streams.settle_at_exit()


def run(argv: Sequence[str]) -> int:
    """The command line's exit code; never raises."""
    try:
        answer: Any = app.main(args=list(argv), prog_name="elbroll", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return ExitCode.INTERRUPT
    except click.ClickException as wrong:
        return explain(wrong, argv)
    except ElbrollError as error:
        return explain(error, argv)
    except Struck as struck:
        return explain(Interrupted(struck.exit_code), argv)
    except BrokenPipeError:
        return ExitCode.OK
    except Exception as bug:
        return explain(bug, argv)
    return int(answer) if isinstance(answer, int) else ExitCode.OK
