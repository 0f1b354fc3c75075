"""Several runs write one parameter through stale reads, lost answers, repeated and late requests (I-25).

The judge knows nothing of the code under test: it reads the log of all accepted writes and its own notes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from elbroll.errors import StoreDown
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.ledger.values import Draft
from fakes import FakeClock
from ledger.parameters import FakeSsm, Fate, ParameterLog

if TYPE_CHECKING:
    from elbroll.ledger.ports import Stored

KEY = "/elbroll/v1/lock/tg/web/1"
WRITERS = 3


@dataclass
class Writer:
    """A run that looks, writes over what it saw, and repeats what got no verdict."""

    client: FakeSsm
    store: SsmStore
    seen: Stored | None = None
    has_looked: bool = False
    unsettled: tuple[Draft, Stored | None] | None = None


@dataclass
class Notes:
    """What the writers were told."""

    won: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    made: int = 0


def chain(log: ParameterLog) -> list[dict[str, object]]:
    """All values that ever counted, oldest first, by the rule of safety.md 2.5 and nothing else."""
    values = [json.loads(text) for text in log.written.get(KEY, [])]
    return [value for number, value in enumerate(values, start=1) if value["base"] == number - 1]


def mark_in(stored: Stored | None) -> object:
    """The mark of what a writer saw as effective."""
    return json.loads(stored.text)["nonce"] if stored is not None and stored.text is not None else None


class Writers(RuleBasedStateMachine):
    """Any interleaving of looks, writes and faults."""

    def __init__(self) -> None:
        super().__init__()
        self.log = ParameterLog()
        self.notes = Notes()
        self.writers = [self._writer() for _ in range(WRITERS)]

    def _writer(self) -> Writer:
        client = FakeSsm(self.log)
        return Writer(client, SsmStore(client, FakeClock()))  # type: ignore[arg-type]

    @rule(number=st.integers(0, WRITERS - 1), hidden=st.integers(0, 3))
    def look(self, number: int, hidden: int) -> None:
        """Maybe at something old."""
        writer = self.writers[number]
        writer.client.hidden = hidden
        writer.seen = writer.store.read(KEY)
        writer.has_looked = True

    @rule(number=st.integers(0, WRITERS - 1), fate=st.sampled_from(Fate), hidden=st.integers(0, 2))
    def write(self, number: int, fate: Fate, hidden: int) -> None:
        """Over what was seen last, or once more what got no verdict."""
        writer = self.writers[number]
        if not writer.has_looked:
            self.look(number, 0)
        if writer.unsettled is None:
            self.notes.made += 1
            fields = {"epoch": self.notes.made, "saw": mark_in(writer.seen)}
            writer.unsettled = Draft(fields, f"n{self.notes.made}"), writer.seen
        writer.client.fates.clear()
        writer.client.fates.append(fate)
        writer.client.hidden = hidden
        self._judge(writer, *writer.unsettled)

    @rule()
    def late_requests_arrive(self) -> None:
        """All that were sent and not yet accepted."""
        self.log.deliver()

    def _judge(self, writer: Writer, draft: Draft, over: Stored | None) -> None:
        try:
            verdict = writer.store.write(KEY, draft, over)
        except StoreDown:
            return
        assert verdict is not Verdict.DELETED
        (self.notes.won if verdict is Verdict.WON else self.notes.lost).add(draft.nonce)
        writer.unsettled = None

    @invariant()
    def a_won_write_has_counted(self) -> None:
        assert self.notes.won <= {str(value["nonce"]) for value in chain(self.log)}

    @invariant()
    def a_lost_write_never_counts(self) -> None:
        assert not self.notes.lost & {str(value["nonce"]) for value in chain(self.log)}

    @invariant()
    def a_value_is_replaced_only_by_a_write_based_on_it(self) -> None:
        values = chain(self.log)
        assert [value["saw"] for value in values] == [None, *(value["nonce"] for value in values)][: len(values)]

    @invariant()
    def a_fresh_reader_sees_the_last_that_counted(self) -> None:
        values = chain(self.log)
        seen = SsmStore(FakeSsm(self.log), FakeClock()).read(KEY)  # type: ignore[arg-type]
        assert mark_in(seen) == (values[-1]["nonce"] if values else None)
