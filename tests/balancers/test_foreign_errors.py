"""No foreign error slips out of the room, and no call is made that the policy does not know (B3, B4, S-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.exceptions as theirs
import pytest
from botocore.parsers import ResponseParserError

from elbroll.aws import DEEDS, Action
from elbroll.errors import CredentialsError, ElbrollError, PermissionDenied, Unanswered, Unreadable
from elbroll.model import Registration

if TYPE_CHECKING:
    from collections.abc import Callable

    from balancers.site import Calls, Site


def said(code: str, status: int) -> theirs.ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return theirs.ClientError(answer, "Whatever")


FAULTS: dict[str, tuple[Exception, type[ElbrollError]]] = {
    "throttle": (said("Throttling", 400), Unanswered),
    "internal error": (said("InternalFailure", 500), Unanswered),
    "connect timeout": (theirs.ConnectTimeoutError(endpoint_url="https://elb"), Unanswered),
    "read timeout": (theirs.ReadTimeoutError(endpoint_url="https://elb"), Unanswered),
    "garbage": (ResponseParserError("unable to parse"), Unreadable),
    "expired token": (said("ExpiredToken", 403), CredentialsError),
    "no credentials": (theirs.NoCredentialsError(), CredentialsError),
    "sign-in due": (theirs.UnauthorizedSSOTokenError(), CredentialsError),
    "no permission": (said("AccessDenied", 403), PermissionDenied),
}


class Serving:
    """One host in a group of an ALB and in a classic balancer, with one doing for each way out of the room."""

    def __init__(self, site: Site) -> None:
        self.site = site
        (self.web,), self.old = site.alb("web"), site.classic("old")
        host = site.launch("web-1")
        self.host = site.host(host)
        self.entry = Registration(self.web.id, host, 8080)
        self.member = Registration(self.old.id, host, None)
        site.register(self.web, self.entry)
        site.register(self.old, self.member)

    def doings(self) -> dict[str, Callable[[], object]]:
        balancer, directory = self.site.balancer, self.site.directory
        return {
            "find": lambda: directory.find("web", ()),
            "serving": lambda: directory.serving([self.host], []),
            "by_id": lambda: directory.by_id([self.web.id, self.old.id]),
            "names": directory.names,
            "look": lambda: balancer.look(self.web, 0),
            "look classic": lambda: balancer.look(self.old, 0),
            "register": lambda: balancer.register(self.web, [self.entry]),
            "register classic": lambda: balancer.register(self.old, [self.member]),
            "deregister": lambda: balancer.deregister(self.web, [self.entry]),
            "deregister classic": lambda: balancer.deregister(self.old, [self.member]),
        }


DOINGS = (
    "find",
    "serving",
    "by_id",
    "names",
    "look",
    "look classic",
    "register",
    "register classic",
    "deregister",
    "deregister classic",
)


@pytest.fixture
def serving(site: Site) -> Serving:
    return Serving(site)


@pytest.mark.rule("B3", "B4", "F-14", "F-5")
@pytest.mark.parametrize("doing", DOINGS)
def test_no_foreign_error_slips_by(serving: Serving, calls: Calls, doing: str) -> None:
    caught = {}
    for name, (fault, _) in FAULTS.items():
        calls.fail("*", *[fault] * 100)
        with pytest.raises(ElbrollError) as error:
            serving.doings()[doing]()
        caught[name] = type(error.value)
        calls.forgive()
    assert caught == {name: kind for name, (_, kind) in FAULTS.items()}


@pytest.mark.rule("B4", "I-13")
@pytest.mark.parametrize("fault", ["expired token", "no credentials", "no permission"])
def test_a_no_is_not_waited_out(serving: Serving, calls: Calls, fault: str) -> None:
    began = serving.site.clock.monotonic()
    calls.fail("*", FAULTS[fault][0])
    with pytest.raises(ElbrollError):
        serving.site.directory.names()
    assert serving.site.clock.monotonic() == began


@pytest.mark.rule("B2", "I-11")
@pytest.mark.parametrize("doing", ["look", "register", "deregister", "register classic", "deregister classic"])
def test_looks_and_deeds_are_tried_once_since_their_callers_know_for_how_long(
    serving: Serving, calls: Calls, doing: str
) -> None:
    calls.fail("*", FAULTS["throttle"][0])
    with pytest.raises(Unanswered):
        serving.doings()[doing]()
    assert len(calls.made) == 1


@pytest.mark.rule("S-6")
def test_every_call_is_one_of_the_actions_that_the_policy_grants(serving: Serving, calls: Calls) -> None:
    for doing in serving.doings().values():
        doing()
    serving.site.balancer.nodes(serving.web)
    assert set(calls.actions) <= set(Action)


@pytest.mark.rule("I-15")
def test_looking_and_finding_change_nothing(serving: Serving, calls: Calls) -> None:
    for name in ("find", "serving", "by_id", "names", "look", "look classic"):
        serving.doings()[name]()
    assert DEEDS.isdisjoint(calls.actions)
