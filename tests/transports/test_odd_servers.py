"""Servers that are none, or stop in the middle: which stage failed, within the limit, with what they said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.errors import HostAccessError, HostUnreachable
from elbroll.transports.connection import LoginRefused
from punctual import timed, within
from transports.machine import make_key
from transports.oddservers import (
    OddServer,
    banner_then_silent,
    dripping,
    flooding,
    offering,
    resetting,
    saying,
    silent,
)
from transports.reach import AMPLE, LIMIT, HastyClock, a_host, connector, settings

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.errors import ElbrollError

pytestmark = pytest.mark.usefixtures("no_leftovers")


def failure(
    tmp_path: Path, port: int, address: str = "127.0.0.1", clock: HastyClock | None = None, limit: str = AMPLE
) -> ElbrollError:
    """What comes of a connection to the port, with that limit for a try."""
    (tmp_path / "known_hosts").touch()
    key = tmp_path / "key"
    key.exists() or make_key(key)
    ssh = settings(port, key, tmp_path / "known_hosts", connect_timeout=limit)
    with (
        connector(ssh, tmp_path, clock=clock) as made,
        pytest.raises((HostUnreachable, HostAccessError)) as caught,
    ):
        made.connect(a_host(address=address))
    return caught.value


@timed
@pytest.mark.rule("T-2", "H9")
@pytest.mark.parametrize("behave", [silent, dripping])
def test_no_banner_within_the_limit_is_told_as_such(behave, tmp_path: Path) -> None:
    with OddServer(behave) as server:
        with within(4 * 1.6):
            error = failure(tmp_path, server.port, limit=LIMIT)
        eventually(lambda: server.accepted >= 4)
    assert isinstance(error, HostUnreachable)
    assert "no SSH banner" in error.message
    assert "0.6s" in error.why[0]
    assert server.accepted == 4


@pytest.mark.rule("T-2")
def test_a_server_that_stops_after_its_banner_fails_in_the_key_exchange(tmp_path: Path) -> None:
    with OddServer(banner_then_silent) as server:
        error = failure(tmp_path, server.port, limit=LIMIT)
    assert "during the key exchange" in error.message


@pytest.mark.rule("T-3", "H12")
def test_the_reason_that_sshd_gives_before_hanging_up_is_shown(tmp_path: Path) -> None:
    with OddServer(saying(b"Exceeded MaxStartups\r\n")) as server:
        error = failure(tmp_path, server.port)
    assert error.why == ("it said: Exceeded MaxStartups",)


@pytest.mark.rule("T-3", "H28")
def test_text_before_the_banner_is_shown_harmless(tmp_path: Path) -> None:
    with OddServer(saying(b"\x1b]52;c;evil\x07 \xff\xfe \xe2\x80\xae unfinished")) as server:
        error = failure(tmp_path, server.port)
    assert error.why == (r"it said: \x1b]52;c;evil\x07 \xff\xfe \u202e unfinished",)


@pytest.mark.rule("T-3")
def test_a_web_server_is_recognised_by_what_it_says(tmp_path: Path) -> None:
    with OddServer(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = failure(tmp_path, server.port)
    assert "HTTP/1.1 400 Bad Request" in error.why[0]


@pytest.mark.rule("T-3", "S-14")
def test_a_flood_before_the_banner_is_cut_off(tmp_path: Path) -> None:
    with OddServer(flooding) as server:
        error = failure(tmp_path, server.port)
    assert isinstance(error, HostUnreachable)
    assert len("".join(error.why)) < 4200


@pytest.mark.rule("T-3", "H15")
def test_a_reset_is_a_host_out_of_reach_and_is_tried_again(tmp_path: Path) -> None:
    with OddServer(resetting) as server:
        error = failure(tmp_path, server.port)
    assert isinstance(error, HostUnreachable)
    assert server.accepted == 4


@pytest.mark.rule("T-1", "T-3")
def test_refused_names_the_address_and_is_tried_four_times(tmp_path: Path, deaf_port: int) -> None:
    clock = HastyClock()
    error = failure(tmp_path, deaf_port, clock=clock)
    assert str(deaf_port) in error.message
    assert error.why == ("127.0.0.1: Connection refused",)
    assert len(clock.slept) == 3


@pytest.mark.rule("T-1")
def test_a_name_that_does_not_exist_is_told_as_such(tmp_path: Path) -> None:
    error = failure(tmp_path, 22, address="no-such-host.invalid")
    assert isinstance(error, HostUnreachable)
    assert error.why[0].startswith("no-such-host.invalid: ")


@pytest.mark.rule("T-7", "H16")
def test_a_server_of_another_age_is_told_what_it_offers(tmp_path: Path) -> None:
    old = offering(b"diffie-hellman-group1-sha1", b"ssh-dss", b"3des-cbc", b"hmac-md5")
    with OddServer(old) as server:
        error = failure(tmp_path, server.port)
    assert isinstance(error, HostAccessError)
    assert any("diffie-hellman-group1-sha1" in line for line in error.why)
    assert "7.2" in error.fix[0]
    assert server.accepted == 1


def test_ssh_1_is_refused_at_once(tmp_path: Path) -> None:
    with OddServer(saying(b"SSH-1.5-Ancient\r\n")) as server:
        error = failure(tmp_path, server.port)
    assert isinstance(error, HostAccessError)
    assert server.accepted == 1


@pytest.mark.rule("H15")
def test_garbage_after_the_banner_is_a_host_out_of_reach(tmp_path: Path) -> None:
    with OddServer(saying(b"SSH-2.0-Odd\r\n" + bytes(range(256)) * 8)) as server:
        error = failure(tmp_path, server.port)
    assert isinstance(error, HostUnreachable)
    assert "key exchange" in error.message
    assert not isinstance(error, LoginRefused)
