"""What was taken out of where, and who holds which pool. Nothing here is ever deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elbroll.errors import UsageError
from elbroll.ledger.kept import KeptLedger, Manner

if TYPE_CHECKING:
    from elbroll.aws import Clients, Identity
    from elbroll.engine.ports import Clock
    from elbroll.ledger.ports import Store

__all__ = ["KeptLedger", "Manner", "open_store"]


def open_store(spec: str, clients: Clients, identity: Identity, clock: Clock, base_dir: Path) -> Store:
    """The store that `[ledger] store` names: `ssm`, `s3://bucket/prefix` or `file:PATH` (relative to `base_dir`).

    Makes no call and touches no file. Raises UsageError for anything else.
    """
    scope = (identity.account, identity.region)
    scheme, _, rest = spec.partition(":")
    if spec == "ssm":
        from elbroll.ledger.stores.ssm import SsmStore  # noqa: PLC0415 - botocore is heavy

        return SsmStore(clients.ssm, clock)
    if scheme == "s3" and rest.strip("/"):
        from elbroll.ledger.stores.s3 import S3Store  # noqa: PLC0415 - botocore is heavy

        bucket, _, prefix = rest.strip("/").partition("/")
        return S3Store(clients.s3, bucket, "/".join((*filter(None, (prefix,)), *scope)), identity.account)
    if scheme == "file" and rest:
        from elbroll.ledger.stores.file import FileStore  # noqa: PLC0415 - only where it is used

        return FileStore(base_dir / Path(rest).expanduser(), scope, clock)
    raise UsageError(f'"{spec}" is no ledger store', fix=('store = "ssm", "s3://bucket/prefix" or "file:PATH"',))
