"""Ledger values written by a stranger, past all of elbroll's code."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Protocol

from elbroll.demo.lifelike import ACCOUNT, REGION

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.demo.world import World

ROOT = "/elbroll/v1"


class Forger:
    """May write anywhere below `/elbroll`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ssm = world.client("ssm")

    def text(self, key: str, value: str) -> None:
        """Write any text as the newest version of a key."""
        self._ssm.put_parameter(Name=f"{ROOT}/{key}", Value=value, Type="String", Overwrite=True)

    def secret(self, key: str, value: str) -> None:
        """An encrypted parameter, which elbroll neither writes nor has the right to decrypt."""
        self._ssm.put_parameter(Name=f"{ROOT}/{key}", Value=value, Type="SecureString", Overwrite=True)

    def value(self, key: str, **fields: Any) -> None:
        """Write a value that counts, since it names the version right below it."""
        base = len(self.history(key))
        self.text(key, json.dumps({"schema": 1, "base": base, "nonce": "f0f0f0f0f0f0f0f0", "epoch": 1, **fields}))

    def record(self, host: str, /, **changes: Any) -> None:
        """A record as elbroll writes it, but for the changes."""
        fields = {"run": "badbad", "by": "badbad", "host": host, "state": "held", "why": "roll", "lb": "demo"}
        since = {"since": "2026-11-22T21:30:00Z"}
        self.value(f"host/{host}", **{**fields, **since, **changes})

    def history(self, key: str) -> list[str]:
        """Every value that ever stood at a key, oldest first."""
        try:
            return [one["Value"] for one in self._ssm.get_parameter_history(Name=f"{ROOT}/{key}")["Parameters"]]
        except self._ssm.exceptions.ParameterNotFound:
            return []

    def everything(self) -> dict[str, int]:
        """How often each key has been written."""
        pages = self._ssm.get_paginator("get_parameters_by_path").paginate(Path="/elbroll", Recursive=True)
        return {one["Name"]: one["Version"] for page in pages for one in page["Parameters"]}

    def wipe(self) -> None:
        """As if nobody had ever written anything."""
        for name in self.everything():
            self._ssm.delete_parameter(Name=name)


class Vault(Protocol):
    """A store of another kind than Parameter Store, opened with a crowbar: any bytes under any key."""

    spec: str
    """What `[ledger] store` says."""

    def put(self, key: str, body: bytes) -> None:
        """Write over whatever is there."""
        ...

    def everything(self) -> dict[str, bytes]:
        """All that is stored."""
        ...

    def wipe(self) -> None:
        """As if nobody had ever written anything."""
        ...


class BucketVault:
    """Objects in a bucket of the world's account."""

    def __init__(self, world: World) -> None:
        self.spec = "s3://vault/elbroll"
        self._s3 = world.client("s3")
        self._s3.create_bucket(Bucket="vault")

    def put(self, key: str, body: bytes) -> None:
        """See `Vault.put`."""
        self._s3.put_object(Bucket="vault", Key=f"elbroll/{ACCOUNT}/{REGION}{ROOT}/{key}", Body=body)

    def everything(self) -> dict[str, bytes]:
        """See `Vault.everything`."""
        names = [one["Key"] for one in self._s3.list_objects_v2(Bucket="vault").get("Contents", [])]
        return {name: self._s3.get_object(Bucket="vault", Key=name)["Body"].read() for name in names}

    def wipe(self) -> None:
        """See `Vault.wipe`."""
        for name in self.everything():
            self._s3.delete_object(Bucket="vault", Key=name)


class FolderVault:
    """Files in the world's own folder."""

    def __init__(self, world: World) -> None:
        self.spec = "file:vault"
        self._top = world.directory / "vault"
        self.folder = self._top / ACCOUNT / REGION

    def put(self, key: str, body: bytes) -> None:
        """See `Vault.put`."""
        for each in (self._top, self.folder.parent, self.folder):
            each.mkdir(mode=0o700, exist_ok=True)
        self.path(key).write_bytes(body)
        self.path(key).chmod(0o600)

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder / (f"{ROOT}/{key}".replace("/", "+") + ".json")

    def everything(self) -> dict[str, bytes]:
        """See `Vault.everything`."""
        return {path.name: path.read_bytes() for path in self.folder.glob("*.json") if path.is_file()}

    def wipe(self) -> None:
        """See `Vault.wipe`."""
        shutil.rmtree(self._top, ignore_errors=True)
