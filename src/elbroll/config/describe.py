"""The config told to people and editors: what is in force and why, and what may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from elbroll.config.keys import NOT_YET, dotted, supported, table_at
from elbroll.config.schema import Defaults, LbSettings, Table, Written
from elbroll.config.types import duration_text, quote
from elbroll.model import Amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import core_schema

    from elbroll.config.keys import Path
    from elbroll.config.load import Loaded

BUILT_IN = "built in"
Row = tuple[str, str, str]
"""(dotted key, value as TOML writes it, where it comes from)."""


def origin_lines(loaded: Loaded, lb: str | None) -> list[Row]:
    """Every setting in force in the order of the schema; `lb`: only what matters to that load balancer."""
    settings = loaded.settings
    tables: dict[Path, Table] = {("aws",): settings.aws, ("ssh",): settings.ssh, ("ledger",): settings.ledger}
    tables[("hooks",)] = settings.hooks
    if lb is None:
        tables[("defaults",)] = settings.defaults
    tables |= {("lb", name): loaded.lb(name) for name in ([lb] if lb is not None else settings.lb)}
    found = [(path, value) for above, table in tables.items() for path, value in _values(above, table)]
    return [
        (dotted(path), value_text(path[-1], value), loaded.origins.get(dotted(path), BUILT_IN)) for path, value in found
    ]


def _values(above: Path, table: Table) -> Iterator[tuple[Path, object]]:
    for name, field in type(table).model_fields.items():
        path, value = (*above, field.alias or name), getattr(table, name)
        if not supported(_key(path)) or _is_not_in_defaults(path):
            continue
        if isinstance(value, Table):
            yield from _values(path, value)
        elif isinstance(value, dict) and value:
            yield from (((*path, each), told) for each, told in value.items())
        else:
            yield path, value


def _is_not_in_defaults(path: Path) -> bool:
    return path[0] == "defaults" and path[1] in ("name", "target_groups")


def _key(path: Path) -> str:
    """The key within `[lb.NAME]` or `[defaults]`, or that of the file."""
    skip = {"lb": 2, "defaults": 1}.get(str(path[0]), 0)
    return dotted(path[skip:])


def value_text(key: str | int, value: object) -> str:
    """A setting as it would stand in elbroll.toml; what is not set is a dash."""
    match value:
        case None:
            return '"auto"' if key in ("settle", "timeout") else "-"
        case float():
            return quote(duration_text(value))
        case str():
            return quote(value)
        case Amount():
            return str(value) if value.count is not None else quote(str(value))
        case tuple():
            return f"[{', '.join(value_text(key, each) for each in value)}]"
        case Table():
            inner = ((field.alias or name, getattr(value, name)) for name, field in type(value).model_fields.items())
            return f"{{ {', '.join(f'{name} = {value_text(name, each)}' for name, each in inner)} }}"
        case dict():
            return "{}"
        case _:
            return str(value)


class _AsWritten(GenerateJsonSchema):
    """Defaults in the words of TOML, which has no null."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        told = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if isinstance(default, (int, str)):
            return {**told, "default": default}
        if isinstance(default, float):
            return {**told, "default": duration_text(default)}
        if isinstance(default, Amount):
            return {**told, "default": default.count or str(default)}
        return told

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def json_schema() -> dict[str, Any]:
    """JSON Schema of elbroll.toml as users write it, for editors; keys that nothing obeys yet are left out."""
    told = TypeAdapter(Written).json_schema(schema_generator=_AsWritten, by_alias=True)
    for key, choice in NOT_YET:
        _leave_out(told["$defs"], key, choice)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "elbroll.toml", **_plain(told)}


def _leave_out(tables: dict[str, Any], key: str, choice: str | None) -> None:
    *way, name = key.split(".")
    holder = table_at(LbSettings, tuple(way)) or table_at(Written, tuple(way))
    holders = [holder, Defaults] if holder is LbSettings else [holder]
    for table in holders:
        properties = tables[table.__name__ if table else ""]["properties"]
        if choice is None:
            del properties[name]
        else:
            properties[name]["enum"].remove(choice)


def _plain(told: Any) -> Any:
    """Without the titles that pydantic makes of names."""
    if isinstance(told, dict):
        return {key: _plain(each) for key, each in told.items() if key != "title" or isinstance(each, dict)}
    return [_plain(each) for each in told] if isinstance(told, list) else told
