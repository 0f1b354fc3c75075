"""What stands in for the apps behind a pool where no real app runs: well until told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.demo.lifelike.targets import BAD_STATUS

if TYPE_CHECKING:
    from elbroll.demo.lifelike.targets import Sickness


class FakeApps:
    """Answers "is the app on (id, port) well?"; give the instance to a `Simulation` as its `ask`.

    With a `VirtualClock` a change counts for all checks after the moment at which it was made.
    """

    def __init__(self) -> None:
        self._sick: dict[tuple[str, int | None], Sickness] = {}

    def __call__(self, target_id: str, port: int | None) -> Sickness | None:
        """None means well."""
        return self._sick.get((target_id, port)) or self._sick.get((target_id, None))

    def sicken(self, target_id: str, port: int | None = None, sickness: Sickness = BAD_STATUS) -> None:
        """Fail the checks of one port, or of every port of the host."""
        self._sick[(target_id, port)] = sickness

    def heal(self, target_id: str) -> None:
        """Pass all checks of the host again."""
        for key in [key for key in self._sick if key[0] == target_id]:
            del self._sick[key]
