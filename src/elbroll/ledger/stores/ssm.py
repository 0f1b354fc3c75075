"""Parameter Store: compare-and-set where there is none, by using a parameter as a log (safety.md 2.5, L1 to L4)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from elbroll.aws.answers import onward, part
from elbroll.aws.pace import TokenBucket
from elbroll.errors import StoreDown
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.stores.shut import age_of, code_of, down, store_door
from elbroll.ledger.values import Draft, nonce_of
from elbroll.ledger.versions import Version, effective
from elbroll.ledger.words import deleted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Final

    from types_boto3_ssm import SSMClient

    from elbroll.engine.ports import Clock

KEPT: Final = 100
"""Versions that stay readable (L2)."""
WRITES_A_SECOND: Final = 1.0
"""Of the few that Parameter Store takes; more at once, so that no host's walk is slowed (Q2)."""
WRITES_AT_ONCE: Final = 10
LOOKS_AGAIN: Final = (0.2, 0.5, 1.0, 2.0)
"""Pauses before a read that lags behind what we know is believed: after them the key was deleted by hand."""


class SsmStore:
    """Values in String parameters of the standard tier. One object for one run: it remembers what it has seen."""

    def __init__(self, client: SSMClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._writes = TokenBucket(clock, rate=WRITES_A_SECOND, burst=WRITES_AT_ONCE)
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Of the standard tier, in bytes (L3)."""
        return 4096

    def ready(self, writes: int) -> None:
        """See `Store.ready`."""
        self._writes.ready(writes)

    def read(self, key: str) -> Stored | None:
        """The effective value; see `Store.read`."""
        newest = self._newest(key)
        return self._judged(key, newest) if newest is not None else None

    def write(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        """Put, and believe nothing but the next version number: any other answer is settled by a read (I-11)."""
        base = int(over.base) if over is not None else 0
        answered = self._put(key, draft.over(base), base)
        if answered is None or answered > base + 1:
            return self._settled(key, draft, base, answered)
        if answered <= base:
            return Verdict.DELETED
        self._note(key, answered)
        return Verdict.WON

    def list(self, prefix: str) -> Mapping[str, Stored]:
        """Every page, empty ones included; see `Store.list`."""
        path = prefix.rstrip("/")
        call: Callable[..., Any] = self._client.get_parameters_by_path
        found: dict[str, Stored] = {}
        for page in self._pages("ssm:GetParametersByPath", path, call, Path=path, Recursive=True, MaxResults=10):
            for entry in page["Parameters"]:
                found[entry["Name"]] = self._judged(entry["Name"], _version(entry, page))
        return found

    def _newest(self, key: str) -> Version | None:
        """The newest version, no older than any that this object knows (F-13)."""
        for pause in (*LOOKS_AGAIN, None):
            newest = self._get(key)
            number = newest.number if newest is not None else 0
            if number >= self._known.get(key, 0):
                self._note(key, number)
                return newest
            if pause is not None:
                self._clock.sleep(pause)
        raise deleted(key)

    def _judged(self, key: str, newest: Version) -> Stored:
        found, base = effective([newest]), newest.number
        if found is None and newest.number > 1:
            history = self._history(key, newest)
            found, base = effective(history.values()), max(history)
        return Stored(found.text if found else None, base, base, found.age if found else newest.age)

    def _history(self, key: str, newest: Version) -> Mapping[int, Version]:
        """All kept versions. Raises StoreDown where some are missing: a gap would hide who holds the key."""
        history = {newest.number: newest}
        call: Callable[..., Any] = self._client.get_parameter_history
        for page in self._pages("ssm:GetParameterHistory", key, call, Name=key, MaxResults=50):
            versions = [_version(entry, page) for entry in page["Parameters"]]
            history |= {version.number: version for version in versions}
        if len(history) < min(max(history), KEPT):
            raise down(key, ("its history lags behind",))
        return history

    def _put(self, key: str, text: str, base: int) -> int | None:
        """The number that AWS says it gave; None where the answer is no verdict."""
        self._writes.take()
        try:
            with store_door("ssm:PutParameter", key):
                return self._accepted(key, text, base)
        except StoreDown:
            return None

    def _accepted(self, key: str, text: str, base: int) -> int | None:
        try:
            answer = self._client.put_parameter(
                Name=key, Value=text, Type="String", Tier="Standard", Overwrite=base > 0
            )
        except ClientError as error:
            if code_of(error) == "ParameterAlreadyExists":
                return None
            raise
        number: object = answer.get("Version")
        return number if isinstance(number, int) else None

    def _settled(self, key: str, draft: Draft, base: int, answered: int | None) -> Verdict:
        """Whose is the version right above our base? That one, and no other, could have been won by us."""
        landed = self._get(f"{key}:{base + 1}")
        if landed is not None:
            self._note(key, landed.number)
            return Verdict.WON if nonce_of(landed.text) == draft.nonce else Verdict.LOST
        if answered is not None and answered > base + KEPT:
            return Verdict.LOST
        if base > 0:
            self._newest(key)
        raise down(key, ("a write has not shown up yet",))

    def _get(self, selector: str) -> Version | None:
        with store_door("ssm:GetParameter", selector):
            try:
                answer = self._client.get_parameter(Name=selector)
            except ClientError as error:
                if code_of(error) in ("ParameterNotFound", "ParameterVersionNotFound"):
                    return None
                raise
            return _version(_whole(part(answer, "Parameter", "ssm:GetParameter"), "ssm:GetParameter"), answer)

    def _pages(self, action: str, key: str, call: Callable[..., Any], **arguments: object) -> Iterator[Any]:
        """Each page as it comes. Raises StoreDown for one that lacks its list: part of a list is no list (F-15)."""
        token: dict[str, str] = {}
        tokens: set[str] = set()
        while True:
            with store_door(action, key):
                page = call(**arguments, **token)
                for entry in part(page, "Parameters", action):
                    _whole(entry, action)
                if following := page.get("NextToken"):
                    onward(following, tokens, action)
            yield page
            if not following:
                return
            token = {"NextToken": following}

    def _note(self, key: str, number: int) -> None:
        with self._lock:
            self._known[key] = max(number, self._known.get(key, 0))


def _whole(entry: Mapping[str, Any], action: str) -> Mapping[str, Any]:
    """The entry, if it has all that makes a value. Raises Unanswered."""
    for name in ("Name", "Version", "Value"):
        part(entry, name, action)
    return entry


def _version(entry: Mapping[str, Any], answer: Mapping[str, Any]) -> Version:
    return Version(entry["Version"], entry["Value"], age_of(entry.get("LastModifiedDate"), answer))
