"""Foreign errors in our words, by type and code, never by text (B3, B4)."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC
from traceback import walk_tb
from typing import TYPE_CHECKING

from elbroll.clock import SystemClock
from elbroll.core.names import clock_time
from elbroll.errors import (
    AwsRefused,
    CredentialsError,
    ElbrollError,
    PermissionDenied,
    PoolGone,
    TargetRefused,
    Unanswered,
    Unreadable,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.exceptions import BotoCoreError, ClientError

THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "EC2ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "DependencyThrottle",
        "TooManyRequestsException",
        "TooManyUpdates",
        "SlowDown",
        "BandwidthLimitExceeded",
        "HealthUnavailable",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
BUSY = frozenset({"ScalingActivityInProgress", "ResourceContention"})
"""Something else is under way; no retry mode of the SDK waits for its end (A6)."""
CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidToken",
        "TokenRefreshRequired",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "RequestTimeTooSkewed",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"})
GONE = frozenset({"TargetGroupNotFound", "LoadBalancerNotFound", "AccessPointNotFound"})
REFUSED = frozenset(
    {
        "InvalidTarget",
        "InvalidInstance",
        "InvalidEndPoint",
        "TooManyTargets",
        "TooManyRegistrationsForTargetId",
    }
)
NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "UnknownCredentialError",
        "RefreshWithMFAUnsupportedError",
        "NoAuthTokenError",
        "TokenRetrievalError",
        "UnknownTokenProviderError",
        "SSOError",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "LoginError",
        "LoginAuthorizationCodeError",
        "LoginInsufficientPermissions",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
    }
)
"""Names, since some of these classes are younger than the oldest botocore that we run with."""
SETTINGS = frozenset(
    {
        "ConfigNotFound",
        "ConfigParseError",
        "EndpointResolutionError",
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "InvalidProxiesConfigError",
        "InvalidRegionError",
        "MissingDependencyException",
        "NoRegionError",
        "UnknownEndpointError",
        "UnknownRegionError",
    }
)
"""Nothing that waiting would heal: the user's own AWS files or variables."""
ELSEWHERE = "something on the way may have answered in its place: a proxy, or a network that wants a sign-in"
SKEW = 240.0
"""Seconds; AWS bears 300, and the answer was some time on its way."""
OURS = frozenset({"ParamValidationError", "MissingParametersError", "OperationNotPageableError"})


@contextmanager
def door(action: str, resource: str | None = None) -> Iterator[None]:
    """Translate whatever botocore raises inside. `action` is `service:Operation`, as IAM writes it.

    Raises Unanswered, CredentialsError, PermissionDenied, PoolGone, TargetRefused, UsageError (settings that no call
    can be made with), and AwsRefused for any other `ClientError`, by its code. A code we must tell apart
    (`ParameterAlreadyExists`) is caught inside.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise translated(error, action, resource) from error
    except BotoCoreError as error:
        raise _foreign(error, action) from error
    except ElbrollError:
        raise
    except Exception as error:
        if not (isinstance(error, ResponseParserError) or _from_botocore(error)):
            raise
        raise Unreadable(f"AWS gave an unreadable answer to {action}", why=_unreadable(error)) from error


def translated(error: ClientError, action: str, resource: str | None) -> ElbrollError:
    """The error of ours for an answer that says no."""
    code = error.response.get("Error", {}).get("Code", "")
    text = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    where = f" on {resource}" if resource else ""
    why = (text,) if text else ()
    if code in CREDENTIALS:
        return _not_accepted(error, code, why)
    if code in DENIED:
        return _denied(text, action, resource)
    if code in GONE:
        return PoolGone(f"{resource or 'the pool'} does not exist (any more)", why=why)
    if code in REFUSED:
        return TargetRefused(f"AWS refused {action}{where}: {code}", why=why)
    if code in BUSY:
        return Unanswered(f"AWS is busy with something else{where}, and put off {action}", why=why)
    if code in THROTTLED or status >= 500 or status == 429:
        return Unanswered(f"AWS gave no answer to {action}{where}: {code or status}", why=why)
    if not code or code.isdigit():
        return Unanswered(f"AWS gave no answer to {action}{where}: HTTP {code or status}", why=(ELSEWHERE, *why))
    return AwsRefused(f"AWS refused {action}{where}: {code}", why=why)


def _denied(text: str, action: str, resource: str | None) -> PermissionDenied:
    """AWS's text names the caller, which is the half of the answer that helps most."""
    who = re.search(r"User: \S*?((?:assumed-role|user|role|federated-user)/\S+)", text)
    caller = who.group(1) if who else "the caller"
    return PermissionDenied(
        f"AWS refused {action}",
        action=action,
        resource=resource,
        why=(f"{caller} has no such permission" + (f" on {resource}" if resource else ""),),
        fix=("elbroll iam-policy     the smallest policy that works",),
    )


def _not_accepted(error: ClientError, code: str, why: tuple[str, ...]) -> CredentialsError:
    """A clock that is off makes every signature wrong, under many codes, so the answer's date is looked at (F-3)."""
    off = _clock_off(error)
    if abs(off) > SKEW or code == "RequestTimeTooSkewed":
        by = f"{clock_time(abs(off))} {'ahead of' if off > 0 else 'behind'} AWS's"
        named = (f"this computer's clock is {by}", *why) if abs(off) > SKEW else why
        fix = ("set this computer's clock: AWS refuses signatures more than 5 minutes off",)
        return CredentialsError(f"AWS does not accept this computer's clock ({code})", why=named, fix=fix)
    fix = ("sign in again (aws sso login, or fresh keys), then check with: aws sts get-caller-identity",)
    return CredentialsError(f"AWS does not accept the credentials ({code})", why=why, fix=fix)


def _clock_off(error: ClientError) -> float:
    """Seconds by which our clock is ahead of the date of the answer; 0 where it has none."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 10 ms that `--help` need not pay

    date = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        said = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (SystemClock().now() - (said if said.tzinfo else said.replace(tzinfo=UTC))).total_seconds()


def _foreign(error: BotoCoreError, action: str) -> ElbrollError:
    """What never became an answer: no credentials, a request that cannot be made, or a line that failed."""
    name = type(error).__name__
    if name in NO_CREDENTIALS:
        return CredentialsError(
            "no usable AWS credentials",
            why=_lines(error),
            fix=("aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",),
        )
    if name in SETTINGS:
        return UsageError(f"the AWS settings of this computer do not allow {action}", why=_lines(error))
    if name in OURS:
        return ElbrollError(f"elbroll asked AWS for {action} in a way that cannot be sent", why=_lines(error))
    return Unanswered(f"AWS gave no answer to {action}", why=_lines(error))


def _from_botocore(error: Exception) -> bool:
    """Whether it was raised in the middle of the SDK: its parsers trip over what is not AWS's (a sign-in page, `[1]`).

    By the last place that is ours or the SDK's, as the standard library is used by both.
    """
    frames = reversed(list(walk_tb(error.__traceback__)))
    rooms = (frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in frames)
    return next((room for room in rooms if room in {"botocore", "elbroll"}), "") == "botocore"


def _unreadable(error: Exception) -> tuple[str, ...]:
    says = f"{type(error).__name__} {str(error)[:200]}".rstrip()
    return (ELSEWHERE, says)


def _lines(error: Exception) -> tuple[str, ...]:
    return (str(error)[:300],)
