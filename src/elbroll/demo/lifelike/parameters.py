"""Parameter Store with the limits that AWS has and moto has not (aws.md L3). Imports moto."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from moto.ssm.exceptions import ValidationException
from moto.ssm.models import SimpleSystemManagerBackend

from elbroll.demo.lifelike.patching import Patch, stock

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.ssm.models import Parameter

LIMITS = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
"""Bytes of a value, by tier."""


class Parameters:
    """What stands in for moto's PutParameter."""

    def __init__(self) -> None:
        self._put: Callable[..., Parameter] = stock(SimpleSystemManagerBackend, "put_parameter")
        self._one_at_a_time = threading.Lock()

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (Patch(SimpleSystemManagerBackend, "put_parameter", self.put_parameter),)

    def put_parameter(  # noqa: PLR0913, PLR0917 - moto's signature
        self,
        backend: SimpleSystemManagerBackend,
        name: str,
        description: str,
        value: str,
        parameter_type: str,
        allowed_pattern: str,
        keyid: str,
        overwrite: bool,
        tags: list[dict[str, str]],
        data_type: str,
        tier: str | None,
        policies: str | None,
    ) -> Parameter:
        """Refuses what AWS refuses; of writes at the same time each gets a version of its own."""
        _refuse_name(name)
        _refuse_value(value, tier or "Standard")
        with self._one_at_a_time:
            return self._put(
                backend,
                name,
                description,
                value,
                parameter_type,
                allowed_pattern,
                keyid,
                overwrite,
                tags,
                data_type,
                tier,
                policies,
            )


def _refuse_name(name: str) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9_.\-/]+", name):
        raise ValidationException(
            "Parameter name: can't contain anything but letters, numbers and the following symbols .-_/"
        )
    if "/" in name and not name.startswith("/"):
        raise ValidationException("Parameter name must be a fully qualified name.")


def _refuse_value(value: str, tier: str) -> None:
    if len(value.encode()) > LIMITS.get(tier, 4096):
        raise ValidationException(
            f"{tier} tier parameters support a maximum parameter value of {LIMITS.get(tier, 4096)} characters."
        )
    if re.search(r"\{\{.*?\}\}", value, re.DOTALL):
        raise ValidationException("Parameter value can't nest another parameter. Do not use {{}} in the value.")
