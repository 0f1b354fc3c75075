"""The stores' door to AWS: foreign errors in the ledger's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elbroll.aws.door import door
from elbroll.errors import AwsRefused, StoreDown, StoreError, Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from botocore.exceptions import ClientError


@contextmanager
def store_door(action: str, key: str) -> Iterator[None]:
    """Raises StoreDown where there was no answer, StoreError for a plain no, AccessError as it comes."""
    try:
        with door(action, key):
            yield
    except Unanswered as error:
        raise down(key, (error.message, *error.why)) from error
    except AwsRefused as error:
        raise StoreError(error.message, why=error.why, fix=("elbroll status",)) from error


def down(key: str, why: tuple[str, ...]) -> StoreDown:
    """No verdict on a key."""
    return StoreDown(
        f"the ledger gives no answer about {key}",
        why=why,
        fix=("the same command again, once AWS answers: what was recorded stays recorded",),
    )


def code_of(error: ClientError) -> str:
    """AWS's own word for a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


def age_of(modified: datetime | None, answer: Mapping[str, Any]) -> float | None:
    """Seconds between a value's last change and the date of the same answer; None where either is missing."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 10 ms that `--help` need not pay

    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if modified is None or date is None:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(date) - modified).total_seconds())
    except (TypeError, ValueError):
        return None
