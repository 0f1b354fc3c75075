"""Harmless questions to a host: stopped when the line is lost or their time is over, leaving no folder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from elbroll.model import JobResult
from elbroll.transports.exchange import Word
from elbroll.transports.jobs import body, verdict
from elbroll.transports.output import Output
from elbroll.transports.talking import listen, opened, silent
from elbroll.transports.wrapper import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elbroll.engine.ports import Clock
    from elbroll.transports.kept import KeptLine

_GRACE = 2
_BEHIND = 5.0


def look(line: KeptLine, clock: Clock, text: str, env: Mapping[str, str], limit: float) -> JobResult:
    """Ask once. Raises HostUnreachable when the line is lost (which says nothing about the app), Refused."""
    output = Output(clock)
    asked = body(text, env)
    began = clock.monotonic()
    with opened(line) as exchange:
        call = ("look", exchange.nonce, max(1, math.ceil(limit)), _GRACE)
        exchange.send(program("base", "look", call=call) + asked)
        talk = listen(exchange, output, clock, lambda _: clock.monotonic() - began < limit + _GRACE + _BEHIND)
        output.close()
    ending = verdict(_with_cause(talk.words), talk.ended)
    if ending is None:
        raise silent(line, talk, output)
    return JobResult(
        ending.end, ending.status, ending.cause, clock.monotonic() - began, tail=output.tail, lines=output.lines
    )


def _with_cause(words: Sequence[Word]) -> list[Word]:
    """A look has no folder to note its cause in, so the wrapper says it beforehand."""
    causes = [word.rest[0] for word in words if word.name == "WHY" and word.rest]
    return [_caused(word, causes[0]) if causes and word.name == "EXIT" else word for word in words]


def _caused(word: Word, cause: str) -> Word:
    return Word(word.name, (*word.rest[:1], cause, *word.rest[2:]))
