"""Questions to apps: real servers, reached as a host's tunnel would; and what may never be asked."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from elbroll.clock import SystemClock
from elbroll.config.schema import Verify
from elbroll.errors import HostUnreachable, Refused
from elbroll.model import (
    BalancerKind,
    HealthCheck,
    Host,
    HostId,
    InstanceState,
    JobEnd,
    JobResult,
    Pool,
    PoolId,
    Registration,
    Secret,
    TargetType,
)
from elbroll.outputs.mask import Masker
from elbroll.probes import PoolChecks
from elbroll.probes.addresses import checked
from elbroll.probes.matcher import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HOST = Host(HostId("i-0a1b2c3d4e5f60001"), "web-1", InstanceState.RUNNING, private_ip="127.0.0.1")
POOL = PoolId("tg/web/1")
WELL = JobResult(JobEnd.EXIT, 0)


class NobodyThere(HostUnreachable):
    code = "nobody-listens"


@dataclass
class Line:
    """A host whose tunnel is a plain connection; `standing` is what it says of itself."""

    standing: bool = True
    result: JobResult = WELL

    def tunnel(self, _: Host, address: str, port: int, limit: float) -> socket.socket:
        if not self.standing:
            raise HostUnreachable("the line was lost")
        try:
            return socket.create_connection((address, port), timeout=limit)
        except ConnectionRefusedError as error:
            raise NobodyThere("nobody") from error

    def look(self, _: Host, line: str, env: Mapping[str, str], limit: float) -> JobResult:
        self.asked = (line, dict(env), limit)
        return self.result

    def alive(self, _: Host) -> bool:
        return self.standing


class App(BaseHTTPRequestHandler):
    """Answers as its path says: `/status/302`, `/big`, `/slow`, else 200 and `ok`."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        type(self).seen.append((self.path, dict(self.headers)))
        body = b"x" * 10_000_000 if self.path == "/big" else b" v143\n" if self.path == "/version" else b"ok"
        if self.path == "/slow":
            threading.Event().wait(1.5)
        self.send_response(int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200)
        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    handler = type("Handler", (App,), {"seen": []})
    server = Quiet(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], handler.seen
    server.shutdown()
    server.server_close()
    thread.join()


AMPLE, SHORT = 20.0, 0.6
"""Seconds of a look that has to be good on a busy computer too, and of one that nothing comes of."""


def a_pool(protocol: str = "HTTP", path: str | None = "/healthz", **others: Any) -> Pool:
    check = HealthCheck(protocol, None, path, "200", 30.0, AMPLE, 3, 3)
    return Pool(
        id=others.pop("id", POOL),
        name="web",
        kind=BalancerKind.ALB,
        target_type=TargetType.INSTANCE,
        arn="arn",
        vpc="vpc",
        protocol="HTTP",
        port=80,
        health_check=replace(check, **others),
        deregistration_delay=300.0,
    )


def verifying(**keys: Any) -> Verify:
    return Verify.model_validate(keys)


def probes(line: Line, port: int, pool: Pool | None = None, **keys: Any):
    pools = {POOL: pool or a_pool()}
    checks = PoolChecks(pools, verifying(**keys), line, SystemClock())
    return checks.of(HOST, [Registration(POOL, HOST.id, port)], "v143")


def test_the_pools_own_check_is_asked():
    with serving() as (port, seen):
        (probe,) = probes(Line(), port)
        answer = probe.look()

    assert probe.asks == f"GET 127.0.0.1:{port}/healthz"
    assert (answer.well, answer.said) == (True, "answered 200")
    path, headers = seen[0]
    assert (path, headers["Host"]) == ("/healthz", f"127.0.0.1:{port}")
    assert headers["User-Agent"].startswith("elbroll/")


@pytest.mark.rule("F-47", "S-7")
def test_a_redirect_is_an_answer_and_not_followed():
    with serving() as (port, seen):
        (probe,) = probes(Line(), port, http="/status/302")
        answer = probe.look()

    assert (answer.well, answer.said) == (False, "answered 302")
    assert len(seen) == 1


@pytest.mark.rule("F-46")
@pytest.mark.parametrize(
    ("keys", "well"),
    [
        ({"http": "/status/204", "expect": "200-299"}, True),
        ({"http": "/status/503", "expect": "200,503"}, True),
        ({"http": "/status/500"}, False),
        ({"http": "/x", "expect": {"body": "ok"}}, True),
        ({"http": "/x", "expect": {"status": "200", "body": "fine"}}, False),
        ({"http": "/big"}, True),
    ],
)
def test_what_is_well(keys: dict[str, Any], well: bool):
    with serving() as (port, _):
        (probe,) = probes(Line(), port, **keys)

        assert probe.look().well is well


