"""One GET to an app on its host, or one connection, through the host's tunnel (ssh.md 5)."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll import __version__
from elbroll.errors import HostUnreachable
from elbroll.model import ProbeAnswer
from elbroll.probes.addresses import at
from elbroll.probes.line import NOT_THERE
from elbroll.probes.streams import Encrypted, Limited, TooMuch

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock
    from elbroll.model import Host
    from elbroll.probes.line import HostLine, Stream
    from elbroll.probes.matcher import Matcher

BODY = 64 * 1024
"""Bytes of a body that are read."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where an app is asked. `address` is literal and allowed; `limit` is for one whole look, in seconds."""

    address: str
    port: int
    limit: float

    def __str__(self) -> str:
        return at(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Page:
    """What to get, and what answer is well."""

    path: str
    matcher: Matcher
    encrypted: bool = False
    body: str | None = None
    """Text that the answer must contain."""
    whole: str | None = None
    """Text that the trimmed answer must be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, its body cut at 64 KiB."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """One GET, no redirects followed. Two that would ask and judge alike are equal."""

    line: HostLine
    clock: Clock
    host: Host
    place: Place
    page: Page
    mask: Callable[[str], str] = str
    """As `CommandProbe.mask`."""

    @property
    def asks(self) -> str:
        """`GET 10.0.1.11:8080/healthz`"""
        scheme = "https://" if self.page.encrypted else ""
        return f"GET {scheme}{self.place}{self.page.path}"

    def look(self) -> ProbeAnswer:
        """Raises HostUnreachable when the line is lost, HostAccessError where tunnels are forbidden."""
        return asked(self.line, self.clock, self.host, self.place, self._ask)

    def _ask(self, stream: Stream, deadline: float) -> ProbeAnswer:
        answer = self._got(stream, deadline)
        if answer.status not in self.page.matcher:
            return ProbeAnswer(False, f"answered {answer.status}")
        if self.page.body is not None and self.page.body not in answer.body:
            return ProbeAnswer(False, f"answered {answer.status}, without {self.page.body!r} in it")
        if self.page.whole is not None and answer.body.strip() != self.page.whole:
            shown = self.mask(answer.body.strip())[:_SHOWN]
            return ProbeAnswer(False, f"says {shown!r} instead of {self.page.whole!r}")
        return ProbeAnswer(True, f"answered {answer.status}")

    def _got(self, stream: Stream, deadline: float) -> Answer:
        connection = http.client.HTTPConnection(self.place.address, self.place.port)
        connection.sock = answering = self._socket(stream, deadline)
        headers = {"Host": str(self.place), "User-Agent": f"elbroll/{__version__}", "Accept": "*/*"}
        connection.request("GET", self.page.path, headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        if answering.ended:  # `http.client` takes a head that was cut off for a whole one
            raise http.client.IncompleteRead(b"")
        body = response.read(BODY)
        if len(body) < BODY and response.length:
            raise http.client.IncompleteRead(body)
        return Answer(response.status, body.decode("utf-8", "backslashreplace"))

    def _socket(self, stream: Stream, deadline: float) -> Limited:
        if not self.page.encrypted:
            return Limited(stream, self.clock, deadline)
        encrypted = Encrypted(stream, self.clock, deadline)
        encrypted.shake_hands()
        return encrypted


@dataclass(frozen=True, slots=True)
class ConnectProbe:
    """A port that takes connections is well; that is all that a TCP or SSL check of a pool asks."""

    line: HostLine
    clock: Clock
    host: Host
    place: Place

    @property
    def asks(self) -> str:
        """`connect 10.0.1.11:8080`"""
        return f"connect {self.place}"

    def look(self) -> ProbeAnswer:
        """Raises HostUnreachable when the line is lost, HostAccessError where tunnels are forbidden."""
        return asked(self.line, self.clock, self.host, self.place, lambda _, __: ProbeAnswer(True, "connected"))


def asked(
    line: HostLine, clock: Clock, host: Host, place: Place, ask: Callable[[Stream, float], ProbeAnswer]
) -> ProbeAnswer:
    """Open a tunnel and ask through it; whatever the app does is an answer, a lost line is none."""
    deadline = clock.monotonic() + place.limit
    try:
        stream = line.tunnel(host, place.address, place.port, place.limit)
    except HostUnreachable as error:
        if error.code not in NOT_THERE:
            raise
        return ProbeAnswer(False, "nobody listens" if error.code == "nobody-listens" else "no answer")
    try:
        return ask(stream, deadline)
    except (OSError, EOFError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
        if not line.alive(host):
            raise HostUnreachable(f"the line to {host.name} was lost while its app was asked") from error
        return ProbeAnswer(False, _said(error, place))
    finally:
        stream.close()


def _said(error: Exception, place: Place) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {place.limit:g}s"
        case TooMuch():
            return "answered without end"
        case ssl.SSLError():
            return f"no TLS: {error.reason or 'handshake failed'}"
        case http.client.RemoteDisconnected() | http.client.IncompleteRead() | ConnectionError() | EOFError():
            return "closed the connection without a whole answer"
        case _:
            return "answered with something that is not HTTP"
