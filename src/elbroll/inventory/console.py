"""What a machine printed on its console at first boot, as far as EC2 has kept it (E2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.aws.actions import Action
from elbroll.aws.answers import part
from elbroll.aws.door import door

if TYPE_CHECKING:
    from elbroll.aws.clients import Clients


def console_output(clients: Clients, instance: str) -> str | None:
    """One call; None where the text is gone. Raises what `door` raises, and Unanswered for half an answer."""
    with door(Action.CONSOLE, f"instance/{instance}"):
        answer = clients.ec2.get_console_output(InstanceId=instance)
        part(answer, "InstanceId", Action.CONSOLE)
    return answer.get("Output") or None
