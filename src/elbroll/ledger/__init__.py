"""What was taken out of where, and who holds which pool. Nothing here is ever deleted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import UsageError
from elbroll.ledger.kept import KeptLedger, Manner

if TYPE_CHECKING:
    from elbroll.aws import Clients, Identity
    from elbroll.engine.ports import Clock
    from elbroll.ledger.ports import Store

S3_PLACE = re.compile(r"s3://(?P<bucket>[^/]+)(?P<prefix>.*)")

__all__ = ["KeptLedger", "Manner", "open_store"]


def open_store(spec: str, clients: Clients, identity: Identity, clock: Clock, base_dir: Path) -> Store:
    """The store that `[ledger] store` names: `ssm`, `s3://bucket/prefix` or `file:PATH` (relative to `base_dir`).

    Makes no call and touches no file. Raises UsageError for anything else.
    """
    scope = (identity.account, identity.region)
    if spec == "ssm":
        from elbroll.ledger.stores.ssm import SsmStore  # noqa: PLC0415 - botocore is heavy

        return SsmStore(clients.ssm, clock)
    if place := S3_PLACE.fullmatch(spec):
        from elbroll.ledger.stores.s3 import S3Store  # noqa: PLC0415 - botocore is heavy

        prefix = "/".join(filter(None, (place["prefix"].strip("/"), *scope)))
        return S3Store(clients.s3, place["bucket"], prefix, identity.account)
    if spec.startswith("file:") and spec != "file:":
        from elbroll.ledger.stores.file import FileStore  # noqa: PLC0415 - only where it is used

        return FileStore(base_dir / Path(spec.removeprefix("file:")).expanduser(), scope, clock)
    raise UsageError(f'"{spec}" is no ledger store', fix=('store = "ssm", "s3://bucket/prefix" or "file:PATH"',))
