"""Parameter Store as its worst: reads that lag, answers that get lost, requests that come twice or late."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 100
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Fate(Enum):
    """What becomes of a put."""

    ANSWERED = "answered"
    UNSENT = "it never arrives, and nobody says so"
    ANSWER_LOST = "it takes effect, the answer does not come"
    TWICE = "the SDK repeats it, the second answer comes"
    LATE = "it arrives when `deliver` is called"


@dataclass
class ParameterLog:
    """What all clients share: every accepted write of every key, in order."""

    written: dict[str, list[str]] = field(default_factory=dict)
    times: dict[str, list[datetime]] = field(default_factory=dict)
    now: datetime = NOON
    late: list[Callable[[], None]] = field(default_factory=list)

    def accept(self, key: str, text: str, *, overwrite: bool) -> int | None:
        """The new version's number; None if the key exists and must not."""
        versions = self.written.setdefault(key, [])
        if versions and not overwrite:
            return None
        versions.append(text)
        self.times.setdefault(key, []).append(self.now)
        return len(versions)

    def delete(self, key: str) -> None:
        """By hand; elbroll never does."""
        del self.written[key], self.times[key]

    def deliver(self) -> None:
        """What was late arrives."""
        arriving, self.late = self.late, []
        for request in arriving:
            request()


def refusal(code: str, operation: str, status: int = 400) -> ClientError:
    """An answer that says no."""
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation
    )


def silence() -> ReadTimeoutError:
    """No answer."""
    return ReadTimeoutError(endpoint_url="https://ssm.example")


@dataclass
class FakeSsm:
    """One run's client. `hidden`: how many of the newest versions its next read does not show; it heals by reading."""

    log: ParameterLog
    fates: deque[Fate] = field(default_factory=deque)
    hidden: int = 0
    puts: int = 0
    down: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def put_parameter(self, **asked: Any) -> dict[str, Any]:
        self._called("put_parameter", asked)
        self.puts += 1
        key, text, overwrite = asked["Name"], asked["Value"], asked["Overwrite"]
        fate = self.fates.popleft() if self.fates else Fate.ANSWERED
        match fate:
            case Fate.UNSENT:
                raise silence()
            case Fate.LATE:
                self.log.late.append(lambda: self.log.accept(key, text, overwrite=overwrite))
                raise silence()
            case Fate.ANSWER_LOST:
                self.log.accept(key, text, overwrite=overwrite)
                raise silence()
            case Fate.TWICE:
                self.log.accept(key, text, overwrite=overwrite)
            case Fate.ANSWERED:
                pass
        number = self.log.accept(key, text, overwrite=overwrite)
        if number is None:
            raise refusal("ParameterAlreadyExists", "PutParameter")
        return {"Version": number, "Tier": "Standard"}

    def get_parameter(self, **asked: Any) -> dict[str, Any]:
        self._called("get_parameter", asked)
        key, _, number = asked["Name"].partition(":")
        shown = self._shown(key)
        if not shown:
            raise refusal("ParameterNotFound", "GetParameter")
        index = int(number) if number else len(shown)
        if not len(shown) - KEPT < index <= len(shown):
            raise refusal("ParameterVersionNotFound", "GetParameter")
        return {"Parameter": self._entry(key, index), **self._date()}

    def get_parameter_history(self, **asked: Any) -> dict[str, Any]:
        self._called("get_parameter_history", asked)
        shown = self._shown(asked["Name"])
        if not shown:
            raise refusal("ParameterNotFound", "GetParameterHistory")
        numbers = list(range(max(1, len(shown) - KEPT + 1), len(shown) + 1))
        start = int(asked.get("NextToken", "0"))
        page = numbers[start : start + asked["MaxResults"]]
        more = start + len(page)
        token = {"NextToken": str(more)} if more < len(numbers) else {}
        return {"Parameters": [self._entry(asked["Name"], number) for number in page], **token, **self._date()}

    def get_parameters_by_path(self, **asked: Any) -> dict[str, Any]:
        """Every second page is empty and has a token all the same (L4)."""
        self._called("get_parameters_by_path", asked)
        keys = sorted(key for key in self.log.written if key.startswith(asked["Path"] + "/"))
        step = int(asked.get("NextToken", "0"))
        start = step // 2 * asked["MaxResults"]
        page = [] if step % 2 == 0 else keys[start : start + asked["MaxResults"]]
        done = step % 2 == 1 and start + asked["MaxResults"] >= len(keys)
        token = {} if done else {"NextToken": str(step + 1)}
        entries = [self._entry(key, len(self.log.written[key])) for key in page]
        return {"Parameters": entries, **token, **self._date()}

    def _called(self, name: str, asked: dict[str, Any]) -> None:
        self.calls.append((name, asked))
        if self.down:
            raise silence()

    def _shown(self, key: str) -> list[str]:
        written = self.log.written.get(key, [])
        shown = written[: max(0, len(written) - self.hidden)]
        self.hidden = max(0, self.hidden - 1)
        return shown

    def _entry(self, key: str, number: int) -> dict[str, Any]:
        return {
            "Name": key,
            "Value": self.log.written[key][number - 1],
            "Version": number,
            "LastModifiedDate": self.log.times[key][number - 1],
        }

    def _date(self) -> dict[str, Any]:
        date = self.log.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