@pytest.mark.rule("F-46")
def test_an_answer_that_comes_too_late_is_a_bad_look():
    with serving() as (port, _):
        (probe,) = probes(Line(), port, a_pool(timeout=SHORT), http="/slow")

        assert not probe.look().well


@pytest.mark.rule("F-46", "I-9")
@pytest.mark.parametrize(("release", "well"), [("v143", True), ("v144", False)])
def test_the_version_must_be_the_release(release: str, well: bool):
    with serving() as (port, _):
        checks = PoolChecks({POOL: a_pool()}, verifying(version="/version"), Line(), SystemClock())
        _, probe = checks.of(HOST, [Registration(POOL, HOST.id, port)], release)

        assert probe.look().well is well


def test_a_port_of_its_own_may_be_asked():
    with serving() as (port, _):
        (probe,) = probes(Line(), 1, http=f"http://:{port}/ready?x=1")

        assert probe.asks == f"GET 127.0.0.1:{port}/ready?x=1"
        assert probe.look().well


def test_https_is_asked_without_trust_in_certificates(tmp_path: Path):
    with serving(a_certificate(tmp_path)) as (port, _):
        (good,) = probes(Line(), port, a_pool("HTTPS"))
        (bad,) = probes(Line(), port, a_pool("HTTP"))

        assert good.look().well
        assert not bad.look().well


def test_a_plain_server_is_no_https_server():
    with serving() as (port, _):
        (probe,) = probes(Line(), port, a_pool("HTTPS"))
        answer = probe.look()

    assert not answer.well
    assert answer.said.startswith("no TLS")


@pytest.mark.parametrize("protocol", ["TCP", "SSL"])
def test_checks_that_connect_are_well_when_connected(protocol: str):
    with serving() as (port, seen):
        (probe,) = probes(Line(), port, a_pool(protocol, path=None))
        answer = probe.look()

    assert (answer.well, probe.asks) == (True, f"connect 127.0.0.1:{port}")
    assert seen == []


def test_a_closed_port_is_a_bad_look():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (probe,) = probes(Line(), taken.getsockname()[1])
        answer = probe.look()

    assert (answer.well, answer.said) == (False, "nobody listens")


def test_a_server_that_says_nothing_is_a_bad_look():
    with socket.create_server(("127.0.0.1", 0)) as server:
        (probe,) = probes(Line(), server.getsockname()[1], a_pool(timeout=SHORT))
        answer = probe.look()

    assert answer.said == "no answer within 0.6s"


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"\0" * 99]
)
def test_a_strange_answer_is_a_bad_look(said: bytes):
    with saying(said) as port:
        (probe,) = probes(Line(), port)

        assert not probe.look().well


@pytest.mark.rule("T-35")
def test_a_lost_line_is_not_a_sick_app():
    line = Line()
    with saying(b"") as port:
        (probe,) = probes(line, port)
        line.alive = lambda _: False  # type: ignore[method-assign]

        with pytest.raises(HostUnreachable):
            probe.look()


def test_a_line_that_cannot_be_opened_is_not_a_sick_app():
    (probe,) = probes(Line(standing=False), 80)

    with pytest.raises(HostUnreachable):
        probe.look()


# --- commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "well", "said"),
    [
        (JobResult(JobEnd.EXIT, 0), True, "exit 0"),
        (JobResult(JobEnd.EXIT, 1, tail=("broken",)), False, "exit 1: broken"),
        (JobResult(JobEnd.TIMED_OUT, 143, "stopped at its limit"), False, "stopped at its limit"),
    ],
)
def test_a_command_is_well_with_status_0(result: JobResult, well: bool, said: str):
    line = Line(result=result)
    (probe,) = probes(line, 80, http="off", command="web-ctl ping")

    answer = probe.look()

    assert (answer.well, answer.said, probe.asks) == (well, said, "web-ctl ping")
    assert line.asked[:2] == ("web-ctl ping", {"ELBROLL_RELEASE": "v143"})


