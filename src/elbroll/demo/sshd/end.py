"""How a command's end is told to the client."""

from __future__ import annotations

import signal
from typing import Any, cast

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST


def send_end(channel: paramiko.Channel, status: int) -> None:
    """Tell the client how the process ended: its status, or the signal, in RFC 4254's words."""
    if status >= 0:
        channel.send_exit_status(status)
        return
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(signal.Signals(-status).name.removeprefix("SIG"))
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    cast("Any", channel.transport)._send_user_message(message)  # noqa: SLF001 -- paramiko sends no exit-signal itself
