"""Credentials that are read anew, once a call, when AWS says that they are over (B4, F-5)."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError

from elbroll.aws.door import THROTTLED
from elbroll.errors import ElbrollError
from elbroll.model import Validity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials

OVER = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
"""AWS does not know these credentials (any more): a call that is answered so has done nothing."""
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
"""When credentials of the environment end, where somebody was kind enough to say so."""
_SIGNED, _REPEATED = "elbroll.signed", "elbroll.repeated"


class Renewable(Credentials):
    """The credentials of all clients of a run. Safe for many threads.

    `read` goes through the user's chain from its beginning. `check` is asked before fresh ones are used, and raises an
    error of ours where they belong to somebody else; nothing of what it raises is retried.
    """

    def __init__(
        self, read: Callable[[], Credentials | None], check: Callable[[Credentials], None] = lambda _: None
    ) -> None:
        self._read = read
        self._check = check
        self._current: Credentials | None = None
        self._generation = 0
        self._lock = threading.RLock()
        self.method = "elbroll"
        self.account_id = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """What the next call is signed with. Raises BotoCoreError or ClientError, and nothing else."""
        with _in_their_words("credentials"):
            return self._now().get_frozen_credentials()

    def attach(self, client: BaseClient) -> None:
        """From now on calls of this client that meet credentials which are over are repeated once, with fresh ones."""
        events: Any = client.meta.events  # typed for handlers without an answer, which needs-retry wants
        events.register("before-sign", self._note)
        events.register("needs-retry", self._retry)

    def validity(self) -> Validity:
        """How long they last, as far as anybody can know beforehand."""
        with _in_their_words("credentials"):
            current = self._now()
        if current.method == "env" and (said := os.environ.get(EXPIRATION)):
            return Validity(_moment(said), known=_moment(said) is not None)
        renews_itself = isinstance(current, RefreshableCredentials)
        return Validity(known=renews_itself or not current.token)

    def _now(self) -> Credentials:
        with self._lock:
            if self._current is None:
                self._current = self._read()
            if self._current is None:
                raise NoCredentialsError
            return self._current

    def _note(self, request: Any, **_: object) -> None:
        request.context[_SIGNED] = self._generation

    def _retry(self, request_dict: Any, response: Any = None, **_: object) -> float | None:
        """0: again, at once. None: as the others say."""
        context = request_dict["context"]
        if context.get(_REPEATED) or not _is_over(response):
            return None
        context[_REPEATED] = True
        return 0.0 if self.replaced(request_dict, response) else None

    def replaced(self, request_dict: Any, response: Any) -> bool:
        """Whether AWS has refused what a call was signed with, and there are others by now."""
        return _is_over(response) and self._renewed(request_dict["context"].get(_SIGNED, self._generation))

    def _renewed(self, generation: int) -> bool:
        """Whether there are others than those of that generation by now."""
        with self._lock:
            if self._generation != generation:
                return True
            fresh = self._fresh()
            if fresh is None:
                return False
            self._check(fresh)
            self._current = fresh
            self._generation += 1
            return True

    def _fresh(self) -> Credentials | None:
        """What the chain yields now, if that is not what it yielded before; a chain that fails yields nothing new."""
        try:
            with _in_their_words("fresh credentials"):
                found = self._read()
                known = self._current.get_frozen_credentials() if self._current is not None else None
                return found if found is not None and found.get_frozen_credentials() != known else None
        except (BotoCoreError, ClientError):
            return None


def _is_over(response: Any) -> bool:
    """Of (HTTP answer, what was parsed of it); None where no answer came."""
    parsed = response[1] if response is not None else {}
    return isinstance(parsed, dict) and parsed.get("Error", {}).get("Code") in OVER


@contextmanager
def _in_their_words(what: str) -> Iterator[None]:
    """Sources of credentials raise whatever they like: a program that is missing, a file that is no JSON.

    A refusal of another service that they asked is theirs, and not one of the call that was to be signed; only its
    silence is silence.
    """
    try:
        yield
    except (BotoCoreError, ElbrollError):
        raise
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error.response.get("Error", {}).get("Code") in THROTTLED:
            raise
        raise CredentialRetrievalError(provider=what, error_msg=str(error)) from error
    except Exception as error:
        raise CredentialRetrievalError(provider=what, error_msg=str(error) or type(error).__name__) from error


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
