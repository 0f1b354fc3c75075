"""Texts of elbroll.toml and of options as values: durations, amounts, shell lines. Raises ValueError."""

from __future__ import annotations

import re

from elbroll.model import Amount

_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")
_AMOUNT = re.compile(r"(?P<percent>\d+(?:\.\d+)?)%")


def duration(value: object) -> float:
    """Seconds of `"90s"`, `"5m"`, `"1h"`, `"1m30s"`; a bare number is an error."""
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        hours, minutes, seconds = (float(match[part] or 0) for part in "hms")
        return hours * 3600 + minutes * 60 + seconds
    raise ValueError(f'wants a duration such as "90s" or "5m", not {_shown(value)}')


def duration_or_auto(value: object) -> float | None:
    """As `duration`; None for `"auto"`."""
    return None if value is None or value == "auto" else duration(value)


def amount(value: object) -> Amount:
    """A count such as `2`, or a share such as `"25%"`."""
    if isinstance(value, Amount):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Amount(count=value)
    if isinstance(value, str) and (match := _AMOUNT.fullmatch(value)) and 0 < float(match["percent"]) <= 100:
        return Amount(percent=float(match["percent"]))
    if isinstance(value, str) and value.isascii() and value.isdigit() and int(value) > 0:
        return Amount(count=int(value))
    raise ValueError(f'wants a count such as 2 or a share such as "25%", not {_shown(value)}')


def lines(value: object) -> tuple[str, ...]:
    """One shell line, or a list of them."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(line, str) for line in value):
        return tuple(value)
    raise ValueError(f"wants a shell line or a list of them, not {_shown(value)}")


def path_list(value: object) -> tuple[str, ...] | None:
    """One path, or a list of them."""
    return None if value is None else lines(value)


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
