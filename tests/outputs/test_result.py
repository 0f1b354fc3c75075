"""The one document of `--json`: whole, at the end, and honest about what it could not write."""

from __future__ import annotations

import io
import json

import pytest

import story
from elbroll.outputs.ink import Pen
from elbroll.outputs.parts import Origin
from elbroll.outputs.result import RunDocument
from elbroll.outputs.streams import Look

LOOK = Look(color=False, animate=False, width=None)


class Full(io.StringIO):
    """A disk without room."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def told(out: io.StringIO) -> str:
    err = io.StringIO()
    outlet = RunDocument(out, lambda: Origin(story.BEGAN, "123456789012", "us-east-1"), Pen(err, LOOK))
    for each in story.good_end().told:
        outlet.take(each)
        outlet.tick(0.0)
    outlet.close()
    return err.getvalue()


def test_it_is_one_line_at_the_end() -> None:
    out = io.StringIO()
    assert told(out) == ""
    (written,) = out.getvalue().splitlines()
    assert (json.loads(written)["schema"], json.loads(written)["exit"]) == ("elbroll.run.v1", 0)


@pytest.mark.rule("F-57", "I-16")
def test_what_cannot_be_written_is_said() -> None:
    assert told(Full()) == "warning: the result could not be written: No space left on device\n"
