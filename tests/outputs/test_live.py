"""The live board on a real terminal's rules: an emulator shows what a person would see."""

from __future__ import annotations

import io
from dataclasses import replace

import pyte
import pytest

import story
from elbroll import events as e
from elbroll.model import Step
from elbroll.outputs.ink import Pen
from elbroll.outputs.live import Live
from elbroll.outputs.plain import Detail
from elbroll.outputs.streams import Look
from elbroll.outputs.summary import Summary
from elbroll.outputs.words import UNICODE

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b[?1049h",
    "\x9b2J",
    "\r\x1b[1A\x1b[2K",
    "[/bold][link=x]y",
    "\u202eyzal eht revo",
    "\n\n\n\n",
    "a" * 100_000,
    "\x1bc",
    "\x00\x08\x7f",
]


class Terminal:
    """A screen of 80 by 24 (or other) with its history, fed by what outlets write."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.size = (columns, lines)
        self.stream = io.StringIO()
        self._screen = pyte.HistoryScreen(columns, lines, history=5000, ratio=1)
        self._feed = pyte.Stream(self._screen)
        self._read = 0

    def shown(self) -> list[str]:
        written = self.stream.getvalue()
        self._feed.feed(written[self._read :].replace("\n", "\r\n"))
        self._read = len(written)
        return [line.rstrip() for line in self._screen.display]

    @property
    def cursor_hidden(self) -> bool:
        self.shown()
        return self._screen.cursor.hidden


def play(told: story.Story, terminal: Terminal, detail: Detail = Detail.NORMAL, frames: int = 3) -> Live:
    """Every event, with some frames after each."""
    look = Look(color=True, animate=True, width=None)
    live = Live(terminal.stream, look, UNICODE, detail, size=lambda: terminal.size)
    for each in told.told:
        live.take(each)
        for frame in range(frames):
            live.tick(each.elapsed + frame * 0.25)
    return live


def finish(told: story.Story, terminal: Terminal, live: Live) -> None:
    """The end of the run, as the summary shares the screen."""
    pen = Pen(terminal.stream, Look(color=True, animate=False, width=terminal.size[0]))
    summary = Summary(pen, pen, UNICODE)
    before = len(told.told)
    for each in story.finish(told).told:
        summary.take(each) if each.number <= before else live.take(each)
    summary.take(told.told[-1])


def test_the_documented_screen() -> None:
    terminal = Terminal()
    play(story.second_batch(), terminal)
    assert [line for line in terminal.shown() if line] == [
        "web-prod  alb  us-east-1  5 hosts, 2 at a time, floor 4 of 6          run 7f3a9c",
        "✔ prepare  5 hosts ready  0:12",
        "✔ web-1  deployed  1:26  drain 0:11  deploy 0:48  verify 0:06  register 0:21",
        "✔ web-2  deployed  1:33  drain 0:14  deploy 0:51  verify 0:06  register 0:22",
        "─" * 80,
        "⠋ web-3  deploy   0:10  > Switching to v143",
        "⠋ web-4  drain    0:12  3 connections left, limit 6:00",
        "· web-5  waiting",
        "  2 of 5 done   4 in service, floor 4   1:57 gone, about 2:45 to go",
        "  Ctrl-C: start no more hosts, put web-4 back, await web-3",
    ]


def test_at_the_end_the_board_is_gone_and_the_cursor_back() -> None:
    terminal = Terminal()
    live = play(story.good_end(), terminal)
    live.close()
    assert not terminal.cursor_hidden
    assert "Ctrl-C" not in "\n".join(terminal.shown())
    assert terminal.shown()[-1] == "" or "web-5  deployed" in "\n".join(terminal.shown())


def test_closing_in_midst_of_a_run_gives_the_cursor_back() -> None:
    terminal = Terminal()
    live = play(story.second_batch(), terminal)
    assert terminal.cursor_hidden
    live.close()
    assert not terminal.cursor_hidden
    assert "Ctrl-C" not in "\n".join(terminal.shown())


def test_a_resized_terminal_gets_a_board_of_its_size() -> None:
    terminal = Terminal(100, 40)
    live = play(story.second_batch(), terminal)
    terminal.size = (50, 12)
    live.tick(120)
    last_frame = terminal.stream.getvalue().rsplit("─" * 50, 1)[-1]
    assert all(len(line) < 90 for line in last_frame.splitlines())


def test_host_output_scrolls_with_v_only() -> None:
    quiet, loud = Terminal(), Terminal()
    play(story.second_batch(), quiet)
    play(story.second_batch(), loud, Detail.OUTPUT)
    assert "web-3 | Switching to v143" not in quiet.shown()
    assert "web-3 | Switching to v143" in loud.shown()


@pytest.mark.rule("I-21")
@pytest.mark.parametrize("detail", [Detail.NORMAL, Detail.OUTPUT])
def test_whatever_a_host_prints_the_final_screen_shows_the_failure(detail: Detail) -> None:
    told = story.second_batch()
    for number, text in enumerate(HOSTILE, 2):
        told.tell(e.HostOutput(story.host(3), Step.DEPLOY, number, text))
        told.tell(e.StepProgress(story.host(4), Step.DRAIN, text=text))
    hostile = replace(story.BAD_GATEWAY, tail=tuple(HOSTILE), lines=112)
    failed = story.left_out(story.host(4))
    told.at(181).tell(replace(failed, result=replace(failed.result, failure=hostile)), e.HaltDecided("web-4 failed"))
    terminal = Terminal(80, 200)
    live = play(told, terminal, detail, frames=1)
    finish(told, terminal, live)
    screen = "\n".join(terminal.shown())
    assert "✘ web-4 failed in verify" in screen
    assert "  web-4  left-out     v143     no          record kept" in screen
    assert "Next  elbroll deploy --lb web-prod --release v143\n        web-3, web-4 again, then web-5" in screen
    assert not terminal.cursor_hidden


@pytest.mark.rule("I-21")
def test_a_small_screen_still_ends_with_the_way_on() -> None:
    told = story.halted()
    terminal = Terminal(80, 24)
    live = play(told, terminal)
    finish(told, terminal, live)
    assert [line for line in terminal.shown() if line][-2:] == [
        "Next  elbroll deploy --lb web-prod --release v143    web-4 again, then web-5",
        "      elbroll restore web-4                          verify again, then put back",
    ]


@pytest.mark.rule("F-54")
def test_after_a_signal_the_halt_is_no_news() -> None:
    told = story.second_batch().tell(e.SignalReceived("SIGINT", "finish"), e.HaltDecided("a signal has come"))
    terminal = Terminal()
    play(told, terminal).close()
    assert "halting" not in "\n".join(terminal.shown())
    assert any(line.startswith("! SIGINT") for line in terminal.shown())


def test_long_lines_break_between_words() -> None:
    warned = e.Warned("x", "demo-2 is the only host of demo in us-east-1b: others carry it")
    terminal = Terminal(columns=60)
    play(story.opening().tell(warned), terminal).close()
    shown = terminal.shown()
    first = next(number for number, line in enumerate(shown) if line.startswith("! demo-2"))
    assert shown[first : first + 2] == ["! demo-2 is the only host of demo in us-east-1b: others", "  carry it"]
