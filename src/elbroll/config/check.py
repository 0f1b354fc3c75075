"""Checks of what was written and said, before and after it is merged. Nothing here contacts anybody (I-15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from elbroll.config.faults import Fault
from elbroll.config.keys import NOT_YET, Path, is_global
from elbroll.config.places import http_check
from elbroll.config.schema import Settings, Written
from elbroll.config.types import shown
from elbroll.config.words import Points, Wrong, dig, wrongs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elbroll.config.document import Document

Override = tuple[str, object]
"""(who said it: `--floor` or `ELBROLL_FLOOR`, value)."""


def faults_in_file(document: Document) -> Iterator[Fault]:
    """What is wrong with the file by itself; what [defaults] has wrong is told once."""
    for wrong in _wrong_with(document.told):
        yield _placed(wrong, document)


def faults_in_said(said: Mapping[str, Override]) -> Iterator[Fault]:
    """What is wrong with options and environment, blamed on them by name."""
    for key, (who, value) in said.items():
        if value is not None:
            for wrong in _wrong_with(nested(key if is_global(key) else f"defaults.{key}", value)):
                yield Fault(f"{who} {wrong.says}", hint=wrong.hint)


def settings_of(merged: Mapping[str, Any], document: Document | None) -> tuple[Settings | None, list[Fault]]:
    """The settings in force, or what is wrong only when everything is put together."""
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        return None, [_placed(wrong, document) for wrong in wrongs(error, Settings)]
    return settings, [_placed(wrong, document) for wrong in _clashes(settings)]


def nested(key: str, value: object) -> dict[str, Any]:
    """A value at a dotted key, as tables."""
    head, _, rest = key.partition(".")
    return {head: nested(rest, value) if rest else value}


def _wrong_with(told: Mapping[str, Any]) -> Iterator[Wrong]:
    try:
        Written.model_validate(told)
    except ValidationError as error:
        yield from (wrong for wrong in wrongs(error, Written) if not _may_come_from_defaults(wrong))
    for above, table in _tables(told):
        yield from _not_yet(above, table)
        yield from _bad_url(above, table)
        yield from _bad_name(above)


def _may_come_from_defaults(wrong: Wrong) -> bool:
    """A canary's size may stand in [defaults], the rest of its table in [lb.NAME]: only the merged one can lack it."""
    return wrong.says == "is missing" and "canary" in wrong.path


def _tables(told: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    yield (), {name: table for name, table in told.items() if is_global(name)}
    yield ("defaults",), told.get("defaults")
    tables = told.get("lb")
    if isinstance(tables, dict):
        yield from ((("lb", name), table) for name, table in tables.items())


def _not_yet(above: Path, table: Any) -> Iterator[Wrong]:
    for key, choice in NOT_YET:
        keys = key.split(".")
        path, value = (*above, *keys), dig(table, keys)
        if value is None or choice not in (None, value):
            continue
        if choice is None:
            yield Wrong(path, "is not supported yet", Points.KEY)
        else:
            yield Wrong(path, f"cannot be {shown(choice)}: that is not supported yet")


def _bad_url(above: Path, table: Any) -> Iterator[Wrong]:
    value = dig(table, ("verify", "http"))
    if isinstance(value, str):
        try:
            http_check(value)
        except ValueError as error:
            yield Wrong((*above, "verify", "http"), str(error))


def _bad_name(above: Path) -> Iterator[Wrong]:
    name = str(above[-1]) if above else "-"
    if not name.isprintable() or not name.strip():
        yield Wrong(above, "is no name for a load balancer", Points.KEY)


def _clashes(settings: Settings) -> Iterator[Wrong]:
    tables = {("defaults",): settings.defaults} | {("lb", name): table for name, table in settings.lb.items()}
    for above, table in tables.items():
        for name in sorted(table.deploy.env.keys() & table.deploy.secrets.keys()):
            yield Wrong((*above, "deploy", "secrets", name), "stands in env too: it is one or the other", Points.KEY)


def _placed(wrong: Wrong, document: Document | None) -> Fault:
    if document is None:
        return Fault(wrong.sentence, hint=wrong.hint)
    path = _in_defaults(wrong.path, document)
    place = document.key_mark(path) if wrong.points is Points.KEY else document.value_mark(path)
    return Fault(wrong.sentence, place, wrong.hint)


def _in_defaults(path: Path, document: Document) -> Path:
    """Where a merged value really stands: what no [lb.NAME] has came from [defaults]."""
    spots, inherited = document.located.spots, ("defaults", *path[2:])
    return inherited if path[0] == "lb" and path not in spots and inherited in spots else path
