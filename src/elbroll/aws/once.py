"""A call that changes something is sent once: whoever repeats one proves first that it still may (safety.md 3.5).

The SDK repeats by itself what got no answer, also hours later, when a computer has slept meanwhile and another run has
taken over. So what it would repeat is raised at once, and the caller's own patience decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elbroll.aws.actions import DEEDS
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.client import BaseClient

NAMES = frozenset(action.partition(":")[2] for action in DEEDS)
GOOD = 300


def send_once(client: BaseClient, renewed: Callable[..., bool]) -> None:
    """From now on nothing repeats a deed of this client. `renewed`: whether other credentials would be worth a try."""
    service = client.meta.service_model
    events: Any = client.meta.events  # typed for handlers without an answer, which needs-retry wants
    for name in NAMES.intersection(service.operation_names):
        events.register_first(f"needs-retry.{service.service_id.hyphenize()}.{name}", _Once(client, renewed))


@dataclass(frozen=True, slots=True)
class _Once:
    """Asked before all others whether a call is to be repeated; raises where one of them could say yes."""

    client: BaseClient
    renewed: Callable[..., bool]

    def __call__(
        self,
        operation: Any,
        request_dict: Any,
        response: Any = None,
        caught_exception: Exception | None = None,
        **_: object,
    ) -> None:
        if caught_exception is not None:
            raise caught_exception
        http, parsed = response
        if http.status_code < GOOD:
            return
        if self.renewed(request_dict, response):
            raise Unanswered("AWS did not accept the credentials, and there are fresh ones")
        code = parsed.get("Error", {}).get("Code")
        refusal: Any = self.client.exceptions.from_code(code)  # a class, typed as a value
        raise refusal(parsed, operation.name)
