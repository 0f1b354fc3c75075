"""Every key of elbroll.toml as a table for people: made from the same schema that editors get."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from elbroll.config.describe import json_schema
from elbroll.config.types import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 80
INDENT = " " * 6
WHOLE_FILE = ("aws", "ssh", "ledger", "hooks")
OWN = ("name", "target_groups")
"""What `[lb.NAME]` has and `[defaults]` has not."""
FORMATS = {"^(?=.)(\\d+h)?": "duration", "^\\d+(\\.\\d+)?%$": "share"}
"""How patterns begin, and what they mean."""


def reference() -> str:
    """Table by table, each key with type, default and meaning; what nothing obeys yet is left out."""
    tables = (_table(heading, table) for heading, table in _tables(json_schema()))
    return "\n\n".join((_head(), *filter(None, tables)))


def _tables(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    known = told["$defs"]
    for name in WHOLE_FILE:
        yield f"[{name}]", _target(told["properties"][name], known)
    balancer = known["LbSettings"]["properties"]
    yield "[lb.NAME]", {"properties": dict(sorted(balancer.items(), key=lambda item: item[0] not in OWN))}
    for name, spec in balancer.items():
        if "$ref" in spec:
            yield f"[lb.NAME.{name}]", _target(spec, known)


def _head() -> str:
    text = (
        "[defaults] takes all of [lb.NAME] but name and target_groups. Durations are written "
        '"90s", "5m" or "1h30m"; a count may be a share such as "25%". Unknown keys are errors. '
        "`elbroll config show` prints what is in force, `elbroll config check` finds faults."
    )
    return textwrap.fill(text, WIDTH)


def _table(heading: str, table: dict[str, Any]) -> str:
    """Nothing for a table without keys."""
    rows = [line for key, spec in table["properties"].items() if "$ref" not in spec for line in _row(key, spec)]
    return "\n".join([heading, *rows]) if rows else ""


def _row(key: str, spec: dict[str, Any]) -> Iterator[str]:
    yield from _wrapped(f"{key}  {_type(spec)}{_default(spec)}", "  ")
    yield from _wrapped(spec["description"], INDENT)


def _wrapped(text: str, indent: str) -> list[str]:
    """Choices such as `private-dns` stay whole."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=INDENT, break_on_hyphens=False)


def _default(spec: dict[str, Any]) -> str:
    """Nothing where the description says what happens without the key."""
    value = spec.get("default", next((way["const"] for way in spec.get("anyOf", []) if "const" in way), None))
    return "" if value is None else f", default {_written(value)}"


def _written(value: object) -> str:
    return quote(value) if isinstance(value, str) else str(value)


def _type(spec: dict[str, Any]) -> str:
    """The type in a word or few."""
    ways = spec.get("anyOf") or spec.get("oneOf")
    if ways:
        return " or ".join(dict.fromkeys(_type(way) for way in ways))
    if "enum" in spec:
        return " | ".join(quote(each) for each in spec["enum"])
    if "const" in spec:
        return quote(spec["const"])
    if "$ref" in spec:
        return "table"
    return _simple(spec)


def _simple(spec: dict[str, Any]) -> str:
    pattern = str(spec.get("pattern", ""))
    meant = next((word for start, word in FORMATS.items() if pattern.startswith(start)), None)
    if meant:
        return meant
    names = {"string": "text", "integer": "number", "array": "list", "object": "table"}
    return names[spec["type"]]


def _target(spec: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = tables[spec["$ref"].rpartition("/")[2]]
    return table
