"""AWS requests and errors as they travel, for the services that elbroll uses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    Answer = tuple[int, Mapping[str, str], bytes]
    """Status, headers, body."""

S3_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
S3_BUCKET = {"GET": "ListObjectsV2", "PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}


@dataclass(frozen=True, slots=True)
class Request:
    """One call, as the service understands it."""

    service: str
    """The name it is signed for; empty where it is not signed."""
    action: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """An error answer: what the service says no with."""

    code: str
    status: int
    message: str


THROTTLES = {
    "ec2": Refused("RequestLimitExceeded", 503, "Request limit exceeded."),
    "ssm": Refused("ThrottlingException", 400, "Rate exceeded"),
    "s3": Refused("SlowDown", 503, "Please reduce your request rate."),
}
THROTTLE = Refused("Throttling", 400, "Rate exceeded")
DENIALS = {"ec2": ("UnauthorizedOperation", 403), "ssm": ("AccessDeniedException", 400)}


def read(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Understand a request. `headers` are looked up by lower-case names."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", headers.get("authorization", ""))
    service = scope.group(1) if scope else ""
    if target := headers.get("x-amz-target"):
        return Request(service, target.rpartition(".")[2], _json(body))
    parts = urlsplit(url)
    if service == "s3":
        return _s3(method, parts.netloc, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)))
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Request(service, form.get("Action", ""), {k: v for k, v in form.items() if k not in {"Action", "Version"}})


def throttle(service: str) -> Refused:
    """The service's word for too many calls."""
    return THROTTLES.get(service, THROTTLE)


def denial(request: Request) -> Refused:
    """The service's word for missing rights, in a sentence that names the caller as AWS does."""
    code, status = DENIALS.get(request.service, ("AccessDenied", 403))
    who = "arn:aws:sts::123456789012:assumed-role/demo/session"
    action = f"{request.service}:{request.action}"
    return Refused(code, status, f"User: {who} is not authorized to perform: {action}")


def refusal(service: str, refused: Refused) -> Answer:
    """The error in the service's protocol."""
    if service == "ssm":
        text = json.dumps({"__type": refused.code, "message": refused.message})
        return refused.status, {"Content-Type": "application/x-amz-json-1.1"}, text.encode()
    inner = f"<Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
    text = _ENVELOPES.get(service, _QUERY).format(inner)
    return refused.status, {"Content-Type": "text/xml"}, text.encode()


_QUERY = "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>fault</RequestId></ErrorResponse>"
_ENVELOPES = {
    "ec2": "<Response><Errors><Error>{}</Error></Errors><RequestID>fault</RequestID></Response>",
    "s3": "<Error>{}<RequestId>fault</RequestId></Error>",
}


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _s3(method: str, host: str, path: str, query: Mapping[str, str]) -> Request:
    """Buckets are named by the host or by the path, as the client likes."""
    virtual = re.match(r"(.+)\.s3[.-]", host)
    bucket, _, key = (f"{virtual.group(1)}{path}" if virtual else path.lstrip("/")).partition("/")
    if not bucket:
        return Request("s3", "ListBuckets", {})
    if not key and "versioning" in query:
        return Request("s3", {"GET": "GetBucketVersioning"}.get(method, "PutBucketVersioning"), {"Bucket": bucket})
    names = S3_OBJECT if key else S3_BUCKET
    return Request("s3", names.get(method, method.title()), {"Bucket": bucket, "Key": key, **query})
