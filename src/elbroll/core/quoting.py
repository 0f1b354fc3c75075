"""How shells, programs, pages and addresses write down a text that is not theirs. Pure (I-20).

Programs differ in what they leave as it is, so each of these tells several ways; for a text of letters and digits they
are all the same.
"""

from __future__ import annotations

import html
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LETTERS = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "E"}
"""What follows the backslash of a control character in `$'…'`; the others get their number in octal."""
_QUOTES = (("'", "&quot;"), ("&#39;", "&quot;"), ("&#039;", "&quot;"), ("&#39;", "&#34;"), ("&apos;", "&quot;"))
_UNSAFE = (r"[&<>]", r"[&<>'=]", r"""\\"|[&<>'+`]""")
"""What JSON that may stand in a page holds by number: as Go, Gson and .NET write it."""
_KEPT = ("", "/", "!'()*", "!'()*#$&+,/:;=?@", "$&+,;=", "$&+:=@", "!'()*$&+,:;=@")
"""What may stay in an address: by the strictest; Python; JavaScript, for a part and a whole; Go, for a user and a
piece of a path; RFC 3986, for a piece of a path."""


def for_shells(text: str) -> Iterator[str]:
    """As people quote it, and as `set -x`, `export -p`, `set` and `printf %q` of several shells print it."""
    yield shlex.quote(text)
    yield text.replace("'", "'\"'\"'")
    yield text.replace("'", "'\\''")
    yield re.sub(r'([\\"$`])', r"\\\1", text)
    for special in (r"\s'\"\\|&;()<>!{}*[\]?^$`", r"\s'\"\\|&;()<>!{}*[\]?^$`,"):
        yield re.sub(rf"([{special}]|^[#~]|(?<=[:=])~)", r"\\\1", text)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)
    yield _counted_out(text, str.isprintable)
    yield _counted_out(text, lambda char: char.isascii() and char.isprintable())


def for_programs(text: str) -> Iterator[str]:
    """As Python, YAML, SQL, CSV and JSON hold it between their quotes."""
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(text.encode("utf-8", "surrogateescape"))[2:-1])
    yield from (text.replace("'", "''"), text.replace('"', '""'))
    for plain in _in_json(text):
        yield from (plain, plain.replace("/", "\\/"), *_in_json(plain))
        for unsafe in _UNSAFE:
            numbered = re.sub(unsafe, lambda found: f"\\u{ord(found[0][-1]):04x}", plain)
            yield from (numbered, re.sub(r"\\u[0-9a-f]{4}", lambda found: f"\\u{found[0][2:].upper()}", numbered))


def _in_json(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def for_pages(text: str) -> Iterator[str]:
    """As HTML and XML hold it."""
    yield from (html.escape(text), plain := html.escape(text, quote=False))
    for single, double in _QUOTES:
        yield plain.replace("'", single).replace('"', double)


def for_addresses(text: str) -> Iterator[str]:
    """As a part of a URL or of a form."""
    raw = text.encode("utf-8", "surrogateescape")
    forms = {quote(raw, kept) for kept in _KEPT} | {quote_plus(raw, kept) for kept in ("", "*")}
    for form in forms | {form.replace("~", "%7E") for form in forms}:
        yield from (form, re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form))


def _counted_out(text: str, kept: Callable[[str], bool]) -> str:
    """As bash holds it in `$'…'`: in the C locale whatever is not ASCII is counted out byte by byte."""
    return "".join(re.sub(r"[\\']", r"\\\g<0>", char) if kept(char) else _number(char) for char in text)


def _number(char: str) -> str:
    if char in _LETTERS:
        return f"\\{_LETTERS[char]}"
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
