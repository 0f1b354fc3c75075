"""S3: the conditional write is the check, and reads are current (safety.md 2.6, L5)."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from elbroll.aws.answers import onward, part
from elbroll.aws.rows import half
from elbroll.errors import StoreDown
from elbroll.ledger.ports import Stored, Verdict
from elbroll.ledger.stores.shut import age_of, code_of, down, store_door
from elbroll.ledger.values import Draft, nonce_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client

READERS = 8
LISTING: Final = "s3:ListBucket"
RACED = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""412 also answers the SDK's second copy of a write that was won, and 409 proves nothing: a read settles both."""


class S3Store:
    """Values as objects below `prefix`, which neither begins nor ends in a slash. Each call names the bucket's
    owner, so a foreign bucket is refused (S-13)."""

    def __init__(self, client: S3Client, bucket: str, prefix: str, owner: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._owner = owner

    @property
    def limit(self) -> int:
        """Ours, in bytes: far more than any host needs, and little enough to read in one piece."""
        return 262_144

    def ready(self, writes: int) -> None:
        """See `Store.ready`: nothing here waits for its turn."""

    def read(self, key: str) -> Stored | None:
        """What is stored now; see `Store.read`. 403 is no access, never "free" (L5)."""
        with store_door("s3:GetObject", self._where(key)):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._object(key), ExpectedBucketOwner=self._owner
                )
                tag = part(answer, "ETag", "s3:GetObject")
                body = _whole(answer["Body"], self.limit)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
        return Stored(self._text(body), tag, zlib.crc32(tag.encode()), _age(answer))

    def write(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        """One conditional write; whatever is unclear about its answer is settled by a read (I-11)."""
        try:
            with store_door("s3:PutObject", self._where(key)):
                verdict = self._put(key, draft, over)
        except StoreDown:
            verdict = None
        return verdict if verdict is not None else self._settled(key, draft, over)

    def list(self, prefix: str) -> Mapping[str, Stored]:
        """Every object below the prefix, read one by one; see `Store.list`."""
        keys = list(self._keys(prefix))
        with ThreadPoolExecutor(READERS) as readers:
            found = dict(zip(keys, readers.map(self.read, keys), strict=True))
        return {key: stored for key, stored in found.items() if stored is not None}

    def _put(self, key: str, draft: Draft, over: Stored | None) -> Verdict | None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if over is None else {"IfMatch": str(over.base)}
        try:
            answer: Mapping[str, object] = self._client.put_object(
                Bucket=self._bucket,
                Key=self._object(key),
                Body=draft.over(over.base if over is not None else 0).encode("ascii"),
                ContentType="application/json",
                ExpectedBucketOwner=self._owner,
                **condition,
            )
        except ClientError as error:
            if code_of(error) in RACED:
                return None
            if over is not None and code_of(error) == "NoSuchKey":
                return Verdict.DELETED
            raise
        return Verdict.WON if "ETag" in answer else None

    def _settled(self, key: str, draft: Draft, over: Stored | None) -> Verdict:
        now = self.read(key)
        if now is None and over is not None:
            return Verdict.DELETED
        if now is not None and nonce_of(now.text) == draft.nonce:
            return Verdict.WON
        if now is None or (over is not None and now.base == over.base):
            raise down(self._where(key), ("a write has not been accepted yet",))
        return Verdict.LOST

    def _keys(self, prefix: str) -> Iterator[str]:
        """The prefix itself is no key: S3's console makes an empty object of that name where people make a folder."""
        where = self._object(prefix)
        token: dict[str, Any] = {}
        tokens: set[str] = set()
        while True:
            with store_door(LISTING, self._where(prefix)):
                page = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=where, ExpectedBucketOwner=self._owner, **token
                )
                found = [part(entry, "Key", LISTING) for entry in page.get("Contents", [])]
                if page.get("KeyCount", len(found)) != len(found):
                    raise half(LISTING, f"{page['KeyCount']} keys are announced, {len(found)} are named")
                token = {}
                if part(page, "IsTruncated", LISTING):
                    token["ContinuationToken"] = part(page, "NextContinuationToken", LISTING)
                    onward(token["ContinuationToken"], tokens, LISTING)
            yield from (prefix + key.removeprefix(where) for key in found if key != where)
            if not token:
                return

    def _object(self, key: str) -> str:
        return f"{self._prefix}{key}" if self._prefix else key.removeprefix("/")

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._object(key)}"

    def _text(self, body: bytes) -> str | None:
        try:
            return body.decode() if len(body) <= self.limit else None
        except UnicodeDecodeError:
            return None


def _whole(stream: StreamingBody, limit: int) -> bytes:
    """To the end, or past the limit. Only at its end does the SDK say that a body was cut off on its way; half a value
    would read as one that somebody unknown has written."""
    body = b""
    while len(body) <= limit and (more := stream.read(limit + 1 - len(body))):
        body += more
    return body


def _age(answer: Mapping[str, Any]) -> float | None:
    return age_of(answer.get("LastModified"), answer)
