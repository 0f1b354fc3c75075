"""Ledger values written by a stranger, past all of elbroll's code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
