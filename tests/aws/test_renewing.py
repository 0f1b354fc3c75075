"""Credentials that end in mid-run are read anew, once a call; else the call says what to do (B4, F-5)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, CredentialRetrievalError, EndpointConnectionError

from elbroll.aws import Action, Clients, door
from elbroll.aws.renewing import Renewable
from elbroll.demo.lifelike import guarded
from elbroll.errors import CredentialsError, Unanswered
from elbroll.model import Validity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OLD, NEW, STRANGER = "AKIAOLDOLDOLDOLDOLDO", "AKIANEWNEWNEWNEWNEWN", "AKIASTRANGERSTRANGER"
ACCOUNTS = {OLD: "123456789012", NEW: "123456789012", STRANGER: "999999999999"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fake_account() -> Iterator[None]:
    """Fake keys, and no AWS at all: what answers is the test's own."""
    with guarded():
        yield


class Service:
    """Answers calls at botocore's own door; knows some keys, and counts the calls that it has taken by key."""

    def __init__(self) -> None:
        self.valid = {OLD}
        self.code = "ExpiredToken"
        self.calls: list[tuple[str, str]] = []

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        said = request.headers["Authorization"]
        key = (said.decode() if isinstance(said, bytes) else said).partition("Credential=")[2].partition("/")[0]
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        action = body.partition("Action=")[2].partition("&")[0] or "PutParameter"
        self.calls.append((action, key))
        if key not in self.valid:
            return answer(403, f"<ErrorResponse><Error><Code>{self.code}</Code><Message>over</Message></Error>"
                               "</ErrorResponse>")  # fmt: skip
        if action == "GetCallerIdentity":
            return answer(200, "<GetCallerIdentityResponse><GetCallerIdentityResult>"
                               f"<Account>{ACCOUNTS[key]}</Account><Arn>arn:aws:iam::{ACCOUNTS[key]}:user/x</Arn>"
                               "</GetCallerIdentityResult></GetCallerIdentityResponse>")  # fmt: skip
        return answer(200, "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions/>"
                           "</DescribeTargetHealthResult></DescribeTargetHealthResponse>")  # fmt: skip

    def of(self, action: str) -> list[str]:
        """The keys that calls of an action came with."""
        return [key for called, key in self.calls if called == action]


def answer(status: int, body: str) -> AWSResponse:
    headers: Any = {"content-type": "text/xml"}

    class Raw:
        def stream(self, **_: object) -> Iterator[bytes]:
            yield body.encode()

    return AWSResponse("https://aws", status, headers, Raw())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """In place of the line to AWS."""
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415

    made = Service()
    monkeypatch.setattr(URLLib3Session, "send", lambda _self, request: made(request))
    return made


@pytest.fixture
def sign_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Write the user's credentials file, as a sign-in in another window would."""
    path = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    def write(key: str, token: str | None = None) -> None:
        lines = ["[default]", f"aws_access_key_id = {key}", "aws_secret_access_key = s"]
        path.write_text("\n".join([*lines, *([f"aws_session_token = {token}"] if token else [])]))

    write(OLD)
    return write


def health(clients: Clients) -> None:
    with door(Action.TARGET_HEALTH, "targetgroup/web"):
        clients.elbv2.describe_target_health(TargetGroupArn="arn:aws:elasticloadbalancing:x:1:targetgroup/web/1")


def over(service: Service) -> None:
    """From now on only the new key is valid."""
    service.valid = {NEW, STRANGER}


@pytest.mark.rule("B4", "F-5")
@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired"])
def test_a_call_that_meets_credentials_which_are_over_is_repeated_with_fresh_ones(
    service: Service, sign_in: Callable[..., None], code: str
) -> None:
    clients = Clients(region="us-east-1")
    health(clients)
    service.code = code
    over(service)
    sign_in(NEW)

    health(clients)
    health(clients)

    assert service.of("DescribeTargetHealth") == [OLD, OLD, NEW, NEW]


@pytest.mark.rule("B4", "F-5")
def test_without_fresh_ones_the_call_fails_after_one_try(service: Service, sign_in: Callable[..., None]) -> None:
    clients = Clients(region="us-east-1")
    over(service)

    with pytest.raises(CredentialsError, match="ExpiredToken") as caught:
        health(clients)

    assert service.of("DescribeTargetHealth") == [OLD]
    assert "sign in again" in caught.value.fix[0]


