"""Texts of elbroll.toml and of options as values: durations, amounts, shell lines, and back.

Each raises ValueError with a predicate, to which the reader of the config adds the subject: `"timeout" wants …`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elbroll.model import Amount

if TYPE_CHECKING:
    from collections.abc import Callable

_DURATION = re.compile(r"(?:(?P<h>\d{1,9})h)?(?:(?P<m>\d{1,9})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)s)?", re.ASCII)
_AMOUNT = re.compile(r"(?:(?P<percent>\d{1,3}(?:\.\d{1,9})?)%|(?P<count>\d{1,9}))", re.ASCII)
_LONGEST = 365 * 24 * 3600.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def duration(value: object) -> float:
    """Seconds of `"90s"`, `"5m"`, `"1h"`, `"1m30s"`, at most a year; a bare number is an error."""
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        hours, minutes, seconds = (float(match[part] or 0) for part in "hms")
        if (total := hours * 3600 + minutes * 60 + seconds) <= _LONGEST:
            return total
    raise ValueError(f'wants a duration such as "90s" or "5m", not {shown(value)}')


def limit(value: object) -> float:
    """As `duration`, but more than nothing: 0 never switches a check off."""
    if seconds := duration(value):
        return seconds
    raise ValueError(f"wants more than {shown(value)}")


def duration_or_auto(value: object) -> float | None:
    """As `duration`; None for `"auto"`."""
    return None if value is None or value == "auto" else duration(value)


def limit_or_auto(value: object) -> float | None:
    """As `limit`; None for `"auto"`."""
    return None if value is None or value == "auto" else limit(value)


def duration_text(seconds: float) -> str:
    """The text that `duration` reads as this many seconds: `1m30s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((f"{hours}", "h"), (f"{minutes}", "m"), (f"{rest:.9f}".rstrip("0").rstrip("."), "s"))
    return "".join(number + unit for number, unit in parts if number != "0") or "0s"


def amount(value: object) -> Amount:
    """A count such as `2`, or a share such as `"25%"`; never none at all."""
    if isinstance(value, Amount):
        return value
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    match = _AMOUNT.fullmatch(text)
    if match and match["count"] and int(match["count"]) > 0:
        return Amount(count=int(match["count"]))
    if match and match["percent"] and 0 < float(match["percent"]) <= 100:
        return Amount(percent=float(match["percent"]))
    raise ValueError(f'wants a count such as 2 or a share such as "25%", not {shown(value)}')


def lines(value: object) -> tuple[str, ...]:
    """One shell line, or a list of them; none of them empty."""
    return _texts(value, shell_line, "a shell line or a list of them")


def paths(value: object) -> tuple[str, ...]:
    """One path, or a list of them."""
    return _texts(value, path, "a path or a list of them")


def texts(value: object) -> tuple[str, ...]:
    """A list of texts; a single text is not bent into one."""
    return _texts(None if isinstance(value, str) else value, one_line, "a list of texts", shown(value))


def _texts(value: object, check: Callable[[object], str], wanted: str, told: str | None = None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (check(value),)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(check(each) for each in value)
    raise ValueError(f"wants {wanted}, not {told or shown(value)}")


def shell_line(value: object) -> str:
    """Shell text, several lines if need be. A NUL would end it early, a lone CR would hide what follows."""
    text = _text(value)
    if "\0" in text or "\r" in text.replace("\r\n", ""):
        raise ValueError("wants a shell line without NUL or a lone carriage return")
    if not text.strip():
        raise ValueError("wants a shell line, not an empty one")
    return text


def one_line(value: object) -> str:
    """A text that is not empty and has no control characters."""
    text = _text(value)
    if not text or _CONTROL.search(text):
        raise ValueError(f"wants a text of one line without control characters, not {shown(text)}")
    return text


def path(value: object) -> str:
    """A path on this computer; relative ones start at the config's folder."""
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError(f"wants a path, not {shown(text)}")
    return text


def word(value: object) -> str:
    """A login or jump host: one line that no program could read as an option (I-26)."""
    text = one_line(value)
    if text.startswith("-") or any(character.isspace() for character in text):
        raise ValueError(f"wants a name without spaces that does not begin with -, not {shown(text)}")
    return text


def items(value: object) -> object:
    """A list of tables as a tuple of them."""
    if isinstance(value, (list, tuple)) and all(not isinstance(each, (str, int, float)) for each in value):
        return tuple(value)
    raise ValueError(f"wants a list of tables, not {shown(value)}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"wants a text, not {shown(value)}")


def shown(value: object) -> str:
    """A value of TOML for people, as it would be written; long ones are cut."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            quoted = quote(value)
            return quoted if len(quoted) <= 60 else f'{quoted[:56]}..."'
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return _number(value)


def quote(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROL.sub(lambda found: "\\u" + format(ord(found[0]), "04X"), escaped) + '"'


def _number(value: object) -> str:
    try:
        return str(value)[:60]
    except ValueError:  # more digits than Python writes
        return "a number without end"
