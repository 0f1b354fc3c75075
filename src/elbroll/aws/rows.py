"""No half rows: every answer has the types that the SDK describes, and says so where a part is missing (F-15).

The SDK takes what comes: an element that stands there twice, a null in a list, a number in place of a text.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from elbroll.aws.once import GOOD
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.client import BaseClient

TYPES: Final[Mapping[str, type]] = {
    "structure": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "timestamp": datetime,
}
"""By the SDK's own words. What is not named here nobody reads, but for bodies, which have their own ways to fail."""


class Row(dict[str, Any]):
    """A part of an answer. What is read as `row["Name"]` must be there, else it is no answer; `get` is for the rest."""

    __slots__ = ("_action", "_place")

    def __init__(self, action: str, place: str) -> None:
        super().__init__()
        self._action = action
        self._place = place

    def __missing__(self, name: str) -> Any:
        raise half(self._action, f"{self._place}.{name} is missing from it")


def half(action: str, why: str) -> Unanswered:
    """Part of an answer is no answer."""
    return Unanswered(f"AWS gave half an answer to {action}", why=(why,))


def whole_rows(client: BaseClient) -> None:
    """From now on whatever this client answers with consists of rows. Its calls raise Unanswered where it cannot."""
    events: Any = client.meta.events
    events.register("after-call", _checked)


def _checked(http_response: Any, parsed: dict[str, Any], model: Any, **_: object) -> None:
    if http_response.status_code >= GOOD or model.output_shape is None:
        return
    action = f"{model.service_model.signing_name}:{model.name}"
    parts = model.output_shape.members
    parsed.update({name: _described(parsed[name], parts[name], action, name) for name in parts if name in parsed})


def _described(value: Any, shape: Any, action: str, place: str) -> Any:
    """The value, if it is what the SDK's description says, with a Row for each structure."""
    if not _is_a(shape.type_name, value):
        raise half(action, f"{place} is no {shape.type_name}")
    match shape.type_name:
        case "structure":
            row = Row(action, place)
            for name, part in value.items():
                member = shape.members.get(name)
                row[name] = part if member is None else _described(part, member, action, f"{place}.{name}")
            return row
        case "list":
            return [_described(each, shape.member, action, place) for each in value]
        case _:
            return value


def _is_a(kind: str, value: Any) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return kind not in TYPES or isinstance(value, TYPES[kind])
