"""Console output as machines print it, instead of moto's canned text (aws.md E2). Imports moto."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from moto.ec2.responses.general import General

from elbroll.demo.lifelike.patching import Patch, stock

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.core.responses import ActionResult

    from elbroll.demo.lifelike.simulation import Simulation


class Consoles:
    """What stands in for moto's GetConsoleOutput."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._get: Callable[[General], ActionResult] = stock(General, "get_console_output")

    def patches(self) -> tuple[Patch, ...]:
        """Every method that is replaced."""
        return (Patch(General, "get_console_output", self.get_console_output),)

    def get_console_output(self, asked: General) -> ActionResult:
        """What the instance has printed; a machine that printed nothing has no output at all, as after an hour."""
        answer = self._get(asked)
        told = cast("dict[str, object]", answer.result)
        text = self._simulation.printed(str(told["InstanceId"]))
        told["Output"] = base64.b64encode(text.encode()).decode()
        return answer
