"""A good elbroll.toml that somebody has broken: taken, or refused with a place in the file (F-1)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.config.load import load
from elbroll.errors import ConfigError
from fuzz import fuzzed, hostile

if TYPE_CHECKING:
    from elbroll.config.load import Loaded

EXAMPLE = (Path(__file__).parents[2] / "elbroll.toml.example").read_text(encoding="utf-8")
LINES = re.sub(r"(?m)^# ?(?=[\[a-z_.]+.*(=|\]))", "", EXAMPLE).splitlines()
"""With the keys that stand there commented out."""
TOKENS = (
    "=",
    '"',
    "[",
    "]",
    "{",
    "}",
    "#",
    "'",
    ".",
    ",",
    "\\",
    '"""',
    "true",
    "0x1",
    "1e999",
    "nan",
    "\n",
    "\r",
    "\t",
    "\x00",
)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Some tables of the example with lines lost, doubled, swapped, or with something put into their midst."""
    start = draw(st.integers(0, len(LINES) - 1))
    lines = LINES[start : start + draw(st.integers(1, 25))]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        column = draw(st.integers(0, len(lines[at])))
        match draw(st.sampled_from(["lose", "double", "swap", "put", "cut"])):
            case "lose" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "put":
                said = draw(st.sampled_from(TOKENS) | hostile)
                lines[at] = lines[at][:column] + said + lines[at][column:]
            case _:
                lines[at] = lines[at][:column]
    return "\n".join(lines)


def taken(folder: Path, text: str | None, environ: dict[str, str]) -> Loaded | ConfigError:
    config = folder / "elbroll.toml"
    if text is not None:
        config.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return load({}, config=str(config) if text is not None else None, environ=environ, cwd=folder)
    except ConfigError as error:
        return error


@pytest.mark.rule("F-1", "I-15")
@fuzzed
@given(text=broken())
def test_a_broken_config_is_refused_at_a_place_that_is_there(text: str, tmp_path: Path) -> None:
    found = taken(tmp_path, text, {})
    said = found.message if isinstance(found, ConfigError) else ""
    rows = text.replace("\r\n", "\n").split("\n")
    places = [(int(row), int(column)) for row, column in re.findall(r"elbroll\.toml:(\d+):(\d+)", said)]

    assert not isinstance(found, ConfigError) or places or "elbroll.toml" in said
    assert all(1 <= row <= len(rows) + 1 for row, _ in places)
    assert all(1 <= column <= len(rows[row - 1]) + 1 for row, column in places if row <= len(rows))
    assert len(said) < 20_000


@pytest.mark.rule("F-1", "I-15")
@fuzzed
@given(
    environ=st.dictionaries(
        st.sampled_from(
            ["ELBROLL_FLOOR", "ELBROLL_MAX_UNAVAILABLE", "ELBROLL_REGION", "ELBROLL_CONFIG", "ELBROLL_BAKE"]
        ),
        hostile.map(lambda text: text.replace("\0", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")),
        max_size=3,
    )
)
def test_any_environment_is_taken_or_refused(environ: dict[str, str], tmp_path: Path) -> None:
    found = taken(tmp_path, None, environ)

    assert not isinstance(found, ConfigError) or found.message.startswith("error: ")
