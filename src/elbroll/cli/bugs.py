"""elbroll's own faults: named as such, with the place in the code and a file that can be sent to us."""

from __future__ import annotations

import contextlib
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import ElbrollError

if TYPE_CHECKING:
    from collections.abc import Sequence


def described(error: BaseException) -> str:
    """What broke, in one line."""
    return f"elbroll has a bug: {type(error).__name__} {error}".rstrip() + " (ours, not yours)"


def place_of(error: BaseException) -> str:
    """`file:line` of the innermost frame."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else "nowhere"


def outside_a_run(error: BaseException, argv: Sequence[str]) -> ElbrollError:
    """The error to show, its traceback kept in the state directory where that can be written."""
    path = _keep(error, argv)
    send = (f"send {path}",) if path else ()
    return ElbrollError(
        described(error),
        why=(place_of(error),),
        fix=("elbroll status     shows every host's place", *send),
    )


def _keep(error: BaseException, argv: Sequence[str]) -> Path | None:
    from elbroll.cli.records import state_dir  # noqa: PLC0415 - only after a bug
    from elbroll.outputs.clean import clean  # noqa: PLC0415
    from elbroll.outputs.jsonl import open_new  # noqa: PLC0415

    with contextlib.suppress(Exception):  # a full disk must not hide the fault itself
        folder = state_dir(_given(argv)) / "bugs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        folder.mkdir(parents=True, mode=0o700)
        with open_new(folder / "debug.log") as file:
            file.write(clean("".join(traceback.format_exception(error))))
        return folder / "debug.log"
    return None


def _given(argv: Sequence[str]) -> Path | None:
    """`--state-dir`, however early the command line has ended."""
    for word, after in zip(argv, [*argv[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--state-dir":
            return Path(value if equals else after)
    given = os.environ.get("ELBROLL_STATE_DIR")
    return Path(given) if given else None
