"""What elbroll needs of others is agreed on, and nothing of it reaches the network before it is asked to (S-12)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/elbroll"
AGREED = {"boto3", "click", "paramiko", "platformdirs", "pydantic", "rich"}
COME_WITH = {"botocore": "boto3", "cryptography": "paramiko"}
"""Modules of packages that an agreed one brings along."""
FOR_THE_DEMO = {"moto"}
COME_WITH_MOTO = {"werkzeug", "flask", "responses"}
IMPORT_ALL = """
import pkgutil, sys, importlib
def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen"}:
        raise RuntimeError(f"{event} {args}")
sys.addaudithook(refuse)
import elbroll
names = [module.name for module in pkgutil.walk_packages(elbroll.__path__, "elbroll.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def declared() -> dict[str, set[str]]:
    """Names of the packages asked for: under `""` those of every installation, else by extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {re.split(r"[\[<>=! ]", one)[0] for one in ones} for extra, ones in wanted.items()}


def imported(files: Iterable[Path]) -> set[str]:
    """Top-level modules of others, imported anywhere in these files, inside functions too."""
    names = {name.partition(".")[0] for path in files for name in _imports(ast.parse(path.read_text("utf-8")))}
    return names - sys.stdlib_module_names - {"elbroll"}


def _imports(module: ast.Module) -> Iterator[str]:
    """What runs: imports for the type checker alone are no dependency."""
    typing = {id(each) for node in ast.walk(module) if _for_types(node) for each in ast.walk(node)}
    for node in ast.walk(module):
        match node:
            case ast.Import(names) if id(node) not in typing:
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(name), level=0) if id(node) not in typing:
                yield name


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@pytest.mark.rule("S-12")
def test_an_installation_asks_for_the_agreed_packages_and_no_other() -> None:
    assert declared()[""] == AGREED


@pytest.mark.rule("S-12")
def test_what_tests_and_tools_need_is_no_part_of_an_installation() -> None:
    wanted = declared()

    assert wanted["demo"] == FOR_THE_DEMO
    assert {"pytest", "hypothesis", "ruff", "mypy"} <= wanted["test"] | wanted["dev"]
    assert not set().union(*(names for extra, names in wanted.items() if extra)) & AGREED


@pytest.mark.rule("S-12")
def test_the_code_imports_nothing_that_was_not_agreed() -> None:
    everything, demo = set(PACKAGE.rglob("*.py")), set((PACKAGE / "demo").rglob("*.py"))

    assert imported(everything - demo) <= AGREED | COME_WITH.keys()
    assert imported(demo) <= AGREED | COME_WITH.keys() | FOR_THE_DEMO | COME_WITH_MOTO
    assert set(COME_WITH.values()) <= AGREED


@pytest.mark.rule("S-12")
def test_importing_every_module_reaches_no_network_and_starts_no_program() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 200
