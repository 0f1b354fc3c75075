"""One health check as a balancer makes it: from a node's address, under the checker's name."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from elbroll.demo.app import CHECKER
from elbroll.demo.lifelike import FAILED, NO_ANSWER, Sickness

if TYPE_CHECKING:
    from elbroll.demo.balancer import Target

PATH = "/healthz"
"""What every pool of the demo asks for."""


def check(target: Target, node: str, limit: float) -> Sickness | None:
    """None means well; `limit` in seconds."""
    connection = http.client.HTTPConnection(*target, timeout=limit, source_address=(node, 0))
    try:
        connection.request("GET", PATH, headers={"User-Agent": CHECKER, "Connection": "close"})
        return _judged(connection.getresponse().status)
    except TimeoutError:
        return NO_ANSWER
    except (OSError, http.client.HTTPException):
        return FAILED
    finally:
        connection.close()


def _judged(status: int) -> Sickness | None:
    if status == http.client.OK:
        return None
    return Sickness("Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")
