"""Where each value in force stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elbroll.config.keys import Path, dotted, is_global

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from elbroll.config.check import Override
    from elbroll.config.document import Document


def origins(document: Document | None, said: Mapping[str, Override], lbs: Iterable[str]) -> dict[str, str]:
    """Where each value in force stands: `elbroll.toml:6`, or who said it."""
    found: dict[str, str] = {}
    tables = [("defaults",), *(("lb", name) for name in lbs)]
    if document is not None:
        for path in _leaves(document.told):
            place = f"{document.path.name}:{document.line(path)}"
            found[dotted(path)] = place
            if path[0] == "defaults":
                found |= {dotted((*table, *path[1:])): place for table in tables if _inherits(table, path, document)}
    for key, (who, _) in said.items():
        whole = [key] if is_global(key) else [f"{dotted(table)}.{key}" for table in tables]
        found |= dict.fromkeys(whole, who)
    return found


def _inherits(table: Path, path: Path, document: Document) -> bool:
    return (*table, *path[1:]) not in document.located.spots


def _leaves(told: Any, above: Path = ()) -> Iterator[Path]:
    """The keys that hold values, not tables."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)
