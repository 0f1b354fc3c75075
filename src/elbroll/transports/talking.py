"""Listening to one exchange until it has said its last word, or until whoever minds it gives up."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from elbroll.errors import HostUnreachable
from elbroll.transports.exchange import Ended, Word
from elbroll.transports.jobs import FINAL
from elbroll.transports.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.engine.ports import Clock
    from elbroll.model import Host
    from elbroll.transports.exchange import Exchange

TICK = 0.1
AFTER_THE_END = 1.0
"""Seconds that the channel may stay open and silent after the last word (T-36)."""

MOST_WORDS = 1000
"""Control lines that an exchange may have; a host that goes on and on proves nothing more with them (S-14)."""


@dataclass(slots=True)
class Talk:
    """What one exchange has said so far; grows while it is listened to."""

    words: list[Word] = field(default_factory=list)
    heard_at: float = 0.0
    """Monotonic time of the last thing heard."""
    ended: Ended | None = None

    @property
    def finished(self) -> bool:
        """The wrapper has said its last word."""
        return any(word.name in FINAL for word in self.words)

    def has(self, name: str) -> bool:
        """Whether the word was said."""
        return any(word.name == name for word in self.words)

    def all(self, name: str) -> tuple[str, ...]:
        """What was said with each such word."""
        return tuple(" ".join(word.rest) for word in self.words if word.name == name)


def listen(exchange: Exchange, output: Output, clock: Clock, mind: Callable[[Talk], bool]) -> Talk:
    """Hear everything to the end. `mind` is called often and answers whether to go on listening."""
    talk = Talk(heard_at=clock.monotonic())
    while talk.ended is None and mind(talk):
        item = exchange.next(TICK)
        now = clock.monotonic()
        match item:
            case bytes():
                output.feed(item)
            case Word() if len(talk.words) < MOST_WORDS:
                talk.words.append(item)
            case Ended():
                talk.ended = replace(item, noise=tuple(map(output.aside, item.noise)))
            case None if talk.finished and now - talk.heard_at >= AFTER_THE_END:
                break
        if item is not None:
            talk.heard_at = now
    return talk


@contextmanager
def opened(line: Line) -> Iterator[Exchange]:
    """A fresh exec, closed at the end. Raises HostUnreachable, HostAccessError."""
    exchange = line.exchange()
    try:
        yield exchange
    finally:
        exchange.close()


class Line(Protocol):
    """What a question goes over."""

    @property
    def host(self) -> Host:
        """Where it leads."""
        ...

    def exchange(self) -> Exchange:
        """A fresh exec. Raises HostUnreachable, HostAccessError."""
        ...


def put_question(line: Line, clock: Clock, text: Callable[[str], bytes], limit: float) -> tuple[Talk, Output]:
    """Send a text made for the exchange's nonce and hear its answer whole; nothing is proven by what it does not say.

    Raises HostUnreachable where no last word came, HostAccessError.
    """
    output = Output(clock)
    began = clock.monotonic()
    with opened(line) as exchange:
        exchange.send(text(exchange.nonce))
        talk = listen(exchange, output, clock, lambda _: clock.monotonic() - began < limit)
        output.close()
    if not talk.finished:
        raise silent(line, talk, output)
    return talk, output


def silent(line: Line, talk: Talk, output: Output) -> HostUnreachable:
    """The host did not answer as our wrapper does; says what it did instead."""
    name, ended = line.host.name, talk.ended
    if ended is None:
        return HostUnreachable(f"{name} did not answer in time: does a login shell's rc file hang?")
    if not ended.sound:
        return HostUnreachable(f"the line to {name} was lost")
    why = (*output.tail[-5:], *ended.noise)
    return HostUnreachable(f"{name} runs no commands: the login shell ended with {ended.status} before ours", why=why)
