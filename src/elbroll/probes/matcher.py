"""Statuses that are well, as AWS writes them: `200`, `200-299`, `200,202`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from elbroll.errors import Refused

_PART = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?")


@dataclass(frozen=True, slots=True)
class Matcher:
    """Ranges of statuses, both ends included."""

    text: str
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str) -> Matcher:
        """Raises Refused for what is no list of statuses."""
        ranges: list[tuple[int, int]] = []
        for part in text.split(","):
            match = _PART.fullmatch(part.strip())
            if not match:
                raise Refused(f'{text!r} does not name statuses, as "200", "200-299" or "200,202" do')
            first, last = int(match[1]), int(match[2] or match[1])
            if first > last:
                raise Refused(f"{text!r} names no status: {first} is more than {last}")
            ranges.append((first, last))
        return cls(text, tuple(ranges))

    def __contains__(self, status: int) -> bool:
        return any(first <= status <= last for first, last in self.ranges)
