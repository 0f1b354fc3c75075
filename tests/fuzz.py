"""How hostile input is generated: quick and always the same, or as much as `ELBROLL_FUZZ` says, fresh each time.

`ELBROLL_FUZZ=20000 python -m pytest -n 0 --timeout 0 -k fuzzed` searches for long.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

WANTED = os.environ.get("ELBROLL_FUZZ")
QUICK = 60
"""Examples of one property in an ordinary run."""

fuzzed = settings(
    max_examples=int(WANTED or QUICK),
    derandomize=WANTED is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
"""For every property of hostile input."""
seldom = settings(fuzzed, max_examples=max(6, fuzzed.max_examples // 10))
"""For those whose examples take half a second."""

TRICKS = (
    *(
        "\x1b[2J\x1b[H",
        "\x1b]52;c;cm0=\x07",
        "\x1b]0;t\x07",
        "\x9b31m",
        "\x9d0;t\x9c",
        "\x1bP$q\x1b\\",
        "\x1b[6n",
        "\x1bc",
    ),
    *("\x1b[?1049h", "\x1b[?25l", "\x1b[1A\x1b[2K", "\u202e", "\u2066", "\u200f", "\u2028", "\u0085", "\r", "\n", "\t"),
    *(
        "\x00",
        "\x08",
        "\x7f",
        "\ud800",
        "\udcff",
        "[/bold]",
        "[red]",
        "[link=x]",
        ":smile:",
        "::error::x",
        "\n::error::x",
    ),
    *(
        "##[error]x",
        "##vso[x]",
        "#",
        "\u200b",
        "::stop-commands::x",
        "ELB1 ",
        "%0A",
        "{{ssm:/x}}",
        "${x}",
        "$(id)",
        "`id`",
        "';",
        "../",
        "-rf",
        "漢",
    ),
    *("e\u0301", "\U0001f468\u200d\U0001f469", "a" * 300, " ", "|", "***", "<script>", "&amp;", "NaN", "9" * 5000),
)
"""What people have tried on terminals, CI, shells, markup and parsers."""

pieces = st.sampled_from(TRICKS) | st.text(max_size=8)
hostile = st.lists(pieces, max_size=6).map("".join)
"""Texts that want to be obeyed."""
hostile_line = hostile.map(lambda text: text.replace("\n", ""))
raw = st.binary(max_size=200) | hostile.map(lambda text: text.encode("utf-8", "surrogatepass"))
"""The same as bytes, valid or not."""
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -1, 2**63, 0]) | st.floats() | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_line, inner, max_size=3),
    max_leaves=8,
)
"""Any value that JSON may hold, and some that it may not."""
