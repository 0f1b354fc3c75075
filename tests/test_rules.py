"""Every fault, invariant and threat of docs/rules.md has a test that is marked with its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
GATED = re.compile(r"^- \*\*([FIS]-\d+)\*\* ", re.MULTILINE)
NUMBERED = {"F": range(1, 59), "I": range(1, 27), "S": range(1, 15)}


def gated() -> set[str]:
    """The numbers of the rows, as docs/rules.md has them."""
    return set(GATED.findall((ROOT / "docs/rules.md").read_text("utf-8")))


def sources() -> Iterator[str]:
    """Every file in which pytest looks for tests."""
    return (path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py")))


def proven(texts: Iterable[str]) -> set[str]:
    """The numbers with which a test is marked; a mark on anything that pytest does not run counts for nothing."""
    return {number for text in texts for node in _tests(ast.parse(text)) for number in _marks(node)}


def _tests(module: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef() if node.name.startswith("test_"):
                yield node
            case ast.ClassDef() if node.name.startswith("Test"):
                yield node


def _marks(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
            yield from (ast.literal_eval(argument) for argument in mark.args)


def test_the_rows_are_numbered_without_a_gap() -> None:
    assert gated() == {f"{family}-{number}" for family, numbers in NUMBERED.items() for number in numbers}


def test_every_row_has_a_marked_test() -> None:
    assert gated() - proven(sources()) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('@pytest.mark.rule("F-1", "I-2")\ndef test_it() -> None: ...', {"F-1", "I-2"}),
        ('class TestIt:\n    @pytest.mark.rule("S-3")\n    def test_it(self) -> None: ...', {"S-3"}),
        ('@pytest.mark.rule("F-1")\nclass TestIt(Machine.TestCase): ...', {"F-1"}),
        ('@pytest.mark.rule("F-1")\ndef helper() -> None: ...', set()),
        ("# F-1\ndef test_it() -> None: ...", set()),
        ('@pytest.mark.rule("F-1")\n@pytest.fixture\ndef world() -> None: ...', set()),
    ],
)
def test_only_the_mark_of_a_test_counts(text: str, found: set[str]) -> None:
    assert proven([text]) == found
