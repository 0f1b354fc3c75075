"""elbroll.toml.example names every key, and every example is good."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from elbroll.config.describe import json_schema
from elbroll.config.keys import NOT_YET, dotted, is_global, leaves, supported
from elbroll.config.load import load
from elbroll.config.schema import Aws, Defaults, Hooks, LbSettings, LedgerTable, Ssh

EXAMPLE = Path(__file__).parents[2] / "elbroll.toml.example"
FREE = re.compile(r"^(deploy\.(?:env|secrets))\..*")
"""Tables with names of the user's own."""


def uncommented() -> str:
    return re.sub(r"(?m)^#(?=\w+ = )", "", EXAMPLE.read_text())


def written(told: Any, above: tuple[str, ...] = ()) -> set[str]:
    """Keys that hold values, with those of tables in lists."""
    found: set[str] = set()
    for name, value in told.items():
        inner = value if isinstance(value, dict) else value[0] if isinstance(value, list) else None
        found |= written(inner, (*above, name)) if isinstance(inner, dict) else {dotted((*above, name))}
    return {FREE.sub(r"\1", key) for key in found}


def test_it_has_every_key_and_no_other() -> None:
    told = tomllib.loads(uncommented())
    tables = {"aws": Aws, "ssh": Ssh, "ledger": LedgerTable, "hooks": Hooks}
    known = {dotted(path) for name, table in tables.items() for path in leaves(table, (name,))}
    of_lb = {dotted(path) for path in leaves(LbSettings)} - {key for key, choice in NOT_YET if choice is None}
    either_way = {"deploy.upload", "pace.canary", "verify.expect"}
    assert {key for key in written(told) if is_global(key)} == known
    assert written(told["lb"]["web-prod"]) == of_lb - either_way
    assert written(told["defaults"]) <= {dotted(path) for path in leaves(Defaults)}


@pytest.mark.parametrize("text", [EXAMPLE.read_text(), uncommented()], ids=["as it is", "uncommented"])
def test_every_example_is_good(text: str, tmp_path: Path) -> None:
    (tmp_path / "elbroll.toml").write_text(text)
    assert load({}, config=None, environ={}, cwd=tmp_path).has_table("web-prod")


def test_editors_take_it_too() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(uncommented()), schema)


@pytest.mark.parametrize(
    "told",
    [
        {"aws": {"regoin": "x"}},
        {"lb": {"a": {"deploy": {"timeout": 300}}}},
        {"lb": {"a": {"transport": "ssm"}}},
        {"lb": {"a": {"pace": {"floor": 0}}}},
        {"defaults": {"name": "x"}},
        {"hooks": {"gate": 3}},
    ],
)
def test_editors_see_what_is_wrong(told: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, json_schema())


def test_what_nothing_obeys_is_known_by_one_list() -> None:
    assert not supported("guard.alarms")
    assert not supported("transport", "ssm")
    assert supported("transport", "ssh")
