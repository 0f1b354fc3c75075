"""What is no answer of AWS's (a sign-in page, half a body, nothing at all) means "no answer", everywhere (B3, F-15)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from builders import a_pool
from elbroll.aws import Clients
from elbroll.balancers import AwsBalancer, AwsDirectory, AwsGroups
from elbroll.cli.secrets import parameter
from elbroll.demo.lifelike import REGION, guarded
from elbroll.errors import StoreDown, Unanswered
from elbroll.inventory import Ec2Inventory
from elbroll.inventory.console import console_output
from elbroll.ledger.stores.s3 import S3Store
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.ledger.values import Draft
from elbroll.model import BalancerKind, HostId, Registration
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = b"<html><head><title>Sign in</title></head><body><p>Welcome to HotelNet</p></body></html>"
HEALTH = (
    b"<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>%s"
    b"<TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions>"
    b"</DescribeTargetHealthResult></DescribeTargetHealthResponse>"
)
BODIES = {
    "nothing": (200, b""),
    "a page": (200, PAGE),
    "a page elsewhere": (302, PAGE),
    "a page that refuses": (403, PAGE),
    "a page of a proxy": (407, PAGE),
    "a page that is not there": (404, PAGE),
    "garbage": (200, b"\x00\xff\xfe not a word of XML {"),
    "half an answer": (200, b"<DescribeTargetHealthResponse><DescribeTargetHealthResult><Targ"),
    "another answer": (200, b"<SomethingElse/>"),
    "empty JSON": (200, b"{}"),
    "a JSON list": (200, b"[1]"),
    "JSON null": (200, b"null"),
    "strange parts": (200, b'{"Parameter": 7, "Parameters": "x", "Version": "many"}'),
    "nulls": (200, b'{"Parameter": {"Name": "x", "Version": "7", "Value": 7}, "Parameters": [null], "Version": null}'),
    "half a row": (200, HEALTH % b"<Target><Port>8080</Port></Target>"),
    "a word twice": (200, HEALTH % b"<Target><Id>i-0a11</Id><Id>i-0a12</Id><Port>8080</Port></Target>"),
    "parts without content": (200, b'{"Parameter": {}, "Parameters": [{}]}'),
}
GROUP, CLASSIC = a_pool("web-prod"), a_pool("old", kind=BalancerKind.CLASSIC)
ENTRY, MEMBER = Registration(GROUP.id, "i-0a11", 8080), Registration(CLASSIC.id, "i-0a11", None)
LOCK = "/elbroll/v1/lock/tg/web/1"


class Raw:
    """The bytes of an answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: object, **__: object) -> bytes:
        body, self._body = self._body, b""
        return body


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with guarded():
        yield Clients(region=REGION)


@pytest.fixture(autouse=True)
def _fake_account() -> None:
    """Nothing of moto's: what answers is the test's own."""


def doings(clients: Clients) -> dict[str, Callable[[], object]]:
    """One for every way to AWS that a roll takes."""
    clock, draft = FakeClock(), Draft({"word": "x"}, "nonce")
    balancer, directory = AwsBalancer(clients, clock), AwsDirectory(clients, clock)
    inventory = Ec2Inventory(clients, clock)
    ssm, s3 = SsmStore(clients.ssm, clock), S3Store(clients.s3, "bucket", "p", "123456789012")
    return {
        "who": clients.identity,
        "find": lambda: directory.find("web", ()),
        "by_id": lambda: directory.by_id([GROUP.id, CLASSIC.id]),
        "names": directory.names,
        "look": lambda: balancer.look(GROUP, 0),
        "look classic": lambda: balancer.look(CLASSIC, 0),
        "register": lambda: balancer.register(GROUP, [ENTRY]),
        "register classic": lambda: balancer.register(CLASSIC, [MEMBER]),
        "deregister": lambda: balancer.deregister(GROUP, [ENTRY]),
        "deregister classic": lambda: balancer.deregister(CLASSIC, [MEMBER]),
        "instances": lambda: inventory.instances(["i-0a11"]),
        "addresses": lambda: inventory.addresses("vpc-1", ["10.0.0.1"]),
        "search": lambda: inventory.search("web-*"),
        "nodes": lambda: balancer.nodes(replace(GROUP, balancer_arns=("arn:aws:x:loadbalancer/app/web/1",))),
        "console": lambda: console_output(clients, "i-0a11"),
        "members": lambda: AwsGroups(clients).members([HostId("i-0a11")]),
        "groups": lambda: AwsGroups(clients).groups(["web-asg"]),
        "enter standby": lambda: AwsGroups(clients).enter_standby("web-asg", HostId("i-0a11")),
        "exit standby": lambda: AwsGroups(clients).exit_standby("web-asg", HostId("i-0a11")),
        "secret": lambda: parameter("/web/db", clients),
        "ssm read": lambda: ssm.read(LOCK),
        "ssm list": lambda: ssm.list("/elbroll/v1/lock/"),
        "ssm write": lambda: ssm.write(LOCK, draft, None),
        "s3 read": lambda: s3.read(LOCK),
        "s3 list": lambda: s3.list("/elbroll/v1/lock/"),
        "s3 write": lambda: s3.write(LOCK, draft, None),
    }


def ends(doing: Callable[[], object]) -> str:
    """How it ends: `no answer`, or what else it came to."""
    try:
        return f"answered {doing()!r}"
    except (Unanswered, StoreDown):
        return "no answer"
    except Exception as error:
        return repr(error)


@pytest.mark.rule("B3", "F-15", "L5")
@pytest.mark.parametrize("bad", BODIES)
def test_what_aws_never_said_is_no_answer(clients: Clients, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    status, body = BODIES[bad]
    headers: Any = {"content-type": "text/html"}

    def send(_: object, request: Any) -> AWSResponse:
        return AWSResponse(request.url, status, headers, Raw(body))

    monkeypatch.setattr(URLLib3Session, "send", send)

    assert {name: ends(doing) for name, doing in doings(clients).items()} == dict.fromkeys(doings(clients), "no answer")


@pytest.mark.rule("B3")
def test_a_message_about_it_points_to_what_may_have_answered(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    headers: Any = {}
    monkeypatch.setattr(URLLib3Session, "send", lambda _, asked: AWSResponse(asked.url, 407, headers, Raw(PAGE)))
    with pytest.raises(Unanswered, match="HTTP 407") as caught:
        clients.identity()
    assert "a proxy" in caught.value.why[0]
