"""Stands at the door of moto: writes every call into the time line and lets it meet its fault (aws.md M8)."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Any, assert_never

from botocore.exceptions import ConnectionClosedError
from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_current_url

from elbroll.demo.lifelike import wire
from elbroll.demo.lifelike.faults import Detail, Faults, Kind
from elbroll.demo.lifelike.patching import Patch, stock
from elbroll.demo.lifelike.timeline import Call, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botocore.awsrequest import AWSPreparedRequest

    from elbroll.demo.lifelike.wire import Answer
    from elbroll.engine.ports import Clock

LOST = wire.Refused("InternalFailure", 500, "We encountered an internal error. Please try again.")


class ConnectionCut(ConnectionError):
    """The caller gets no answer at all."""


class Interceptor:
    """What stands in for moto's two entrances: patched boto3 in this process, and HTTP."""

    def __init__(self, clock: Clock, faults: Faults, timeline: Timeline) -> None:
        self._clock = clock
        self._faults = faults
        self._timeline = timeline
        self._process = stock(BotocoreStubber, "process_request")
        self._serve = stock(DomainDispatcherApplication, "__call__")

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (
            Patch(BotocoreStubber, "process_request", self.process_request),
            Patch(DomainDispatcherApplication, "__call__", self.serve),
        )

    def process_request(self, stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        """A call by boto3 in this process."""
        headers = {key.lower(): _text(value) for key, value in request.headers.items()}
        asked = wire.read(str(request.method), str(request.url), headers, _bytes(request.body))
        try:
            return self._handle(asked, lambda: self._process(stubber, request))
        except ConnectionCut as cut:
            raise ConnectionClosedError(endpoint_url=request.url) from cut

    def serve(
        self, application: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """A call over HTTP. Requests that nobody signed (moto's own reset) are let through."""
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        body = _body_of(environ)
        asked = wire.read(environ["REQUEST_METHOD"], get_current_url(environ), headers, body)
        if not asked.service:
            passed: Iterable[bytes] = self._serve(application, environ, start_response)
            return passed
        try:
            status, sent, content = self._handle(asked, lambda: _run(self._serve, application, environ))
        except ConnectionCut:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise
        return Response(content, status, dict(sent))(environ, start_response)

    def _handle(self, asked: wire.Request, forward: Callable[[], Answer]) -> Answer:
        met = self._faults.next_for(asked)
        call = _Recorded(asked, forward, self._clock.monotonic(), len(self._timeline))
        try:
            return self._met(call, *met) if met else call.forward()
        finally:
            self._timeline.add(call.entry(str(met[0]) if met else None))

    def _met(self, call: _Recorded, kind: Kind, detail: Detail) -> Answer:
        match kind:
            case Kind.REFUSE | Kind.THROTTLE | Kind.DENY:
                return wire.refusal(call.asked.service, _refused(call.asked, kind, detail))
            case Kind.LOSE_ANSWER:
                call.forward()
                return wire.refusal(call.asked.service, LOST)
            case Kind.CUT | Kind.CUT_BEFORE:
                return _cut(call, kind)
            case Kind.DELAY:
                self._clock.sleep(detail.seconds)
                return call.forward()
            case Kind.BEFORE | Kind.AFTER:
                return _acted(call, kind, detail)
            case _:
                assert_never(kind)


class _Recorded:
    """One call under way, and what the service answered."""

    def __init__(self, asked: wire.Request, forward: Callable[[], Answer], at: float, seen: int) -> None:
        self.asked = asked
        self._forward = forward
        self._at = at
        self._seen = seen
        self._status = 0

    def forward(self) -> Answer:
        """Let the service apply it."""
        answer = self._forward()
        self._status = answer[0]
        return answer

    def entry(self, fault: str | None) -> Call:
        """For the time line."""
        asked = self.asked
        return Call(self._at, asked.service, asked.action, asked.parameters, self._status, self._seen, fault)


def _refused(asked: wire.Request, kind: Kind, detail: Detail) -> wire.Refused:
    if kind is Kind.THROTTLE:
        return wire.throttle(asked.service)
    if kind is Kind.DENY:
        return wire.denial(asked)
    return wire.Refused(detail.code, detail.status, detail.message)


def _cut(call: _Recorded, kind: Kind) -> Answer:
    if kind is Kind.CUT:
        call.forward()
    raise ConnectionCut


def _acted(call: _Recorded, kind: Kind, detail: Detail) -> Answer:
    act = detail.act or (lambda: None)
    if kind is Kind.BEFORE:
        act()
        return call.forward()
    answer = call.forward()
    act()
    return answer


def _run(serve: Any, application: DomainDispatcherApplication, environ: dict[str, Any]) -> Answer:
    response = Response.from_app(lambda env, start: serve(application, env, start), environ, buffered=True)
    return response.status_code, dict(response.headers), response.get_data()


def _body_of(environ: dict[str, Any]) -> bytes:
    """Read the body and put it back."""
    length = environ.get("CONTENT_LENGTH")
    if not length:
        return b""
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _bytes(body: Any) -> bytes:
    """Bodies that are streams (S3) say nothing that we want to know."""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