@pytest.mark.rule("B4")
def test_fresh_credentials_that_are_over_too_are_not_tried_for_ever(
    service: Service, sign_in: Callable[..., None]
) -> None:
    clients = Clients(region="us-east-1")
    health(clients)
    service.valid = set()
    sign_in(NEW)

    with pytest.raises(CredentialsError):
        health(clients)

    assert (service.of("DescribeTargetHealth"), service.of("GetCallerIdentity")) == ([OLD, OLD], [NEW])


@pytest.mark.rule("I-14", "F-4", "F-5")
def test_fresh_credentials_of_another_account_are_refused(service: Service, sign_in: Callable[..., None]) -> None:
    clients = Clients(region="us-east-1")
    clients.identity()
    over(service)
    sign_in(STRANGER)

    with pytest.raises(CredentialsError, match=r"belong to account 999999999999, the run began in 123456789012"):
        health(clients)

    assert service.of("DescribeTargetHealth") == [OLD]


@pytest.mark.rule("B4", "B6")
def test_threads_that_fail_together_all_go_on_with_the_fresh_ones(
    service: Service, sign_in: Callable[..., None]
) -> None:
    clients = Clients(region="us-east-1")
    health(clients)
    over(service)
    sign_in(NEW)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: health(clients), range(16)))

    assert service.of("DescribeTargetHealth").count(NEW) == 16


@pytest.mark.rule("B4", "F-4")
def test_identity_asked_again_must_be_the_same_account(service: Service, sign_in: Callable[..., None]) -> None:
    clients = Clients(region="us-east-1")
    clients.identity()
    service.valid = {STRANGER}
    sign_in(STRANGER)
    with pytest.raises(CredentialsError, match="999999999999"):
        clients.identity()


# --- sources that fail in their own way ------------------------------------------------------------------


@pytest.mark.rule("F-3", "F-5", "B4")
def test_credentials_of_the_environment_that_have_ended_are_told_as_such(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
    with pytest.raises(CredentialsError) as caught:
        health(Clients(region="us-east-1"))
    assert "expired" in caught.value.why[0]
    assert service.calls == []


@pytest.mark.rule("F-3")
@pytest.mark.parametrize("program", ["/nowhere/at/all", "/bin/echo no JSON", "/bin/false", "/bin/echo {}"])
def test_a_credential_program_that_fails_is_told_as_such(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CredentialsError):
        health(Clients(region="us-east-1"))
    assert service.calls == []


def refused(code: str, status: int = 403) -> ClientError:
    said: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "AssumeRole")


def failing(error: Exception) -> Renewable:
    def read() -> None:
        raise error

    return Renewable(read)


@pytest.mark.rule("F-3", "B4")
def test_a_role_that_may_not_be_assumed_is_not_told_as_the_call_that_needed_it() -> None:
    with pytest.raises(CredentialRetrievalError, match="AssumeRole"):
        failing(refused("AccessDenied")).get_frozen_credentials()


@pytest.mark.rule("B3")
@pytest.mark.parametrize(
    "error", [refused("Throttling", 400), refused("Internal", 500), EndpointConnectionError(endpoint_url="https://sts")]
)
def test_a_source_that_gives_no_answer_is_silence_and_no_refusal(error: Exception) -> None:
    with pytest.raises(Unanswered), door(Action.WHO):
        failing(error).get_frozen_credentials()


# --- how long they last ----------------------------------------------------------------------------------


@pytest.mark.rule("B4", "F-5")
def test_keys_without_a_token_last_for_good() -> None:
    assert Clients(region="us-east-1").validity() == Validity()


@pytest.mark.rule("B4", "F-5")
def test_nobody_says_how_long_a_session_token_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert Clients(region="us-east-1").validity() == Validity(known=False)


@pytest.mark.rule("B4", "F-5")
def test_the_environment_may_say_when_its_credentials_end(monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", end.isoformat())
    assert Clients(region="us-east-1").validity() == Validity(end)


@pytest.mark.rule("B4", "F-5")
def test_credentials_of_a_program_that_says_their_end_renew_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    told = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end}
    (tmp_path / "told").write_text(json.dumps(told))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = /bin/cat {tmp_path / 'told'}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert Clients(region="us-east-1").validity() == Validity()


@pytest.mark.parametrize(("seconds", "covered"), [(3600.0, True), (3601.0, False)])
def test_a_validity_covers_what_ends_before_it(seconds: float, *, covered: bool) -> None:
    assert Validity(NOON + timedelta(hours=1)).covers(seconds, NOON) is covered
    assert Validity().covers(seconds, NOON)
    assert Validity(known=False).covers(seconds, NOON)
