"""A secret shows as stars in every shape (I-20)."""

from __future__ import annotations

import base64
import json
import logging
import shlex
import sys
import traceback
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

import story
from elbroll import events as e
from elbroll.errors import Refused
from elbroll.model import Failure, Secret, Step
from elbroll.outputs.mask import MaskedFormatter, Masker
from hostile.output import controls, obeyed_by_ci

PASSWORD = "p'w \"$HÜ/=%+9x"

SHAPES = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "percent": lambda text: quote(text, safe=""),
    "percent in small letters": lambda text: quote(text, safe="").lower() if text.islower() else quote(text, safe=""),
    "form": quote_plus,
    "shell": shlex.quote,
    "json": json.dumps,
    "repr": repr,
}


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_is_masked_in_every_shape(shape: str) -> None:
    shown = Masker([Secret(PASSWORD)]).text(f"before {SHAPES[shape](PASSWORD)} after")
    assert shown in {"before *** after", "before '***' after", 'before "***" after'}


@pytest.mark.rule("I-20")
@given(st.text(st.characters(codec="utf-8"), min_size=12), st.sampled_from(list(SHAPES)))
def test_any_secret_is_masked_in_every_shape(secret: str, shape: str) -> None:
    shaped = SHAPES[shape](secret)
    assert SHAPES[shape](secret).strip("'\"= \n") == "" or shaped not in Masker([Secret(secret)]).text(f"<{shaped}>")


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
def test_a_secret_inside_something_encoded_as_a_whole_is_masked(before: str) -> None:
    encoded = base64.b64encode(f"{before}{'correct-horse-battery'}:tail".encode()).decode()
    assert "***" in Masker([Secret("correct-horse-battery")]).text(encoded)


def test_the_lines_of_a_key_are_masked_one_by_one() -> None:
    masker = Masker([Secret("-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nx\n-----END KEY-----\n")])
    assert masker.text("read AAAAB3NzaC1yc2E and x") == "read *** and x"


def test_the_longest_shape_goes_first() -> None:
    masker = Masker([Secret("hunter"), Secret("hunter22")])
    assert masker.text("hunter22 hunter") == "*** ***"


@pytest.mark.rule("T-32")
@pytest.mark.parametrize("secret", ["", "1", "on", "abc"])
def test_a_secret_too_short_to_be_told_apart_leaves_commands_as_they_are(secret: str) -> None:
    masker = Masker([Secret(secret), Secret("hunter22"), Secret(" x  ")])
    assert masker.text("elbroll restore abc-1 --lb online x hunter22") == "elbroll restore abc-1 --lb online x ***"


def test_a_secret_that_is_fetched_later_is_masked_from_then_on() -> None:
    masker = Masker()
    masker.add(Secret("hunter22"))
    assert masker.text("hunter22") == "***"


def test_every_text_of_an_event_is_masked_and_the_rest_stays() -> None:
    failure = Failure("deploy-exit", "exit 1", why=("hunter22 is wrong",), tail=("login hunter22",))
    event = story.ended(story.host(1), Step.DEPLOY, 3, failure)
    masked = Masker([Secret("hunter22")]).value(event)
    assert masked.failure == Failure("deploy-exit", "exit 1", why=("*** is wrong",), tail=("login ***",))
    assert masked.host is event.host
    assert masked.step is Step.DEPLOY


def test_a_whole_plan_goes_through() -> None:
    event = e.PlanMade(story.PLAN)
    assert Masker([Secret("hunter22")]).value(event) is event


def test_the_debug_log_masks_messages_and_tracebacks() -> None:
    formatter = MaskedFormatter(Masker([Secret("hunter22")]), "%(message)s")
    try:
        int("hunter22")
    except ValueError:
        record = logging.LogRecord("x", logging.INFO, "f", 1, "sent %s", ("hunter22",), sys.exc_info())
    shown = formatter.format(record)
    assert "hunter22" not in shown
    assert shown.startswith("sent ***")


def broken(text: str) -> None:
    raise ValueError(text)


@pytest.mark.rule("I-21", "T-8")
def test_nothing_in_the_debug_log_is_obeyed_or_passes_for_an_entry_of_its_own() -> None:
    formatter = MaskedFormatter(Masker(), "2026 %(message)s")
    banner = "SSH-2.0-\x1b[2J\x1b]52;c;eA==\x07\u202e\r\n2026 elbroll CRITICAL forged ##[error]x"
    try:
        broken(banner)
    except ValueError:
        record = logging.LogRecord("paramiko", logging.INFO, "f", 1, "said %s", (banner,), sys.exc_info())
    lines = formatter.format(record).split("\n")

    assert controls("".join(lines)) == set()
    assert obeyed_by_ci("\n".join(lines)) == []
    assert [line for line in lines if not line.startswith("    ")] == lines[:1]
    assert sum("forged" in line for line in lines) == 2


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    "error",
    [
        ValueError("hunter22"),
        KeyError(("x", "hunter22")),
        OSError(2, "no hunter22", "/tmp/hunter22"),
        UnicodeEncodeError("ascii", "hunter22\xfc", 8, 9, "hunter22"),
        Refused("hunter22", why=("hunter22",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_that_leaves_a_run_says_no_secret_nor_does_what_caused_it(error: Exception) -> None:
    masker = Masker([Secret("hunter22")])
    try:
        try:
            int("hunter22")
        except ValueError:
            raise error  # noqa: B904 - the context is the point
    except Exception as caught:
        masker.words_of(caught)
        shown = "".join(traceback.format_exception_only(caught)) + repr((caught, caught.__context__, vars(caught)))

    assert "hunter22" not in shown
    assert "***" in shown
