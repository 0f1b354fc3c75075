"""A call that changes something is sent once; only its caller repeats it, who proves the lock before (3.5, I-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from elbroll.aws import Clients, door
from elbroll.demo.lifelike import REGION, guarded
from elbroll.errors import AwsRefused, CredentialsError, ElbrollError, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROUP = {"TargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"}
TARGETS: dict[str, Any] = {**GROUP, "Targets": [{"Id": "i-1", "Port": 80}]}
CLASSIC: dict[str, Any] = {"LoadBalancerName": "old", "Instances": [{"InstanceId": "i-1"}]}
MEMBER: dict[str, Any] = {"AutoScalingGroupName": "web", "InstanceIds": ["i-1"]}
DEEDS = {
    "register_targets": ("elbv2", TARGETS),
    "deregister_targets": ("elbv2", TARGETS),
    "register_instances_with_load_balancer": ("elb", CLASSIC),
    "deregister_instances_from_load_balancer": ("elb", CLASSIC),
    "enter_standby": ("autoscaling", {**MEMBER, "ShouldDecrementDesiredCapacity": True}),
    "exit_standby": ("autoscaling", MEMBER),
}


@pytest.fixture(autouse=True)
def _fake_account() -> Iterator[None]:
    """Fake keys, and no AWS at all: what answers is the test's own."""
    with guarded():
        yield


class Line:
    """The line to AWS: counts what is sent, and answers as told."""

    def __init__(self) -> None:
        self.sent = 0
        self.says: Callable[[], AWSResponse] = lambda: said(503, "ServiceUnavailable")

    def __call__(self, _request: object) -> AWSResponse:
        self.sent += 1
        return self.says()


def said(status: int, code: str) -> AWSResponse:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode()

    class Raw:
        def stream(self, **_: object) -> Iterator[bytes]:
            yield body

    headers: Any = {"content-type": "text/xml"}
    return AWSResponse("https://aws", status, headers, Raw())


def silence() -> AWSResponse:
    raise ReadTimeoutError(endpoint_url="https://aws")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415

    made = Line()
    monkeypatch.setattr(URLLib3Session, "send", lambda _self, request: made(request))
    monkeypatch.setattr("time.sleep", lambda _: None)
    return made


def call(name: str, clients: Clients) -> None:
    service, arguments = DEEDS[name]
    with door(name):
        getattr(getattr(clients, service), name)(**arguments)


@pytest.mark.rule("I-10", "F-56", "B2")
@pytest.mark.parametrize("name", DEEDS)
@pytest.mark.parametrize(
    ("says", "raised"),
    [
        (silence, Unanswered),
        (lambda: said(503, "ServiceUnavailable"), Unanswered),
        (lambda: said(400, "Throttling"), Unanswered),
        (lambda: said(403, "ExpiredToken"), CredentialsError),
        (lambda: said(400, "Nonsense"), AwsRefused),
    ],
    ids=["silence", "503", "throttle", "expired", "no"],
)
def test_a_deed_is_sent_once_whatever_becomes_of_it(
    line: Line, name: str, says: Callable[[], AWSResponse], raised: type[ElbrollError]
) -> None:
    line.says = says
    with pytest.raises(raised):
        call(name, Clients(region=REGION))
    assert line.sent == 1


@pytest.mark.rule("B1", "B2")
def test_what_only_looks_is_still_repeated_by_the_sdk(line: Line) -> None:
    with pytest.raises(Unanswered), door("look"):
        Clients(region=REGION).elbv2.describe_target_health(**GROUP)  # type: ignore[arg-type]
    assert line.sent == 5


@pytest.mark.rule("B4", "F-5", "I-10")
def test_a_deed_that_met_credentials_which_are_over_may_be_done_with_fresh_ones_by_whoever_asked(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    keys.write_text("[default]\naws_access_key_id = OLD\naws_secret_access_key = x\n")
    clients = Clients(region=REGION)
    monkeypatch.setattr(clients, "_check", lambda _: None)
    clients.validity()

    def over() -> AWSResponse:
        keys.write_text("[default]\naws_access_key_id = NEW\naws_secret_access_key = x\n")
        return said(403, "ExpiredToken")

    line.says = over
    with pytest.raises(Unanswered):
        call("deregister_targets", clients)
    assert line.sent == 1
