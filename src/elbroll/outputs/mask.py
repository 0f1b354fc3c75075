"""Secrets become `***` at one place, before any output, log or report sees them (I-20)."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from elbroll.core.disguises import SHORTEST, disguises, finder, whole_lines
from elbroll.outputs.clean import clean

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from _typeshed import DataclassInstance

    from elbroll.model import Secret

T = TypeVar("T")

STARS = "***"
SHORTEST_LINE = 8
"""Lines of a secret of several lines are masked one by one from this length on."""
SAID = ("message", "why", "now", "fix", "strerror", "filename", "filename2", "object", "reason")
"""Where exceptions, ours and Python's, keep words beside their arguments."""


class Masker:
    """Knows the run's secrets in all the shapes they may take. Safe for several threads."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._shapes: frozenset[str] = frozenset()
        self._lines: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Mask this one too from now on, unless it is shorter than `SHORTEST`."""
        if len(secret.reveal()) < SHORTEST:
            return
        with self._lock:
            shapes = disguises(secret.reveal(), SHORTEST_LINE)
            self._shapes |= {shape for shape in shapes if len(shape) >= SHORTEST}
            self._lines |= whole_lines(secret.reveal())
            self._pattern = finder(self._shapes, self._lines)

    def text(self, text: str) -> str:
        """The text without any secret, quoted or encoded."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(STARS, text)

    def words_of(self, error: BaseException) -> None:
        """Mask what an exception says, for whoever prints it later without knowing the secrets."""
        error.args = self.value(error.args)
        for name in SAID:
            if isinstance(said := getattr(error, name, None), (str, tuple)):
                with contextlib.suppress(AttributeError, TypeError):
                    setattr(error, name, self.value(said))
        for cause in (error.__cause__, error.__context__):
            if cause is not None:
                self.words_of(cause)

    def value(self, value: T) -> T:
        """An event, or any value of dataclasses, mappings and tuples, with every text in it masked."""
        return value if self._pattern is None else cast("T", self._deep(value))

    def _deep(self, value: object) -> object:
        if type(value) is str:
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self._deep(item) for item in value)
        if isinstance(value, frozenset):
            return frozenset(self._deep(item) for item in value)
        if isinstance(value, Mapping):
            return {self._deep(key): self._deep(item) for key, item in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._record(value)
        return value

    def _record(self, record: DataclassInstance) -> object:
        old = {each.name: getattr(record, each.name) for each in dataclasses.fields(record)}
        new = {name: self._deep(value) for name, value in old.items()}
        changed = {name: value for name, value in new.items() if value != old[name]}
        return dataclasses.replace(record, **changed) if changed else record


class MaskedFormatter(logging.Formatter):
    """For `debug.log`: message, arguments and traceback are masked once they are text, then cleaned (I-21).

    Lines after the first are set in, so that none of them passes for an entry of its own.
    """

    def __init__(self, masker: Masker, layout: str | None = None) -> None:
        super().__init__(layout)
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter`, without secrets and without what a terminal would obey."""
        return clean(self._masker.text(super().format(record))).replace("\n", "\n    ")
