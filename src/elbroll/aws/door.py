"""Foreign errors in our words, by type and code, never by text (aws.md B3, B4)."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from elbroll.errors import (
    CredentialsError,
    ElbrollError,
    PermissionDenied,
    PoolGone,
    TargetRefused,
    Unanswered,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.exceptions import ClientError

THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "DependencyThrottle",
        "TooManyRequestsException",
        "TooManyUpdates",
        "SlowDown",
        "HealthUnavailable",
        "RequestTimeout",
    }
)
CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
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


@contextmanager
def door(action: str, resource: str | None = None) -> Iterator[None]:
    """Translate whatever botocore raises inside. `action` is `service:Operation`, as IAM writes it.

    Raises Unanswered, CredentialsError, PermissionDenied, PoolGone, TargetRefused; any other `ClientError` comes as
    a plain ElbrollError that names its code. A code we must tell apart (`ParameterAlreadyExists`) is caught inside.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise translated(error, action, resource) from error
    except BotoCoreError as error:
        raise _without_answer(error, action) from error
    except ResponseParserError as error:
        raise Unanswered(f"AWS gave an unreadable answer to {action}", why=(str(error)[:200],)) from error


def translated(error: ClientError, action: str, resource: str | None) -> ElbrollError:
    """The error of ours for an answer that says no."""
    code = error.response.get("Error", {}).get("Code", "")
    text = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    where = f" on {resource}" if resource else ""
    if code in CREDENTIALS:
        return CredentialsError(f"AWS does not accept the credentials ({code})", why=(text,), fix=_sign_in(code))
    if code in DENIED:
        return _denied(text, action, resource)
    if code in GONE:
        return PoolGone(f"{resource or 'the pool'} does not exist (any more)", why=(text,))
    if code in REFUSED:
        return TargetRefused(f"AWS refused the target{where}: {code}", why=(text,))
    if status >= 500 or code in THROTTLED:
        return Unanswered(f"AWS gave no answer to {action}{where}: {code}", why=(text,))
    return ElbrollError(f"AWS refused {action}{where}: {code}", why=(text,), code="aws")


def _denied(text: str, action: str, resource: str | None) -> PermissionDenied:
    """AWS's text names the caller, which is the half of the answer that helps most."""
    who = re.search(r"User: \S*?((?:assumed-role|user|role)/\S+)", text)
    caller = who.group(1) if who else "the caller"
    return PermissionDenied(
        f"AWS refused {action}",
        action=action,
        resource=resource,
        why=(f"{caller} has no such permission" + (f" on {resource}" if resource else ""),),
        fix=("elbroll help permissions     what elbroll needs and why",),
    )


def _sign_in(code: str) -> tuple[str, ...]:
    if code == "RequestTimeTooSkewed":
        return ("set this computer's clock: AWS refuses signatures more than 5 minutes off",)
    return ("sign in again (aws sso login, or fresh keys), then check with: aws sts get-caller-identity",)


def _without_answer(error: Exception, action: str) -> ElbrollError:
    from botocore import exceptions  # noqa: PLC0415

    no_credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
    )
    if isinstance(error, no_credentials):
        return CredentialsError(
            "no usable AWS credentials",
            why=(str(error),),
            fix=("aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",),
        )
    return Unanswered(f"AWS gave no answer to {action}", why=(str(error)[:300],))
