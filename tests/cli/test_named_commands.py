"""Every command that elbroll names in its own words is one that it has, with these options and arguments."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cli.parsing import understand
from elbroll.cli.app import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = Path(__file__).parents[2] / "src/elbroll"
HOLE = "HOLE"
"""What stands for the holes of an f-string."""
NAMED = re.compile(rf"^elbroll (?!{HOLE})([a-z][a-z-]*)(.*)")
END = re.compile(r" {3,}|[`;]|[,.:)](?:\s|$)| if | first$")
"""Where a command ends: at the gap before what is said about it, or where the sentence around it goes on."""
VERBS = frozenset(
    [
        "asked",
        "cannot",
        "deletes",
        "does",
        "has",
        "is",
        "itself",
        "logs",
        "looks",
        "needs",
        "never",
        "obeys",
        "on",
        "raises",
        "reads",
        "still",
        "uses",
        "waits",
        "wrote",
    ]
)
"""What stands after our name where we speak of ourselves."""


def texts(tree: ast.AST) -> Iterator[str]:
    """Every string literal, f-strings whole."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def named_in(text: str) -> Iterator[list[str]]:
    """The command lines in a text, as words; a sentence about ourselves is none."""
    for line in text.splitlines():
        for part in re.split(r"(?<![\w/.~-])(?=elbroll )", line):
            for word, rest in NAMED.findall(part):
                if word not in VERBS:
                    yield [word, *shlex.split(END.split(rest)[0])]


def named() -> list[tuple[str, list[str]]]:
    """(file, words) of every command that is named somewhere."""
    return [
        (str(path.relative_to(CODE)), words)
        for path in sorted(CODE.rglob("*.py"))
        for text in texts(ast.parse(path.read_text("utf-8")))
        for words in named_in(text)
    ]


def fault_of(words: list[str]) -> str | None:
    """What click has against a line; a command that is only mentioned needs no arguments."""
    if len(words) == 1:
        return None if words[0] in COMMANDS else f"no command {words[0]}"
    try:
        understand(words)
    except click.UsageError as error:
        return error.format_message()
    return None


def test_every_command_that_is_named_is_understood() -> None:
    faults = [(file, " ".join(words), fault_of(words)) for file, words in named()]

    assert [each for each in faults if each[2] is not None] == []


def test_the_search_finds_what_is_named() -> None:
    found = [words for _, words in named()]

    assert ["hosts", "trust", HOLE, "--from-console"] in found
    assert ["unlock", HOLE, HOLE] in found
    assert ["iam-policy"] in found
    assert len(found) > 50


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("elbroll status     shows every host", [["status"]]),
        ("`elbroll help exit-codes`).", [["help", "exit-codes"]]),
        ("elbroll status, elbroll drain web-1", [["status"], ["drain", "web-1"]]),
        ("elbroll unlock a b if it is dead", [["unlock", "a", "b"]]),
        ("elbroll never asks; kept under /elbroll in S3", []),
        (f"elbroll {HOLE} --lb web", []),
    ],
)
def test_a_command_ends_where_the_sentence_goes_on(text: str, found: list[list[str]]) -> None:
    assert list(named_in(text)) == found


@pytest.mark.parametrize(
    "words",
    [["doctor"], ["doctor", "--lb", "web"], ["status", "web"], ["restore", "--no-such-option"], ["hosts", "lst"]],
)
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    assert fault_of(words) is not None
