"""The one door to AWS: clients with explicit retries and timeouts, and foreign errors in our words."""

from elbroll.aws.actions import DEEDS, Action
from elbroll.aws.clients import Clients, Identity
from elbroll.aws.door import door

__all__ = ["DEEDS", "Action", "Clients", "Identity", "door"]
