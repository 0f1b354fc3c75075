"""A lifelike AWS over HTTP on loopback, for clients in other processes (aws.md M5)."""

from __future__ import annotations

import http.client
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from elbroll.demo.lifelike.aws import Lifelike
from elbroll.demo.lifelike.faults import Faults
from elbroll.demo.lifelike.guard import child_environment, require_moto

if TYPE_CHECKING:
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    from elbroll.demo.lifelike.simulation import Simulation


class Server:
    """moto's server in a thread of this process, on 127.0.0.1. Also a context manager."""

    def __init__(self, simulation: Simulation, faults: Faults | None = None) -> None:
        self.simulation = simulation
        self.faults = faults or Faults()
        self._lifelike = Lifelike(simulation, self.faults)
        self._moto: ThreadedMotoServer | None = None
        self._log_level = logging.NOTSET

    def start(self) -> str:
        """Answers the endpoint URL of an empty account. Raises UsageError where moto is missing."""
        require_moto()
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # noqa: PLC0415 - heavy, optional

        self._quieten()
        self._lifelike.install()
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        self.reset()
        return self.url

    @property
    def url(self) -> str:
        """For `AWS_ENDPOINT_URL`."""
        if self._moto is None:
            raise RuntimeError("the server was not started")
        host, port = self._moto.get_host_and_port()
        return f"http://{host}:{port}"

    def environment(self) -> dict[str, str]:
        """The whole environment for a child process that shall talk to this server and to nothing else."""
        return child_environment(self.url)

    def reset(self) -> None:
        """Empty the account: all that moto holds, the simulation, faults still to come."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request("POST", "/moto-api/reset")
            connection.getresponse().read()
        finally:
            connection.close()
        self.faults.clear()
        self.simulation.reset()

    def stop(self) -> None:
        """End the server and put moto back as it was; harmless when repeated."""
        if self._moto is not None:
            self._moto.stop()
            self._moto = None
            logging.getLogger("werkzeug").setLevel(self._log_level)
        self._lifelike.uninstall()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _quieten(self) -> None:
        """The HTTP server would print a line for each request."""
        log = logging.getLogger("werkzeug")
        self._log_level = log.level
        log.setLevel(logging.CRITICAL)
