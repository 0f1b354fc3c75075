"""Apps that answer what they should not, asked through a real host's tunnel: each look ends in time, and says little.

S-7, S-8, F-47: nothing of the answer is followed, unpacked or believed.
"""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.clock import SystemClock
from elbroll.config.schema import Verify
from elbroll.errors import Refused
from elbroll.model import BalancerKind, HealthCheck, Pool, PoolId, ProbeAnswer, Registration, TargetType
from elbroll.outputs.clean import clean_line
from elbroll.probes import PoolChecks
from elbroll.probes.addresses import checked
from punctual import timed, within
from transports.working import host_at, transport_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from elbroll.transports.ssh import SshTransport
    from transports.conftest import SshdServer

HOST = host_at()
POOL = PoolId("tg/web/1")
LIMIT = 0.8
"""Seconds of a look that nothing good comes of."""
AMPLE = 20.0
"""Seconds of one that has to be good on a busy computer too."""
SLACK = 2.5
"""Seconds more that ours may take."""
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"v143" + b"\0" * 50_000_000)


class EvilApp:
    """Sends the pieces of a script, and counts who called; a number in it is a pause in seconds."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.script: Callable[[], Iterable[bytes | float]] = lambda: ()
        self.reset = False
        self.calls: list[bytes] = []
        self.sent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._server.accept()
                with connection, suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(AMPLE)
        self.calls.append(connection.recv(65536))
        for piece in self.script():
            if self._over.is_set():
                break
            if isinstance(piece, float):
                self._over.wait(piece)
            else:
                connection.sendall(piece)
                self.sent += len(piece)
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture(scope="module")
def transport(sshd: SshdServer) -> Iterator[SshTransport]:
    made = transport_to(sshd)
    made.look(HOST, "true", {}, AMPLE)  # the line is there: its opening is no part of a look
    yield made
    made.close()


@pytest.fixture
def app() -> Iterator[EvilApp]:
    made = EvilApp()
    yield made
    made.close()


def look(transport: SshTransport, app: EvilApp, limit: float = AMPLE, **keys: Any) -> ProbeAnswer:
    check = HealthCheck("HTTP", None, "/healthz", "200", 30.0, limit, 3, 3)
    pool = Pool(POOL, "web", BalancerKind.ALB, TargetType.IP, "arn", "vpc", "HTTP", 80, check, 300.0)
    checks = PoolChecks({POOL: pool}, Verify.model_validate(keys), transport, SystemClock())
    probe = checks.of(HOST, [Registration(POOL, "127.0.0.1", app.port)], "v143")[-1]
    with within(limit + SLACK):
        return probe.look()


def forever(*pieces: bytes | float) -> Callable[[], Iterable[bytes | float]]:
    return lambda: itertools.cycle(pieces)


def after(head: bytes, *pieces: bytes | float) -> Callable[[], Iterable[bytes | float]]:
    return lambda: itertools.chain((head,), itertools.cycle(pieces))


def once(*pieces: bytes | float) -> Callable[[], Iterable[bytes | float]]:
    return lambda: pieces


SICK: dict[str, Callable[[], Iterable[bytes | float]]] = {
    "nothing": once(),
    "silence": once(10.0),
    "a drip": after(OK, b"X", 0.05),
    "a drip of whole headers": after(OK, b"X: y\r\n", 0.05),
    "endless zeros": forever(b"\0" * 65536),
    "an endless header": after(OK + b"X: ", b"y" * 65536),
    "endless headers": after(OK, b"X: y\r\n" * 1000),
    "endless continuing": forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a header cut short": once(OK + b"Content-Le"),
    "half a body": once(OK + b"Content-Length: 100\r\n\r\nhalf"),
    "a chunk of no size": once(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"),
    "a chunk of less than nothing": after(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b"x" * 65536),
    "a chunk of an endless size": after(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "endless trailers": after(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 1000),
    "no HTTP": once(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "HTTP/0.9": once(b"<html>200 OK</html>"),
    "another protocol": once(b"ICY 200 OK\r\n\r\n"),
    "a version that is none": once(b"HTTP/9.9 200 OK\r\n\r\n"),
    "a status that is none": once(b"HTTP/1.1 2OO OK\r\n\r\n"),
    "a status of superscripts": once("HTTP/1.1 2\u00b2\u00b2 OK\r\n\r\n".encode("latin-1")),
    "a long status": once(b"HTTP/1.1 200200 OK\r\n\r\n"),
    "a negative status": once(b"HTTP/1.1 -200 OK\r\n\r\n"),
    "escapes for a status": once(b"HTTP/1.1 500 \x1b[2J\x1b]52;c;eA==\x07\r\n\r\n\x1b[2J"),
    "a TLS alert": once(b"\x15\x03\x01\x00\x02\x02\x28"),
}


@timed
@pytest.mark.rule("F-46", "F-47", "S-7", "S-14", "I-13")
@pytest.mark.parametrize("script", SICK.values(), ids=SICK)
def test_what_is_no_good_answer_is_a_bad_look_in_time_and_in_a_few_clean_words(
    transport: SshTransport, app: EvilApp, script: Callable[[], Iterable[bytes | float]]
) -> None:
    app.script, app.sent = script, 0
    answer = look(transport, app, LIMIT)

    assert not answer.well
    assert 0 < len(answer.said) < 100
    assert answer.said == clean_line(answer.said)
    assert app.sent < 64 * 1024 * 1024


@pytest.mark.rule("F-46")
def test_a_connection_that_is_reset_is_a_bad_look(transport: SshTransport, app: EvilApp) -> None:
    app.script, app.reset = once(OK), True
    assert not look(transport, app).well


@pytest.mark.rule("F-47", "S-7")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["metadata", "other host", "no place"])
def test_a_redirect_leads_nowhere(transport: SshTransport, app: EvilApp, status: int, where: str) -> None:
    other = EvilApp()
    to = {"metadata": "http://169.254.169.254/latest/", "other host": f"http://127.0.0.1:{other.port}/", "no place": ""}
    app.script = once(f"HTTP/1.1 {status} x\r\nLocation: {to[where]}\r\nContent-Length: 0\r\n\r\n".encode())
    answer = look(transport, app)
    other.close()

    assert (answer.well, answer.said) == (False, f"answered {status}")
    assert (len(app.calls), other.calls) == (1, [])


@pytest.mark.rule("S-7", "S-14")
@pytest.mark.parametrize("framing", ["", "Transfer-Encoding: chunked\r\n", "Content-Length: 99999999999999999999\r\n"])
def test_of_an_endless_page_64_kib_are_read(transport: SshTransport, app: EvilApp, framing: str) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n" if "chunked" in framing else b"x" * 65536
    app.script = after(OK + framing.encode() + b"\r\n", chunk)

    assert look(transport, app).well
    assert look(transport, app, expect={"body": "y"}) == ProbeAnswer(False, "answered 200, without 'y' in it")
    assert app.sent < 64 * 1024 * 1024


@pytest.mark.rule("S-7", "S-14")
def test_a_packed_page_is_not_unpacked(transport: SshTransport, app: EvilApp) -> None:
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode()
    app.script = once(OK + head + BOMB)

    assert not look(transport, app, expect={"body": "v143"}).well
    assert b"Accept-Encoding: identity" in app.calls[0]


@pytest.mark.rule("I-21", "I-9", "F-46")
@pytest.mark.parametrize(
    "page", [b"\x1b[2Jv143\x07", b"v143\r\n::error::x", "v143\u202e".encode(), b"\xff" * 5000, b"v143\0", b"V143", b""]
)
def test_a_version_page_that_is_not_the_release_is_shown_short_and_harmless(
    transport: SshTransport, app: EvilApp, page: bytes
) -> None:
    app.script = once(OK + f"Content-Length: {len(page)}\r\n\r\n".encode() + page)
    answer = look(transport, app, version="/version")

    assert not answer.well
    assert len(answer.said) < 1000
    assert answer.said.isprintable()


@pytest.mark.rule("I-26", "S-7")
def test_one_look_is_one_request_line_of_ours(transport: SshTransport, app: EvilApp) -> None:
    app.script = once(OK + b"Content-Length: 0\r\n\r\n")
    assert look(transport, app, http="/x?y=%0d%0aX:1&z='$(id)`id`;").well
    lines = app.calls[0].split(b"\r\n")

    assert lines[0] == b"GET /x?y=%0d%0aX:1&z='$(id)`id`; HTTP/1.1"
    assert [line.split(b":")[0] for line in lines[1:-2]] == [
        b"Accept-Encoding", b"Host", b"User-Agent", b"Accept", b"Connection",
    ]  # fmt: skip


FORBIDDEN = (
    *(
        "169.254.169.254",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "[fd00:ec2::253]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "0.0.0.0",
    ),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]"),
    *(
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[::ffff:0:169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "[::]",
        "[ff02::1]",
        "224.0.0.1",
        "[0:0:0:0:0:ffff:a9fe:a9fe]",
    ),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.254.169.254."),
    *("metadata", "metadata.google.internal", "instance-data", "169.254.169.254.nip.io", "localhost", "web-1.internal"),
    *("①⑥⑨.②⑤④.①⑥⑨.②⑤④", "10.0.0.1@169.254.169.254", "169.254.169.254#@10.0.0.1", "[::1", "::1]", "10.0.0.1:x"),
)


@pytest.mark.rule("S-7", "F-47")
@pytest.mark.parametrize("address", FORBIDDEN)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_health_url_at_a_forbidden_place_or_by_a_name_is_refused_before_anything_is_dialled(
    scheme: str, address: str
) -> None:
    """Names are not looked up at all: what they mean may differ from one look to the next, and on the host."""
    check = HealthCheck("HTTP", None, "/healthz", "200", 10.0, LIMIT, 3, 3)
    pool = Pool(POOL, "web", BalancerKind.ALB, TargetType.IP, "arn", "vpc", "HTTP", 80, check, 300.0)
    verify = Verify.model_construct(**{**Verify().__dict__, "http": f"{scheme}://{address}/latest/"})

    with pytest.raises(Refused):
        PoolChecks({POOL: pool}, verify, None, SystemClock()).of(  # type: ignore[arg-type]  # nothing is dialled
            HOST, [Registration(POOL, "127.0.0.1", 80)], "v143"
        )


@pytest.mark.rule("S-7")
@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
)
def test_a_target_registered_at_a_forbidden_address_is_not_asked_either(address: str) -> None:
    check = HealthCheck("HTTP", None, "/healthz", "200", 10.0, LIMIT, 3, 3)
    pool = Pool(POOL, "web", BalancerKind.ALB, TargetType.IP, "arn", "vpc", "HTTP", 80, check, 300.0)

    with pytest.raises(Refused, match="never are"):
        PoolChecks({POOL: pool}, Verify(), None, SystemClock()).of(  # type: ignore[arg-type]  # nothing is dialled
            HOST, [Registration(POOL, address, 80)], "v143"
        )


@pytest.mark.parametrize("address", ["10.0.1.11", "127.0.0.1", "::1", "fd00::11", "2600:1f18::5", "64:ff9b::a00:1"])
def test_ordinary_addresses_are_asked(address: str) -> None:
    assert checked(address) == address
