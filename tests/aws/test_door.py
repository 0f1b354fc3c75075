"""Whatever botocore raises leaves the door as one of our errors, by type and code (B3, B4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import botocore.exceptions as theirs
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from elbroll.aws import Action, door
from elbroll.aws.renewing import OVER
from elbroll.errors import (
    AwsRefused,
    CredentialsError,
    ElbrollError,
    ExitCode,
    PermissionDenied,
    PoolGone,
    TargetRefused,
    Unanswered,
    UsageError,
)

if TYPE_CHECKING:
    from elbroll.aws import Clients

ACTION = Action.TARGET_HEALTH
DENIED_TEXT = (
    "User: arn:aws:sts::123456789012:assumed-role/deployer/ci is not authorized to perform: "
    "elasticloadbalancing:DescribeTargetHealth because no identity-based policy allows it"
)


def through_the_door(error: Exception) -> ElbrollError:
    with pytest.raises(ElbrollError) as caught, door(ACTION, "targetgroup/web"):
        raise error
    return caught.value


def answered(code: str, status: int = 400, text: str = "AWS's own words") -> ClientError:
    answer = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeTargetHealth")


@pytest.mark.rule("B3", "C4")
@pytest.mark.parametrize(
    "error",
    [
        answered("Throttling"),
        answered("ThrottlingException"),
        answered("RequestLimitExceeded", 503),
        answered("DependencyThrottle"),
        answered("TooManyUpdates"),
        answered("SomethingOfTheProxy", 429),
        answered("HealthUnavailable", 500),
        answered("InternalFailure", 500),
        answered("", 503),
        theirs.ConnectTimeoutError(endpoint_url="https://elb"),
        theirs.ReadTimeoutError(endpoint_url="https://elb"),
        theirs.EndpointConnectionError(endpoint_url="https://elb"),
        theirs.ConnectionClosedError(endpoint_url="https://elb"),
        theirs.SSLError(endpoint_url="https://elb", error="EOF"),
        theirs.ProxyConnectionError(proxy_url="http://proxy"),
        theirs.HTTPClientError(error="broken pipe"),
        theirs.PaginationError(message="the same token twice"),
        ResponseParserError("unable to parse response"),
    ],
    ids=repr,
)
def test_silence_and_throttling_are_no_answer(error: Exception) -> None:
    assert isinstance(through_the_door(error), Unanswered)


@pytest.mark.rule("B4", "F-5")
@pytest.mark.parametrize(
    "code",
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ],
)
def test_credentials_that_aws_does_not_take_are_named_with_the_way_to_new_ones(code: str) -> None:
    error = through_the_door(answered(code, 403))
    assert (type(error), error.exit_code, bool(error.fix), code in error.message) == (
        CredentialsError,
        ExitCode.ACCESS,
        True,
        True,
    )


@pytest.mark.rule("B4", "F-5")
@pytest.mark.parametrize("code", sorted(OVER))
def test_whatever_is_answered_with_fresh_credentials_is_a_matter_of_credentials_without_them(code: str) -> None:
    assert type(through_the_door(answered(code, 403))) is CredentialsError


@pytest.mark.rule("F-3")
def test_a_clock_that_is_off_is_named_as_the_cause() -> None:
    assert "clock" in through_the_door(answered("RequestTimeTooSkewed", 403)).fix[0]


@pytest.mark.rule("B4", "F-3")
@pytest.mark.parametrize(
    "error",
    [
        theirs.NoCredentialsError(),
        theirs.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        theirs.CredentialRetrievalError(provider="process", error_msg="exit 1"),
        theirs.TokenRetrievalError(provider="sso", error_msg="expired"),
        theirs.UnauthorizedSSOTokenError(),
        theirs.SSOTokenLoadError(error_msg="none"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_missing_credentials_and_a_due_sign_in_are_a_matter_of_credentials(error: Exception) -> None:
    assert type(through_the_door(error)) is CredentialsError


@pytest.mark.rule("B4", "F-6")
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_a_missing_permission_names_action_resource_and_caller(code: str) -> None:
    error = through_the_door(answered(code, 403, DENIED_TEXT))
    assert isinstance(error, PermissionDenied)
    assert (error.action, error.resource) == ("elasticloadbalancing:DescribeTargetHealth", "targetgroup/web")
    assert error.why == ("assumed-role/deployer/ci has no such permission on targetgroup/web",)


@pytest.mark.parametrize("text", ["", "You are not authorized.", "User: nobody"])
def test_a_missing_permission_without_a_caller_in_it_is_still_understood(text: str) -> None:
    assert through_the_door(answered("AccessDenied", 403, text)).why == (
        "the caller has no such permission on targetgroup/web",
    )


@pytest.mark.rule("F-35")
@pytest.mark.parametrize("code", ["TargetGroupNotFound", "LoadBalancerNotFound", "AccessPointNotFound"])
def test_a_pool_that_is_not_there_is_gone(code: str) -> None:
    assert type(through_the_door(answered(code))) is PoolGone


@pytest.mark.rule("T11", "C4")
@pytest.mark.parametrize(
    "code", ["InvalidTarget", "InvalidInstance", "TooManyTargets", "TooManyRegistrationsForTargetId"]
)
def test_a_target_that_aws_will_never_take_is_refused(code: str) -> None:
    assert type(through_the_door(answered(code))) is TargetRefused


@pytest.mark.parametrize(
    "error",
    [theirs.NoRegionError(), theirs.InvalidRegionError(region_name="no/where"), theirs.ConfigParseError(path="x")],
    ids=lambda error: type(error).__name__,
)
def test_settings_that_no_call_can_be_made_with_are_the_users_to_mend(error: Exception) -> None:
    assert type(through_the_door(error)) is UsageError


def test_a_request_that_cannot_be_sent_is_a_bug_and_not_waited_for() -> None:
    error = through_the_door(theirs.ParamValidationError(report="Targets is no list"))
    assert (type(error), error.exit_code) == (ElbrollError, ExitCode.BUG)


def test_a_no_that_we_have_no_word_for_is_shown_with_its_code_and_is_no_bug() -> None:
    error = through_the_door(answered("OperationNotPermitted"))
    assert (type(error), error.exit_code, error.message, error.why) == (
        AwsRefused,
        ExitCode.REFUSED,
        "AWS refused elasticloadbalancing:DescribeTargetHealth on targetgroup/web: OperationNotPermitted",
        ("AWS's own words",),
    )


def test_the_foreign_error_stays_behind_ours_as_its_cause() -> None:
    foreign = answered("Throttling")
    assert through_the_door(foreign).__cause__ is foreign


def _every_kind_of_foreign_error() -> list[type[BotoCoreError]]:
    kinds = [kind for kind in vars(theirs).values() if isinstance(kind, type) and issubclass(kind, BotoCoreError)]
    return sorted(kinds, key=lambda kind: kind.__name__)


@pytest.mark.rule("B3")
@pytest.mark.parametrize("kind", _every_kind_of_foreign_error(), ids=lambda kind: kind.__name__)
def test_no_error_of_botocore_slips_by(kind: type[BotoCoreError]) -> None:
    bare = kind.__new__(kind)
    Exception.__init__(bare, "whatever it says")
    assert isinstance(through_the_door(bare), ElbrollError)


@pytest.mark.parametrize("error", [KeyError("ours"), ValueError("ours"), KeyboardInterrupt()])
def test_errors_that_are_not_botocores_are_left_alone(error: BaseException) -> None:
    with pytest.raises(type(error)), door(ACTION):
        raise error


@pytest.mark.rule("T11")
def test_a_real_client_s_error_is_translated(clients: Clients) -> None:
    with Stubber(clients.elbv2) as stubber:
        stubber.add_client_error("describe_target_health", "TargetGroupNotFound", http_status_code=400)
        with pytest.raises(PoolGone), door(ACTION):
            clients.elbv2.describe_target_health(TargetGroupArn="arn")


@pytest.mark.rule("F-3")
@pytest.mark.parametrize(("hours", "word"), [(-1.5, "ahead of"), (1.5, "behind")])
@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "SignatureDoesNotMatch", "RequestExpired", "AuthFailure"])
def test_a_clock_that_is_off_is_named_with_how_far(hours: float, word: str, code: str) -> None:
    error = answered(code, 403)
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=False)
    error.response["ResponseMetadata"]["HTTPHeaders"] = {"date": date}

    told = through_the_door(error)

    assert "does not accept this computer's clock" in told.message
    assert re.fullmatch(rf"this computer's clock is 1:(29|30):\d\d {word} AWS's", told.why[0])
    assert "set this computer's clock" in told.fix[0]


@pytest.mark.rule("F-3")
@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_nobody_can_read_says_nothing_about_the_clock(date: str) -> None:
    error = answered("ExpiredToken", 403)
    error.response["ResponseMetadata"]["HTTPHeaders"] = {"date": date}
    assert "does not accept the credentials" in through_the_door(error).message