@pytest.mark.rule("I-9")
@pytest.mark.parametrize(("told", "well"), [((" v143 ",), True), (("v142",), False), ((), False)])
def test_a_version_command_must_print_the_release(told: tuple[str, ...], well: bool):
    (probe,) = probes(Line(result=JobResult(JobEnd.EXIT, 0, tail=told)), 80, http="off", version="cat /etc/release")

    assert probe.look().well is well


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("before", [0, 191, 195, 199])
def test_half_a_secret_is_not_shown_where_an_answer_is_cut(before: int):
    told = "x" * before + "S3cret-hunter22"
    masker = Masker([Secret("S3cret-hunter22")])
    bad = Line(result=JobResult(JobEnd.EXIT, 1, tail=(told,)))
    old = Line(result=JobResult(JobEnd.EXIT, 0, tail=(told,)))
    asked = [
        PoolChecks({POOL: a_pool()}, verifying(http="off", **keys), line, SystemClock(), masker.text)
        for line, keys in ((bad, {"command": "x"}), (old, {"version": "cat r"}))
    ]
    with saying(b"HTTP/1.1 200 OK\r\n\r\n" + told.encode()) as port:
        entry = Registration(POOL, HOST.id, port)
        pages = PoolChecks({POOL: a_pool()}, verifying(http="off", version="/v"), Line(), SystemClock(), masker.text)
        answers = [checks.of(HOST, [entry], "v143")[0].look() for checks in (*asked, pages)]

    assert not any(answer.well for answer in answers)
    assert not any("S3" in answer.said for answer in answers)


def test_with_http_the_command_is_asked_too():
    assert [probe.asks for probe in probes(Line(), 80, command="x")] == ["GET 127.0.0.1:80/healthz", "x"]


# --- which questions ---------------------------------------------------------------------------------


def test_two_pools_with_the_same_check_ask_once():
    other = PoolId("tg/other/2")
    pools = {POOL: a_pool(), other: a_pool(id=other)}
    checks = PoolChecks(pools, verifying(), Line(), SystemClock())
    entries = [Registration(POOL, HOST.id, 80), Registration(other, HOST.id, 80), Registration(other, HOST.id, 81)]

    asks = sorted(probe.asks for probe in checks.of(HOST, entries, None))

    assert asks == ["GET 127.0.0.1:80/healthz", "GET 127.0.0.1:81/healthz"]


@pytest.mark.rule("I-9")
def test_the_version_is_compared_where_the_same_page_tells_health():
    with serving() as (port, _):
        health, version = probes(Line(), port, http="/x", version="/x")

        assert (health.look().well, version.look().well) == (True, False)


def test_the_checks_own_port_goes_before_the_traffic_port():
    assert probes(Line(), 80, a_pool(port=9000))[0].asks == "GET 127.0.0.1:9000/healthz"


def test_an_ip_target_is_asked_at_its_own_address():
    checks = PoolChecks({POOL: a_pool()}, verifying(), Line(), SystemClock())

    (probe,) = checks.of(HOST, [Registration(POOL, "fd00::11", 80)], None)

    assert probe.asks == "GET [fd00::11]:80/healthz"


def test_off_asks_nothing():
    assert probes(Line(), 80, http="off") == ()


@pytest.mark.rule("I-7")
def test_a_check_that_is_not_known_is_no_silent_yes():
    checks = PoolChecks({}, verifying(), Line(), SystemClock())

    with pytest.raises(Refused):
        checks.of(HOST, [Registration(POOL, HOST.id, 80)], None)


@pytest.mark.rule("S-7", "F-47")
@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "metadata", "localhost", ""],
)
def test_addresses_that_are_never_asked(address: str):
    with pytest.raises(Refused):
        checked(address)


@pytest.mark.rule("S-7")
@pytest.mark.parametrize(
    "http",
    [
        "http://169.254.169.254/latest",
        "http://localhost/",
        "ftp://:21/",
        "http://:99999/",
        "ready",
        "/a b",
        "/a\r\nX: y",
    ],
)
def test_urls_that_are_never_asked(http: str):
    with pytest.raises(Refused):
        probes(Line(), 80, http=http)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("200", (200,), (201,)), ("200-299", (200, 299), (199, 300)), ("200, 302", (200, 302), (301,))],
)
def test_matchers_read_as_aws_writes_them(text: str, inside: tuple[int, ...], outside: tuple[int, ...]):
    matcher = Matcher.of(text)

    assert all(status in matcher for status in inside)
    assert not any(status in matcher for status in outside)


@pytest.mark.parametrize("text", ["", "ok", "20", "2000", "299-200", "200-", "200,,201", "0-99"])
def test_what_names_no_status_is_refused(text: str):
    with pytest.raises(Refused):
        Matcher.of(text)


@contextmanager
def saying(data: bytes) -> Iterator[int]:
    """A server that reads a request, says `data` and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def a_certificate(folder: Path) -> Path:
    both, key = folder / "both.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=x"
    subprocess.run([*command.split(), "-keyout", key, "-out", both], check=True, capture_output=True)
    both.write_text(both.read_text() + key.read_text())
    return both
