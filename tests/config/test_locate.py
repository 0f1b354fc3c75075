"""Every key that tomllib finds is found at its place."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.config.locate import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICKY = '''\
# a comment with key = "value"
top = 1  # and [a] "comment"
"quoted key" = 'x # y'
'lit.eral' = """
[not.a.table]
key = 1
five quotes \\""""""
dotted."a b".c = [1, 2, # a ] comment
  3,
]
[ spaced . "ta]ble" ] # [c]
inline = { a = 1, b = { "c=d" = "}" }, e.f = [ { g = 1 }, {} ] }
when = 1979-05-27 07:32:00
[[list]]
name = "first"
[list.sub]
x = 1
[[list.deep]]
y = \'\'\'
]]\'\'\'
[[list]]
name = "second"
"escaped \\u00e9 \\"q\\"" = true
[[list.deep]]
y = 2
[list.deep.under]
z = []
'''


def paths(told: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All key paths of what tomllib read."""
    named = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in named:
        yield (*above, key)
        yield from paths(value, (*above, key))


def assert_located(text: str) -> None:
    located = locate(text)
    expected = list(paths(tomllib.loads(text)))
    assert set(expected) == set(located.spots)
    assert not located.again
    for path in expected:
        spot = located.spots[path]
        assert isinstance(path[-1], int) or key_at(text[spot.key : spot.key_end]) == path[-1]


def key_at(raw: str) -> str:
    """The one key that a text is, or the last of a dotted one."""
    told = tomllib.loads(f"{raw} = 1")
    while isinstance(told, dict):
        ((key, told),) = told.items()
    return str(key)


def value_at(text: str, spot: Any) -> Any:
    return tomllib.loads(f"v = {text[spot.value : spot.value_end]}")["v"]


@pytest.mark.rule("F-1")
def test_every_way_of_writing_a_key_is_located() -> None:
    assert_located(TRICKY)


def test_values_are_located_too() -> None:
    spots = locate(TRICKY).spots
    assert value_at(TRICKY, spots["dotted", "a b", "c"]) == [1, 2, 3]
    assert value_at(TRICKY, spots["dotted", "a b", "c", 1]) == 2
    assert value_at(TRICKY, spots["lit.eral",]).endswith('quotes """')
    assert value_at(TRICKY, spots["spaced", "ta]ble", "inline", "b"]) == {"c=d": "}"}
    assert value_at(TRICKY, spots["list", 1, "name"]) == "second"


def test_a_key_given_twice_is_found_where_it_stands_again() -> None:
    text = "[a]\nx = 1\ny = 2\nx = 3\n"
    (path, spot), *rest = locate(text).again
    assert (path, spot.key, rest) == (("a", "x"), text.rindex("x"), [])


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6) | st.sampled_from("abc")
SCALARS = st.integers(-9, 9) | st.booleans() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def written(value: Any) -> str:
    """A value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
        case list():
            return f"[ {', '.join(map(written, value))} ]"
        case dict():
            return "{" + ", ".join(f"{written(key)} = {written(each)}" for key, each in value.items()) + "}"
        case _:
            return repr(value)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4), st.booleans())
def test_every_key_of_any_file_is_located(told: dict[str, dict[str, Any]], listed: bool) -> None:
    left, right = ("[[", "]]") if listed else ("[", "]")
    text = "".join(
        f"{left}{written(name)}{right}\n"
        + "".join(f"{written(key)} = {written(each)}\n" for key, each in table.items())
        for name, table in told.items()
    )
    assert_located(text)


@given(st.text(st.sampled_from("[]{}=.,\"'\\#ab1 \n\t"), max_size=60))
def test_no_text_trips_it(text: str) -> None:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError):
        locate(text)
    else:
        assert_located(text)
