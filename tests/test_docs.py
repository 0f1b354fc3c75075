"""What the documents say, compared with the code: rules both ways, README's config, commands, codes and policy."""

from __future__ import annotations

import ast
import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cli.parsing import understand
from elbroll.cli.app import COMMANDS
from elbroll.cli.topics import MEANINGS
from elbroll.config.load import load
from elbroll.core.policy import Needs, policy
from elbroll.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
LISTED = re.compile(r"^- \*\*(\S+)\*\* \S", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w-])(?:[TCAELRQBPMH]\d{1,2}|[TIFS]-\d{1,2})(?!\w)")
RANGE = re.compile(r"(?<![\w-])([TCAELRQBPMH]|[TIFS]-)(\d{1,2})(?:-| to )\1(\d{1,2})(?!\w)")
CHAPTER = re.compile(r"\b(?:safety|aws|ssh|interface)\.md \d+(?:\.\d+)?")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `?(\d+)`? \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


# --- docs/rules.md


def rules() -> tuple[set[str], set[str]]:
    """The numbers held, and those under "Not yet"."""
    held, _, rest = (ROOT / "docs/rules.md").read_text("utf-8").partition("\n## Not yet\n")
    return set(LISTED.findall(held)), set(LISTED.findall(rest))


@cache
def code() -> str:
    """Everything in which a rule may be cited."""
    files = (path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*"))
    cited = (path for path in files if path.suffix in {".py", ".sh"})
    return "\n".join(path.read_text("utf-8") for path in sorted(cited))


def cited(text: str) -> set[str]:
    """Numbers alone, and all of a range such as `C1-C4`."""
    ranges = (
        {f"{family}{number}" for number in range(int(first), int(last) + 1)}
        for family, first, last in RANGE.findall(text)
    )
    return set(NUMBER.findall(text)).union(*ranges)


def marks() -> Iterator[tuple[str, str]]:
    """(file, number) of every `pytest.mark.rule`."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rule":
                yield from ((path.name, ast.literal_eval(argument)) for argument in node.args)


def test_ranges_and_single_numbers_are_citations_and_look_alikes_are_none() -> None:
    text = "(T5, I-7; C1-C3, L1 to L2) T-shirt S3 E501 us-east-1 0xB2 v1-T4 T10"

    assert cited(text) == {"T5", "I-7", "C1", "C2", "C3", "L1", "L2", "T10"}


def test_every_rule_that_is_cited_is_explained() -> None:
    held, not_yet = rules()

    assert cited(code()) - held - not_yet == set()


def test_every_rule_that_is_explained_is_cited() -> None:
    held, _ = rules()

    assert held - cited(code()) == set()


def test_a_rule_that_is_cited_has_moved_from_not_yet_to_its_family() -> None:
    _, not_yet = rules()

    assert not_yet & cited(code()) == set()


def test_a_rule_stands_once() -> None:
    everything = LISTED.findall((ROOT / "docs/rules.md").read_text("utf-8"))

    assert sorted(everything) == sorted(set(everything))


def test_tests_are_marked_with_rules_that_exist() -> None:
    held, not_yet = rules()

    assert [(file, number) for file, number in marks() if number not in held | not_yet] == []


def test_every_chapter_that_is_cited_is_explained() -> None:
    headings = re.findall(r"^### (.+):", (ROOT / "docs/rules.md").read_text("utf-8"), re.MULTILINE)

    assert set(CHAPTER.findall(code())) - set(headings) == set()


# --- README.md


@cache
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks in that language."""
    return [text for said, text in BLOCK.findall(readme()) if said == language]


def commands() -> list[list[str]]:
    """Every line for a shell or a CI job that calls elbroll, as words."""
    lines = (line.strip() for text in (*blocks("sh"), *blocks("yaml")) for line in text.splitlines())
    called = (re.fullmatch(r"(?:- )?(?:run: )?(?:exec )?(elbroll .+)", line) for line in lines)
    return [shlex.split(match[1], comments=True)[1:] for match in called if match]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_readme_is_understood(words: list[str]) -> None:
    understand(words)


def test_a_command_that_elbroll_would_not_understand_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        understand(["deploy", "--lb", "web-prod", "--no-such-option"])


def test_the_readme_shows_the_commands_that_matter() -> None:
    assert {"plan", "deploy", "exec", "drain", "restore", "status", "unlock"} <= {words[0] for words in commands()}
    assert {words[0] for words in commands()} <= COMMANDS.keys()


def test_the_config_of_the_readme_is_valid(tmp_path: Path) -> None:
    (toml,) = blocks("toml")
    (tmp_path / "elbroll.toml").write_text(toml, "utf-8")

    loaded = load({}, config="elbroll.toml", environ={}, cwd=tmp_path)

    assert loaded.has_table("web-prod")
    assert loaded.lb("web-prod").deploy.commands
    assert len(toml.splitlines()) <= 12


@pytest.mark.rule("S-6", "P1")
def test_the_policy_of_the_readme_is_what_iam_policy_prints() -> None:
    (shown,) = blocks("json")

    assert ["iam-policy"] in commands()
    assert json.loads(shown) == policy(Needs())


def test_the_table_of_exit_codes_is_the_one_of_the_code() -> None:
    told = {ExitCode(int(code)): words for code, *words in ROW.findall(readme())}

    assert told == {code: list(words) for code, words in MEANINGS.items()}


def test_the_two_commands_of_a_fresh_machine_stand_alone_and_the_first_comes_early() -> None:
    venv = "python3 -c \"import venv; venv.create('{0}', with_pip=True)\" && {0}/bin/python -m pip install -q '.[{1}]'"
    demo = venv.format(".venv-demo", "demo") + " && .venv-demo/bin/elbroll demo\n"
    test = venv.format(".venv-test", "test") + " && .venv-test/bin/python -m pytest\n"

    assert demo in blocks("sh")
    assert test in blocks("sh")
    assert readme().index(demo) < 1200


def test_the_readme_stays_short() -> None:
    prose = BLOCK.sub("", readme())
    words = [word for word in prose.split() if re.search(r"\w", word)]

    assert len(words) <= 900


# --- CHANGELOG.md and links


def test_the_changelog_has_what_is_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")

    assert re.search(r"^## \[Unreleased\]\n\n### Added\n\n- ", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md", "docs/rules.md"])
def test_documents_point_to_files_that_exist(name: str) -> None:
    folder = (ROOT / name).parent
    targets = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text("utf-8"))

    assert [target for target in targets if not (folder / target).exists()] == []


def test_the_architecture_names_rooms_and_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9.]*|[a-z_]+\.(?:py|sh))`", text))
    places = (ROOT, ROOT / "src/elbroll", ROOT / "tests")

    assert sorted(each for each in named if not any((place / each).exists() for place in places)) == []
