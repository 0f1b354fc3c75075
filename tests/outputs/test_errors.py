"""Errors as people read them, as golden text."""

from __future__ import annotations

import pytest

from elbroll.errors import ConfigError, ElbrollError, Locked, NotFound, PermissionDenied, Refused
from elbroll.outputs.errors import error_lines
from elbroll.outputs.ink import text_of

FLOOR = Refused(
    "draining web-1 would leave 3 of 6 in service; the floor of web-prod is 4",
    why=(
        "web-2 unhealthy: Target.ResponseCodeMismatch, answers 502 on /healthz",
        "web-4 out since run 7f3a9c (halted 12m ago)",
    ),
    now="nothing was changed",
    fix=("elbroll restore web-4 first, or --yes if you accept 3 of 6",),
)


def shown(error: ElbrollError, width: int | None = None) -> str:
    return "".join(text_of(each) + "\n" for each in error_lines(error, width))


def test_an_error_says_what_why_now_and_fix() -> None:
    assert (
        shown(FLOOR)
        == """\
error: draining web-1 would leave 3 of 6 in service; the floor of web-prod is 4
  why   web-2 unhealthy: Target.ResponseCodeMismatch, answers 502 on /healthz
        web-4 out since run 7f3a9c (halted 12m ago)
  now   nothing was changed
  fix   elbroll restore web-4 first, or --yes if you accept 3 of 6
"""
    )


def test_on_a_terminal_it_is_wrapped_by_word() -> None:
    assert (
        shown(FLOOR, 50)
        == """\
error: draining web-1 would leave 3 of 6 in
       service; the floor of web-prod is 4
  why   web-2 unhealthy:
        Target.ResponseCodeMismatch, answers 502
        on /healthz
        web-4 out since run 7f3a9c (halted 12m
        ago)
  now   nothing was changed
  fix   elbroll restore web-4 first, or --yes if
        you accept 3 of 6
"""
    )


def test_a_word_is_never_broken() -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-prod-http/73e2d6bc24d8a067"
    assert arn in shown(Refused("no", why=(f"about {arn}",)), 60)


@pytest.mark.parametrize("width", [None, 10, 39])
def test_a_pipe_and_a_tiny_terminal_get_whole_lines(width: int | None) -> None:
    assert shown(FLOOR, width) == shown(FLOOR)


def test_a_lock_says_who() -> None:
    error = Locked("web-prod is locked by run 81cc02", why=("ci (acme/web#1042), since 3m",), fix=("--lock-wait 15m",))
    assert shown(error).splitlines()[1:] == ["  who   ci (acme/web#1042), since 3m", "  fix   --lock-wait 15m"]


def test_near_names_are_shown() -> None:
    assert "  near  web-prod, web-test\n" in shown(NotFound("no balancer web-prd", near=("web-prod", "web-test")))


def test_config_faults_stay_as_they_stand() -> None:
    message = (
        'error: elbroll.toml:9:1: unknown key "max_unavalable"\n    9 | max_unavalable = 2\n      | ^^^^^^^^^^^^^^'
    )
    error = ConfigError(message)
    error.now = "nothing was changed"  # which the message says itself
    assert shown(error, 40) == message + "\n"


@pytest.mark.rule("I-21")
def test_what_aws_says_is_shown_not_obeyed() -> None:
    error = PermissionDenied("AWS refused \x1b[31mx\ny", action="x", why=("\u202eno",), fix=("\x07",))
    assert shown(error) == "error: AWS refused \\x1b[31mx\\x0ay\n  why   \\u202eno\n  fix   \\x07\n"


@pytest.mark.rule("I-21")
def test_a_hostile_config_line_is_shown_not_obeyed() -> None:
    assert shown(ConfigError("error: x\n    9 | \x1b[2J")) == "error: x\n    9 | \\x1b[2J\n"
