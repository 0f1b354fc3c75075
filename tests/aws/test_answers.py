"""Every page, and no half answers (F-15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elbroll.aws.answers import PAGES, chunks, everything, part
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.aws import Clients


class ScriptedPages:
    """Gives the pages it was made with, and remembers what it was asked for."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = pages
        self.arguments: dict[str, Any] = {}

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.arguments = arguments
        yield from self.pages


@pytest.mark.rule("F-15", "Q3")
def test_all_pages_are_read_in_order() -> None:
    pages = ScriptedPages({"Things": [1, 2], "NextMarker": "a"}, {"Things": [], "NextMarker": "b"}, {"Things": [3]})
    assert everything(lambda: pages, "Things", "x:List", {"Names": ["n"]}) == (1, 2, 3)
    assert pages.arguments == {"Names": ["n"]}


@pytest.mark.rule("F-15")
def test_a_page_without_its_list_is_no_answer_and_no_short_list() -> None:
    pages = ScriptedPages({"Things": [1], "NextMarker": "a"}, {})
    with pytest.raises(Unanswered, match="half an answer"):
        everything(lambda: pages, "Things", "x:List")


@pytest.mark.rule("Q1")
def test_each_page_is_paced() -> None:
    taken: list[int] = []
    pages = ScriptedPages({"Things": [], "NextToken": "a"}, {"Things": [], "NextMarker": "b"}, {"Things": []})
    everything(lambda: pages, "Things", "x:List", before_each=lambda: taken.append(1))
    assert len(taken) == 3


@pytest.mark.rule("F-15")
def test_a_real_listing_goes_to_its_last_page(clients: Clients) -> None:
    vpc = clients.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for number in range(5):
        clients.elbv2.create_target_group(Name=f"g{number}", Protocol="HTTP", Port=80, VpcId=vpc)
    found = everything(
        lambda: clients.elbv2.get_paginator("describe_target_groups"), "TargetGroups", "x", {"PageSize": 2}
    )
    assert [group["TargetGroupName"] for group in found] == ["g0", "g1", "g2", "g3", "g4"]


def test_a_part_may_be_empty_but_not_missing() -> None:
    assert part({"Rows": []}, "Rows", "x:Read") == []
    with pytest.raises(Unanswered) as caught:
        part({}, "Rows", "x:Read")
    assert caught.value.why == ("Rows is missing from it",)


@pytest.mark.rule("Q3")
@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks_lose_nothing_and_are_never_too_big(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for some in parts for item in some] == items
    assert all(0 < len(some) <= size for some in parts)


@pytest.mark.rule("I-13", "F-15")
@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"], [str(number) for number in range(PAGES + 1)]])
def test_a_listing_without_an_end_is_no_answer(tokens: list[str]) -> None:
    pages = ScriptedPages(*({"Things": [], "NextToken": token} for token in tokens), {"Things": []})
    with pytest.raises(Unanswered, match="x:List goes round in circles"):
        everything(lambda: pages, "Things", "x:List")


@pytest.mark.rule("F-15", "L4")
def test_empty_pages_on_the_way_end_nothing() -> None:
    pages = ScriptedPages(*({"Things": [], "NextToken": str(number)} for number in range(50)), {"Things": [1]})
    assert everything(lambda: pages, "Things", "x:List") == (1,)
